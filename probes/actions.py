"""The verbs of a step as things done in the browser; each gives the user's wait where the browser could tell it."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import re
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from probes.locate import locate, similar
from probes.rules import same_site
from probes.search import judge, read_hits, search_finding
from probes.trouble import PortalError, ProbeError, from_playwright
from scenarios.model import (
    Check,
    Download,
    Expect,
    Fill,
    GoldQuery,
    Open,
    Press,
    Remember,
    Script,
    Search,
    Select,
    Target,
    Upload,
)

if TYPE_CHECKING:
    from probes.journey import Journey

Wait = float | None
MAGIC = {"pdf": b"%PDF-", "zip": b"PK\x03\x04", "xlsx": b"PK\x03\x04", "docx": b"PK\x03\x04", "any": b""}


async def do_open(journey: Journey, verb: Open) -> Wait:
    """Go to an address of the portal and wait for the page's load event."""
    url = urljoin(journey.portal.base_url.rstrip("/") + "/", journey.variables.fill(verb.path).lstrip("/"))
    if urlsplit(url).scheme not in ("http", "https"):
        raise ProbeError("flow", f"cannot open {url[:80]!r}: only http and https addresses are opened")
    if not same_site(url, journey.portal.base_url):
        raise ProbeError("flow", f"{urlsplit(url).hostname} is not the portal's host; a flow opens its own portal only")
    await journey.page.goto(url, wait_until="load", timeout=journey.budget_ms())
    await journey.pages.collect(journey.step_name)
    opened = journey.pages.metrics()
    return opened[-1].load_seconds if opened else None


async def do_click(journey: Journey, target: Target) -> Wait:
    """Click, and wait until the page, or the one that the click leads to, has come to rest."""
    element = await journey.element(target)
    return await _act(journey, lambda: element.click(timeout=journey.budget_ms()))


async def do_submit(journey: Journey, target: Target) -> Wait:
    """As click: what differs is that a portal must allow it."""
    return await do_click(journey, target)


async def _act(journey: Journey, action: Callable[[], Awaitable[Any]]) -> Wait:
    await journey.before_action()
    await journey.pages.arm()
    await action()
    rest = await journey.pages.settle(journey.budget_ms() / 1000)
    journey.moved = rest is None or not rest.same_document or rest.mutations > 0
    return rest.wait_seconds if rest else None


async def do_fill(journey: Journey, verb: Fill) -> Wait:
    """Type into a field."""
    element = await journey.element(verb)
    await element.fill(journey.variables.fill(verb.value), timeout=journey.budget_ms())
    return None


async def do_select(journey: Journey, verb: Select) -> Wait:
    """Choose from a list by what the option reads, or by its value."""
    element = await journey.element(verb)
    option = journey.variables.fill(verb.option)
    choices: list[dict[str, str]] = await element.evaluate(
        "e => [...(e.options || [])].map(o => ({text: o.label.trim(), value: o.value}))"
    )
    by_text = [c["value"] for c in choices if c["text"] == option] or [
        c["value"] for c in choices if option.casefold() in c["text"].casefold() or c["value"] == option
    ]
    if not by_text:
        offered = ", ".join(repr(c["text"]) for c in choices[:8]) or "nothing"
        raise PortalError("assertion", f"{verb} offers no {option!r}; it offers {offered}")
    await element.select_option(value=by_text[0], timeout=journey.budget_ms())
    return None


async def do_check(journey: Journey, verb: Check) -> Wait:
    """Tick a box or choose a radio button."""
    element = await journey.element(verb, hidden=True)
    await element.set_checked(verb.checked, timeout=journey.budget_ms())
    return None


async def do_upload(journey: Journey, verb: Upload) -> Wait:
    """Give a file that lies beside the flow to a file field."""
    element = await journey.element(verb, hidden=True)
    await element.set_input_files(journey.folder / verb.file, timeout=journey.budget_ms())
    return None


async def do_press(journey: Journey, verb: Press) -> Wait:
    """Press a key on an element, or on whatever has the focus."""
    if verb.target is not None:
        element = await journey.element(verb.target)
        return await _act(journey, lambda: element.press(verb.key, timeout=journey.budget_ms()))
    return await _act(journey, lambda: journey.page.keyboard.press(verb.key))


async def do_search(journey: Journey, verb: Search) -> Wait:
    """Ask all gold queries; the step's wait is their mean, each query's own is in the run's search part."""
    queries = verb.queries if verb.queries is not None else journey.portal.gold_queries
    if not queries:
        raise ProbeError("flow", "no gold queries: give `queries` in the step or `gold_queries` for the portal")
    waits = []
    for query in queries:
        wait = await _ask(journey, verb, query)
        hits = await read_hits(journey.page, verb, journey.variables.fill)
        result = judge(query, hits, wait)
        journey.searches.append(result)
        await journey.look_around(expect_rows=not hits)
        finding = search_finding(result, query, journey.step_name)
        if finding is not None:
            journey.signals.add(finding)
        if wait is not None:
            waits.append(wait)
    return sum(waits) / len(waits) if waits else None


async def _ask(journey: Journey, verb: Search, query: GoldQuery) -> Wait:
    began = time.monotonic()
    box = await journey.element(verb.box)
    await box.fill(journey.variables.fill(query.query), timeout=journey.budget_ms())
    if verb.go is None:
        wait = await _act(journey, lambda: box.press("Enter", timeout=journey.budget_ms()))
    else:
        go = await journey.element(verb.go)
        wait = await _act(journey, lambda: go.click(timeout=journey.budget_ms()))
    return wait if wait is not None else time.monotonic() - began


async def do_download(journey: Journey, verb: Download) -> Wait:
    """Fetch a file by clicking, and judge that it is whole and what it says; the wait ends with its last byte."""
    element = await journey.element(verb)
    journey.signals.awaiting_download = True
    try:
        began = time.monotonic()
        async with journey.page.expect_download(timeout=journey.budget_ms()) as coming:
            await element.click(timeout=journey.budget_ms())
        download = await coming.value
        failure = await download.failure()
        waited = time.monotonic() - began
        if failure is not None:
            raise PortalError("failed_request", f"the download broke off: {failure}")
        with tempfile.TemporaryDirectory(prefix="gapwatch-") as folder:
            path = Path(folder) / "file"
            await download.save_as(path)
            _judge_file(path, verb)
    except PlaywrightTimeout:
        raise PortalError("timeout", f"no file came from {verb} in time") from None
    finally:
        journey.signals.awaiting_download = False
    return waited


def _judge_file(path: Path, verb: Download) -> None:
    size = path.stat().st_size
    if size < verb.min_bytes:
        raise PortalError("assertion", f"the file has {size} bytes, expected at least {verb.min_bytes}")
    with path.open("rb") as file:
        start = file.read(16)
    if not start.startswith(MAGIC[verb.content]):
        raise PortalError("assertion", f"the file is not a {verb.content.upper()}: it starts with {start[:8]!r}")


async def do_expect(journey: Journey, verb: Expect) -> Wait:
    """Wait until all that is expected holds; the wait is the step's own by our clock, since nobody acted."""
    began = time.monotonic()
    for wanted in (_status, _url, _title, _visible, _hidden):
        await wanted(journey, verb)
    return time.monotonic() - began


async def _visible(journey: Journey, verb: Expect) -> None:
    if verb.visible is None:
        return
    found = locate(journey.page, verb.visible, journey.variables.fill, many=verb.count is not None)
    least = verb.count or 1
    try:
        await (found.nth(least - 1) if verb.count else found).wait_for(state="visible", timeout=journey.budget_ms())
    except PlaywrightTimeout:
        count = f"{least} of " if least > 1 else ""
        more = await similar(journey.page, verb.visible)
        raise PortalError("assertion", f"expected {count}{verb.visible}, which did not appear{more}") from None


async def _hidden(journey: Journey, verb: Expect) -> None:
    if verb.hidden is None:
        return
    found = locate(journey.page, verb.hidden, journey.variables.fill)
    try:
        await found.wait_for(state="hidden", timeout=journey.budget_ms())
    except PlaywrightTimeout:
        raise PortalError("assertion", f"{verb.hidden} should not be there") from None


async def _url(journey: Journey, verb: Expect) -> None:
    if verb.url is None:
        return
    pattern = re.compile(journey.variables.fill(verb.url))
    if not await _until(journey, lambda: pattern.search(journey.page.url) is not None):
        raise PortalError("assertion", f"expected an address like {verb.url!r}, this is {journey.pages.path!r}")


async def _title(journey: Journey, verb: Expect) -> None:
    if verb.title is None:
        return
    pattern = re.compile(journey.variables.fill(verb.title))
    title = ""

    async def matches() -> bool:
        nonlocal title
        title = await journey.page.title()
        return pattern.search(title) is not None

    if not await _until(journey, matches):
        raise PortalError("assertion", f"expected a title like {verb.title!r}, this is {title[:80]!r}")


async def _status(journey: Journey, verb: Expect) -> None:
    if verb.status is not None and journey.pages.status is not None and journey.pages.status != verb.status:
        raise PortalError("http_error", f"expected HTTP {verb.status}, got {journey.pages.status}")


async def _until(journey: Journey, condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    end = time.monotonic() + journey.budget_ms() / 1000
    while True:
        held = condition()
        if held if isinstance(held, bool) else await held:
            return True
        if time.monotonic() >= end:
            return False
        await asyncio.sleep(0.02)


async def do_remember(journey: Journey, verb: Remember) -> Wait:
    """Read a text of the page into a variable."""
    element = await journey.element(verb)
    text = (await element.inner_text(timeout=journey.budget_ms())).strip()
    if verb.pattern is not None:
        match = re.search(verb.pattern, text)
        if match is None:
            raise PortalError("assertion", f"{verb} reads {text[:60]!r}, which does not match {verb.pattern!r}")
        text = match[1] if match.groups() else match[0]
    journey.variables.set(verb.as_, text)
    return None


async def do_script(journey: Journey, verb: Script) -> Wait:
    """Run a Python coroutine `function(page, variables)`; a dict that it returns sets variables."""
    function = load_function(journey.folder / verb.file, verb.function)
    try:
        result = function(journey.page, journey.variables.as_dict())
        if inspect.isawaitable(result):
            result = await result
    except PlaywrightError as error:
        trouble = from_playwright(error)
        raise trouble or PortalError("assertion", str(error).splitlines()[0]) from error
    except AssertionError as error:
        raise PortalError("assertion", str(error) or f"{verb.file}: an assertion failed") from error
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        NameError,
        OSError,
        TypeError,
        ValueError,
        SystemExit,
    ) as error:
        line = _line_in(error, verb.file)
        raise ProbeError("script", f"{verb.file}:{line}: {type(error).__name__}: {error}") from error
    if isinstance(result, dict):
        for name, value in result.items():
            journey.variables.set(str(name), str(value))
    return None


def load_function(path: Path, name: str) -> Callable[..., Any]:
    """The function `name` of the Python file `path`.

    Raises:
        ProbeError: the file cannot be loaded, or has no such function.
    """
    spec = importlib.util.spec_from_file_location(f"gapwatch_script_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ProbeError("script", f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ProbeError("script", f"{path.name}:{_line_in(error, path.name)}: {error}") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise ProbeError("script", f"{path.name} has no function {name!r}")
    return function  # type: ignore[no-any-return]  # callable() does not tell mypy which


def _line_in(error: BaseException, file: str) -> int | str:
    if isinstance(error, SyntaxError):
        return error.lineno or "?"
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line or "?"


#: Every verb but `repeat`, which is the journey's own affair.
ACTIONS: dict[str, Callable[[Any, Any], Awaitable[Wait]]] = {
    name.removeprefix("do_"): function
    for name, function in vars(sys.modules[__name__]).items()
    if name.startswith("do_")
} | {"wait_for": do_expect}
#: Verbs after which the page may be another one, so that it is looked at.
LOOKING = frozenset({"open", "click", "submit", "press", "script", "wait_for", "expect"})
