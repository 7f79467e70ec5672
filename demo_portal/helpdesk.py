"""The help desk: the contact form and the ticket on which the reply appears."""

from __future__ import annotations

from aiohttp import web

from demo_portal.catalogue import Text
from demo_portal.context import PORTAL, render
from demo_portal.fields import helpdesk_fields
from demo_portal.forms import FormPage, show_form, take_form
from demo_portal.state import Ticket

routes = web.RouteTableDef()

_REPLIES = {
    "akun": Text(
        id="Pilih Kirim ulang kode, lalu masukkan kode dari pesan terakhir.",
        en="Send a new code and enter the one of the latest message.",
    ),
    "kbli": Text(
        id="Cari kegiatan utama usaha Anda di halaman Pencarian, lalu pakai kode 5 angka pada hasil teratas.",
        en="Search for your main activity and use the 5-digit code of the best hit.",
    ),
    "permohonan": Text(
        id="NIB terbit pada hari yang sama bila isian lengkap. Lacak dengan nomor permohonan Anda.",
        en="The business number is issued on the same day if the form is complete. Track it by its number.",
    ),
    "lainnya": Text(
        id="Terima kasih. Pertanyaan Anda sudah kami pelajari; panduan lengkap ada di halaman Tanya jawab.",
        en="Thank you. We have looked into your question; the FAQ page has the full guide.",
    ),
}


def _page(request: web.Request) -> FormPage:
    settings = request.app[PORTAL].settings
    lead = (
        Text(
            id="Pertanyaan langsung diteruskan ke petugas provinsi dan bidang usaha Anda.",
            en="Your question goes straight to the officer for your province and trade.",
        )
        if settings.helpdesk_by_trade
        else Text(
            id="Petugas menjawab pertanyaan Anda di halaman tiket.",
            en="Officers reply on your ticket's page.",
        )
    )
    return FormPage(
        title=Text(id="Pusat bantuan", en="Help desk"),
        fields=helpdesk_fields(settings),
        button=Text(id="Kirim pertanyaan", en="Send question"),
        lead=lead,
    )


@routes.get("/bantuan")
async def contact(request: web.Request) -> web.Response:
    """The contact form."""
    return show_form(request, _page(request))


@routes.post("/bantuan")
async def ask(request: web.Request) -> web.Response:
    """Open a ticket."""
    answers, answer = await take_form(request, _page(request))
    if answer is not None:
        return answer
    ticket = request.app[PORTAL].state.ask(answers)
    raise web.HTTPSeeOther(f"/bantuan/tiket/{ticket.number}")


def _ticket(request: web.Request) -> tuple[Ticket, bool]:
    state = request.app[PORTAL].state
    ticket = state.tickets.get(request.match_info["number"])
    if ticket is None:
        raise web.HTTPNotFound
    return ticket, state.reply_ready(ticket)


@routes.get("/bantuan/tiket/{number}")
async def ticket_page(request: web.Request) -> web.Response:
    """A ticket, with the reply once it is there; the page's script asks again every second."""
    ticket, ready = _ticket(request)
    return render(request, "ticket.html", values={"ticket": ticket, "ready": ready, "reply": _reply(ticket)})


@routes.get("/bantuan/tiket/{number}/status")
async def ticket_status(request: web.Request) -> web.Response:
    """Whether the reply is there, for the page's script."""
    _, ready = _ticket(request)
    return web.json_response({"answered": ready})


def _reply(ticket: Ticket) -> Text:
    return _REPLIES.get(ticket.fields.get("topik", ""), _REPLIES["lainnya"])
