"""One indicator on both sides: the values, their difference, its interval, and the dominance of the waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from egovqual_link import readings
from egovqual_link.compare_read import MADE_OF, PAGE_METRICS, SEARCH_SHARES, TRIES, Reader
from egovqual_link.differences import (
    MIN_RANKED,
    DayDraws,
    Interval,
    Ranks,
    mean_interval,
    newcombe,
    over_streaks,
    quantile_interval,
    rank_difference,
)
from egovqual_link.indicators import NOT_PROBED
from egovqual_link.instrument import Text
from egovqual_link.like_for_like import told
from egovqual_link.measures import MEASURES
from egovqual_link.measures_waits import quantile_value
from egovqual_link.measuring import NO_SPREAD, Settings, Value, few_days
from egovqual_link.quantiles import Counted, Mix
from egovqual_link.readings_pages import METRICS
from egovqual_link.store_scope import JOURNEYS

Q: Final = 0.75
BOTH_AT_DEADLINE: Final = Text(
    en="on both sides the figure lies at or beyond the deadline, so nobody knows which is longer",
    id="di kedua sisi angkanya pada atau melewati tenggat, jadi tidak diketahui mana yang lebih lama",
)
BOTH_OPEN: Final = Text(
    en="on both sides no outage was seen, so only lower bounds are known",
    id="di kedua sisi tidak terlihat gangguan, jadi hanya batas bawah yang diketahui",
)
NO_COMMON_PAGE: Final = Text(en="the sides have no page in common", id="tidak ada halaman yang sama di kedua sisi")
FEW_RANKED: Final = Text(
    en=f"no rank test: fewer than {MIN_RANKED} waits of a page on a side",
    id=f"tanpa uji peringkat: kurang dari {MIN_RANKED} tunggu suatu halaman di satu sisi",
)
AS_IF_INDEPENDENT: Final = Text(
    en="the p-value takes runs for independent, which runs close in time are not; the interval does not",
    id="nilai p menganggap uji saling bebas, padahal uji yang berdekatan tidak; interval tidak menganggap begitu",
)
#: No interval for a difference, by the beginning of the indicator's key.
_NO_INTERVAL: Final = (
    (
        "mt",
        "too few outages for an interval of a difference; read the availability",
        "gangguan terlalu sedikit untuk selang suatu beda; baca ketersediaan",
    ),
    ("availability_worst", "the lowest of 24 shares is low by selection", "nilai terendah dari 24 pasti rendah"),
    ("browser_device", "the browsers are chosen, not drawn at random", "peramban dipilih, bukan diambil acak"),
    ("maintenance", "announced maintenance is not a random event", "pemeliharaan terjadwal bukan kejadian acak"),
    (
        "",
        "what a form asks is a property of the form, not a sample",
        "isi formulir adalah sifat formulir, bukan sampel",
    ),
)


@dataclass(frozen=True)
class Found:
    """An indicator on both sides; `difference` is right minus left, with `bound` where it is one only.

    `exact` marks what is counted, not sampled: the fields that a form asks.
    """

    left: Value
    right: Value
    difference: float | None = None
    bound: str | None = None
    interval: Interval | None = None
    interval_method: str | None = None
    interval_reason: Text | None = None
    exact: bool = False
    paired: bool | None = None
    days: tuple[int, int] | None = None
    ranks: Ranks | None = None
    rank_note: Text | None = None
    notes: tuple[Text, ...] = ()
    pages: frozenset[tuple[str, ...]] = frozenset()
    kinds: tuple[str, ...] | None = None


def difference(left: Reader, right: Reader, key: str, *, paired: bool) -> Found:
    """The indicator `key` on both sides; `paired` says that both windows are the same."""
    if key in PAGE_METRICS:
        return _page_metric(left, right, key, paired=paired)
    if key not in MEASURES:
        return Found(NOT_PROBED, NOT_PROBED)
    values = MEASURES[key](left.bench), MEASURES[key](right.bench)
    if values[0].value is None or values[1].value is None:
        return Found(*values)
    mine, theirs = left.waits(key), right.waits(key)
    if mine is not None and theirs is not None:
        return _waits((mine, theirs), values, left.bench.settings, paired=paired)
    if key in SEARCH_SHARES:
        return _shares(left, right, key, values, paired=paired)
    return _tries(left, right, key, values) if key in TRIES else _plain(key, values)


def _page_metric(left: Reader, right: Reader, key: str, *, paired: bool) -> Found:
    """A page metric over the pages that both sides have: what only one side opened would bend the difference."""
    metric = PAGE_METRICS[key]
    censor = METRICS[metric]
    named = left.has_page_load and right.has_page_load
    kinds, whose = (("page_load",), "page_load flows") if named else (JOURNEYS, "all journeys")
    counts = [side.pages(metric, kinds=kinds) for side in (left, right)]
    pages = [{each.stratum for each in side} for side in counts]
    common = pages[0] & pages[1]
    notes = []
    if all(pages) and (alone := sorted(pages[0] ^ pages[1])):
        names = ", ".join(" · ".join(each) for each in alone)
        notes.append(
            told(
                f"left out, since one side alone has them: {names}",
                f"tidak disertakan karena hanya ada di satu sisi: {names}",
            )
        )
    if common:
        counts = [[each for each in side if each.stratum in common] for side in counts]
    rest = "failed openings censored at the deadline" if censor else "openings that failed left out"
    method = f"p75 over page openings, every page of the {whose} that both sides have weighing the same; {rest}"
    mine, theirs = (
        quantile_value(side.bench, each, Q, method, kinds) for side, each in zip((left, right), counts, strict=True)
    )
    if not common:
        return Found(mine, theirs, interval_reason=NO_COMMON_PAGE if all(pages) else None, notes=tuple(notes))
    found = _waits(
        (counts[0], counts[1]), (mine, theirs), left.bench.settings, paired=paired, ranked=key not in MADE_OF
    )
    return replace(found, notes=tuple(notes), pages=frozenset(common), kinds=kinds)


def _waits(
    counts: tuple[Sequence[Counted], Sequence[Counted]],
    values: tuple[Value, Value],
    settings: Settings,
    *,
    paired: bool,
    ranked: bool = True,
) -> Found:
    """The p75 of waits (or sizes) that were counted by day."""
    mixes = Mix(counts[0]), Mix(counts[1])
    draws = DayDraws(tuple(mixes[0].days), tuple(mixes[1].days), paired, settings)
    both = values[0].at_least and values[1].at_least
    interval = None
    if both:
        reason: Text | None = BOTH_AT_DEADLINE
    elif not draws.enough:
        reason = few_days(settings, draws.blocks)
    else:
        interval, reason = _with_spread(quantile_interval(*mixes, Q, draws))
    ranks = rank_difference(*counts, draws) if ranked else None
    return Found(
        *values,
        difference=None if both else _minus(values),
        bound=_bound(values),
        interval=interval,
        interval_method=_day_method(settings, paired=paired) if interval else None,
        interval_reason=reason,
        paired=paired,
        days=(len(mixes[0].days), len(mixes[1].days)),
        ranks=ranks,
        rank_note=None if ranks is None else FEW_RANKED if ranks.p is None else AS_IF_INDEPENDENT,
    )


def _with_spread(interval: Interval) -> tuple[Interval | None, Text | None]:
    return (None, NO_SPREAD) if interval.low == interval.high else (interval, None)


def _bound(values: tuple[Value, Value]) -> str | None:
    """Which way the difference is open: the right figure may be longer, or the left one."""
    if values[0].at_least == values[1].at_least:
        return None
    return "<=" if values[0].at_least else ">="


def _day_method(settings: Settings, *, paired: bool) -> str:
    how = "whole days, the same for both sides" if paired else "whole days of each side"
    return f"bootstrap of {how}, {settings.resamples} resamples, expanded percentile"


def _shares(left: Reader, right: Reader, key: str, values: tuple[Value, Value], *, paired: bool) -> Found:
    """A mean over search runs of a share of the gold queries."""
    settings = left.bench.settings
    days = [
        readings.by_day(each.bench.connection, each.bench.scope, SEARCH_SHARES[key], "search") for each in (left, right)
    ]
    left_days, right_days = (tuple(day for day, _, _ in side) for side in days)
    draws = DayDraws(left_days, right_days, paired, settings)
    interval: Interval | None = None
    reason: Text | None = few_days(settings, draws.blocks)
    if draws.enough:
        mine, theirs = ([(total, float(count)) for _, total, count in side] for side in days)
        interval, reason = _with_spread(mean_interval(mine, theirs, draws))
    return Found(
        *values,
        difference=_minus(values),
        interval=interval,
        interval_method=_day_method(settings, paired=paired) if interval else None,
        interval_reason=reason,
        paired=paired,
        days=(len(left_days), len(right_days)),
    )


def _tries(left: Reader, right: Reader, key: str, values: tuple[Value, Value]) -> Found:
    """A share of tries, by Newcombe's interval over separate streaks of failures."""
    work, good = TRIES[key]
    tries = work(left.bench), work(right.bench)
    assert tries[0] is not None
    assert tries[1] is not None
    settings = left.bench.settings
    effective = [over_streaks(each.n, each.bad, each.episodes) for each in (tries[0], tries[1])]
    interval = newcombe(effective[0], effective[1], settings.level)
    if not good:
        interval = Interval(-interval.high, -interval.low)
    streaks = f"{tries[0].episodes} and {tries[1].episodes}"
    return Found(
        *values,
        difference=_minus(values),
        interval=interval,
        interval_method=f"Newcombe (Wilson) over {streaks} separate streaks of failures",
    )


def _plain(key: str, values: tuple[Value, Value]) -> Found:
    en, id_ = next((en, id_) for start, en, id_ in _NO_INTERVAL if key.startswith(start))
    notes: tuple[Text, ...] = ()
    if values[0].note and values[1].note and values[0].note != values[1].note:
        notes = (told(f"{values[0].note.en} → {values[1].note.en}", f"{values[0].note.id} → {values[1].note.id}"),)
    both = values[0].at_least and values[1].at_least
    return Found(
        *values,
        difference=None if both else _minus(values),
        bound=_bound(values),
        interval_reason=BOTH_OPEN if both else Text(en=f"no interval: {en}", id=f"tanpa selang: {id_}"),
        exact=(en, id_) == _NO_INTERVAL[-1][1:],
        notes=notes,
    )


def _minus(values: tuple[Value, Value]) -> float:
    assert values[0].value is not None
    assert values[1].value is not None
    return values[1].value - values[0].value
