"""The pages of one flow: asking each for its timings, its looks and its rest, also those already left behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, Page
from playwright.async_api import Error as PlaywrightError

from probes.rules import Look, without_query
from probes.run import PageMetrics

_HERE = Path(__file__).parent
_LIBRARY = (_HERE / "vendor" / "web-vitals-6.2.3.iife.js").read_text("utf-8")
_SCRIPT = (_HERE / "page_script.js").read_text("utf-8")
_LOOK = (_HERE / "page_look.js").read_text("utf-8")
#: One function, so that the library's name never shows in the page; frames within the page are not pages of the flow.
INIT_SCRIPT = f"(() => {{ if (window !== window.top || window.__gapwatch) return;\n{_LIBRARY}\n{_SCRIPT}\n}})();"

#: Pages whose content changes without a navigation are at rest when nothing has moved for this long.
QUIET_MS = 60
MAX_PAGES = 100


@dataclass(frozen=True, slots=True)
class Rest:
    """How a page came to rest after an action; `wait_seconds` None where the browser saw no user event."""

    wait_seconds: float | None
    same_document: bool
    mutations: int


class FlowPages:
    """Keeps the metrics of every page of a flow, the latest answer of each winning."""

    def __init__(self, page: Page, redact: Callable[[str], str], *, simulated: bool = False) -> None:
        self.page = page
        self._redact = redact
        self._simulated = simulated
        self._pages: dict[float, tuple[str, dict[str, Any]]] = {}
        self.status: int | None = None
        self.failed: list[dict[str, object]] = []

    @staticmethod
    async def prepare(context: BrowserContext) -> None:
        """Make every page of the context tell its timings."""
        await context.add_init_script(script=INIT_SCRIPT)

    async def arm(self) -> None:
        """Before an action: forget the last one, so that the next event starts the wait."""
        await self._ask("__gapwatch?.arm()")

    async def settle(self, limit_seconds: float) -> Rest | None:
        """Wait until the page (or the one that the action leads to) is at rest; None where no page can tell.

        May take as long as the portal takes: the caller bounds it.
        """
        answer = await self._ask(f"__gapwatch?.settle({QUIET_MS}, {limit_seconds * 1000:.0f})")
        if answer is None:
            return None
        wait = answer["wait"]
        return Rest(
            wait_seconds=wait / 1000 if wait is not None else None,
            same_document=bool(answer["sameDocument"]),
            mutations=int(answer["mutations"]),
        )

    async def leaving(self) -> bool:
        """Whether the page has begun to go elsewhere and is still waiting for an answer."""
        answer = await self._ask("__gapwatch?.rest()", again=False)
        return bool(answer and answer["leaving"])

    async def collect(self, step: str) -> None:
        """Take the timings of this page and of those left since the last call; pages first seen now are `step`'s."""
        answer = await self._ask("__gapwatch?.report()")
        if answer is None:
            return
        for data in (*answer["left"], answer["page"]):
            origin = float(data["origin"])
            if len(self._pages) >= MAX_PAGES and origin not in self._pages:
                continue
            first_step = self._pages[origin][0] if origin in self._pages else step
            self._pages[origin] = (first_step, data)
        self.status = answer["page"]["status"]
        self.failed = answer["page"]["failed"]

    async def look(self) -> Look | None:
        """What a citizen sees now; None where there is no page to look at."""
        data = await self._ask(f"({_LOOK})({{maxText: 300, maxItems: 20}})")
        return Look.from_page(data) if data is not None else None

    @property
    def path(self) -> str:
        """The path of the page now open."""
        return urlsplit(self.page.url).path

    def metrics(self) -> tuple[PageMetrics, ...]:
        """Metrics of all pages in the order in which they were opened."""
        return tuple(
            _metrics(step, data, self._redact, simulated=self._simulated)
            for _origin, (step, data) in sorted(self._pages.items())
            if not str(data["url"]).startswith("about:")
        )

    async def _ask(self, expression: str, *, again: bool = True) -> Any:
        """Evaluate in the page; a page that goes away while it is asked is asked again as the next page."""
        for _try in range(20):
            try:
                return await self.page.evaluate(expression)
            except PlaywrightError as error:
                text = str(error)
                if not again or not ("context was destroyed" in text or "navigation" in text.lower()):
                    if "closed" in text or "crashed" in text:
                        raise
                    return None
        return None


def _metrics(step: str, data: dict[str, Any], redact: Callable[[str], str], *, simulated: bool) -> PageMetrics:
    def seconds(name: str) -> float | None:
        value = data[name]
        return None if value is None else float(value) / 1000

    return PageMetrics(
        url=redact(without_query(str(data["url"]))),
        step=step,
        # A simulated network holds back what has come already: the first byte's own time knows nothing of it.
        ttfb_seconds=None if simulated else seconds("ttfb"),
        fcp_seconds=seconds("fcp"),
        lcp_seconds=seconds("lcp"),
        cls=data["cls"],
        inp_seconds=seconds("inp"),
        dom_content_loaded_seconds=seconds("dcl"),
        load_seconds=seconds("load"),
        requests=data["requests"],
        transferred_bytes=data["bytes"],
    )
