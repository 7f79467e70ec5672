"""Person-level association: a linear mixed model whose certainty comes from portals, never from head counts."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from egovqual_link.association import DESCRIPTIVE_BELOW, MIN_UNITS
from egovqual_link.instrument import Text
from egovqual_link.quantiles import LEVEL

Floats = NDArray[np.float64]

#: Each may stop early or claim a worse maximum than another; the best likelihood is kept.
OPTIMISERS: Final = ("lbfgs", "powell", "nm")
#: Log likelihoods closer than this count as the same maximum.
_SAME: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Slope:
    """Points of the answer scale per unit of the indicator, over `n_persons` answers in `n_units` units.

    `df` is counted from the units in which the probe varies. `slope` None has its `reason`. `agreed` names the
    optimisers that reached the best likelihood, of those in OPTIMISERS.
    """

    n_units: int
    n_persons: int
    n_cells: int
    slope: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    df: int | None = None
    agreed: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def descriptive(self) -> bool:
        """Too few units to conclude from."""
        return self.n_units < DESCRIPTIVE_BELOW

    @property
    def note(self) -> Text | None:
        """What to know about the fit where the optimisers did not agree."""
        if self.slope is None or len(self.agreed) == len(OPTIMISERS):
            return None
        lost = ", ".join(name for name in OPTIMISERS if name not in self.agreed)
        kept = ", ".join(self.agreed)
        return Text(
            en=f"optimisers did not agree: {kept} reached the best likelihood, {lost} did not",
            id=f"pengoptimal tidak sepakat: {kept} mencapai kemungkinan terbaik, {lost} tidak",
        )


METHOD: Final = "REML, random intercepts of {unit} and of wave within it; Wald t, df {df} = {n} {unit} - 2"


def mixed_slope(
    y: Sequence[float] | Floats,
    x: Sequence[float] | Floats,
    unit: Sequence[Any] | NDArray[Any],
    cell: Sequence[Any] | NDArray[Any],
    *,
    level: float = LEVEL,
) -> Slope:
    """Slope of the answers `y` on the indicator `x`, one entry a person; `x` is the same within a `cell`.

    A cell is one wave at one `unit` (portal, or region of the only portal); where every unit has one cell, the unit's
    intercept alone is random. Persons of one unit share its intercept, so they add nothing to the degrees of freedom,
    which are units - 2. Fitted by restricted maximum likelihood (Laird and Ware 1982) with each of OPTIMISERS.
    """
    answers, measured = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    units, unit_of = np.unique(np.asarray(unit, dtype=str), return_inverse=True)
    cells, first, cell_of = np.unique(np.asarray(cell, dtype=str), return_index=True, return_inverse=True)
    empty = Slope(len(units), len(answers), len(cells))
    if len(units) < MIN_UNITS:
        return replace(empty, reason=f"n_units={max(1, len(units))}")
    if np.ptp(measured[first]) == 0 or np.ptp(answers) == 0:
        return replace(empty, reason="no_variation")
    # Scaled, because the optimisers stumble over bytes beside scale points.
    spread, middle = float(measured[first].std()), float(measured[first].mean())
    fits = _fits(answers, (measured - middle) / spread, unit_of, cell_of if len(cells) > len(units) else None)
    if not fits:
        return replace(empty, reason="not_converged")
    best = max(fits.values(), key=lambda fit: fit[0])
    agreed = tuple(name for name, fit in fits.items() if best[0] - fit[0] <= _SAME)
    slope, error = best[1] / spread, best[2] / spread
    df = len(units) - 2
    half = float(stats.t.ppf((1 + level) / 2, df)) * error
    return replace(
        empty,
        slope=slope,
        low=slope - half,
        high=slope + half,
        p=float(2 * stats.t.sf(abs(slope / error), df)),
        df=df,
        agreed=agreed,
    )


def _fits(
    y: Floats, x: Floats, unit_of: NDArray[np.intp], cell_of: NDArray[np.intp] | None
) -> dict[str, tuple[float, float, float]]:
    """Log likelihood, slope and its standard error by optimiser, as far as they found any."""
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    fixed = np.column_stack([np.ones(len(y)), x])
    extra: dict[str, Any] = {}
    if cell_of is not None:
        columns, members = [], []
        for each in range(int(unit_of.max()) + 1):
            mine = cell_of[unit_of == each]
            kinds = np.unique(mine)
            columns.append([str(kind) for kind in kinds])
            members.append((mine[:, None] == kinds[None]).astype(float))
        extra["exog_vc"] = VCSpec(["wave"], [columns], [members])
    found: dict[str, tuple[float, float, float]] = {}
    for name in OPTIMISERS:
        model = MixedLM(y, fixed, groups=unit_of, exog_re=np.ones((len(y), 1)), **extra)
        with warnings.catch_warnings():
            # A variance at zero and an early stop are warned about; the comparison of likelihoods tells of both.
            warnings.simplefilter("ignore")
            try:
                fit = model.fit(reml=True, method=name)
                numbers = float(fit.llf), float(fit.fe_params[1]), float(fit.bse_fe[1])
            except (ValueError, np.linalg.LinAlgError):
                continue
        if all(math.isfinite(each) for each in numbers) and numbers[2] > 0:
            found[name] = numbers
    return found
