"""A made-up study with a known truth: answers, probe runs and study file, labelled synthetic wherever they are seen."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from egovqual_link.instrument import Instrument, load_instrument
from exporters.files import write_atomically
from exporters.store import Store
from probes.run import HostState, PageMetrics, Run, StepResult
from scenarios.source import InputError, Problem

Floats = NDArray[np.float64]

SEED: Final = 20240501
FIRST_WAVE: Final = date(2024, 5, 6)
WAVE_DAYS: Final = 3
BETWEEN_WAVES_DAYS: Final = 30
#: Runs begin so long before the first wave, so that every window of the sensitivity analysis but the longest is full.
LEAD_DAYS: Final = 28
LOADS_A_DAY: Final = 3
RESPONDENTS: Final = 40
ZONE: Final = "Asia/Jakarta"
SCALE: Final = "1-6"

#: Pearson correlation, over portals, of log largest paint with the score of RL5; the score of RL1 has none with the
#: time to the form. From a bivariate normal, Spearman's rho is 6/pi asin(r/2) (Kruskal 1958).
TRUE_R: Final = -0.9
TRUE_RHO: Final = 6 / math.pi * math.asin(TRUE_R / 2)

_MEAN_SCORE, _SPREAD_OF_PORTALS = 4.0, 0.7
_MEDIAN_PAINT, _SPREAD_OF_PAINT = 2.4, 0.35
_FILES: Final = ("synthetic-answers.csv", "synthetic-store.db", "synthetic-study.yaml", "synthetic-truth.json")


@dataclass(frozen=True, slots=True)
class Example:
    """The files of a made-up study, and its truth: the rank correlation over portals of the declared pairs."""

    answers: Path
    store: Path
    study: Path
    truth: Path
    readme: Path
    scale: str
    true_rho: float


def make_study(folder: Path | str, portals: int = 12, waves: int = 3, seed: int = SEED) -> Example:
    """Write answers, store, study file, truth and README to `folder`; the same seed gives the same study.

    Raises:
        InputError: fewer than two portals or one wave, a folder that cannot be used, or files that are there already.
    """
    if portals < 2 or waves < 1:
        raise InputError([Problem("study", None, "needs at least two portals and one wave")])
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError([Problem(str(folder), None, f"the folder cannot be made: {error.strerror}")]) from None
    present = [name for name in (*_FILES, "README.md") if (folder / name).exists()]
    if present:
        raise InputError(
            [
                Problem(str(folder / name), None, "exists already and stays as it is", "another folder")
                for name in present
            ]
        )
    rng = np.random.default_rng(seed)
    world = _World.drawn(rng, portals, waves)
    answers, store, study, truth = (folder / name for name in _FILES)
    write_atomically(answers, _answers(rng, world, load_instrument()).encode())
    with Store.open(store) as kept:
        batch: list[Run] = []
        for run in _runs(rng, world):
            batch.append(run)
            if len(batch) == 2_000:
                kept.add_many(batch)
                batch = []
        kept.add_many(batch)
    write_atomically(study, _study(world).encode())
    write_atomically(truth, (json.dumps(_truth(world, seed), indent=2) + "\n").encode())
    readme = folder / "README.md"
    write_atomically(readme, _readme(world, seed).encode())
    return Example(answers, store, study, truth, readme, SCALE, TRUE_RHO)


@dataclass(frozen=True, slots=True)
class _World:
    """True levels: paint and download in seconds, scores on the answer scale, each (portals x waves)."""

    paint: Floats
    download: Floats
    quick: Floats
    forms: Floats

    @classmethod
    def drawn(cls, rng: np.random.Generator, portals: int, waves: int) -> _World:
        slow = rng.normal(size=portals)
        speed = TRUE_R * slow + math.sqrt(1 - TRUE_R**2) * rng.normal(size=portals)
        # From wave to wave a portal moves a little, and its score moves with it.
        drift = 0.15 * rng.normal(size=(portals, waves))
        moved = slow[:, None] + drift
        scores = speed[:, None] + TRUE_R * drift
        forms = np.repeat(rng.normal(size=(portals, 1)), waves, axis=1)
        download = 1.2 * np.exp(0.3 * np.repeat(rng.normal(size=(portals, 1)), waves, axis=1))
        return cls(
            _MEDIAN_PAINT * np.exp(_SPREAD_OF_PAINT * moved),
            download,
            _MEAN_SCORE + _SPREAD_OF_PORTALS * scores,
            _MEAN_SCORE + _SPREAD_OF_PORTALS * forms,
        )

    @property
    def portals(self) -> list[str]:
        return [f"synthetic-{number:02d}" for number in range(1, len(self.paint) + 1)]

    @property
    def waves(self) -> list[tuple[str, date, date]]:
        starts = [FIRST_WAVE + timedelta(days=BETWEEN_WAVES_DAYS * number) for number in range(self.paint.shape[1])]
        return [(str(n), start, start + timedelta(days=WAVE_DAYS - 1)) for n, start in enumerate(starts, 1)]


def _answers(rng: np.random.Generator, world: _World, instrument: Instrument) -> str:
    """Wide answers; RL5 follows the portal's speed, RL1 a level that nothing measured knows, the rest neither."""
    keys = instrument.item_keys
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["id", "time", "portal", "region", "wave", "synthetic"]
        + [f"{key}_{kind}" for key in keys for kind in ("performance", "importance")]
    )
    number = 0
    for p, portal in enumerate(world.portals):
        usual = _MEAN_SCORE + 0.2 * rng.normal(size=len(keys))
        for w, (wave, start, _) in enumerate(world.waves):
            centre = usual.copy()
            centre[keys.index("RL5")], centre[keys.index("RL1")] = world.quick[p, w], world.forms[p, w]
            person = 0.5 * rng.normal(size=(RESPONDENTS, 1))
            said = np.clip(np.rint(centre + person + 0.8 * rng.normal(size=(RESPONDENTS, len(keys)))), 1, 6)
            wished = np.clip(np.rint(5 + 0.5 * person + 0.7 * rng.normal(size=said.shape)), 1, 6)
            both = np.stack([said, wished], axis=2).reshape(RESPONDENTS, -1).astype(int)
            minutes = rng.integers(0, WAVE_DAYS * 600, RESPONDENTS)
            for row, minute in zip(both.tolist(), minutes.tolist(), strict=True):
                number += 1
                day, rest = divmod(minute, 600)
                moment = datetime.combine(start + timedelta(days=day), time(8)) + timedelta(minutes=rest)
                about = [f"synthetic-{number:05d}", f"{moment:%Y-%m-%dT%H:%M}+07:00", portal]
                writer.writerow([*about, f"synthetic-region-{1 + number % 3}", wave, "synthetic", *row])
    return out.getvalue()


def _runs(rng: np.random.Generator, world: _World) -> Iterator[Run]:
    """Page loads several times a day and a download once, from before the first wave to the end of the last."""
    first = FIRST_WAVE - timedelta(days=LEAD_DAYS)
    days = (world.waves[-1][2] - first).days + 1
    for p, portal in enumerate(world.portals):
        for day in range(days):
            today = first + timedelta(days=day)
            # A day belongs to the wave that comes next, so that its whole recall window is at that wave's level.
            w = next(index for index, (_, _, end) in enumerate(world.waves) if today <= end)
            weather = math.exp(0.06 * rng.normal())
            midnight = datetime.combine(today, time(), tzinfo=UTC) - timedelta(hours=7)
            for load in range(LOADS_A_DAY):
                at = midnight + timedelta(hours=24 / LOADS_A_DAY * load + 2, minutes=int(rng.integers(0, 60)))
                paint = float(world.paint[p, w] * weather * math.exp(0.15 * rng.normal()))
                contended = bool(rng.random() < 0.03)
                lost = bool(rng.random() < 0.01)
                yield _load(f"{portal}-{day:03d}-{load}", portal, at, paint, lost=lost, contended=contended)
            wait = float(world.download[p, w] * weather * math.exp(0.2 * rng.normal()))
            at = midnight + timedelta(hours=9, minutes=int(rng.integers(0, 60)))
            yield _download(f"{portal}-{day:03d}-d", portal, at, wait)


_WHERE: Final[dict[str, Any]] = {
    "location": "synthetic",
    "browser": "chromium",
    "device": "desktop",
    "network": "native",
    "deadline_seconds": 30.0,
    "host": HostState(browser_version="synthetic", probe_version="synthetic"),
}


def _load(run_id: str, portal: str, at: datetime, paint: float, *, lost: bool, contended: bool) -> Run:
    paint = round(paint * (1.6 if contended else 1.0), 3)
    step = StepResult("open /", "failed" if lost else "passed", 30.0 if lost else paint, timed_out=lost)
    page = PageMetrics(
        url=f"http://{portal}.test/",
        step="open /",
        ttfb_seconds=round(paint / 5, 3),
        fcp_seconds=round(paint / 2, 3),
        lcp_seconds=paint,
        load_seconds=round(paint * 1.2, 3),
        requests=40,
        transferred_bytes=1_500_000,
    )
    return Run(
        run_id=run_id,
        portal=portal,
        scenario="synthetic-page",
        kind="page_load",
        started_at=at,
        duration_seconds=30.0 if lost else paint,
        outcome="failed" if lost else "passed",
        timed_out=lost,
        steps=(step,),
        pages=() if lost else (page,),
        timing_valid=not contended,
        invalid_reasons=("cpu_pressure",) if contended else (),
        **_WHERE,
    )


def _download(run_id: str, portal: str, at: datetime, wait: float) -> Run:
    wait = round(wait, 3)
    return Run(
        run_id=run_id,
        portal=portal,
        scenario="synthetic-download",
        kind="download",
        started_at=at,
        duration_seconds=wait,
        outcome="passed",
        steps=(StepResult("download", "passed", wait),),
        **_WHERE,
    )


def _truth(world: _World, seed: int) -> dict[str, Any]:
    estimand = (
        "Spearman's rank correlation, in the population of portals from which these were drawn, of a portal's true "
        "level of the indicator with its true mean score"
    )
    return {
        "synthetic": True,
        "seed": seed,
        "portals": len(world.paint),
        "waves": world.paint.shape[1],
        "estimand": estimand,
        "pairs": [
            {"indicator": "lcp_p75_seconds", "item": "RL5", "score": "performance", "rho": TRUE_RHO},
            {"indicator": "download_p75_seconds", "item": "RL1", "score": "performance", "rho": 0.0},
        ],
    }


def _study(world: _World) -> str:
    waves = "\n".join(f'  - {{name: "{name}", start: {start}, end: {end}}}' for name, start, end in world.waves)
    return f"""\
# synthetic: true. Nobody answered and no portal was probed; all of it was drawn from the model in README.md.
# True rank correlation over portals: lcp_p75_seconds with RL5 {TRUE_RHO:.3f}, download_p75_seconds with RL1 0.
study: "Synthetic example: {len(world.paint)} portals, {world.paint.shape[1]} waves"
portals: [{", ".join(world.portals)}]
time_zone: {ZONE}
waves:
{waves}
recall_lag_days: 7
hypotheses:
  - {{indicator: lcp_p75_seconds, item: RL5, direction: negative}}
  - {{indicator: download_p75_seconds, item: RL1, direction: two-sided}}
margin: 0.3
"""


def _readme(world: _World, seed: int) -> str:
    portals, waves = world.paint.shape
    return f"""\
# Synthetic study

**Synthetic: nobody answered, no portal was probed.** {portals} portals, {waves} waves, {RESPONDENTS} answers for each,
drawn from the model below with seed {seed}.

- `synthetic-answers.csv`: answers on the scale {SCALE} (column `synthetic` says what they are)
- `synthetic-store.db`: runs of page loads ({LOADS_A_DAY} a day) and downloads
- `synthetic-study.yaml`: waves, recall lag and the two hypotheses, declared
- `synthetic-truth.json`: the truth, for programs

## What is true

A portal's log largest paint and its mean score of RL5 are drawn from a bivariate normal with correlation {TRUE_R:g}.
The true rank correlation over the population of portals is therefore 6/pi asin({TRUE_R:g}/2) = **{TRUE_RHO:.3f}**. An
interval of 95% over {portals} portals contains it in about 95 of 100 such studies, not in every one. The time to the
form and the score of RL1 are independent: their true rank correlation is **0**. No other item knows anything that was
measured.

```
gapwatch link --survey synthetic-answers.csv --scale {SCALE} --store synthetic-store.db --study synthetic-study.yaml
```
"""
