"""How each indicator is worked out from the store: one function a family, each value with its interval and method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from sqlalchemy import Connection, case, exists, or_, select

from egovqual_link import readings
from egovqual_link.instrument import Text
from egovqual_link.quantiles import (
    LEVEL,
    MIN_DAYS,
    RESAMPLES,
    SEED,
    Counted,
    Mix,
    clopper_pearson,
    mean_by_days,
    time_between,
)
from egovqual_link.readings import Tally, Tries
from egovqual_link.store_scope import JOURNEYS, JUDGED, REACHABILITY, SUCCESS, Scope
from exporters.schema import findings, runs


@dataclass(frozen=True, slots=True)
class Value:
    """A figure, or the reason why there is none; `at_least` marks a lower bound. Missing is None, never 0."""

    value: float | None = None
    at_least: bool = False
    low: float | None = None
    high: float | None = None
    high_at_least: bool = False
    n_runs: int = 0
    n: int = 0
    censored: int = 0
    method: str | None = None
    interval_method: str | None = None
    reason: str | None = None
    reason_text: Text | None = None
    interval_reason: Text | None = None
    note: Text | None = None


def absent(code: str, en: str, id_: str, *, n_runs: int = 0) -> Value:
    """No value, for the reason `code`, said in both languages."""
    return Value(n_runs=n_runs, reason=code, reason_text=Text(en=en, id=id_))


@dataclass(frozen=True, slots=True)
class Settings:
    """How intervals are made."""

    level: float = LEVEL
    min_days: int = MIN_DAYS
    resamples: int = RESAMPLES
    seed: int = SEED


@dataclass(frozen=True)
class Bench:
    """One scope of the store being measured; queries that several indicators need are asked once."""

    connection: Connection
    scope: Scope
    settings: Settings = field(default_factory=Settings)

    @cached_property
    def tallies(self) -> list[Tally]:
        """All runs of the scope by scenario, outcome and validity."""
        return readings.tallies(self.connection, self.scope)

    @cached_property
    def outages(self) -> readings.Outages | None:
        """Outages over the reachability checks."""
        return readings.outages(self.connection, self.scope)

    @cached_property
    def browsers(self) -> Mapping[tuple[str, str, str], tuple[int, int]]:
        """Runs by (browser, device, scenario)."""
        return readings.by_browser(self.connection, self.scope)

    def runs(self, *kinds: str, outcomes: tuple[str, ...] = JUDGED) -> int:
        """How many runs of `kinds` (or all) ended in one of `outcomes`."""
        return sum(each.runs for each in self.tallies if each.outcome in outcomes and (not kinds or each.kind in kinds))


def few_days(settings: Settings, days: int) -> Text:
    """Why an interval over days is missing."""
    need = settings.min_days
    return Text(
        en=f"no interval: {days} day(s) of data; at least {need} are needed to see how days differ",
        id=f"tanpa selang: data {days} hari; perlu sedikitnya {need} hari untuk melihat beda antarhari",
    )


NO_SPREAD = Text(
    en="no interval: every day gave the same figure, so the days show no spread",
    id="tanpa selang: setiap hari memberi angka yang sama, jadi sebaran tidak terlihat",
)
NO_RUNS = (
    "no_runs",
    "no run of this kind in the window",
    "tidak ada uji jenis ini dalam jendela waktu",
)


# --- waits and sizes


def quantile_value(bench: Bench, counts: list[Counted], q: float, method: str, n_runs: int) -> Value:
    """A quantile of counted waits with its interval over days."""
    if not counts:
        return absent(
            "not_measured",
            "runs were made, but the browser gave no such figure" if n_runs else NO_RUNS[1],
            "uji ada, tetapi peramban tidak memberi angka ini" if n_runs else NO_RUNS[2],
            n_runs=n_runs,
        )
    mix = Mix(counts)
    found = mix.quantile(
        q,
        seed=bench.settings.seed,
        resamples=bench.settings.resamples,
        level=bench.settings.level,
        min_days=bench.settings.min_days,
    )
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
        interval_method=f"bootstrap of whole days, {bench.settings.resamples} resamples, expanded percentile"
        if found.low is not None
        else None,
        interval_reason=None if found.low is not None else few_days(bench.settings, found.days),
        note=_at_deadline(found.at_least),
    )


def _at_deadline(at_least: bool) -> Text | None:
    if not at_least:
        return None
    return Text(
        en="at or beyond the deadline: so many runs failed or timed out that the true figure is longer",
        id="sama dengan atau melewati tenggat: begitu banyak uji gagal sehingga angka sebenarnya lebih lama",
    )


def page_metric(metric: str, q: float, *, censor: bool) -> Callable[[Bench], Value]:
    """The `q` quantile of a page metric over the pages of the page_load flows, each page weighing the same.

    Those flows name the pages that matter. Where a portal has none, the pages of all journeys stand in; there a heavy
    first page may hide among many light ones, and the method says which it was.
    """
    rest = "failed openings censored at the deadline" if censor else "openings that failed left out"

    def work(bench: Bench) -> Value:
        named = _timed_runs(bench, "page_load") > 0
        kinds, whose = (("page_load",), "page_load flows") if named else (JOURNEYS, "all journeys")
        counts = readings.page_counts(bench.connection, bench.scope, metric, censor=censor, kinds=kinds)
        method = f"{_name(q)} over page openings, every page of the {whose} weighing the same; {rest}"
        return quantile_value(bench, counts, q, method, _timed_runs(bench, *kinds))

    return work


def _name(q: float) -> str:
    return "median" if q == 0.5 else f"p{q * 100:g}"


def _timed_runs(bench: Bench, *kinds: str) -> int:
    return sum(
        each.runs for each in bench.tallies if each.outcome in JUDGED and each.timing_valid and each.kind in kinds
    )


def search_latency(bench: Bench) -> Value:
    """EF2: p75 of the wait for hits."""
    counts = readings.search_waits(bench.connection, bench.scope)
    method = "p75 over gold queries; search runs that failed before an answer censored at the deadline"
    return quantile_value(bench, counts, 0.75, method, _timed_runs(bench, "search"))


def download_wait(bench: Bench) -> Value:
    """RL1: p75 of the last step of download runs."""
    counts = readings.download_waits(bench.connection, bench.scope)
    method = "p75 over download runs, last step; failed runs censored at the deadline"
    return quantile_value(bench, counts, 0.75, method, _timed_runs(bench, "download"))


# --- shares of tries


def share_value(bench: Bench, found: Tries | None, method: str, *, good: bool, note: Text | None = None) -> Value:
    """The share of good (or bad) tries with an exact interval over separate streaks of failures."""
    if found is None:
        return absent(*NO_RUNS)
    low, high = clopper_pearson(found.bad, found.n, found.episodes, bench.settings.level)
    share = 1 - found.bad / found.n
    if not good:
        share, low, high = 1 - share, 1 - high, 1 - low
    return Value(
        value=share,
        low=low,
        high=high,
        n_runs=found.n,
        n=found.n,
        method=method,
        interval_method=f"Clopper-Pearson over {found.episodes} separate streak(s) of failures",
        note=note,
    )


def availability(bench: Bench) -> Value:
    """RL2: share of reachability checks that the portal answered as expected."""
    found = readings.tries(bench.connection, bench.scope, REACHABILITY)
    return share_value(bench, found, "share of page and HTTP checks that passed; maintenance apart", good=True)


def worst_hour(bench: Bench) -> Value:
    """RL2: availability in the local hour of the day with the lowest share."""
    hours = readings.reachable_by_hour(bench.connection, bench.scope)
    if not hours:
        return absent(*NO_RUNS)
    n_runs = sum(n for n, _ in hours.values())
    if len(hours) < 24:
        return absent(
            "hours_missing",
            f"checks cover {len(hours)} of the 24 hours of the day, so the worst hour may be unseen",
            f"pemeriksaan mencakup {len(hours)} dari 24 jam, jadi jam terburuk mungkin tidak terlihat",
            n_runs=n_runs,
        )
    hour, (n, bad) = min(hours.items(), key=lambda each: (1 - each[1][1] / each[1][0], each[0]))
    return Value(
        value=1 - bad / n,
        n_runs=n_runs,
        n=n,
        method="lowest of the 24 hourly shares",
        interval_reason=Text(
            en="no interval: the lowest of 24 shares is low by selection",
            id="tanpa selang: nilai terendah dari 24 bagian pasti cenderung rendah",
        ),
        note=Text(en=f"the hour from {hour:02d}:00, {n} checks", id=f"jam mulai {hour:02d}.00, {n} pemeriksaan"),
    )


def time_between_outages(bench: Bench) -> Value:
    """RL2: hours up for each outage seen."""
    found = bench.outages
    if found is None or found.watched <= 0:
        return absent(*NO_RUNS)
    n_runs = bench.runs(*REACHABILITY)
    up = found.watched - found.down
    low, high = time_between(up, found.count, bench.settings.level)
    method = "time up over outages; an outage is a streak of failed checks"
    if not found.count:
        return Value(
            value=up / 3600,
            at_least=True,
            low=low / 3600,
            n_runs=n_runs,
            n=0,
            method=method,
            interval_method="chi-squared for a constant rate",
            note=Text(
                en=f"no outage in {up / 3600:.3g} h watched, so the true time is not known to be finite",
                id=f"tidak ada gangguan selama {up / 3600:.3g} jam diamati, jadi ini hanya batas bawah",
            ),
        )
    return Value(
        value=up / found.count / 3600,
        low=low / 3600,
        high=None if high is None else high / 3600,
        n_runs=n_runs,
        n=found.count,
        method=method,
        interval_method="chi-squared for a constant rate",
        note=Text(en=f"{found.count} outage(s) seen", id=f"{found.count} gangguan terlihat"),
    )


def time_to_recover(bench: Bench) -> Value:
    """RL2: hours from the first failed check of an outage to the next good one."""
    found = bench.outages
    if found is None:
        return absent(*NO_RUNS)
    n_runs = bench.runs(*REACHABILITY)
    if not found.count:
        return absent("no_outage", "no outage was seen", "tidak ada gangguan yang terlihat", n_runs=n_runs)
    spacing = f"{found.spacing:.3g} s"
    return Value(
        value=found.down / found.count / 3600,
        at_least=found.open_ > 0,
        n_runs=n_runs,
        n=found.count,
        censored=found.open_,
        method="mean time from the first failed check to the next good one",
        interval_reason=Text(
            en=f"no interval: a recovery is known only to the spacing of the checks ({spacing})",
            id=f"tanpa selang: waktu pulih hanya diketahui sampai jarak antarpemeriksaan ({spacing})",
        ),
    )


def maintenance(bench: Bench) -> Value:
    """Context: share of reachability checks that met announced maintenance."""
    met = bench.runs(*REACHABILITY, outcomes=("maintenance",))
    n = met + bench.runs(*REACHABILITY)
    if not n:
        return absent(*NO_RUNS)
    return Value(
        value=met / n,
        n_runs=n,
        n=n,
        method="share of page and HTTP checks",
        interval_reason=Text(
            en="no interval: announced maintenance is not a random event",
            id="tanpa selang: pemeliharaan terjadwal bukan kejadian acak",
        ),
    )


def first_attempt(bench: Bench) -> Value:
    """RL3: form flows that reach their end, without an error on valid input or lost input, at the first try."""
    bad = case(
        (
            or_(
                runs.c.outcome.not_in(SUCCESS),
                runs.c.form_rejected > 0,
                runs.c.form_input_lost > 0,
            ),
            1,
        ),
        else_=0,
    )
    found = readings.tries(bench.connection, bench.scope, ("form_submission",), bad)
    method = "share of form flows that ended well with valid data, without a retry"
    return share_value(bench, found, method, good=True, note=_dry(bench))


def _dry(bench: Bench) -> Text | None:
    dry = sum(each.dry for each in bench.tallies if each.kind == "form_submission")
    if not dry:
        return None
    return Text(
        en=f"{dry} of the flows stopped before the submit, which this portal does not allow: judged up to there",
        id=f"{dry} alur berhenti sebelum pengiriman karena portal ini tidak mengizinkannya: dinilai sampai di situ",
    )


def form_error(bench: Bench) -> Value:
    """RL3: form flows with an error on valid input, or stuck at the submit."""
    classes = ("form_rejected", "form_stuck")
    told = exists(select(1).where(findings.c.run_id == runs.c.run_id, findings.c["class"].in_(classes)))
    bad = case((or_(runs.c.form_rejected > 0, told), 1), else_=0)
    found = readings.tries(bench.connection, bench.scope, ("form_submission",), bad)
    return share_value(bench, found, "share of form flows with an error on valid data or a stuck submit", good=False)


def form_lost(bench: Bench) -> Value:
    """RL3: form flows in which what was filled in got lost."""
    told = exists(select(1).where(findings.c.run_id == runs.c.run_id, findings.c["class"] == "form_input_lost"))
    bad = case((or_(runs.c.form_input_lost > 0, told), 1), else_=0)
    found = readings.tries(bench.connection, bench.scope, ("form_submission",), bad)
    return share_value(bench, found, "share of form flows that lost input", good=False)


def download_failure(bench: Bench) -> Value:
    """RL1: download runs that failed."""
    found = readings.tries(bench.connection, bench.scope, ("download",))
    return share_value(bench, found, "share of download runs that failed", good=False)


def over_browsers(bench: Bench, *, worst: bool) -> Value:
    """RL6: success over the (browser, device) pairs that were probed, each flow and each pair weighing the same."""
    pairs: dict[tuple[str, str], list[float]] = {}
    n = 0
    for (browser, device, _), (count, good) in bench.browsers.items():
        pairs.setdefault((browser, device), []).append(good / count)
        n += count
    if not pairs:
        return absent(*NO_RUNS)
    if len(pairs) == 1:
        browser, device = next(iter(pairs))
        return absent(
            "one_browser",
            f"one browser on one device only ({browser}, {device}): nothing to compare",
            f"hanya satu peramban pada satu perangkat ({browser}, {device}): tidak ada pembanding",
            n_runs=n,
        )
    shares = {pair: sum(each) / len(each) for pair, each in pairs.items()}
    lowest = min(shares, key=lambda pair: (shares[pair], pair))
    names = ", ".join(f"{browser}/{device}" for browser, device in sorted(shares))
    return Value(
        value=shares[lowest] if worst else sum(shares.values()) / len(shares),
        n_runs=n,
        n=len(shares),
        method=("lowest" if worst else "mean") + " success share over browser and device pairs",
        interval_reason=Text(
            en="no interval: the browsers are chosen, not drawn at random",
            id="tanpa selang: peramban dipilih, bukan diambil acak",
        ),
        note=Text(en=f"probed: {names}"[:400], id=f"diuji: {names}"[:400]),
    )


def tls_valid(bench: Bench) -> Value:
    """TR1: HTTP checks over TLS whose certificate and connection were valid."""
    broken = exists(select(1).where(findings.c.run_id == runs.c.run_id, findings.c["class"] == "tls"))
    over_tls = or_(broken, runs.c.http["certificate_expiry"].as_string().is_not(None))
    found = readings.tries(bench.connection, bench.scope, ("http",), case((broken, 1), else_=0), also=over_tls)
    if found is None:
        return absent("no_tls", "no check went over TLS", "tidak ada pemeriksaan lewat TLS")
    return share_value(bench, found, "share of HTTP checks over TLS without a TLS error", good=True)


# --- search and forms


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


CONSTANT = Text(
    en="no interval: what a form asks is a property of the form, not a sample",
    id="tanpa selang: isi formulir adalah sifat formulir, bukan sampel",
)


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
        flows = readings.field_shares(bench.connection, bench.scope, column)
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


MEASURES: Mapping[str, Callable[[Bench], Value]] = {
    "search_success_at_k_share": search_share("search_success_share"),
    "search_mrr_ratio": search_share("search_mean_reciprocal_rank"),
    "search_category_share": search_share("search_right_category_share"),
    "search_zero_hit_share": search_share("search_zero_hit_share"),
    "search_latency_p75_seconds": search_latency,
    "duplicate_fields_count": most_asking_flow("form_duplicate_fields"),
    "duplicate_fields_share": duplicate_share,
    "fields_labelled_share": guided("has_label"),
    "fields_with_help_share": guided("has_help"),
    "tls_valid_share": tls_valid,
    "signup_personal_fields_count": most_asking_flow("form_personal_before_login"),
    "download_p75_seconds": download_wait,
    "download_failure_share": download_failure,
    "availability_share": availability,
    "availability_worst_hour_share": worst_hour,
    "mtbf_hours": time_between_outages,
    "mttr_hours": time_to_recover,
    "first_attempt_success_share": first_attempt,
    "form_error_share": form_error,
    "form_input_lost_share": form_lost,
    "ttfb_p75_seconds": page_metric("ttfb_seconds", 0.75, censor=True),
    "fcp_p75_seconds": page_metric("fcp_seconds", 0.75, censor=True),
    "lcp_p75_seconds": page_metric("lcp_seconds", 0.75, censor=True),
    "inp_p75_seconds": page_metric("inp_seconds", 0.75, censor=True),
    "load_p75_seconds": page_metric("load_seconds", 0.75, censor=True),
    "page_weight_median_bytes": page_metric("transferred_bytes", 0.5, censor=False),
    "page_requests_median_count": page_metric("requests", 0.5, censor=False),
    "browser_device_success_share": lambda bench: over_browsers(bench, worst=False),
    "browser_device_worst_share": lambda bench: over_browsers(bench, worst=True),
    "cls_p75_score": page_metric("cls", 0.75, censor=False),
    "maintenance_share": maintenance,
}
