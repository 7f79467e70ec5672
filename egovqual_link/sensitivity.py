"""Would another choice have told another story? The declared indicators under other windows, quantiles and runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection

from egovqual_link.external import Records, external_values
from egovqual_link.indicators import Memo
from egovqual_link.instrument import Indicator, Instrument
from egovqual_link.measures import MEASURES, Bench, Settings, Value
from egovqual_link.refusals import why_none
from egovqual_link.store_scope import Scope
from egovqual_link.study import Study
from egovqual_link.survey import Survey
from egovqual_link.units import Respondents, UnitKey, Units, both_sides, over_units, place_respondents

#: One row for each declared indicator, portal and choice, over the last wave. `varied` says which choice was
#: changed (window, aggregate, runs), `choice` to what; `base` marks the choices as declared.
SENSITIVITY_COLUMNS: Final = (
    "portal", "indicator", "varied", "choice", "base", "recall_lag_days", "unit", "value", "bound", "n_runs", "reason",
)  # fmt: skip
#: One row for each hypothesis and choice: Spearman's rho over units; `varied` may also be `respondents`.
ROBUSTNESS_COLUMNS: Final = (
    "item", "indicator", "score", "status", "varied", "choice", "base", "method", "over", "n_units", "r", "low", "high",
    "p", "reason", "reason_en", "reason_id",
)  # fmt: skip
AGGREGATES: Final = (("median", 0.5), ("p75", 0.75), ("p95", 0.95))
#: No interval is shown for these values, so none is worked out.
POINT: Final = Settings(min_days=10**9, resamples=1)


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to look; what is None is as declared."""

    varied: str
    name: str
    base: bool = False
    lag: int | None = None
    quantile: float | None = None
    contended: bool = False
    unflagged: bool = False


def choices(study: Study) -> tuple[Choice, ...]:
    """All choices: windows, quantiles, runs and respondents, each changed alone."""
    lags = sorted({*study.sensitivity_days, study.recall_lag_days})
    return (
        *(Choice("window", f"{lag} days", lag == study.recall_lag_days, lag=lag) for lag in lags),
        *(
            Choice("aggregate", name, q == 0.75, quantile=None if q == 0.75 else q) for name, q in AGGREGATES
        ),
        Choice("runs", "without contended", base=True),
        Choice("runs", "with contended", contended=True),
        Choice("respondents", "all", base=True),
        Choice("respondents", "unflagged", unflagged=True),
    )  # fmt: skip


@dataclass(frozen=True)
class Look:
    """The store seen under one choice after the other; what two choices share is asked once."""

    connection: Connection
    study: Study
    instrument: Instrument
    records: Sequence[Records] = ()
    known: dict[Any, Value] = field(default_factory=dict)
    memo: Memo = field(default_factory=dict)

    def value(self, key: UnitKey, indicator: Indicator, choice: Choice) -> Value | None:
        """The indicator of a unit under `choice`; None where its wave is not of the study."""
        portal, region, wave = key
        dated = next((each for each in self.study.waves if each.name == wave), None)
        if dated is None:
            return None
        lag = self.study.recall_lag_days if choice.lag is None else choice.lag
        name = (key, indicator.key, lag, choice.quantile, choice.contended)
        if name not in self.known:
            window = self.study.window(dated, lag)
            scope = Scope(portal, window, location=region or None, contended=choice.contended)
            settings = Settings(POINT.level, POINT.min_days, POINT.resamples, quantile=choice.quantile)
            if indicator.origin == "external":
                self.known[name] = external_values(self.records, portal, window).get(indicator.key, Value())
            elif indicator.key in MEASURES:
                self.known[name] = MEASURES[indicator.key](
                    Bench(self.connection, scope, settings, self.memo.setdefault(scope, {}))
                )
            else:
                self.known[name] = Value()
        return self.known[name]


def _declared(study: Study, instrument: Instrument) -> Iterator[Indicator]:
    wanted = dict.fromkeys(each.indicator for each in study.hypotheses)
    found = {indicator.key: indicator for _, indicator in instrument.indicators()}
    yield from (found[key] for key in wanted if key in found)


def _applies(choice: Choice, indicator: Indicator) -> bool:
    """Whether a choice can change the indicator at all: only waits have another quantile, only probes a host."""
    if choice.varied == "aggregate":
        return "_p75_" in indicator.key and indicator.origin == "probe"
    return choice.varied != "runs" or indicator.origin == "probe"


def sensitivity(look: Look, portals: Iterable[str]) -> pd.DataFrame:
    """SENSITIVITY_COLUMNS: every declared indicator of each portal over the last wave, under each choice."""
    study = look.study
    rows = []
    for choice in (each for each in choices(study) if each.varied != "respondents"):
        for indicator in _declared(study, look.instrument):
            for portal in portals if _applies(choice, indicator) else ():
                value = look.value((portal, "", study.waves[-1].name), indicator, choice) or Value()
                rows.append(
                    {
                        "portal": portal,
                        "indicator": indicator.key,
                        "varied": choice.varied,
                        "choice": choice.name,
                        "base": choice.base,
                        "recall_lag_days": study.recall_lag_days if choice.lag is None else choice.lag,
                        "unit": indicator.unit,
                        "value": value.value,
                        "bound": ">=" if value.at_least else None,
                        "n_runs": value.n_runs,
                        "reason": value.reason,
                    }
                )
    return pd.DataFrame(rows, columns=list(SENSITIVITY_COLUMNS))


def robustness(look: Look, respondents: Respondents | None, portals: Sequence[str]) -> pd.DataFrame:
    """ROBUSTNESS_COLUMNS: Spearman's rho of every hypothesis under each choice; empty without answers of persons."""
    rows: list[dict[str, Any]] = []
    if respondents is None:
        return pd.DataFrame(rows, columns=list(ROBUSTNESS_COLUMNS))
    everyone, unflagged = respondents.means(), _unflagged(respondents, look.study, portals)
    indicators = {each.key: each for each in _declared(look.study, look.instrument)}
    for hypothesis in look.study.hypotheses:
        indicator = indicators[hypothesis.indicator]
        for choice in (each for each in choices(look.study) if _applies(each, indicator)):
            measured: dict[UnitKey, dict[str, float]] = {}
            for key in respondents.keys:
                value = look.value(key, indicator, choice)
                if value is not None and value.value is not None:
                    measured[key] = {indicator.key: value.value}
            units = Units(unflagged if choice.unflagged else everyone, measured)
            x, y, names = both_sides(units, indicator.key, hypothesis.item, hypothesis.score)
            found = over_units(x, y, names)[0]
            words = why_none(found.reason, found.n) if found.reason else None
            rows.append(
                {
                    "item": hypothesis.item,
                    "indicator": indicator.key,
                    "score": hypothesis.score,
                    "status": "declared" if choice.base else "exploratory",
                    "varied": choice.varied,
                    "choice": choice.name,
                    "base": choice.base,
                    "method": found.method,
                    "over": units.over,
                    "n_units": found.n,
                    "r": found.r,
                    "low": found.low,
                    "high": found.high,
                    "p": found.p,
                    "reason": found.reason,
                    "reason_en": words.en if words else None,
                    "reason_id": words.id if words else None,
                }
            )
    return pd.DataFrame(rows, columns=list(ROBUSTNESS_COLUMNS))


def _unflagged(respondents: Respondents, study: Study, portals: Sequence[str]) -> Any:
    survey: Survey = respondents.survey.without()
    regions: dict[str, set[str]] = {}
    for portal, region, _ in respondents.keys:
        if region:
            regions.setdefault(portal, set()).add(region)
    placed = place_respondents(
        survey, study, portals=portals, regions={name: frozenset(each) for name, each in regions.items()}
    )
    return placed.means() if placed else {}
