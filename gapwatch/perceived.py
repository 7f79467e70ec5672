"""The configured survey beside the measurements: worked out apart, told to metrics and status page."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from exporters.metrics import RunMetrics
from scenarios.source import InputError

log = logging.getLogger(__name__)

#: A calculation that takes longer than this is given up; the figures before it stay.
PATIENCE_SECONDS = 600.0
SOON_SECONDS = 60.0
_KINDS = ("performance", "importance", "gap")


@dataclass(frozen=True, slots=True)
class SurveyConfig:
    """The survey whose scores the daemon serves: under which portal and wave, how often anew, over how many days.

    `file` and `mapping` are absolute paths; `scale` is as on the command line, None for a printed table without one.
    """

    file: str
    scale: str | None
    mapping: str | None
    portal: str
    wave: str
    every_seconds: float
    days: int


def scores_and_link(survey: SurveyConfig, store_url: str, now: datetime) -> dict[str, Any]:
    """Scores of the survey and, where runs allow, indicators and side-by-side rows of the last days, as plain data.

    Raises:
        InputError: the survey cannot be read.
    """
    from egovqual_link.beside import records
    from egovqual_link.link import link
    from egovqual_link.load import load_source
    from egovqual_link.scores import all_scores

    source = load_source(survey.file, survey.scale, survey.mapping)
    found: dict[str, Any] = {"at": now.isoformat(timespec="seconds"), "portal": survey.portal, "wave": survey.wave}
    found |= {"scores": records(all_scores(source)), "indicators": [], "side_by_side": [], "problem": None}
    try:
        result = link(source, store_url, from_=_day(now - timedelta(days=survey.days)), to=_day(now))
    except InputError as error:
        # Before the first runs there is nothing to set beside; the scores stand all the same.
        return found | {"problem": "; ".join(str(problem) for problem in error.problems)}
    whole = result.as_dict()
    return found | {
        "indicators": records(result.indicators),
        "side_by_side": whole["side_by_side"],
        "limits": [{"en": each.en, "id": each.id} for each in result.limits],
        "association": whole["association"],
        "window": {"from": result.window.start.isoformat(), "to": result.window.end.isoformat()},
    }


def _day(moment: datetime) -> str:
    return moment.date().isoformat()


def tell_metrics(
    scores: Iterable[Mapping[str, Any]],
    indicators: Iterable[Mapping[str, Any]],
    metrics: RunMetrics,
    *,
    portal: str,
    wave: str,
) -> None:
    """Scores by item and dimension under `portal` and `wave`, indicators under the portals that were probed."""
    levels: dict[str, dict[str, dict[str, float | None]]] = {"item": {}, "dimension": {}}
    for row in scores:
        if row["level"] in levels:
            levels[row["level"]][row["key"]] = {kind: row[kind] for kind in _KINDS}
    metrics.set_survey_scores(portal=portal, wave=wave, items=levels["item"], dimensions=levels["dimension"])
    for row in indicators:
        metrics.set_indicator(portal=row["portal"], item=row["item"], indicator=row["indicator"], value=row["value"])


class SurveyWatch:
    """Keeps `latest` fresh: the last good result of `scores_and_link`, None before the first.

    Another process does the work: its own interpreter, low priority, so that it bends no timing of a run.
    """

    def __init__(self, metrics: RunMetrics, store_url: str) -> None:
        self._metrics = metrics
        self._store_url = store_url
        self._task: asyncio.Task[None] | None = None
        self.latest: dict[str, Any] | None = None

    async def adopt(self, survey: SurveyConfig | None) -> None:
        """Go on with this survey, at once; None: with none."""
        await self.aclose()
        if survey is None or (self.latest and self.latest["portal"] != survey.portal):
            self.latest = None
        if survey is not None:
            self._task = asyncio.create_task(self._keep_fresh(survey), name="survey")

    async def aclose(self) -> None:
        """End the work under way."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _keep_fresh(self, survey: SurveyConfig) -> None:
        while True:
            found = await self._ask(survey)
            if found is not None:
                self.latest = found
                tell_metrics(
                    found["scores"], found["indicators"], self._metrics, portal=survey.portal, wave=survey.wave
                )
                if found["problem"]:
                    log.info("survey: scores are served, indicators are not yet: %s", found["problem"])
            # Without runs yet, or after trouble, the next look comes soon.
            whole = found is not None and not found["problem"]
            await asyncio.sleep(survey.every_seconds if whole else min(survey.every_seconds, SOON_SECONDS))

    async def _ask(self, survey: SurveyConfig) -> dict[str, Any] | None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gapwatch.perceived", stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            # By the standard input: the store's address may hold a password, which has no place in a process list.
            asked = json.dumps({"survey": asdict(survey), "store": self._store_url}).encode()
            answer, trouble = await asyncio.wait_for(process.communicate(asked), PATIENCE_SECONDS)
        except TimeoutError:
            answer, trouble = b"", b"took too long"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == 0:
            found: dict[str, Any] = json.loads(answer)
            return found
        self._metrics.probe_error("survey")
        log.error("survey: not refreshed: %s", trouble.decode("utf-8", "replace").strip()[-500:])
        return None


def _main() -> int:
    os.nice(10)
    asked = json.load(sys.stdin)
    try:
        found = scores_and_link(SurveyConfig(**asked["survey"]), asked["store"], datetime.now(UTC))
    except InputError as error:
        print("; ".join(str(problem) for problem in error.problems), file=sys.stderr)
        return 2
    json.dump(found, sys.stdout, allow_nan=False)
    return 0


def read_survey(survey: SurveyConfig) -> None:
    """See that the survey can be read; InputError otherwise."""
    from egovqual_link.load import load_source

    load_source(Path(survey.file), survey.scale, survey.mapping)


if __name__ == "__main__":
    sys.exit(_main())
