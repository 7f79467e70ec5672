"""Which portals, regions and waves can be compared, and the coefficients over them: as far as the data allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from egovqual_link.association import Coefficient, benjamini_hochberg, rank_correlation, rm_corr, tost_correlation
from egovqual_link.indicators import Measured
from egovqual_link.instrument import Indicator, Instrument
from egovqual_link.persons import METHOD, mixed_slope
from egovqual_link.refusals import why_none
from egovqual_link.scores import Source
from egovqual_link.study import Study
from egovqual_link.survey import NO_ANSWER, Survey
from egovqual_link.windows import zone

#: One row for each item, indicator, score and method. `status`: declared in the study file before looking, or
#: exploratory. `level`: `units` (a coefficient r; `ecological`: nothing follows about persons) or `persons` (`slope`
#: in `slope_unit`, to which `low` and `high` belong). `p_adjusted`: Benjamini-Hochberg over the rows of one method,
#: score and status. `origin`: measured by probes, or from the operator's records.
ASSOCIATION_COLUMNS: Final = (
    "item", "indicator", "origin", "score", "level", "method", "over", "n_units", "n_persons", "r", "slope",
    "slope_unit", "low", "high", "interval_method", "p", "p_method", "df", "p_adjusted", "status", "declared",
    "expected", "descriptive", "ecological", "margin", "equivalence_p", "reason", "reason_en", "reason_id", "note_en",
    "note_id",
)  # fmt: skip

#: One row for each unit, wave, item, indicator and score where both sides are known; `unit` is what coefficients count.
UNIT_COLUMNS: Final = ("portal", "region", "wave", "unit", "item", "indicator", "score", "measured", "said")

#: Portal, region, wave; region and wave are empty where they are not told apart.
UnitKey = tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class Respondents:
    """The unit of every respondent: `keys` are the units in order, `code` an index into them (-1: in none).

    `outside` counts those whose date lies in no wave.
    """

    survey: Survey
    keys: tuple[UnitKey, ...]
    code: Any
    outside: int = 0

    def means(self) -> dict[UnitKey, dict[tuple[str, str], float]]:
        """Item means by unit: (item, score) -> mean over those who answered both questions."""
        return {key: _means(self.survey, np.flatnonzero(self.code == index)) for index, key in enumerate(self.keys)}

    def answers(self, item: str, score: str) -> tuple[Any, Any]:
        """Scores of an item and the unit of each, one entry a person who answered both questions."""
        index = self.survey.instrument.item_keys.index(item)
        performance, importance = self.survey.performance[:, index], self.survey.importance[:, index]
        kept = (performance > NO_ANSWER) & (importance > NO_ANSWER) & (self.code >= 0)
        scores = performance[kept].astype(float)
        return scores - importance[kept] if score == "gap" else scores, self.code[kept]


@dataclass(frozen=True, slots=True)
class Units:
    """Portals, regions and waves that were both asked about and probed, with what was found in each.

    `said`: unit -> (item, score) -> mean; `measured`: unit -> indicator -> value.
    """

    said: Mapping[UnitKey, Mapping[tuple[str, str], float]]
    measured: Mapping[UnitKey, Mapping[str, float]]
    respondents: Respondents | None = None

    @property
    def keys(self) -> list[UnitKey]:
        """Units with both sides, in order."""
        return sorted(self.said.keys() & self.measured.keys())

    @property
    def over(self) -> str:
        """What a coefficient runs over: portals; regions of the only portal; waves where there is one region too."""
        for name, place in (("portals", 0), ("regions", 1)):
            if len({key[place] for key in self.keys}) > 1:
                return name
        return "waves" if len(self.keys) > 1 else "portals"

    @property
    def count(self) -> int:
        """How many units that is; at least the one at hand."""
        return max(1, len({self.name(key) for key in self.keys}))

    def name(self, key: UnitKey) -> str:
        """The unit that `key` belongs to; waves (and regions) of one portal are one unit where portals are many."""
        return key[("portals", "regions", "waves").index(self.over)]


def place_respondents(
    survey: Source, study: Study | None, *, portals: Sequence[str], regions: Mapping[str, frozenset[str]]
) -> Respondents | None:
    """The unit of each respondent; None where answers are not known by person, or not by portal.

    Answers without a portal belong to the only one of `portals`. Regions are told apart at portals that were probed
    from at least two of the survey's regions (`regions`: portal -> locations of its runs); elsewhere the probe does
    not vary by region. Waves are told apart where a study dates them; who names no wave is placed by the date.
    """
    if not isinstance(survey, Survey):
        return None
    people = survey.respondents
    portal = people["portal"].astype("object")
    if not portal.notna().any():
        if len(portals) != 1:
            return None
        portal = pd.Series([portals[0]] * survey.n, dtype="object")
    wave, outside = _waves(people, study)
    region = people["region"].astype("object").fillna("")
    said = pd.DataFrame({"portal": portal, "region": region}).drop_duplicates()
    told = {
        name for name in portals if len(set(said.loc[said["portal"] == name, "region"]) & regions.get(name, set())) > 1
    }
    region = region.where(portal.isin(told), "")
    known = portal.notna() & wave.notna() & ~(portal.isin(told) & (region == ""))
    rows = pd.MultiIndex.from_arrays([portal.where(known, ""), region, wave.where(known, "")])
    code, index = pd.factorize(rows, sort=True)
    names = [tuple(str(part) for part in key) for key in index]
    order: dict[UnitKey, int] = {}
    kept = np.full(len(names), -1)
    for number in np.unique(code[known.to_numpy()]):
        portal_, region_, wave_ = names[number]
        kept[number] = order.setdefault((portal_, region_, wave_), len(order))
    return Respondents(survey, tuple(order), np.where(known.to_numpy(), kept[code], -1), outside)


def _waves(people: pd.DataFrame, study: Study | None) -> tuple[pd.Series[Any], int]:
    """The wave of each respondent (all one without a study), and how many have a date outside every wave."""
    if study is None:
        return pd.Series([""] * len(people), dtype="object"), 0
    wave = people["wave"].astype("object")
    blank = wave.isna() & people["time"].notna()
    if not blank.any():
        return wave, 0
    day = people["time"].dt.tz_convert(zone(study.time_zone)).dt.date
    for each in study.waves:
        wave = wave.mask(blank & (day >= each.start) & (day <= each.end), each.name)
    return wave, int((wave.isna() & blank).sum())


def _means(survey: Survey, rows: Any) -> dict[tuple[str, str], float]:
    performance, importance = survey.performance[rows], survey.importance[rows]
    means: dict[tuple[str, str], float] = {}
    for index, item in enumerate(survey.instrument.items):
        both = (performance[:, index] > NO_ANSWER) & (importance[:, index] > NO_ANSWER)
        if both.any():
            scored = performance[both, index].astype(float)
            means[item.key, "performance"] = float(scored.mean())
            means[item.key, "gap"] = float((scored - importance[both, index]).mean())
    return means


def measured_values(found: tuple[Measured, ...]) -> dict[str, float]:
    """Indicator values that were measured; an item's indicators only, without context."""
    return {
        each.indicator.key: each.value.value for each in found if each.fit is not None and each.value.value is not None
    }


Pair = tuple[str, Indicator]


def item_pairs(instrument: Instrument, *, external: bool = False) -> list[Pair]:
    """Every item with each of its indicators; those from an operator's records only where they were imported."""
    return [
        (item.key, each) for item in instrument.items for each in item.indicators if external or each.origin == "probe"
    ]


def associations(units: Units, pairs: Sequence[Pair], study: Study | None) -> pd.DataFrame:
    """Coefficients for each (item, indicator) of `pairs`, ASSOCIATION_COLUMNS.

    Over portals each counts once, at the mean of its waves; rm_corr asks separately whether the two move together
    from wave to wave within portals. Performance comes first: importance is not expected to follow what is measured.
    Declared pairs have one more row, the mixed model over persons.
    """
    rows: list[dict[str, Any]] = []
    for item, indicator in pairs:
        for score in ("performance", "gap"):
            rows += _pair(units, (item, indicator), score, study)
    for family in sorted({(row["method"], row["score"], row["status"]) for row in rows}):
        tested = [
            row for row in rows if (row["method"], row["score"], row["status"]) == family and row["p"] is not None
        ]
        for row, adjusted in zip(tested, benjamini_hochberg([row["p"] for row in tested]), strict=True):
            row["p_adjusted"] = adjusted
    return pd.DataFrame(rows, columns=list(ASSOCIATION_COLUMNS))


def _pair(units: Units, pair: Pair, score: str, study: Study | None) -> list[dict[str, Any]]:
    item, indicator = pair
    x, y, names = both_sides(units, indicator.key, item, score)
    declared = study.declares(indicator.key, item, score) if study else None
    base = dict.fromkeys(ASSOCIATION_COLUMNS) | {
        "item": item,
        "indicator": indicator.key,
        "origin": "operator" if indicator.origin == "external" else "probe",
        "score": score,
        "level": "units",
        "status": "declared" if declared else "exploratory",
        "declared": declared is not None,
        "expected": declared.direction if declared else None,
        "ecological": True,
    }
    found = [(units.over, each) for each in over_units(x, y, names)]
    if len(names) > len(set(names)):
        found.append((f"waves within {units.over}", rm_corr(x, y, names)))
    rows = [base | _row(over, each, study) for over, each in found]
    if declared is not None:
        rows.append(base | _persons_row(units, pair, score))
    return rows


def both_sides(units: Units, indicator: str, item: str, score: str) -> tuple[list[float], list[float], list[str]]:
    """What was measured, what was said, and the unit it belongs to, where both are known."""
    both = [
        (units.measured[key][indicator], units.said[key][item, score], units.name(key))
        for key in units.keys
        if indicator in units.measured[key] and (item, score) in units.said[key]
    ]
    return [each[0] for each in both], [each[1] for each in both], [each[2] for each in both]


def unit_values(units: Units, pairs: Sequence[Pair]) -> pd.DataFrame:
    """The points behind the coefficients of `pairs`, UNIT_COLUMNS."""
    rows = [
        (*key, units.name(key), item, indicator.key, score, units.measured[key][indicator.key], said)
        for item, indicator in pairs
        for key in units.keys
        if indicator.key in units.measured[key]
        for score in ("performance", "gap")
        if (said := units.said[key].get((item, score))) is not None
    ]
    return pd.DataFrame(rows, columns=list(UNIT_COLUMNS))


def over_units(x: Sequence[float], y: Sequence[float], names: Sequence[str]) -> list[Coefficient]:
    """Spearman's rho and Kendall's tau over units, each at the mean of its rows."""
    table = pd.DataFrame({"unit": list(names), "x": x, "y": y}).groupby("unit", sort=True).mean()
    a, b = table["x"].tolist(), table["y"].tolist()
    return [rank_correlation(a, b, method="spearman"), rank_correlation(a, b, method="kendall")]


def _row(over: str, found: Coefficient, study: Study | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "method": found.method,
        "over": over,
        "n_units": found.n,
        "r": found.r,
        "low": found.low,
        "high": found.high,
        "interval_method": found.interval_method,
        "p": found.p,
        "p_method": found.p_method,
        "df": found.df,
        "descriptive": found.descriptive,
        **_reason(found.reason, found.n),
    }
    if study is not None and study.margin is not None and found.r is not None and found.method == "spearman":
        equivalence = tost_correlation(found.r, found.n, study.margin, method="spearman")
        row |= {"margin": study.margin, "equivalence_p": equivalence.p}
    return row


def _persons_row(units: Units, pair: Pair, score: str) -> dict[str, Any]:
    item, indicator = pair
    row: dict[str, Any] = {
        "level": "persons",
        "method": "mixed_model",
        "over": "persons",
        "ecological": False,
        "descriptive": True,
        "slope_unit": f"scale points per {_ONE[indicator.unit]}",
    }
    people = units.respondents
    if people is None:
        return row | {"n_units": units.count} | _reason("no_persons", units.count)
    scores, code = people.answers(item, score)
    values = np.array([units.measured.get(key, {}).get(indicator.key, np.nan) for key in people.keys])
    probed = np.isfinite(values[code])
    scores, code = scores[probed], code[probed]
    names = np.array([units.name(key) for key in people.keys])
    found = mixed_slope(scores, values[code], names[code], code)
    row |= {
        "n_units": found.n_units,
        "n_persons": found.n_persons,
        "slope": found.slope,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "df": found.df,
        "descriptive": found.descriptive,
        **_reason(found.reason, found.n_units),
    }
    if found.slope is not None:
        method = METHOD.format(unit=units.over, df=found.df, n=found.n_units)
        row |= {"interval_method": method, "p_method": method}
    if found.note is not None:
        row |= {"note_en": found.note.en, "note_id": found.note.id}
    return row


_ONE: Final = {
    "seconds": "second", "hours": "hour", "days": "day", "bytes": "byte", "count": "one more", "levels": "level",
    "share": "share of 1", "ratio": "unit of the ratio", "score": "unit of the score",
}  # fmt: skip


def _reason(reason: str | None, n: int) -> dict[str, str | None]:
    words = why_none(reason, n) if reason else None
    return {
        "reason": reason,
        "reason_en": words.en if words else None,
        "reason_id": words.id if words else None,
    }
