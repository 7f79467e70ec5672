"""Pages to read, from the home page to the search, and the files of the site."""

from __future__ import annotations

from importlib.resources import files
from xml.sax.saxutils import escape

from aiohttp import web

from demo_portal import documents, imagery
from demo_portal.catalogue import Article
from demo_portal.context import PORTAL, effect, render
from demo_portal.faults import FaultKind
from demo_portal.search import CATEGORIES, MAX_QUERY_CHARACTERS

routes = web.RouteTableDef()
_ASSET_TYPES = {"portal.css": "text/css", "portal.js": "text/javascript", "logo.svg": "image/svg+xml"}
_FAULT_SCRIPTS = ("exception", "console", "dialog", "popup", "stuck-spinner", "stuck-silent")
_ASSET_CACHE = {"Cache-Control": "public, max-age=3600"}

SITE_PATHS = (
    "/", "/berita", "/pengumuman", "/regulasi", "/statistik", "/cari", "/kbli", "/daftar", "/masuk", "/lacak",
    "/unduhan", "/faq", "/bantuan", "/pemeliharaan", "/tentang", "/peta-situs",
)  # fmt: skip


@routes.get("/")
async def home(request: web.Request) -> web.Response:
    """The home page."""
    return render(request, "home.html")


@routes.get("/berita")
async def news(request: web.Request) -> web.Response:
    """All news, newest first."""
    return render(request, "articles.html", values={"kind": "berita", "items": request.app[PORTAL].catalogue.news})


@routes.get("/pengumuman")
async def announcements(request: web.Request) -> web.Response:
    """All announcements, newest first."""
    items = request.app[PORTAL].catalogue.announcements
    return render(request, "articles.html", values={"kind": "pengumuman", "items": items})


@routes.get("/{kind:berita|pengumuman}/{slug}")
async def article(request: web.Request) -> web.Response:
    """One news item or announcement."""
    catalogue = request.app[PORTAL].catalogue
    kind = request.match_info["kind"]
    items: tuple[Article, ...] = catalogue.news if kind == "berita" else catalogue.announcements
    for position, item in enumerate(items):
        if item.slug == request.match_info["slug"]:
            values = {"item": item, "kind": kind, "card": position % imagery.CARDS + 1}
            return render(request, "article.html", values=values)
    raise web.HTTPNotFound


@routes.get("/regulasi")
async def regulations(request: web.Request) -> web.Response:
    """The regulations, newest first."""
    items = sorted(request.app[PORTAL].catalogue.regulations, key=lambda item: -item.year)
    return render(request, "regulations.html", values={"items": items})


@routes.get("/statistik")
async def statistics(request: web.Request) -> web.Response:
    """Example figures as bars and tables."""
    return render(request, "statistics.html", values={"figures": request.app[PORTAL].catalogue.statistics})


@routes.get("/kbli")
async def codes(request: web.Request) -> web.Response:
    """All business codes."""
    return render(request, "codes.html", values={"items": request.app[PORTAL].catalogue.kbli})


@routes.get("/kbli/{code:[0-9]+}")
async def code(request: web.Request) -> web.Response:
    """One business code."""
    for item in request.app[PORTAL].catalogue.kbli:
        if item.code == request.match_info["code"]:
            return render(request, "code.html", values={"item": item})
    raise web.HTTPNotFound


@routes.get("/cari")
async def search(request: web.Request) -> web.Response:
    """Search, hits grouped by category."""
    query = request.query.get("q", "").strip()[:MAX_QUERY_CHARACTERS]
    index = request.app[PORTAL].index
    if effect(request, FaultKind.EMPTY_SEARCH):
        groups = {}
    elif query and effect(request, FaultKind.IRRELEVANT_SEARCH):
        groups = index.unrelated(query)
    else:
        groups = index.search(query)
    values = {
        "query": query,
        "groups": groups,
        "categories": CATEGORIES,
        "total": sum(len(hits) for hits in groups.values()),
        "suggestion": index.suggestion(query) if query and not groups else None,
    }
    return render(request, "search.html", values=values)


@routes.get("/faq")
async def questions(request: web.Request) -> web.Response:
    """Frequently asked questions."""
    return render(request, "faq.html", values={"items": request.app[PORTAL].catalogue.faq})


@routes.get("/tentang")
async def about(request: web.Request) -> web.Response:
    """What this demonstration is."""
    return render(request, "about.html")


@routes.get("/pemeliharaan")
async def maintenance(request: web.Request) -> web.Response:
    """The maintenance notice as a page to read: nothing is down."""
    return render(request, "schedule.html")


@routes.get("/peta-situs")
async def site_map(request: web.Request) -> web.Response:
    """The site map."""
    return render(request, "sitemap.html")


@routes.get("/unduhan")
async def downloads(request: web.Request) -> web.Response:
    """The forms to download."""
    forms = [(name, documents.form_title(name)) for name in documents.FORM_NAMES]
    return render(request, "downloads.html", values={"forms": forms})


@routes.get("/unduhan/{name}.pdf")
async def download(request: web.Request) -> web.Response:
    """A form as PDF."""
    name = request.match_info["name"]
    if name not in documents.FORM_NAMES:
        raise web.HTTPNotFound
    return pdf_response(documents.form_pdf(name), f"{name}.pdf")


def pdf_response(body: bytes, filename: str) -> web.Response:
    """A PDF that the browser saves under a name."""
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return web.Response(body=body, content_type="application/pdf", headers=headers)


@routes.get("/aset/gambar/{name}.jpg")
async def picture(request: web.Request) -> web.Response:
    """One of the generated pictures."""
    settings = request.app[PORTAL].settings
    name = request.match_info["name"]
    if settings.imagery == "none" or name not in imagery.picture_names():
        raise web.HTTPNotFound
    body = imagery.picture(name, settings.seed, settings.imagery)
    return web.Response(body=body, content_type="image/jpeg", headers=_ASSET_CACHE)


@routes.get("/aset/ulah/{name}.js")
async def fault_script(request: web.Request) -> web.Response:
    """The scripts by which a page misbehaves; only pages that a fault strikes refer to them."""
    name = request.match_info["name"]
    if name not in _FAULT_SCRIPTS:
        raise web.HTTPNotFound
    text = (files("demo_portal") / "static" / "faults" / f"{name}.js").read_text(encoding="utf-8")
    return web.Response(text=text, content_type="text/javascript")


@routes.get("/aset/hilang/{status:[45][0-9][0-9]}/{name}")
async def failing_asset(request: web.Request) -> web.Response:
    """An asset that is not there, or that the server fails to send."""
    return web.Response(status=int(request.match_info["status"]), text="")


@routes.get("/aset/{name}")
async def asset(request: web.Request) -> web.Response:
    """Style sheet, script and logo."""
    name = request.match_info["name"]
    if name not in _ASSET_TYPES:
        raise web.HTTPNotFound
    text = (files("demo_portal") / "static" / name).read_text(encoding="utf-8")
    return web.Response(text=text, content_type=_ASSET_TYPES[name], headers=_ASSET_CACHE)


@routes.get("/favicon.ico")
async def favicon(_request: web.Request) -> web.Response:
    """The site's icon."""
    return web.Response(body=imagery.favicon(), content_type="image/x-icon", headers=_ASSET_CACHE)


@routes.get("/robots.txt")
async def robots(request: web.Request) -> web.Response:
    """What crawlers may read."""
    lines = (
        "User-agent: *",
        "Disallow: /akun",
        "Disallow: /permohonan/",
        "Disallow: /kotak-masuk",
        "Allow: /",
        "",
    )
    return web.Response(text="\n".join((*lines, f"Sitemap: {request.scheme}://{request.host}/sitemap.xml", "")))


@routes.get("/sitemap.xml")
async def sitemap_file(request: web.Request) -> web.Response:
    """The site map for crawlers, with the dates of the articles."""
    portal = request.app[PORTAL]
    base = f"{request.scheme}://{request.host}"
    rows = [f"<url><loc>{escape(base + path)}</loc></url>" for path in SITE_PATHS]
    for kind, items in (("berita", portal.catalogue.news), ("pengumuman", portal.catalogue.announcements)):
        for item in items:
            place = escape(f"{base}/{kind}/{item.slug}")
            rows.append(f"<url><loc>{place}</loc><lastmod>{portal.date_of(item).isoformat()}</lastmod></url>")
    rows += [f"<url><loc>{escape(base)}/kbli/{item.code}</loc></url>" for item in portal.catalogue.kbli]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    text = "\n".join((head, *rows, "</urlset>", ""))
    return web.Response(text=text, content_type="application/xml")
