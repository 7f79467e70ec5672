"""The demo portal's pages: complete, bilingual, labelled, guarded by headers, the same bytes every time."""

import re
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from html.parser import HTMLParser
from io import BytesIO

import aiohttp
import pytest
from PIL import Image

from demo_portal.catalogue import load_catalogue
from demo_portal.content import SITE_PATHS
from demo_portal.search import SearchIndex
from demo_portal.server import DemoPortal
from demo_portal.settings import PRESETS, PortalSettings, preset

DAY = date(2026, 3, 2)
PAGES = (*SITE_PATHS, "/berita/nib-mikro-sehari", "/pengumuman/biaya-nol", "/kbli/56102", "/cari?q=kopi")


class Outline(HTMLParser):
    """Collects what an accessibility check needs: ids, labels, controls, landmarks, headings, references."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.controls: list[str] = []
        self.tags: list[str] = []
        self.described: list[str] = []
        self.links: list[str] = []
        self.assets: list[str] = []
        self.language = ""
        self.images_without_alt = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "html":
            self.language = values.get("lang", "")
        if tag == "label":
            self.labelled.add(values.get("for", ""))
        if tag in ("input", "select", "textarea"):
            self.controls.append(values.get("id", ""))
        if tag == "img" and "alt" not in values:
            self.images_without_alt += 1
        if tag == "a":
            self.links.append(values.get("href", ""))
        if tag in ("img", "script") and values.get("src"):
            self.assets.append(values["src"])
        if tag == "link":
            self.assets.append(values["href"])
        for name in ("aria-describedby", "aria-labelledby"):
            self.described += values.get(name, "").split()


async def fetch(session: aiohttp.ClientSession, url: str) -> tuple[aiohttp.ClientResponse, bytes]:
    async with session.get(url) as response:
        return response, await response.read()


def outline(body: bytes) -> Outline:
    parser = Outline()
    parser.feed(body.decode())
    return parser


@pytest.mark.parametrize("name", ["healthy", "light", "recommended"])
@pytest.mark.parametrize("language", ["id", "en"])
async def test_every_page_is_sound_markup_in_its_language(name: str, language: str) -> None:
    async with DemoPortal(preset(name, day=DAY)) as portal, aiohttp.ClientSession() as session:
        for path in PAGES:
            url = f"{portal.url}{path}{'&' if '?' in path else '?'}lang={language}"
            response, body = await fetch(session, url)
            page = outline(body)
            assert response.status == 200, path
            assert page.language == language, path
            assert len(page.ids) == len(set(page.ids)), path
            assert set(page.controls) <= page.labelled, path
            assert set(page.described) <= set(page.ids), path
            assert page.images_without_alt == 0, path
            assert page.tags.count("h1") == 1, path
            assert page.tags.count("main") == 1, path
            assert {"header", "nav", "footer"} <= set(page.tags), path
            assert page.links[0] == "#isi", path
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'self'" in response.headers["Content-Security-Policy"]
            assert b" style=" not in body, path  # the policy would block it


async def test_no_link_or_asset_of_the_portal_is_broken() -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal, aiohttp.ClientSession() as session:
        waiting, seen = ["/"], {"/"}
        while waiting:
            response, body = await fetch(session, portal.url + waiting.pop())
            assert response.status == 200, response.url
            if response.content_type != "text/html":
                continue
            page = outline(body)
            for target in (*page.links, *page.assets):
                path = target.split("#")[0].split("?")[0]
                if path.startswith("/") and path not in seen:
                    seen.add(path)
                    waiting.append(path)
        assert {"/unduhan/formulir-pernyataan.pdf", "/aset/gambar/beranda.jpg", "/kbli/96200"} <= seen
        assert len(seen) > 130


@pytest.mark.parametrize("name", PRESETS)
async def test_same_preset_seed_and_day_give_the_same_bytes(name: str) -> None:
    async def take() -> list[bytes]:
        settings = preset(name, seed=11, day=DAY, faults=())
        async with DemoPortal(settings) as portal, aiohttp.ClientSession() as session:
            # The host's port is the only thing that may differ, and only where whole addresses are asked for.
            bodies = [(await fetch(session, portal.url + path))[1] for path in (*PAGES, "/sitemap.xml")]
            return [body.replace(portal.url.encode(), b"URL") for body in bodies]

    assert await take() == await take()


async def test_pictures_weigh_what_the_preset_says() -> None:
    weights = {}
    for name in ("as_surveyed", "healthy", "light"):
        settings = preset(name, day=DAY, faults=())
        async with DemoPortal(settings) as portal, aiohttp.ClientSession() as session:
            page = outline((await fetch(session, portal.url + "/"))[1])
            sources = {source for source in page.assets if source.startswith("/aset/")}
            bodies = {source: (await fetch(session, portal.url + source))[1] for source in sources}
            weights[name] = sum(map(len, bodies.values()))
            for source, body in bodies.items():
                if source.endswith(".jpg"):
                    Image.open(BytesIO(body)).verify()
    assert weights["as_surveyed"] > 2_500_000
    assert 60_000 < weights["healthy"] < 400_000
    assert weights["light"] < 40_000


async def test_dates_are_relative_to_the_day_and_can_be_stale() -> None:
    for age in (0, 420):
        settings = preset("healthy", day=DAY, content_age_days=age)
        async with DemoPortal(settings) as portal, aiohttp.ClientSession() as session:
            _, body = await fetch(session, portal.url + "/berita")
            found = re.findall(r'<article.*?<time datetime="([0-9-]+)"', body.decode(), re.DOTALL)
            assert found[0] == (DAY - timedelta(days=age)).isoformat()
            assert found == sorted(found, reverse=True)
            assert len(found) == 30


async def test_language_switch_is_kept_by_a_cookie() -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        DemoPortal(preset("healthy", day=DAY)) as portal,
        aiohttp.ClientSession(cookie_jar=jar) as session,
    ):
        assert b"Urus izin usaha dari mana saja" in (await fetch(session, portal.url + "/"))[1]
        await fetch(session, portal.url + "/?lang=en")
        response, body = await fetch(session, portal.url + "/faq")
        assert b"What is an NIB?" in body
        assert response.headers["Content-Language"] == "en"


async def test_files_of_the_site() -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal, aiohttp.ClientSession() as session:
        _, robots = await fetch(session, portal.url + "/robots.txt")
        assert f"Sitemap: {portal.url}/sitemap.xml".encode() in robots
        _, sitemap = await fetch(session, portal.url + "/sitemap.xml")
        places = [element.text for element in ET.fromstring(sitemap).iter() if element.tag.endswith("}loc")]
        assert f"{portal.url}/peta-situs" in places
        response, icon = await fetch(session, portal.url + "/favicon.ico")
        assert (response.content_type, Image.open(BytesIO(icon)).size) == ("image/x-icon", (32, 32))
        response, pdf = await fetch(session, portal.url + "/unduhan/formulir-pernyataan.pdf")
        assert response.content_type == "application/pdf"
        assert 'attachment; filename="formulir-pernyataan.pdf"' in response.headers["Content-Disposition"]
        assert pdf.startswith(b"%PDF-")
        assert pdf.rstrip().endswith(b"%%EOF")
        for missing in (
            "/unduhan/tidak-ada.pdf",
            "/berita/tidak-ada",
            "/kbli/99999",
            "/aset/../app.py",
            "/__faults__",
        ):
            response, body = await fetch(session, portal.url + missing)
            assert response.status == 404, missing
            assert "Halaman tidak ditemukan" in body.decode()


async def test_what_visitors_type_is_escaped() -> None:
    async with DemoPortal(preset("healthy", day=DAY)) as portal, aiohttp.ClientSession() as session:
        for path in (
            "/cari?q=%3Cscript%3Ealert(1)%3C/script%3E",
            "/lacak?nomor=%3Cscript%3Ealert(1)%3C/script%3E",
        ):
            _, body = await fetch(session, portal.url + path)
            assert b"<script>alert" not in body.lower()


def test_catalogue_is_large_enough_and_consistent() -> None:
    catalogue = load_catalogue()
    codes = [item.code for item in catalogue.kbli]
    assert len(codes) == len(set(codes)) >= 60
    assert codes == sorted(codes)
    assert len(catalogue.news) >= 30
    assert len(catalogue.faq) >= 25
    slugs = [item.slug for item in (*catalogue.news, *catalogue.announcements)]
    assert len(slugs) == len(set(slugs))
    named = {code for item in catalogue.news for code in re.findall(r"\b[0-9]{5}\b", item.body.id)}
    assert named <= set(codes)


@pytest.mark.parametrize(
    ("query", "category", "start"),
    [
        ("warung kopi", "kbli", "56303"),
        ("rumah makan", "kbli", "56102"),
        ("batik", "kbli", "13134"),
        ("konveksi", "kbli", "14111"),
        ("laundry", "kbli", "96200"),
        ("56102", "kbli", "56102"),
        ("biaya NIB", "faq", "Berapa biaya mengurus NIB?"),
        ("penipuan", "berita", "Waspada penipuan"),
    ],
)
def test_search_answers_known_queries(query: str, category: str, start: str) -> None:
    hits = SearchIndex(load_catalogue()).search(query)[category]
    assert hits[0].document.title.id.startswith(start)


def test_search_suggests_and_gives_nothing_for_nonsense() -> None:
    index = SearchIndex(load_catalogue())
    assert index.search("katring") == {}
    assert index.suggestion("katring") == "katering"
    assert index.search("qqqq") == index.search("") == {}
    assert index.suggestion("qqqq") is None
    strangers = [hit.document for hits in index.unrelated("batik").values() for hit in hits]
    assert strangers
    assert not any("batik" in document.words for document in strangers)


def test_settings_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValueError, match="healthy, as_surveyed"):
        preset("sehat")
    with pytest.raises(ValueError, match="picture_weight"):
        PortalSettings.model_validate({"picture_weight": 3})
