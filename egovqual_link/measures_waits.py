"""Waits and sizes: quantiles over page openings, searches and downloads, censored at the deadline."""

from __future__ import annotations

from collections.abc import Callable

from egovqual_link import readings
from egovqual_link.instrument import Text
from egovqual_link.measuring import NO_RUNS, Bench, Value, absent, few_days
from egovqual_link.quantiles import (
    Counted,
    Mix,
    Quantile,
)
from egovqual_link.readings_pages import METRICS
from egovqual_link.store_scope import JOURNEYS, JUDGED


def quantile_value(bench: Bench, counts: list[Counted], q: float, method: str, kinds: tuple[str, ...]) -> Value:
    """A quantile of waits counted by day over flows of `kinds`, with its interval over days."""
    settings = bench.settings
    asked = q if settings.quantile is None else settings.quantile
    found = None
    if counts:
        found = Mix(counts).quantile(
            asked,
            seed=settings.seed,
            resamples=settings.resamples,
            level=settings.level,
            min_days=settings.min_days,
        )
    return _value(bench, found, method.replace(_name(q), _name(asked), 1), kinds)


def _value(bench: Bench, found: Quantile | None, method: str, kinds: tuple[str, ...]) -> Value:
    n_runs = _timed_runs(bench, *kinds)
    if found is None:
        return _none(bench, n_runs, kinds)
    return Value(
        value=found.value,
        at_least=found.at_least,
        low=found.low,
        high=found.high,
        high_at_least=found.high_at_least,
        n_runs=n_runs,
        n=found.n,
        censored=found.censored,
        method=method,
        interval_method=f"Woodruff, {bench.settings.resamples} draws of whole days, Student's t, df {found.days - 1}"
        if found.low is not None
        else None,
        interval_reason=None if found.low is not None else few_days(bench.settings, found.days),
        note=_at_deadline(found.at_least),
    )


def _none(bench: Bench, n_runs: int, kinds: tuple[str, ...]) -> Value:
    contended = bench.runs(*kinds) - n_runs
    if not n_runs and contended:
        return absent(
            "contended",
            f"all {contended} runs of this kind were made on a contended host, so their times do not count",
            f"semua {contended} uji jenis ini dibuat pada mesin yang sibuk, jadi waktunya tidak dihitung",
        )
    return absent(
        "not_measured",
        "runs were made, but the browser gave no such figure" if n_runs else NO_RUNS[1],
        "uji ada, tetapi peramban tidak memberi angka ini" if n_runs else NO_RUNS[2],
        n_runs=n_runs,
    )


def _at_deadline(at_least: bool) -> Text | None:
    if not at_least:
        return None
    return Text(
        en="at or beyond the deadline: so many runs failed or timed out that the true figure is longer",
        id="sama dengan atau melewati tenggat: begitu banyak uji gagal sehingga angka sebenarnya lebih lama",
    )


def page_metric(metric: str, q: float) -> Callable[[Bench], Value]:
    """The `q` quantile of a page metric over the pages of the page_load flows, each page weighing the same.

    Those flows name the pages that matter. Where a portal has none, the pages of all journeys stand in; there a heavy
    first page may hide among many light ones, and the method says which it was.
    """
    rest = "failed openings censored at the deadline" if METRICS[metric] else "openings that failed left out"

    def work(bench: Bench) -> Value:
        named = _timed_runs(bench, "page_load") > 0
        kinds, whose = (("page_load",), "page_load flows") if named else (JOURNEYS, "all journeys")
        asked = q if bench.settings.quantile is None else bench.settings.quantile
        method = f"{_name(asked)} over page openings, every page of the {whose} weighing the same; {rest}"
        return _value(bench, bench.page_quantile(metric, asked, kinds), method, kinds)

    return work


def _name(q: float) -> str:
    return "median" if q == 0.5 else f"p{q * 100:g}"


def _timed_runs(bench: Bench, *kinds: str) -> int:
    return sum(
        each.runs
        for each in bench.tallies
        if each.outcome in JUDGED and (each.timing_valid or bench.scope.contended) and each.kind in kinds
    )


def search_latency(bench: Bench) -> Value:
    """EF2: p75 of the wait for hits."""
    counts = bench.once(readings.search_waits)
    method = "p75 over gold queries; search runs that failed before an answer censored at the deadline"
    return quantile_value(bench, counts, 0.75, method, ("search",))


def download_wait(bench: Bench) -> Value:
    """RL1: p75 of the last step of download runs."""
    counts = bench.once(readings.download_waits)
    method = "p75 over download runs, last step; failed runs censored at the deadline"
    return quantile_value(bench, counts, 0.75, method, ("download",))
