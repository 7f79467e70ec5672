"""Shares of tries that went well, with exact intervals over separate streaks of failures; outages and recovery."""

from __future__ import annotations

from sqlalchemy import case, exists, or_, select

from egovqual_link import readings
from egovqual_link.instrument import Text
from egovqual_link.measuring import NO_RUNS, Bench, Value, absent
from egovqual_link.quantiles import (
    clopper_pearson,
    time_between,
)
from egovqual_link.readings import Tries
from egovqual_link.store_scope import REACHABILITY, SUCCESS
from exporters.schema import findings, runs


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


def checks(bench: Bench) -> Tries | None:
    """Reachability checks; bad is one that the portal did not answer as expected."""
    return bench.reachability[0]


def availability(bench: Bench) -> Value:
    """RL2: share of reachability checks that the portal answered as expected."""
    return share_value(bench, checks(bench), "share of page and HTTP checks that passed; maintenance apart", good=True)


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
    found = bench.reachability[1]
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
    found = bench.reachability[1]
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


def first_tries(bench: Bench) -> Tries | None:
    """Form flows; bad is one that did not reach its end at the first try with valid data."""
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
    return readings.tries(bench.connection, bench.scope, ("form_submission",), bad)


def first_attempt(bench: Bench) -> Value:
    """RL3: form flows that reach their end, without an error on valid input or lost input, at the first try."""
    method = "share of form flows that ended well with valid data, without a retry"
    return share_value(bench, first_tries(bench), method, good=True, note=_dry(bench))


def _dry(bench: Bench) -> Text | None:
    dry = sum(each.dry for each in bench.tallies if each.kind == "form_submission")
    if not dry:
        return None
    return Text(
        en=f"{dry} of the flows stopped before the submit, which this portal does not allow: judged up to there",
        id=f"{dry} alur berhenti sebelum pengiriman karena portal ini tidak mengizinkannya: dinilai sampai di situ",
    )


def error_tries(bench: Bench) -> Tries | None:
    """Form flows; bad is one with an error on valid data, or stuck at the submit."""
    classes = ("form_rejected", "form_stuck")
    told = exists(select(1).where(findings.c.run_id == runs.c.run_id, findings.c["class"].in_(classes)))
    bad = case((or_(runs.c.form_rejected > 0, told), 1), else_=0)
    return readings.tries(bench.connection, bench.scope, ("form_submission",), bad)


def form_error(bench: Bench) -> Value:
    """RL3: form flows with an error on valid input, or stuck at the submit."""
    method = "share of form flows with an error on valid data or a stuck submit"
    return share_value(bench, error_tries(bench), method, good=False)


def lost_tries(bench: Bench) -> Tries | None:
    """Form flows; bad is one in which what was filled in got lost."""
    told = exists(select(1).where(findings.c.run_id == runs.c.run_id, findings.c["class"] == "form_input_lost"))
    bad = case((or_(runs.c.form_input_lost > 0, told), 1), else_=0)
    return readings.tries(bench.connection, bench.scope, ("form_submission",), bad)


def form_lost(bench: Bench) -> Value:
    """RL3: form flows in which what was filled in got lost."""
    return share_value(bench, lost_tries(bench), "share of form flows that lost input", good=False)


def download_tries(bench: Bench) -> Tries | None:
    """Download runs; bad is one that failed."""
    return readings.tries(bench.connection, bench.scope, ("download",))


def download_failure(bench: Bench) -> Value:
    """RL1: download runs that failed."""
    return share_value(bench, download_tries(bench), "share of download runs that failed", good=False)


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


def tls_tries(bench: Bench) -> Tries | None:
    """HTTP checks over TLS; bad is one whose certificate or connection was not valid."""
    broken = exists(select(1).where(findings.c.run_id == runs.c.run_id, findings.c["class"] == "tls"))
    over_tls = or_(broken, runs.c.http["certificate_expiry"].as_string().is_not(None))
    return readings.tries(bench.connection, bench.scope, ("http",), case((broken, 1), else_=0), also=over_tls)


def tls_valid(bench: Bench) -> Value:
    """TR1: HTTP checks over TLS whose certificate and connection were valid."""
    found = tls_tries(bench)
    if found is None:
        return absent("no_tls", "no check went over TLS", "tidak ada pemeriksaan lewat TLS")
    return share_value(bench, found, "share of HTTP checks over TLS without a TLS error", good=True)
