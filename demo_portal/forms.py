"""How a form is read and answered: input kept, problems named; and how it fails when a fault says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from demo_portal.catalogue import Text
from demo_portal.context import PORTAL, effect, render
from demo_portal.faults import Fault, FaultKind
from demo_portal.fields import MAX_ANSWER_CHARACTERS, Field

MAX_FILE_BYTES = 1_000_000
MAX_BODY_BYTES = 1_200_000


@dataclass(frozen=True)
class FormPage:
    """What a form page shows: its title, fields, the label of its button and what stands around them."""

    title: Text
    fields: tuple[Field, ...]
    button: Text
    lead: Text | None = None
    template: str = "form.html"
    values: Mapping[str, Any] = field(default_factory=dict)


_SYSTEM_ERROR = Text(
    id="Terjadi kesalahan pada sistem. Data Anda belum tersimpan. Silakan coba beberapa saat lagi.",
    en="A system error occurred. Your data have not been saved. Please try again later.",
)


async def read_answers(request: web.Request, fields: tuple[Field, ...]) -> dict[str, str]:
    """The answers by field name, trimmed; of a file only its first bytes, or ``too large``, for the judge."""
    data = await request.post()
    answers: dict[str, str] = {}
    for item in fields:
        value = data.get(item.name, "")
        if isinstance(value, web.FileField):
            content = value.file.read(MAX_FILE_BYTES + 1)
            answers[item.name] = "too large" if len(content) > MAX_FILE_BYTES else content[:5].decode("latin-1")
        elif isinstance(value, str):
            # A password keeps its spaces: they are part of it.
            text = value if item.kind == "password" else value.strip()
            answers[item.name] = text[: MAX_ANSWER_CHARACTERS + 1]
    return answers


def show_form(request: web.Request, page: FormPage, answers: Mapping[str, str] | None = None) -> web.Response:
    """The form as it is first met."""
    return _form(request, page, answers or {}, {}, None)


def _form(
    request: web.Request,
    page: FormPage,
    answers: Mapping[str, str],
    problems: Mapping[str, Text],
    failure: Text | None = None,
    *,
    status: int = 200,
) -> web.Response:
    values = {
        "page": page,
        "fields": page.fields,
        "answers": {**answers, "kata_sandi": ""},  # never echo a password
        "problems": problems,
        "failure": failure,
        **page.values,
    }
    return render(request, page.template, status, values)


def refuse(
    request: web.Request, page: FormPage, answers: Mapping[str, str], problems: Mapping[str, Text]
) -> web.Response:
    """The form again with what has to be mended."""
    return _form(request, page, answers, problems, None)


def _failure(fault: Fault) -> Text:
    return Text(id=fault.message, en=fault.message) if fault.message else _SYSTEM_ERROR


async def take_form(request: web.Request, page: FormPage) -> tuple[dict[str, str], web.Response | None]:
    """The answers of a posted form, and the page to send back when they will not do (or a fault strikes)."""
    answers = await read_answers(request, page.fields)
    problems = request.app[PORTAL].judge.problems(page.fields, answers)
    lost = effect(request, FaultKind.FORM_INPUT_LOST)
    broken = effect(request, FaultKind.FORM_ERROR)
    if lost and (problems or lost.variant != "invalid"):
        failure = None if problems else _failure(lost)
        return answers, _form(request, page, {}, problems, failure, status=lost.status)
    if problems:
        return answers, refuse(request, page, answers, problems)
    if broken:
        return answers, _form(request, page, answers, {}, _failure(broken), status=broken.status)
    return answers, None
