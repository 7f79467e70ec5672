"""The status page in a real browser: nothing cut off, nothing run, whatever a portal wrote into its texts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from axe_playwright_python.async_playwright import Axe
from browser_launch import launch
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from playwright.async_api import async_playwright

from exporters.metrics import RunMetrics
from exporters.store import Store
from gapwatch.config import Config, load_config
from gapwatch.runner import Runner
from gapwatch.state import Reload, State
from gapwatch.web.app import Services, make_app
from gapwatch.web.history import HistoryWatch
from gapwatch.web.openapi import describe
from gapwatch.web.texts import TEXTS
from probes import Probes
from probes.run import OUTCOMES, Finding, Run
from tests.gapwatch_processes import write_config

HOSTILE = (
    '</title><script>document.title="run"</script><img src=x onerror="document.title=1">\u202e "\'&<b>' + "x" * 300
)


def run_of(outcome: str, number: int) -> Run:
    return Run(
        run_id=f"{outcome}-{number}", portal="demo", scenario="up", kind="http", location="local", browser="none",
        device="none", network="native", started_at=datetime.now(UTC), duration_seconds=0.2 + number / 10,
        deadline_seconds=10, outcome=outcome, error_reason="offline" if outcome == "error" else None,  # type: ignore[arg-type]  # one of OUTCOMES
        findings=(Finding("soft_error", "major", None, HOSTILE),),
    )  # fmt: skip


@pytest.fixture
async def page_url(tmp_path: Path) -> AsyncIterator[tuple[str, State]]:
    config: Config = load_config(write_config(tmp_path, "http://127.0.0.1:9", "      - up.yaml\n      - home.yaml\n"))
    config = replace(config, portals=(replace(config.portals[0], title=HOSTILE),))
    state = State(config)
    with Store.open(config.store_url) as store:
        for number, outcome in enumerate([*OUTCOMES, "failed"]):
            run = run_of(outcome, number)
            state.remember(run)
            store.add(run)

        async def publish(_: Run) -> None:
            return

        runner = Runner(Probes(), location="local", publish=publish)
        app: web.Application = make_app(Services(state, RunMetrics(), store, runner, dict, HistoryWatch(store)))
        async with TestServer(app) as server:
            yield str(server.make_url("/")), state


@pytest.mark.browser
async def test_hostile_texts_stay_text_and_nothing_is_cut_off(page_url: tuple[str, State]) -> None:
    url, state = page_url
    state.last_reload = Reload(datetime.now(UTC), (HOSTILE,))
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        for width in (390, 1280):
            page = await browser.new_page(viewport={"width": width, "height": 800})
            troubles: list[str] = []
            page.on("console", lambda message, told=troubles: told.append(message.text))
            page.on("pageerror", lambda error, told=troubles: told.append(str(error)))
            for lang in ("en", "id"):
                await page.goto(f"{url}?lang={lang}")
                assert await page.title() == f"{TEXTS[lang]['some_fail'].format(n=1, total=2)} · {TEXTS[lang]['title']}"
                assert await page.locator("img, script, b").count() == 0
                assert await page.evaluate("document.documentElement.scrollWidth") <= width
                assert await page.locator("td.runs rect").count() == len(OUTCOMES) + 1
                assert (await page.locator("h2 bdi").inner_text()).startswith("</title><script>")
            assert troubles == []
            await page.close()
        await browser.close()


@pytest.mark.browser
@pytest.mark.parametrize(("lang", "scheme"), [("en", "light"), ("id", "dark")])
async def test_axe_finds_nothing_serious_on_any_page(
    page_url: tuple[str, State], lang: str, scheme: Literal["light", "dark"]
) -> None:
    url, _ = page_url
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        for width in (390, 1280):
            # Axe is put into the page as a script, which the page itself would refuse.
            context = await browser.new_context(
                viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
            )
            page = await context.new_page()
            for path in ("", "runs/failed-2"):
                await page.goto(f"{url}{path}?lang={lang}")
                found = await Axe().run(page)
                serious = [
                    f"{each['id']}: {node['target']}: {node['failureSummary']}"
                    for each in found.response["violations"]
                    if each["impact"] in ("serious", "critical")
                    for node in each["nodes"]
                ]
                assert serious == []
            await context.close()
        await browser.close()


@pytest.mark.browser
async def test_it_works_by_keyboard_and_without_scripts(page_url: tuple[str, State]) -> None:
    url, _ = page_url
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(f"{url}?lang=en")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        assert page.url.endswith("#content")
        await page.get_by_role("link", name="demo / up").first.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/runs/**")
        assert "Fails" in await page.get_by_role("heading", level=1).inner_text()
        await browser.close()


async def test_answers_are_what_the_description_says(page_url: tuple[str, State]) -> None:
    url, _ = page_url
    described = describe()
    validate(described)
    async with ClientSession() as client:
        async with client.get(f"{url}api/v1/openapi.json") as answer:
            assert await answer.json() == described
        for path, operations in described["paths"].items():
            for run_id in ("failed-2", "no-such-run"):
                async with client.get(url + path.removeprefix("/").format(run_id=run_id)) as answer:
                    said = operations["get"]["responses"][str(answer.status)]
                    schema = said["content"]["application/json"]["schema"]
                    Draft202012Validator({**described, **schema}).validate(await answer.json())
        async with client.get(f"{url}api/v1/runs?outcome=lost") as answer:
            assert answer.status == 400
            assert "outcome: one of passed" in (await answer.json())["error"]


async def test_every_address_of_the_api_is_described(page_url: tuple[str, State]) -> None:
    _, state = page_url
    app = make_app(Services(state, RunMetrics(), None, None, dict, None))  # type: ignore[arg-type]  # no request is made
    served = {route.resource.canonical for route in app.router.routes() if route.resource is not None}
    assert {path for path in served if path.startswith("/api/")} == set(describe()["paths"])


async def test_availability_incidents_and_badges(page_url: tuple[str, State]) -> None:
    url, _ = page_url
    async with ClientSession() as client:

        async def get(path: str, status: int = 200) -> str:
            async with client.get(url + path) as answer:
                assert answer.status == status
                return await answer.text()

        up = json.loads(await get("api/v1/availability"))["scenarios"][0]
        # Of the runs one each passed and degraded, and two failed; the others say nothing of availability.
        assert up["windows"]["24h"] == {
            "availability": 0.5, "available": 2, "unavailable": 2, "blocked": 1, "maintenance": 1, "errors": 1,
        }  # fmt: skip
        (incident,) = json.loads(await get("api/v1/incidents"))["incidents"]
        assert (incident["runs"], incident["ended_at"]) == (2, None)
        feed = ET.fromstring(await get("incidents.atom?lang=en"))
        atom = "{http://www.w3.org/2005/Atom}"
        assert [each.findtext(f"{atom}id") for each in feed.iter(f"{atom}entry")] == [
            f"urn:gapwatch:incident:{incident['first_run']}"
        ]
        assert "Fails" in ET.fromstring(await get("badges/demo/up.svg?lang=en")).get("aria-label", "")
        shown = ET.fromstring(await get("badges/demo.svg?show=availability&window=7d&lang=id"))
        assert "50,0%" in shown.get("aria-label", "")
        assert "no such portal" in await get("badges/other.svg", 404)
        assert "window: one of" in await get("badges/demo.svg?window=1y", 400)


def test_both_languages_have_all_texts() -> None:
    assert TEXTS["en"].keys() == TEXTS["id"].keys()
    for key, text in TEXTS["en"].items():
        assert text.count("{") == TEXTS["id"][key].count("{"), key
