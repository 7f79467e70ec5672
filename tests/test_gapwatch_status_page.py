"""The status page in a real browser: nothing cut off, nothing run, whatever a portal wrote into its texts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from browser_launch import launch
from playwright.async_api import async_playwright

from exporters.metrics import RunMetrics
from exporters.store import Store
from gapwatch.config import Config, load_config
from gapwatch.runner import Runner
from gapwatch.state import Reload, State
from gapwatch.web.app import Services, make_app
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
        app: web.Application = make_app(Services(state, RunMetrics(), store, runner, dict))
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
                assert await page.locator("rect").count() == len(OUTCOMES) + 1
                assert (await page.locator("h2 bdi").inner_text()).startswith("</title><script>")
            assert troubles == []
            await page.close()
        await browser.close()


def test_both_languages_have_all_texts() -> None:
    assert TEXTS["en"].keys() == TEXTS["id"].keys()
    for key, text in TEXTS["en"].items():
        assert text.count("{") == TEXTS["id"][key].count("{"), key
