"""What search and forms gave and asked: shares of gold queries, repeated questions, guidance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from egovqual_link import readings
from egovqual_link.instrument import Text
from egovqual_link.measuring import CONSTANT, NO_RUNS, NO_SPREAD, Bench, Value, absent, few_days
from egovqual_link.quantiles import (
    mean_by_days,
)


def search_share(column: str) -> Callable[[Bench], Value]:
    """EF2: mean over search runs of a share of the gold queries."""

    def work(bench: Bench) -> Value:
        days = readings.by_day(bench.connection, bench.scope, column, "search")
        if not days:
            return absent(*NO_RUNS)
        settings = bench.settings
        n = sum(count for _, _, count in days)
        low, high = mean_by_days(
            [(total, count) for _, total, count in days],
            seed=settings.seed,
            resamples=settings.resamples,
            level=settings.level,
            min_days=settings.min_days,
        )
        why = few_days(settings, len(days)) if len(days) < settings.min_days else NO_SPREAD
        return Value(
            value=sum(total for _, total, _ in days) / n,
            low=low,
            high=high,
            n_runs=n,
            n=n,
            method="mean over search runs of the share of gold queries",
            interval_method=f"bootstrap of whole days, {settings.resamples} resamples, expanded percentile"
            if low is not None
            else None,
            interval_reason=None if low is not None else why,
        )

    return work


def most_asking_flow(column: str) -> Callable[[Bench], Value]:
    """The median of a form count in the flow where it is largest, over runs that came to their end."""

    def work(bench: Bench) -> Value:
        flows = readings.whole_flows(bench.connection, bench.scope, column)
        if not flows:
            return _no_whole_flow(bench)
        medians = {name: _weighted_median(values) for name, values in flows.items()}
        flow = max(medians, key=lambda name: (medians[name], name))
        n = sum(count for _, count in flows[flow])
        return Value(
            value=medians[flow],
            n_runs=n,
            n=n,
            method="median over completed runs of the flow with the most",
            interval_reason=CONSTANT,
            note=Text(en=f"flow: {flow}", id=f"alur: {flow}"),
        )

    return work


def _weighted_median(values: list[tuple[float, int]]) -> float:
    half = sum(count for _, count in values) / 2
    passed = 0
    for value, count in sorted(values):
        passed += count
        if passed >= half:
            return value
    raise AssertionError("the counts are positive")


def _no_whole_flow(bench: Bench) -> Value:
    tried = bench.runs("form_submission")
    if not tried:
        return absent(*NO_RUNS)
    return absent(
        "no_complete_flow",
        "no form flow came to its end, so its fields were not all seen",
        "tidak ada alur formulir yang selesai, jadi isian tidak terlihat semua",
        n_runs=tried,
    )


def duplicate_share(bench: Bench) -> Value:
    """EF4: repeated askings over all fields, in the flow with the most repeated askings."""
    repeated = most_asking_flow("form_duplicate_fields")(bench)
    if repeated.value is None or repeated.note is None:
        return repeated
    flow = repeated.note.en.removeprefix("flow: ")
    fields = readings.whole_flows(bench.connection, bench.scope, "form_fields")[flow]
    return replace(
        repeated,
        value=repeated.value / _weighted_median(fields),
        method="repeated askings over all fields, in the flow with the most",
    )


def guided(column: str) -> Callable[[Bench], Value]:
    """EF7: share of fields with a label (or help), each flow weighing the same, over runs that came to their end."""

    def work(bench: Bench) -> Value:
        flows = bench.field_shares[column]
        if not flows:
            return _no_whole_flow(bench)
        return Value(
            value=sum(good / n for n, good, _ in flows.values()) / len(flows),
            n_runs=sum(count for _, _, count in flows.values()),
            n=sum(n for n, _, _ in flows.values()),
            method="share of fields in completed flows, every flow weighing the same",
            interval_reason=CONSTANT,
        )

    return work
