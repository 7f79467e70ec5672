"""Which portals and waves can be compared, and the coefficients over them: as far as the data allow, and no further."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from egovqual_link.association import (
    MIN_UNITS,
    Coefficient,
    benjamini_hochberg,
    rank_correlation,
    rm_corr,
    tost_correlation,
)
from egovqual_link.indicators import Measured
from egovqual_link.instrument import Text
from egovqual_link.scores import Source
from egovqual_link.study import Study
from egovqual_link.survey import NO_ANSWER, Survey

#: One row for each item, indicator, score and method. `p_adjusted`: Benjamini-Hochberg over the rows of one method and
#: score. `ecological` says that units are portals or waves: nothing follows about persons.
ASSOCIATION_COLUMNS: Final = (
    "item", "indicator", "score", "method", "over", "n_units", "r", "low", "high", "interval_method", "p", "p_method",
    "p_adjusted", "declared", "expected", "descriptive", "ecological", "margin", "equivalence_p", "reason",
)  # fmt: skip

UnitKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Units:
    """Portal and wave pairs that were both asked about and probed, with what was found in each.

    `said`: (portal, wave) -> (item, score) -> mean; `measured`: (portal, wave) -> indicator -> value.
    """

    said: Mapping[UnitKey, Mapping[tuple[str, str], float]]
    measured: Mapping[UnitKey, Mapping[str, float]]

    @property
    def keys(self) -> list[UnitKey]:
        """Pairs with both sides, in order."""
        return sorted(self.said.keys() & self.measured.keys())

    @property
    def portals(self) -> list[str]:
        """Portals with both sides, in order."""
        return sorted({portal for portal, _ in self.keys})

    @property
    def count(self) -> int:
        """Units that a coefficient may run over: portals, or the waves of the only portal. At least the one at hand."""
        portals = len(self.portals)
        return max(1, len(self.keys) if portals == 1 else portals)


def said_by_unit(survey: Source, *, waves: bool) -> dict[UnitKey, dict[tuple[str, str], float]]:
    """Item means by portal and wave; empty where answers are not known by portal. Without `waves` all are one."""
    if not isinstance(survey, Survey) or "portal" not in survey.respondents:
        return {}
    portals = survey.respondents["portal"].astype("object")
    if not portals.notna().any():
        return {}
    rounds = survey.respondents["wave"].astype("object") if waves else pd.Series([""] * survey.n)
    found: dict[UnitKey, dict[tuple[str, str], float]] = {}
    keys = pd.DataFrame({"portal": portals.to_numpy(), "wave": rounds.to_numpy()}).dropna()
    for portal, mine in keys.groupby("portal", sort=True):
        for wave, rows in mine.groupby("wave", sort=True):
            found[str(portal), str(wave)] = _means(survey, rows.index.to_numpy(dtype=int))
    return found


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


def associations(units: Units, pairs: list[tuple[str, str]], study: Study | None) -> pd.DataFrame:
    """Coefficients for each (item, indicator) of `pairs`, ASSOCIATION_COLUMNS; empty with fewer than five units.

    Over portals each counts once, at the mean of its waves; rm_corr asks separately whether the two move together
    from wave to wave within portals. Performance comes first: importance is not expected to follow what is measured.
    """
    rows: list[dict[str, Any]] = []
    for item, indicator in pairs:
        for score in ("performance", "gap"):
            rows += _pair(units, item, indicator, score, study)
    for method, score in sorted({(row["method"], row["score"]) for row in rows}):
        tested = [row for row in rows if (row["method"], row["score"]) == (method, score) and row["p"] is not None]
        for row, adjusted in zip(tested, benjamini_hochberg([row["p"] for row in tested]), strict=True):
            row["p_adjusted"] = adjusted
    return pd.DataFrame(rows, columns=list(ASSOCIATION_COLUMNS))


def _pair(units: Units, item: str, indicator: str, score: str, study: Study | None) -> list[dict[str, Any]]:
    both = [
        (portal, units.measured[portal, wave][indicator], units.said[portal, wave][item, score])
        for portal, wave in units.keys
        if indicator in units.measured[portal, wave] and (item, score) in units.said[portal, wave]
    ]
    names = [portal for portal, _, _ in both]
    over = "waves" if len(set(names)) == 1 else "portals"
    x, y = [each[1] for each in both], [each[2] for each in both]
    if over == "portals":
        table = pd.DataFrame({"portal": names, "x": x, "y": y}).groupby("portal", sort=True).mean()
        found = [_over(table["x"].tolist(), table["y"].tolist(), over, method) for method in ("spearman", "kendall")]
        if len(names) > len(set(names)):
            found.append(("portal-waves", rm_corr(x, y, names)))
    else:
        found = [_over(x, y, over, method) for method in ("spearman", "kendall")]
    declared = study.declares(indicator, item, score) if study else None
    base = {
        "item": item,
        "indicator": indicator,
        "score": score,
        "declared": declared is not None,
        "expected": declared.direction if declared else None,
        "ecological": True,
    }
    return [base | _row(over, each, study) for over, each in found]


def _over(x: list[float], y: list[float], over: str, method: Any) -> tuple[str, Coefficient]:
    return over, rank_correlation(x, y, method=method)


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
        "p_adjusted": None,
        "descriptive": found.descriptive,
        "margin": None,
        "equivalence_p": None,
        "reason": found.reason,
    }
    if study is not None and study.margin is not None and found.r is not None and found.method == "spearman":
        row |= {"margin": study.margin, "equivalence_p": tost_correlation(found.r, found.n, study.margin).p}
    return row


def too_few(n_units: int) -> Text:
    """Why there is no coefficient, in words."""
    if n_units == 1:
        return Text(
            en="The survey describes one portal at one time; a coefficient needs at least five portals, regions or "
            "waves",
            id="Survei menggambarkan satu portal pada satu waktu; koefisien memerlukan sedikitnya lima portal, "
            "wilayah, atau gelombang",
        )
    return Text(
        en=f"{n_units} units are too few; a coefficient needs at least {MIN_UNITS} portals, regions or waves",
        id=f"{n_units} unit terlalu sedikit; koefisien memerlukan sedikitnya {MIN_UNITS} portal, wilayah, atau "
        "gelombang",
    )
