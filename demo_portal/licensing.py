"""The licence application, page by page, its tracking and its receipt."""

from __future__ import annotations

import re

from aiohttp import web

from demo_portal.accounts import require_login
from demo_portal.catalogue import Text
from demo_portal.content import pdf_response
from demo_portal.context import PORTAL, render, session_of, words
from demo_portal.documents import receipt_pdf
from demo_portal.fields import IDENTITY, REVIEW, Field, Step, application_steps
from demo_portal.forms import FormPage, show_form, take_form
from demo_portal.state import Application

routes = web.RouteTableDef()
_NUMBER = re.compile(r"PPN-[0-9]{8}")


def _steps(request: web.Request) -> tuple[Step, ...]:
    return application_steps(request.app[PORTAL].settings)


def _step(request: web.Request) -> tuple[int, Step]:
    """The step of this address; steps may not be skipped."""
    require_login(request)
    steps = _steps(request)
    for position, step in enumerate(steps):
        if step.slug != request.match_info["step"]:
            continue
        done = session_of(request).steps_done
        for earlier in steps[:position]:
            if earlier.slug not in done:
                raise web.HTTPSeeOther(earlier.path)
        return position, step
    raise web.HTTPNotFound


def _page(request: web.Request, position: int, step: Step) -> FormPage:
    portal, session = request.app[PORTAL], session_of(request)
    steps = _steps(request)
    account = portal.state.account_of(session)
    identity = account.identity if account else {}
    known = {} if portal.settings.ask_identity_again else identity
    answered = [item for earlier in steps[:position] for item in earlier.fields]
    review = step is REVIEW
    return FormPage(
        title=step.title,
        fields=step.fields,
        button=Text(id="Ajukan", en="Submit") if review else Text(id="Lanjut", en="Continue"),
        template="application.html",
        values={
            "steps": steps,
            "position": position,
            "known": [(item, _shown(item, known[item.name])) for item in IDENTITY if item.name in known]
            if position == 0
            else [],
            "summary": [(item, _shown(item, session.draft.get(item.name, ""))) for item in answered] if review else [],
            "back": steps[position - 1].path if position else "/akun",
        },
    )


def _shown(item: Field, answer: str) -> Text:
    """An answer as a person reads it."""
    if item.kind == "checkbox":
        return Text(id="Ya", en="Yes")
    if item.kind == "file":
        return Text(id="Dilampirkan", en="Attached") if answer else Text(id="Tidak ada", en="None")
    for value, label in item.choices:
        if value == answer:
            return label
    return Text(id=answer, en=answer)


@routes.get("/permohonan")
async def start(request: web.Request) -> web.Response:
    """Start a new application."""
    require_login(request)
    session = session_of(request)
    session.draft.clear()
    session.steps_done.clear()
    raise web.HTTPSeeOther(_steps(request)[0].path)


@routes.get("/permohonan/selesai/{number}")
async def done(request: web.Request) -> web.Response:
    """The application has been taken; the NIB."""
    require_login(request)
    return render(request, "done.html", values={"application": _own(request, request.match_info["number"])})


@routes.get("/permohonan/{step}")
async def step_form(request: web.Request) -> web.Response:
    """One page of the application."""
    position, step = _step(request)
    return show_form(request, _page(request, position, step), session_of(request).draft)


@routes.post("/permohonan/{step}")
async def take_step(request: web.Request) -> web.Response:
    """Take one page's answers; the review submits the whole."""
    position, step = _step(request)
    answers, answer = await take_form(request, _page(request, position, step))
    if answer is not None:
        return answer
    state, session = request.app[PORTAL].state, session_of(request)
    session.draft.update(answers)
    session.steps_done.add(step.slug)
    if step is not REVIEW:
        raise web.HTTPSeeOther(_steps(request)[position + 1].path)
    account = state.account_of(session)
    assert account is not None  # _step let nobody in who is not logged in
    application = state.submit(account, session.draft)
    session.draft.clear()
    session.steps_done.clear()
    raise web.HTTPSeeOther(f"/permohonan/selesai/{application.number}")


def _own(request: web.Request, number: str) -> Application:
    state = request.app[PORTAL].state
    account = state.account_of(session_of(request))
    application = state.applications.get(number)
    if account is None or application is None or number not in account.application_numbers:
        raise web.HTTPNotFound
    return application


@routes.get("/permohonan/bukti/{number}.pdf")
async def receipt(request: web.Request) -> web.Response:
    """The receipt as PDF."""
    require_login(request)
    application = _own(request, request.match_info["number"])
    fields = application.fields
    rows = [("Nama usaha", fields.get("nama_usaha", "")), ("Kode KBLI", fields.get("kbli", ""))]
    return pdf_response(receipt_pdf(application.number, application.nib, rows), f"{application.number}.pdf")


@routes.get("/lacak")
async def track(request: web.Request) -> web.Response:
    """Where an application stands."""
    _ = words(request)
    state = request.app[PORTAL].state
    asked = "nomor" in request.query
    number = request.query.get("nomor", "").strip().upper()[:40]
    application = state.applications.get(number)
    problem = ""
    if asked and not _NUMBER.fullmatch(number):
        problem = _(
            "Nomor permohonan harus berbentuk PPN- diikuti 8 angka. Periksa bukti permohonan Anda.",
            "The application number is PPN- followed by 8 digits. Check your receipt.",
        )
    elif asked and application is None:
        problem = _(
            f"Nomor permohonan {number} tidak ditemukan. Periksa kembali nomornya.",
            f"Application number {number} was not found. Check the number.",
        )
    values = {
        "number": number,
        "problem": problem,
        "application": application,
        "issued": application is not None and state.licence_issued(application),
    }
    return render(request, "track.html", values=values)
