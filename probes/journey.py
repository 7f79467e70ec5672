"""One browser journey: the steps of a flow done one after another, each with its wait, its outcome and its findings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Locator, Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from probes.actions import ACTIONS, LOOKING
from probes.forms import FormInventory
from probes.locate import locate, similar
from probes.pages import FlowPages
from probes.rules import Look, is_login, page_findings, rejection, same_site, without_query
from probes.run import Finding, SearchQueryResult, StepResult
from probes.signals import Signals
from probes.trouble import PortalError, ProbeError, from_playwright
from scenarios.model import Flow, Portal, Repeat, Step, Target
from scenarios.variables import Redactor, UnknownVariableError, Variables

#: Playwright is given the step's time; the outer clock is a little later, for what Playwright cannot time itself.
GRACE_SECONDS = 0.5
LOOK_SECONDS = 2.0


class FlowEnded(Exception):  # noqa: N818 - it is the end of a flow, not an error
    """A hard step failed, or a submit is not allowed: the steps that follow are skipped."""


@dataclass(slots=True)
class _Sent:
    """What the page looked like before the last click or submit, to judge what came of it."""

    look: Look | None = None
    path: str = ""
    submit: bool = False


class Journey:
    """Does the steps of a flow on a page and keeps what came of them.

    Portal trouble becomes results and findings; the probe's own trouble is raised as ProbeError.
    """

    def __init__(
        self,
        page: Page,
        portal: Portal,
        flow: Flow,
        *,
        variables: Variables,
        redact: Redactor,
        deadline: float,
        simulated_network: bool = False,
    ) -> None:
        self.page = page
        self.portal = portal
        self.scenario = flow.scenario
        self.folder: Path = flow.source.parent
        self.variables = variables
        self.redact = redact
        self.pages = FlowPages(page, redact, simulated=simulated_network)
        self.signals = Signals(portal.base_url, lambda: self.step_name, redact)
        self.forms = FormInventory(one_errand=flow.scenario.kind == "form_submission")
        self.searches: list[SearchQueryResult] = []
        self.results: list[StepResult] = []
        self.step_name = ""
        self.dry_stop: str | None = None
        self.timed_out = False
        self.moved = True
        self._deadline = deadline
        self._step_ends = deadline
        self._sent = _Sent()
        self._next_status: int | None = None
        self._login_open = False
        self._refusal_wanted = False

    def budget_ms(self) -> float:
        """Milliseconds that the step now under way has left, never less than one (0 would mean: no limit)."""
        return max(1.0, (self._step_ends - time.monotonic()) * 1000)

    async def element(self, target: Target, *, hidden: bool = False) -> Locator:
        """The element that a step names, waited for; PortalError where it does not come."""
        found = locate(self.page, target, self.variables.fill, hidden=hidden)
        try:
            await found.wait_for(state="attached" if hidden else "visible", timeout=self.budget_ms())
        except PlaywrightTimeout:
            raise PortalError("assertion", f"there is no {target}{await similar(self.page, target)}") from None
        return found

    async def walk(self, on_step: Callable[[int, int, StepResult], None]) -> None:
        """Do all steps; those after the end of the flow are noted as skipped."""
        self.signals.attach(self.page)
        steps = self.scenario.steps
        for index, step in enumerate(steps):
            try:
                self._next_status = _expected_status(steps[index + 1 : index + 2])
                await self._do(step)
            except FlowEnded:
                self.results += [StepResult(each.title, "skipped", None) for each in steps[index + 1 :]]
                return
            finally:
                if self.results:
                    on_step(index, len(steps), self.results[-1])

    async def cut_off(self) -> ProbeError | None:
        """The deadline ended the flow from outside: say so for the step that was under way.

        Gives the trouble where the browser, not the portal, was what did not answer.
        """
        trouble = await self._browser_trouble()
        if trouble is not None:
            self.results.append(StepResult(self.step_name, "error", None))
            return trouble
        self.timed_out = True
        self.results.append(StepResult(self.step_name, "failed", None, timed_out=True))
        self.signals.add(Finding("timeout", "critical", self.step_name, "the run's deadline was met"))
        return None

    async def finish(self) -> None:
        """Take the last page's final timings."""
        await self.signals.settle()
        await self.pages.collect(self.step_name)

    async def _do(self, step: Step) -> None:
        self.step_name = self.redact(step.title)
        if step.verb == "submit" and not self.portal.allow_submit:
            self.dry_stop = self.step_name
            self.results.append(StepResult(self.step_name, "skipped", None))
            raise FlowEnded
        if isinstance(step.argument, Repeat):
            await self._repeat(step, step.argument)
            return
        if step.optional and not await self._is_there(step.argument):
            self.results.append(StepResult(self.step_name, "skipped", None))
            return
        self._refusal_wanted = step.refused
        began = time.monotonic()
        allowed = min(step.timeout or self.scenario.step_timeout, self._deadline - began)
        self._step_ends = began + allowed
        try:
            waited = await self._act(step, allowed)
        except PortalError as error:
            if (trouble := await self._browser_trouble()) is not None:
                self.results.append(StepResult(self.step_name, "error", time.monotonic() - began))
                raise trouble from error
            await self._failed(step, error, time.monotonic() - began, allowed)
        except ProbeError:
            self.results.append(StepResult(self.step_name, "error", time.monotonic() - began))
            raise
        else:
            self.results.append(StepResult(self.step_name, "passed", waited))
            self._slow(step, waited)

    async def _act(self, step: Step, allowed: float) -> float:
        """Do the step within its time and look at what came; gives the user's wait in seconds."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(allowed + GRACE_SECONDS):
                waited = await ACTIONS[step.verb](self, step.argument)
                elapsed = time.monotonic() - began
                await self.signals.settle()
                if step.verb in LOOKING:
                    await self.look_around()
        except (PlaywrightTimeout, TimeoutError):
            raise await self._too_late(step, allowed) from None
        except PlaywrightError as error:
            raise self._translated(error) from error
        except UnknownVariableError as error:
            raise ProbeError("flow", str(error)) from error
        return waited if waited is not None else elapsed

    async def _browser_trouble(self) -> ProbeError | None:
        """Whether what looks like the portal's trouble is a dead or frozen browser, which does not answer a question
        that needs no page."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self.page.context.cookies([])
        except TimeoutError:  # a living browser answers this however busy its pages are
            return ProbeError("browser_stuck", f"the browser did not answer within {LOOK_SECONDS:g} s")
        except PlaywrightError:
            return ProbeError("browser_gone", "the browser ended by itself")
        return None

    async def _is_there(self, target: Target) -> bool:
        try:
            return await locate(self.page, target, self.variables.fill).is_visible()
        except PlaywrightError:
            return False

    def _translated(self, error: PlaywrightError) -> PortalError | ProbeError:
        if self.signals.crashed:
            return ProbeError("page_crashed", "the browser's page crashed")
        trouble = from_playwright(error)
        if trouble is not None:
            return trouble
        text = str(error).splitlines()[0]
        if "Download is starting" in text or (self.signals.downloads and "ABORTED" in text):
            return PortalError("unexpected_download", "the page is a download")
        if "ERR_" in text or "NS_ERROR" in text:
            return PortalError("navigation_error", text)
        return ProbeError("playwright", self.redact(text)[:300])

    async def before_action(self) -> None:
        """Remember how the page's forms stand, to tell later whether what was typed is still there."""
        look = await self.pages.look()
        self._sent = _Sent(look, self.pages.path, submit=bool(look and any(f["filled"] for f in look.fields)))

    async def look_around(self, *, expect_rows: bool = False) -> None:
        """Collect timings, look at the page, note findings; a critical one fails the step."""
        await self.pages.collect(self.step_name)
        look = await self.pages.look()
        if look is None:
            return
        self.signals.failed_resources(self.pages.failed)
        self._note_forms(look)
        status = self.pages.status
        if status is not None and status == self._next_status:
            status = None  # the next step says that this answer is the right one
        refused = self._judge_sending(look)
        for finding in page_findings(look, status, self.step_name):
            if finding.class_ == "soft_error" and (refused or (expect_rows and finding.severity != "critical")):
                continue
            self._raise_or_add(finding)

    def _raise_or_add(self, finding: Finding) -> None:
        if finding.severity == "critical":
            raise PortalError(finding.class_, finding.message)
        self.signals.add(finding)

    def _note_forms(self, look: Look) -> None:
        if is_login(look):
            self._login_open = True  # credentials are given again by their nature; they are no question asked twice
            return
        self.forms.see(look, self.step_name, self.pages.path)
        if look.password:
            return
        if self._login_open:
            self.forms.logged_in()
            self._login_open = False

    def _judge_sending(self, look: Look) -> bool:
        """Whether the form that was sent came back refused; notes that, and input that was lost on the way."""
        sent, self._sent = self._sent, _Sent()
        if sent.look is None or not sent.submit:
            return False
        said = rejection(look)
        if self._refusal_wanted:
            if said is None:
                raise PortalError("assertion", "the form took what is wrong on purpose")
            return True
        if said is None or said == rejection(sent.look):
            return False
        self.forms.rejected += 1
        self.signals.add(
            Finding("form_rejected", "major", self.step_name, f"refused what was rightly filled in: {said}")
        )
        lost = self.forms.lost(sent.look, look)
        if lost:
            self.forms.input_lost += 1
            fields = ", ".join(repr(label) for label in lost[:5])
            self.signals.add(Finding("form_input_lost", "major", self.step_name, f"empty after the refusal: {fields}"))
        return True

    def _slow(self, step: Step, waited: float) -> None:
        limit = step.slow or self.scenario.slow
        if limit is not None and waited > limit:
            message = f"the citizen waited {waited:.1f} s, more than {limit:g} s"
            self.signals.add(Finding("slow", "major", self.step_name, message))

    async def _failed(self, step: Step, error: PortalError, elapsed: float, allowed: float) -> None:
        late = error.class_ in ("timeout", "stalled_response") or elapsed >= allowed
        self.results.append(StepResult(self.step_name, "failed", min(elapsed, allowed), timed_out=late))
        if error.class_ == "assertion":
            error = await self._diagnose(step, error)
        severity = "major" if step.soft and error.class_ == "assertion" else error.severity
        self.signals.add(Finding(error.class_, severity, self.step_name, error.message))
        if not step.soft:
            raise FlowEnded

    async def _diagnose(self, step: Step, error: PortalError) -> PortalError:
        """Why what was expected is not there: a wall, a login page, a refusing or a stuck form; else as it was."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                look = await self.pages.look()
        except (TimeoutError, PlaywrightError):
            return error
        if look is None:
            return error
        for finding in page_findings(look, self.pages.status, self.step_name):
            if finding.severity == "critical":
                return PortalError(finding.class_, finding.message)
        if is_login(look) and not _about_login(step):
            return PortalError("login_required", f"the portal asks to log in at {self.pages.path}; {error.message}")
        if look.busy or not self.moved:
            return PortalError("form_stuck", f"nothing came of the last click; {error.message}")
        return error

    async def _too_late(self, step: Step, allowed: float) -> PortalError:
        """What a step that took too long was waiting for."""
        if time.monotonic() >= self._deadline - 0.01:
            self.timed_out = True
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                leaving = await self.pages.leaving()
                state = await self.page.evaluate("document.readyState")
        except (TimeoutError, PlaywrightError):
            leaving, state = False, "unknown"
        where = without_query(self.page.url)
        if step.verb != "open" and not leaving and state == "complete":
            return PortalError("form_stuck", f"{step.title}: the page could not be used within {allowed:.1f} s")
        if not leaving and state in ("loading", "interactive") and not self.page.url.startswith("about:"):
            return PortalError("stalled_response", f"{where} began to answer and did not end within {allowed:.1f} s")
        return PortalError("timeout", f"no answer within {allowed:.1f} s ({step.title})")

    async def _repeat(self, step: Step, repeat: Repeat) -> None:
        for item in await self._items(repeat):
            self.variables.set(repeat.as_, item)
            for index, each in enumerate(repeat.steps):
                self._next_status = _expected_status(repeat.steps[index + 1 : index + 2])
                if time.monotonic() >= self._deadline:
                    self.timed_out = True
                    self.step_name = self.redact(step.title)
                    self.signals.add(Finding("timeout", "critical", self.step_name, "the run's deadline was met"))
                    raise FlowEnded
                await self._do(each)

    async def _items(self, repeat: Repeat) -> list[str]:
        if repeat.times is not None:
            return [str(number) for number in range(1, min(repeat.times, repeat.limit) + 1)]
        if repeat.over is not None:
            return [self.variables.fill(text) for text in repeat.over][: repeat.limit]
        assert repeat.links is not None
        found = locate(self.page, repeat.links, self.variables.fill, many=True)
        links: list[str] = await found.evaluate_all("links => links.map(a => a.href).filter(Boolean)")
        unique = dict.fromkeys(link.split("#")[0] for link in links)
        kept = [link for link in unique if not repeat.same_site or same_site(link, self.portal.base_url)]
        return [link for link in kept if link.startswith(("http://", "https://"))][: repeat.limit]


def _expected_status(following: Sequence[Step]) -> int | None:
    for step in following:
        expect = step.expect or step.wait_for
        if expect is not None:
            return expect.status
    return None


def _about_login(step: Step) -> bool:
    argument = step.argument
    said = f"{step.title} {argument}" if isinstance(argument, Target) else step.title
    return any(word in said.casefold() for word in ("login", "masuk", "sign in", "log in", "sandi", "password"))
