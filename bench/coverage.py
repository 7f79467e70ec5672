"""Do nominal 95% intervals cover, and does the association step keep quiet where there is nothing? By simulation.

1,000 seeded data sets for each row; run it as `make coverage-simulation`. Exit code 1 when a figure misses its target.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from egovqual_link.association import rank_correlation
from egovqual_link.instrument import load_instrument
from egovqual_link.persons import mixed_slope
from egovqual_link.quantiles import Counted, Mix
from egovqual_link.reliability import cronbach_alpha, feldt_interval
from egovqual_link.scale import make_scale
from egovqual_link.scores import dimension_scores, gap_scores
from egovqual_link.study import load_study
from egovqual_link.survey import FLAGS, MISSING, RESPONDENT_COLUMNS, Survey
from egovqual_link.units import Units, associations, item_pairs

Floats = NDArray[np.float64]
Check = Callable[[np.random.Generator], dict[str, bool]]

SEED = 1900
INSTRUMENT = load_instrument()
ITEMS = len(INSTRUMENT.items)
PERSON, NOISE = 0.6, 0.8


def rounded(values: Floats) -> Floats:
    """Answers on 1-6."""
    return np.clip(np.rint(values), 1, 6)


def true_mean(centre: float, spread: float) -> float:
    """Mean of the rounded and clipped normal, exactly."""
    return 6.0 - float(sum(stats.norm.cdf((k + 0.5 - centre) / spread) for k in range(1, 6)))


def make_survey(performance: Floats, importance: Floats) -> Survey:
    """Answers as if read from a file."""
    n = len(performance)
    return Survey(
        source="synthetic",
        instrument=INSTRUMENT,
        scale=make_scale("1-6"),
        performance=performance.astype(np.int16),
        importance=importance.astype(np.int16),
        respondents=pd.DataFrame({name: [None] * n for name in RESPONDENT_COLUMNS}),
        problems=pd.DataFrame(),
        flags=pd.DataFrame({name: [False] * n for name in FLAGS}),
    )


def gap(n: int, centre: float, resamples: int = 999) -> Check:
    """Gap of an item with 20% missing answers, and of its dimension, by Student's t and by the bootstrap."""
    spread = math.hypot(PERSON, NOISE)
    truth = true_mean(centre, spread) - true_mean(5.0, math.hypot(0.4, 0.7))

    def check(rng: np.random.Generator) -> dict[str, bool]:
        person = rng.normal(size=(n, 1))
        said = rounded(centre + PERSON * person + NOISE * rng.normal(size=(n, ITEMS)))
        wished = rounded(5.0 + 0.4 * person + 0.7 * rng.normal(size=(n, ITEMS)))
        said[rng.random((n, ITEMS)) < 0.2] = MISSING
        survey = make_survey(said, wished)
        found = {}
        for name, table in (("item", gap_scores), ("dimension", dimension_scores)):
            row = table(survey, resamples=resamples).iloc[0]
            found[f"gap of an {name}, t" if name == "item" else f"gap of a {name}, t"] = bool(
                row["gap_low"] <= truth <= row["gap_high"]
            )
            found[f"gap of an {name}, bootstrap" if name == "item" else f"gap of a {name}, bootstrap"] = bool(
                row["boot_low"] <= truth <= row["boot_high"]
            )
        return found

    return check


def alpha(n: int, items: int, centre: float) -> Check:
    """Cronbach's alpha of rounded answers; the truth by Gauss-Hermite quadrature over the common factor."""
    points, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    given = np.array([true_mean(centre + PERSON * point, NOISE) for point in points])
    covariance = float(weights @ given**2 - (weights @ given) ** 2)
    spread = math.hypot(PERSON, NOISE)
    edges = [-np.inf, *((k + 0.5 - centre) / spread for k in range(1, 6)), np.inf]
    shares = np.diff(stats.norm.cdf(edges))
    variance = float(shares @ np.arange(1, 7) ** 2 - (shares @ np.arange(1, 7)) ** 2)
    matrix = np.full((items, items), covariance)
    np.fill_diagonal(matrix, variance)
    truth = cronbach_alpha(matrix)

    def check(rng: np.random.Generator) -> dict[str, bool]:
        answers = rounded(centre + PERSON * rng.normal(size=(n, 1)) + NOISE * rng.normal(size=(n, items)))
        low, high = feldt_interval(cronbach_alpha(np.cov(answers, rowvar=False)), n, items, 0.95)
        return {f"alpha {truth:.2f}, {items} items, Feldt": low <= truth <= high}

    return check


def spearman(n: int, r: float) -> Check:
    """Spearman's rho over portals drawn from a bivariate normal: the truth is 6/pi asin(r/2)."""
    truth = 6 / math.pi * math.asin(r / 2)

    def check(rng: np.random.Generator) -> dict[str, bool]:
        x = rng.normal(size=n)
        y = r * x + math.sqrt(1 - r * r) * rng.normal(size=n)
        found = rank_correlation(x.tolist(), y.tolist())
        assert found.low is not None
        assert found.high is not None
        return {f"Spearman's rho {truth:+.2f}, Fisher z, Bonett-Wright": found.low <= truth <= found.high}

    return check


def latency(days: int, runs: int, between: float) -> Check:
    """p75 of waits whose days differ, 2% of them failed; the truth is the p75 over all days, failures in it."""
    within, middle, lost = 0.3, 1.0, 0.02
    truth = math.exp(middle + math.hypot(between, within) * stats.norm.ppf(0.75 / (1 - lost)))

    def check(rng: np.random.Generator) -> dict[str, bool]:
        waits = np.exp(middle + between * rng.normal(size=(days, 1)) + within * rng.normal(size=(days, runs)))
        failed = rng.random((days, runs)) < lost
        counts = [
            Counted(day, ("page",), None if failed[day, run] else float(waits[day, run]), 1, 30.0)
            for day in range(days)
            for run in range(runs)
        ]
        found = Mix(counts).quantile(0.75)
        assert found.low is not None
        assert found.high is not None
        return {f"p75 of a wait, days differ by {between:.0%}, whole days drawn": found.low <= truth <= found.high}

    return check


_STUDY = """\
study: synthetic
portals: [a]
waves: [{name: "1", start: 2024-05-06, end: 2024-05-08}]
recall_lag_days: 7
hypotheses: [{indicator: lcp_p75_seconds, item: RL5}]
"""


def no_relation(portals: int, waves: int, study_file: Path) -> Check:
    """The association step as `link` takes it, where nothing is related: which rows call a relation all the same."""
    pairs = item_pairs(INSTRUMENT)
    study = load_study(study_file)
    keys = [(f"synthetic-{p:02d}", "", str(w)) for p in range(portals) for w in range(waves)]
    quiet = replace(study, hypotheses=())

    def check(rng: np.random.Generator) -> dict[str, bool]:
        def noise(count: int) -> Floats:
            whole = rng.normal(size=(portals, 1, count)) + 0.5 * rng.normal(size=(portals, waves, count))
            return whole.reshape(-1, count)

        scores, values = noise(2 * ITEMS), noise(len(pairs))
        names = [(item.key, score) for item in INSTRUMENT.items for score in ("performance", "gap")]
        said = {key: dict(zip(names, row, strict=True)) for key, row in zip(keys, scores.tolist(), strict=True)}
        measured = {
            key: {indicator.key: each for (_, indicator), each in zip(pairs, row, strict=True)}
            for key, row in zip(keys, values.tolist(), strict=True)
        }
        table = associations(Units(said, measured), pairs, quiet)
        table = table[table["score"] == "performance"]
        found = {
            f"{method}, all {len(pairs)} pairs, adjusted": bool((rows["p_adjusted"].astype(float) <= 0.05).any())
            for method, rows in table.groupby("method")
        }
        one = table[(table["indicator"] == "lcp_p75_seconds") & (table["item"] == "RL5")]
        return found | {f"{row['method']}, one declared pair": row["p"] <= 0.05 for row in one.to_dict("records")}

    return check


def no_slope(portals: int, waves: int, persons: int) -> Check:
    """The mixed model over persons where nothing is related."""

    def check(rng: np.random.Generator) -> dict[str, bool]:
        portal = np.repeat(np.arange(portals), waves * persons)
        cell = np.repeat(np.arange(portals * waves), persons)
        level = (rng.normal(size=portals)[portal[::persons]] + 0.5 * rng.normal(size=portals * waves))[cell]
        lean = 0.4 * rng.normal(size=portals)[portal] + 0.2 * rng.normal(size=portals * waves)[cell]
        answers = rounded(4 + lean + rng.normal(size=len(cell)))
        found = mixed_slope(answers, level, portal, cell)
        assert found.p is not None
        return {"mixed model over persons, one declared pair": found.p <= 0.05}

    return check


@dataclass(frozen=True)
class Case:
    """A simulation: what is checked, of how large data sets, and whether it counts covers or false alarms."""

    name: str
    make: str
    arguments: tuple[float | int, ...]
    covers: bool = True


CASES = (
    Case("30 respondents", "gap", (30, 4.2)),
    Case("200 respondents", "gap", (200, 4.2)),
    Case("60 respondents", "alpha", (60, 6, 4.2)),
    Case("200 respondents", "alpha", (200, 4, 4.8)),
    *(Case(f"{n} portals", "spearman", (n, r)) for n in (12, 36) for r in (0.0, -0.6, -0.9)),
    Case("10 days x 24 runs", "latency", (10, 24, 0.1)),
    Case("31 days x 24 runs", "latency", (31, 24, 0.1)),
    Case("31 days x 24 runs", "latency", (31, 24, 0.3)),
    Case("12 portals x 3 waves", "no_relation", (12, 3), covers=False),
    Case("12 portals x 3 waves x 20 persons", "no_slope", (12, 3, 20), covers=False),
)
_MAKERS: dict[str, Callable[..., Check]] = {
    "gap": gap,
    "alpha": alpha,
    "spearman": spearman,
    "latency": latency,
    "no_relation": no_relation,
    "no_slope": no_slope,
}


def count(task: tuple[int, int, int, str]) -> tuple[int, dict[str, int]]:
    """How often each thing held over the data sets from `first` on; each has a seed of its own."""
    number, first, many, study_file = task
    case = CASES[number]
    more = (Path(study_file),) if case.make == "no_relation" else ()
    check = _MAKERS[case.make](*case.arguments, *more)
    held: dict[str, int] = {}
    for index in range(first, first + many):
        for name, true in check(np.random.default_rng((SEED, number, index))).items():
            held[name] = held.get(name, 0) + int(true)
    return number, held


def main() -> int:
    """Print the figures as Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1_000, help="data sets a row")
    parser.add_argument("--only", help="only cases of this kind")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    began = time.monotonic()
    import tempfile

    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(options.processes) as pool:
        study_file = Path(folder) / "study.yaml"
        study_file.write_text(_STUDY, encoding="utf-8")
        chunk = max(1, options.sets // 20)
        tasks = [
            (number, first, min(chunk, options.sets - first), str(study_file))
            for number, case in enumerate(CASES)
            if options.only in (None, case.make)
            for first in range(0, options.sets, chunk)
        ]
        totals: dict[tuple[int, str], int] = {}
        for number, held in pool.map(count, tasks):
            for name, times in held.items():
                totals[number, name] = totals.get((number, name), 0) + times
    missed = report(totals, options.sets)
    print(f"\n{options.sets:,} data sets a row, seed {SEED}, {time.monotonic() - began:.0f} s.")
    return int(missed)


def report(totals: dict[tuple[int, str], int], sets: int) -> bool:
    """Both tables; true where a figure misses its target."""
    error, alarm = math.sqrt(0.95 * 0.05 / sets), 0.05 + 2 * math.sqrt(0.95 * 0.05 / sets)
    missed = False
    for covers, heading, target in (
        (True, "interval | data | covers", f"93 to 97%, Monte Carlo standard error {error:.1%}"),
        (False, "no relation | data | false alarms", f"at most 5% and two standard errors, {alarm:.1%}"),
    ):
        rows = [(key, times / sets) for key, times in totals.items() if CASES[key[0]].covers is covers]
        if not rows:
            continue
        print(f"\nTarget: {target}.\n\n| {heading} |\n|---|---|---|")
        for (number, name), share in rows:
            good = 0.93 <= share <= 0.97 if covers else share <= alarm
            missed |= not good
            print(f"| {name} | {CASES[number].name} | {share:.1%}{'' if good else ' (MISSED)'} |")
    return missed


if __name__ == "__main__":
    sys.exit(main())
