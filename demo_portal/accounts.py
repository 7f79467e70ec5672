"""Registration, one-time code, log-in, the account page and the demo inbox."""

from __future__ import annotations

import hmac

from aiohttp import web

from demo_portal.catalogue import Text
from demo_portal.context import PORTAL, render, session_of, words
from demo_portal.fields import CODE, CONTACT, PASSWORD, login_fields, normal_contact, registration_fields
from demo_portal.forms import FormPage, refuse, show_form, take_form
from demo_portal.state import Session

routes = web.RouteTableDef()


def _registration(request: web.Request) -> FormPage:
    settings = request.app[PORTAL].settings
    short = settings.registration == "short"
    return FormPage(
        title=Text(id="Daftar akun", en="Open an account"),
        fields=registration_fields(settings),
        button=Text(id="Daftar", en="Register"),
        lead=Text(
            id="Cukup nama dan kontak. Kami mengirim kode untuk memastikan kontak benar.",
            en="Your name and contact are enough. We send a code to make sure the contact is right.",
        )
        if short
        else Text(
            id="Isi data sesuai KTP. Semua isian wajib diisi.",
            en="As on your identity card. Every field is required.",
        ),
    )


def _login(request: web.Request) -> FormPage:
    settings = request.app[PORTAL].settings
    short = settings.registration == "short"
    return FormPage(
        title=Text(id="Masuk ke akun", en="Log in to account"),
        fields=login_fields(settings),
        button=Text(id="Kirim kode", en="Send code") if short else Text(id="Masuk", en="Log in"),
        lead=Text(id="Belum punya akun? Pilih Daftar akun.", en="No account yet? Choose Open an account."),
        values={"expired": request.query.get("alasan") == "sesi"},
    )


def _verification(request: web.Request) -> FormPage:
    session = session_of(request)
    return FormPage(
        title=Text(id="Masukkan kode verifikasi", en="Enter the verification code"),
        fields=(CODE,),
        button=Text(id="Verifikasi", en="Verify"),
        template="verify.html",
        values={"contact": session.pending_contact or "", "code": session.code or ""},
    )


def require_login(request: web.Request) -> None:
    """Send visitors without an account to the log-in."""
    if request.app[PORTAL].state.account_of(session_of(request)) is None:
        raise web.HTTPSeeOther("/masuk?alasan=sesi")


@routes.get("/daftar")
async def registration(request: web.Request) -> web.Response:
    """The registration form."""
    return show_form(request, _registration(request))


@routes.post("/daftar")
async def register(request: web.Request) -> web.Response:
    """Open the account and send a code."""
    page = _registration(request)
    answers, answer = await take_form(request, page)
    if answer is not None:
        return answer
    state, session = request.app[PORTAL].state, session_of(request)
    contact = normal_contact(answers[CONTACT.name])
    left_out = (CONTACT.name, PASSWORD.name, "setuju")
    identity = {name: value for name, value in answers.items() if name not in left_out}
    state.register(identity, contact, answers.get(PASSWORD.name, ""))
    state.keep(session)
    state.send_code(session, contact)
    raise web.HTTPSeeOther("/verifikasi")


@routes.get("/verifikasi")
async def verification(request: web.Request) -> web.Response:
    """Ask for the one-time code."""
    if session_of(request).pending_contact is None:
        raise web.HTTPSeeOther("/masuk")
    return show_form(request, _verification(request))


@routes.post("/verifikasi")
async def verify(request: web.Request) -> web.Response:
    """Check the one-time code; a short registration is logged in by it."""
    state, session = request.app[PORTAL].state, session_of(request)
    contact = session.pending_contact
    if contact is None:
        raise web.HTTPSeeOther("/masuk?alasan=sesi")
    page = _verification(request)
    answers, answer = await take_form(request, page)
    if answer is not None:
        return answer
    account = state.accounts.get(contact)
    if account is None or not hmac.compare_digest(answers[CODE.name], session.code or ""):
        wrong = Text(
            id="Kode verifikasi salah. Periksa pesan terakhir atau kirim ulang kode.",
            en="The verification code is wrong. Check the latest message or send a new code.",
        )
        return refuse(request, page, answers, {CODE.name: wrong})
    account.verified = True
    session.pending_contact = session.code = None
    _ = words(request)
    if request.app[PORTAL].settings.registration == "short":
        _log_in(session, contact)
        raise web.HTTPSeeOther("/akun")
    session.notice = _("Akun aktif. Silakan masuk.", "Your account is active. Please log in.")
    raise web.HTTPSeeOther("/masuk")


@routes.post("/verifikasi/ulang")
async def send_again(request: web.Request) -> web.Response:
    """Send another code."""
    state, session = request.app[PORTAL].state, session_of(request)
    if session.pending_contact is None:
        raise web.HTTPSeeOther("/masuk?alasan=sesi")
    state.send_code(session, session.pending_contact)
    session.notice = words(request)("Kode baru sudah dikirim.", "A new code has been sent.")
    raise web.HTTPSeeOther("/verifikasi")


def _log_in(session: Session, contact: str) -> None:
    session.contact = contact
    session.draft.clear()
    session.steps_done.clear()


@routes.get("/masuk")
async def login_form(request: web.Request) -> web.Response:
    """The log-in form."""
    return show_form(request, _login(request))


@routes.post("/masuk")
async def login(request: web.Request) -> web.Response:
    """Log in by password, or send a code where the account has none."""
    page = _login(request)
    answers, answer = await take_form(request, page)
    if answer is not None:
        return answer
    state, session = request.app[PORTAL].state, session_of(request)
    contact = normal_contact(answers[CONTACT.name])
    if request.app[PORTAL].settings.registration == "short":
        known = contact in state.accounts
    else:
        known = state.password_fits(contact, answers[PASSWORD.name])
    if not known:
        wrong = Text(
            id="E-mail atau nomor WhatsApp belum terdaftar, atau kata sandi salah. Periksa keduanya.",
            en="The e-mail or WhatsApp number is not registered, or the password is wrong. Check both.",
        )
        return refuse(request, page, answers, {CONTACT.name: wrong})
    state.keep(session)
    if request.app[PORTAL].settings.registration == "short":
        state.send_code(session, contact)
        raise web.HTTPSeeOther("/verifikasi")
    _log_in(session, contact)
    raise web.HTTPSeeOther("/akun")


@routes.post("/keluar")
async def logout(request: web.Request) -> web.Response:
    """Log out."""
    request.app[PORTAL].state.drop(session_of(request))
    raise web.HTTPSeeOther("/")


@routes.get("/akun")
async def account_page(request: web.Request) -> web.Response:
    """The visitor's own page."""
    require_login(request)
    return render(request, "account.html")


@routes.get("/kotak-masuk")
async def inbox(request: web.Request) -> web.Response:
    """The messages this session's contact would have received."""
    return render(request, "inbox.html", values={"messages": session_of(request).inbox[::-1]})
