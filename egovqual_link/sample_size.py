"""How many respondents are enough: Slovin's formula, labelled for what it is, and sizes by wanted precision."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

from egovqual_link.instrument import Text


@dataclass(frozen=True, slots=True)
class SampleSize:
    """A number of respondents with the formula it comes from and what that formula assumes."""

    n: int
    formula: str
    assumes: Text


def slovin(population: int, margin: float = 0.05) -> SampleSize:
    """N / (1 + N e^2), rounded up; `margin` e is a share, 0.05 for five points.

    Raises:
        ValueError: a population below 1, or a margin not between 0 and 1.
    """
    if population < 1 or not 0 < margin < 1:
        raise ValueError("the population must be at least 1 and the margin between 0 and 1")
    return SampleSize(
        n=math.ceil(population / (1 + population * margin**2) - 1e-9),
        formula="N / (1 + N e^2)",
        assumes=Text(
            en="Slovin: for a share near one half at about 95% (z rounded to 2) in a simple random sample; "
            "it says nothing about how precise a mean or a gap will be",
            id="Slovin: untuk proporsi sekitar setengah pada tingkat sekitar 95% (z dibulatkan menjadi 2) dalam "
            "sampel acak sederhana; tidak menjamin ketelitian rata-rata atau kesenjangan",
        ),
    )


def for_mean(sd: float, half_width: float, *, confidence: float = 0.95, population: int | None = None) -> SampleSize:
    """Respondents so that the t interval of a mean (or a gap, with the SD of the gap) is +- half_width wide.

    The smallest n with t(n-1) sd / sqrt(n) <= half_width, and with the finite-population factor
    sqrt((N - n) / (N - 1)) where the population is given.

    Raises:
        ValueError: a number that is not positive, or a confidence not between 0 and 1.
    """
    if sd <= 0 or half_width <= 0 or not 0 < confidence < 1 or (population is not None and population < 2):
        raise ValueError("SD and half width must be positive, confidence between 0 and 1, the population at least 2")

    def width(n: int) -> float:
        factor = 1.0 if population is None else math.sqrt(max(population - n, 0) / (population - 1))
        return float(stats.t.ppf((1 + confidence) / 2, n - 1)) * sd / math.sqrt(n) * factor

    enough = 2
    while width(enough) > half_width:
        enough *= 2
    low, high = max(2, enough // 2), enough
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if width(middle) <= half_width else (middle + 1, high)
    n = high if population is None else min(high, population)
    return SampleSize(
        n=n,
        formula="t(n-1) sd / sqrt(n)" + ("" if population is None else " sqrt((N-n)/(N-1))") + " <= half width",
        assumes=Text(
            en=f"SD {sd:g} as assumed, half width {half_width:g}, {confidence:.0%}, a simple random sample; "
            "add those who will not answer",
            id=f"simpangan baku {sd:g} menurut asumsi, setengah lebar {half_width:g}, {confidence:.0%}, "
            "sampel acak sederhana; tambahkan yang tidak akan menjawab",
        ),
    )
