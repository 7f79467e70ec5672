"""How large a study must be: portals, respondents, days of probing; by formula and by simulation."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, get_args

from egovqual_link import plan_correlation, plan_gap, plan_probes
from egovqual_link.association import DESCRIPTIVE_BELOW, MIN_UNITS
from egovqual_link.instrument import Language, Text
from egovqual_link.plan_search import Search, Trial
from egovqual_link.plan_words import ASSUMPTIONS, QUESTIONS, figure
from egovqual_link.quantiles import MIN_DAYS, SEED
from scenarios.source import InputError, Problem

About = Literal["correlation", "gap", "latency", "availability"]
ABOUT: Final[tuple[About, ...]] = get_args(About)
#: Simulations that make an interval for each data set cost much more; of those a tenth is run, but not fewer.
_FEWER: Final = 10
_LEAST_INTERVALS: Final = 100
#: Numbers drawn at one size; larger studies are simulated less often, so that nobody waits for minutes.
_AFFORDABLE: Final = 40_000_000
_LANGUAGES: Final[tuple[Language, ...]] = ("en", "id")


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is taken for true, and what is wanted. Shares 0..1, half widths in the unit of the figure itself.

    `latency_half_width` is a share of the p75; `latency_sd` and `day_sd` are standard deviations of log waits.
    """

    power: float = 0.8
    level: float = 0.95
    correlation: float = 0.5
    correlation_half_width: float = 0.2
    waves: int = 1
    gap: float = 0.3
    gap_sd: float = 1.0
    gap_half_width: float = 0.15
    design_effect: float = 1.0
    cluster_size: int = 20
    runs_per_day: int = 96
    latency_half_width: float = 0.1
    latency_sd: float = 0.5
    day_sd: float = 0.15
    day_correlation: float = 0.5
    availability: float = 0.99
    availability_half_width: float = 0.005
    outage_checks: float = 3.0
    sims: int = 2000
    seed: int = SEED

    def check(self) -> None:
        """Refuse what no study can have.

        Raises:
            InputError: every value that is out of its range, by the name of its option.
        """
        problems = [
            Problem(f"--{each.name.replace('_', '-')}", None, f"{getattr(self, each.name):g} is not {words}", hint)
            for each in fields(self)
            for low, high, words, hint in (_RANGES[each.name],)
            if not low <= getattr(self, each.name) <= high
        ]
        icc = plan_gap.correlation_in_clusters(self.design_effect, self.cluster_size) if self.cluster_size > 1 else 0.0
        if icc > 1 and not problems:
            said = f"{self.design_effect:g} cannot come from groups of {self.cluster_size}"
            problems.append(Problem("--design-effect", None, said, "a design effect is at most the size of a group"))
        if self.outage_checks * self.availability / (1 - min(self.availability, 0.999999)) < 1 and not problems:
            said = f"{self.outage_checks:g} checks down and so little up cannot alternate"
            problems.append(Problem("--outage-checks", None, said, "raise it, or the availability"))
        if problems:
            raise InputError(problems)


_SHARE = (1e-6, 1 - 1e-6)
_RANGES: Final[dict[str, tuple[float, float, str, str]]] = {
    "power": (0.5, 0.999, "between 0.5 and 0.999", "0.8 is usual"),
    "level": (0.5, 0.999, "between 0.5 and 0.999", "0.95 is usual"),
    "correlation": (0.05, 0.95, "between 0.05 and 0.95", "give its size; the sign does not matter"),
    "correlation_half_width": (0.01, 0.5, "between 0.01 and 0.5", "0.2 means plus or minus 0.2"),
    "waves": (1, 50, "between 1 and 50", "how often each portal is surveyed"),
    "gap": (0.01, 10, "between 0.01 and 10", "give its size in points of the scale"),
    "gap_sd": (0.3, 10, "between 0.3 and 10", "whole-number answers spread at least that much"),
    "gap_half_width": (0.005, 5, "between 0.005 and 5", "in points of the scale"),
    "design_effect": (1, 50, "between 1 and 50", "1 is a simple random sample"),
    "cluster_size": (2, 10_000, "between 2 and 10000", "respondents in one group, such as one office"),
    "runs_per_day": (1, 1440, "between 1 and 1440", "96 is one every quarter of an hour"),
    "latency_half_width": (0.01, 1, "between 0.01 and 1", "0.1 means plus or minus 10 % of the p75"),
    "latency_sd": (0.01, 2, "between 0.01 and 2", "standard deviation of log waits within a day"),
    "day_sd": (0, 2, "between 0 and 2", "standard deviation of log waits between days"),
    "day_correlation": (0, 0.95, "between 0 and 0.95", "0: neighbouring days are independent"),
    "availability": (0.5, 0.99999, "between 0.5 and 0.99999", "such as 0.99"),
    "availability_half_width": (0.00001, 0.2, "between 0.00001 and 0.2", "0.005 means half a percentage point"),
    "outage_checks": (1, 1000, "between 1 and 1000", "how many checks in a row an outage lasts"),
    "sims": (100, 100_000, "between 100 and 100000", "2000 is the default"),
    "seed": (0, 2**63 - 1, "between 0 and 2^63 - 1", "any whole number"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """How many are needed for one question, twice: `formula_n` and `simulated_n` (None: more than `most`).

    `at_formula` and `at_simulated` are what the simulation gives at those numbers: power, or a half width (`measure`);
    its `coverage` is that of the intervals that the analysis would print. One unit is `runs_per_unit` runs, or
    `days_each` units are one day.
    """

    key: str
    about: About
    unit: str
    measure: Literal["power", "half_width"]
    target: float
    formula: str
    formula_n: int | None
    simulated_n: int | None
    at_formula: Trial | None
    at_simulated: Trial | None
    most: int
    assumptions: tuple[Text, ...]
    runs_per_unit: int | None = None
    independent_runs: int | None = None
    days_each: int | None = None

    @property
    def question(self) -> Text:
        """What was asked."""
        return QUESTIONS[self.key]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, null where something is missing."""

        def shown(found: Trial | None) -> dict[str, Any] | None:
            if found is None:
                return None
            return {
                self.measure: found.value,
                "monte_carlo_error": found.error,
                "sims": found.sims,
                "interval_half_width": found.interval,
                "coverage": found.coverage,
                "coverage_error": found.coverage_error,
                "coverage_sims": found.coverage_sims,
            }

        return {
            "key": self.key,
            "question": {"en": self.question.en, "id": self.question.id},
            "unit": self.unit,
            "measure": self.measure,
            "target": self.target,
            "formula": self.formula,
            "formula_n": self.formula_n,
            "simulated_n": self.simulated_n,
            "at_formula": shown(self.at_formula),
            "at_simulated": shown(self.at_simulated),
            "more_than": self.most if self.simulated_n is None else None,
            "runs_per_unit": self.runs_per_unit,
            "units_per_day": self.days_each,
            "independent_runs": self.independent_runs,
            "assumptions": [{"en": each.en, "id": each.id} for each in self.assumptions],
        }


Tell = Callable[[str], None]


def plan(
    of: Assumptions | None = None, about: Sequence[About] = ABOUT, tell: Tell = lambda _: None
) -> tuple[Answer, ...]:
    """The answers to the questions in `about`; `tell` hears the key of each question before its simulation.

    Raises:
        InputError: an assumption that no study can have.
    """
    of = of or Assumptions()
    of.check()
    makers = {"correlation": _correlation, "gap": _gap, "latency": _latency, "availability": _availability}
    return tuple(answer for each in ABOUT if each in about for answer in makers[each](of, tell))


def to_json(of: Assumptions, answers: Sequence[Answer]) -> str:
    """Assumptions and answers as JSON text."""
    body = {
        "assumptions": {each.name: getattr(of, each.name) for each in fields(of)},
        "answers": [answer.as_dict() for answer in answers],
    }
    return json.dumps(body, ensure_ascii=False, indent=2, allow_nan=False)


def _said(of: Assumptions, *names: str) -> tuple[Text, ...]:
    values = {each.name: {lang: figure(getattr(of, each.name), lang) for lang in _LANGUAGES} for each in fields(of)}
    values["alpha"] = {lang: figure(round(1 - of.level, 6), lang) for lang in _LANGUAGES}
    return tuple(
        Text(
            en=ASSUMPTIONS[name].en.format(**{key: both["en"] for key, both in values.items()}),
            id=ASSUMPTIONS[name].id.format(**{key: both["id"] for key, both in values.items()}),
        )
        for name in (*names, "seed")
    )


def _correlation(of: Assumptions, tell: Tell) -> Iterator[Answer]:
    r, level = of.correlation, of.level
    tell("correlation_power")
    search = Search(
        lambda n: plan_correlation.simulate_power(r, n, level, sims=_sims(of, n), seed=of.seed), of.power, up=True
    )
    formula_n: int | None = max(MIN_UNITS, plan_correlation.power_size(r, of.power, level))
    yield _answer(
        "correlation_power", search, about="correlation", unit="portals", formula_n=formula_n, least=MIN_UNITS,
        most=plan_correlation.MOST_UNITS,
        formula="3 + ((z_level + z_power sqrt(1 + r^2/2)) / atanh r)^2, Fisher z, Bonett and Wright (2000)",
        assumptions=_said(of, "spearman", "units", "power", "permutation"),
    )  # fmt: skip
    tell("correlation_precision")
    search = Search(
        lambda n: plan_correlation.simulate_precision(
            r, n, level, sims=_sims(of, n * plan_correlation.RESAMPLES, _FEWER), seed=of.seed
        ),
        of.correlation_half_width,
        up=False,
    )
    formula_n = plan_correlation.precision_size(r, of.correlation_half_width, level)
    yield _answer(
        "correlation_precision", search, about="correlation", unit="portals", formula_n=formula_n,
        least=DESCRIPTIVE_BELOW, most=1000,
        formula="half of tanh(atanh r +- z sqrt((1 + r^2/2) / (n - 3))), Bonett and Wright (2000)",
        assumptions=_said(of, "spearman", "units", "correlation_width", "bootstrap_units"),
    )  # fmt: skip
    if of.waves > 1:
        tell("repeated_power")
        search = Search(
            lambda n: plan_correlation.simulate_repeated(
                r, n, of.waves, level, sims=_sims(of, n * of.waves), seed=of.seed
            ),
            of.power,
            up=True,
        )
        yield _answer(
            "repeated_power", search, about="correlation", unit="portals",
            formula_n=plan_correlation.repeated_size(r, of.waves, of.power, level),
            least=2 if of.waves > 2 else 4, most=plan_correlation.MOST_UNITS,
            formula="df = portals (waves - 1) - 1; df + 2 = 3 + ((z_level + z_power) / atanh r)^2",
            assumptions=_said(of, "within", "waves", "power", "rm_corr"),
        )  # fmt: skip


def _sims(of: Assumptions, numbers: int, share: int = 1) -> int:
    """Data sets to draw where each holds so many numbers."""
    return max(_LEAST_INTERVALS, min(of.sims // share, _AFFORDABLE // numbers))


def _answer(
    key: str,
    search: Search,
    *,
    about: About,
    unit: str,
    formula_n: int | None,
    least: int,
    most: int,
    formula: str,
    assumptions: tuple[Text, ...],
    finish: Callable[[int, Trial], Trial] = lambda _, found: found,
    each: int = 1,
    runs_per_unit: int | None = None,
    independent_runs: int | None = None,
    days_each: int | None = None,
) -> Answer:
    """Searches by simulation around the formula's number; `each` is how many of the unit one step of it stands for."""
    start = most + 1 if formula_n is None else max(least, math.ceil(formula_n / each))
    # What the formula puts out of reach is not simulated: it would take long to say the same.
    steps = search.smallest(start, least, most) if start <= most else None
    seen = search.tried.get(start)
    return Answer(
        key, about, unit, "power" if search.up else "half_width", search.target, formula, formula_n,
        None if steps is None else steps * each, seen,
        None if steps is None else finish(steps, search.at(steps)),
        most * each, assumptions, runs_per_unit, independent_runs, days_each,
    )  # fmt: skip


def _gap(of: Assumptions, tell: Tell) -> Iterator[Answer]:
    grouped = of.design_effect > 1
    size = of.cluster_size if grouped else 1
    icc = plan_gap.correlation_in_clusters(of.design_effect, size) if grouped else 0.0
    gaps = plan_gap.Gaps(of.gap, of.gap_sd, size, icc)
    most = 200_000 // size
    how = ("clusters",) if grouped else ("single_answers",)
    for key, up, target in (("gap_power", True, of.power), ("gap_precision", False, of.gap_half_width)):
        tell(key)
        search = _gap_search(of, gaps, target, up=up)
        formula_n = (
            plan_gap.power_size(of.gap, of.gap_sd, of.power, of.level, of.design_effect)
            if up
            else plan_gap.precision_size(of.gap_sd, of.gap_half_width, of.level, of.design_effect)
        )
        yield _answer(
            key, search, about="gap", unit="respondents", formula_n=formula_n, least=2, most=most,
            formula="noncentral t, paired; times the design effect"
            if up
            else "t(n-1) sd / sqrt(n) <= half width; times the design effect",
            assumptions=_said(of, "gap", "power" if up else "gap_width", *how, "answered"), each=size,
        )  # fmt: skip


def _gap_search(of: Assumptions, gaps: plan_gap.Gaps, target: float, *, up: bool) -> Search:
    def run(count: int) -> Trial:
        # Power needs many data sets, a mean length few.
        sims = _sims(of, count * gaps.size, 1 if up else 4)
        power, width = plan_gap.simulate(gaps, count, of.level, sims=sims, seed=of.seed)
        return power if up else width

    return Search(run, target, up=up)


def _latency(of: Assumptions, tell: Tell) -> Iterator[Answer]:
    tell("latency_precision")
    waits = plan_probes.Waits(of.runs_per_day, of.latency_sd, of.day_sd, of.day_correlation)
    formula_n = plan_probes.days_size(waits, of.latency_half_width, of.level, MIN_DAYS)
    search = Search(
        lambda days: plan_probes.simulate_days(
            waits, days, of.level, sims=_sims(of, days * of.runs_per_day, 4), seed=of.seed
        ),
        of.latency_half_width,
        up=False,
    )

    def finish(days: int, found: Trial) -> Trial:
        count = max(_LEAST_INTERVALS, min(of.sims // _FEWER, 10_000 // days))
        made = plan_probes.simulate_day_intervals(waits, days, of.level, sims=count, seed=of.seed)
        return Trial(found.value, found.error, found.sims, made.coverage, made.interval, count)

    yield _answer(
        "latency_precision", search, about="latency", unit="days", formula_n=formula_n, least=MIN_DAYS, most=730,
        formula="z sqrt(day_sd^2 V(days, phi) + q (1 - q) / (n f^2)); "
        "independent runs: order statistics, Conover (1999)",
        assumptions=_said(of, "lognormal", "days", "latency_width", "day_bootstrap", "not_failed"), finish=finish,
        runs_per_unit=of.runs_per_day,
        independent_runs=plan_probes.runs_size(of.latency_half_width, of.latency_sd, of.level),
    )  # fmt: skip


def _availability(of: Assumptions, tell: Tell) -> Iterator[Answer]:
    tell("availability_precision")
    share, length = of.availability, of.outage_checks
    formula_n = plan_probes.checks_size(share, of.availability_half_width, length, of.level)
    sims = max(_LEAST_INTERVALS, of.sims // 4)
    # Whole days of checks: nobody stops in the middle of one.
    search = Search(
        lambda days: plan_probes.simulate_checks(
            days * of.runs_per_day, share, length, of.level, sims=sims, seed=of.seed
        ),
        of.availability_half_width,
        up=False,
    )
    yield _answer(
        "availability_precision", search, about="availability", unit="checks", formula_n=formula_n, least=1,
        most=max(1, plan_probes.MOST_RUNS // of.runs_per_day),
        formula="Clopper-Pearson over n / outage_checks independent tries at the expected number of outages",
        assumptions=_said(of, "outages", "checks", "availability_width", "clopper"), each=of.runs_per_day,
        days_each=of.runs_per_day,
    )  # fmt: skip
