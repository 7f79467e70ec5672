"""Metrics: what counts where, what disappears, and that Prometheus' own checker has nothing to say."""

from __future__ import annotations

import math
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from exporters_runs import START, full_run, make_run, runs
from hypothesis import given, settings
from prometheus_client.parser import text_string_to_metric_families

from exporters import METRICS, RunMetrics
from exporters.metrics import MAX_STEPS
from probes.run import Finding, HttpPhases, HttpResult, PageMetrics, SearchQueryResult, SearchResult, StepResult

SERIES = {"portal": "demo", "scenario": "home", "location": "local", "browser": "chromium"}


def samples(metrics: RunMetrics, name: str) -> dict[tuple[str, ...], float]:
    """The metric's samples; keys are the values of the labels that a run does not have anyway, by label name."""
    found = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            if sample.name == name:
                key = tuple(value for label, value in sorted(sample.labels.items()) if label not in SERIES)
                found[key] = sample.value
    return found


def value(metrics: RunMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, {**SERIES, **labels})


def everything() -> RunMetrics:
    """One of each metric."""
    metrics = RunMetrics()
    metrics.observe(full_run(1))
    metrics.observe(make_run(2))
    metrics.observe(make_run(3, outcome="error"))
    metrics.observe(make_run(6, retest_of="an-earlier-run"))
    metrics.observe(make_run(4, timing_valid=False, invalid_reasons=("cpu_pressure 0.4",)))
    metrics.observe(
        make_run(5, search=full_run().search, forms=full_run().forms, http=full_run().http, pages=full_run().pages)
    )
    metrics.lateness(0.2, portal="demo", scenario="home", location="local")
    metrics.browser_restart("memory")
    metrics.exporter_dropped("store", 0)
    metrics.set_survey_scores(
        portal="demo", wave="2024", items={"EF1": {"performance": 5.2, "importance": 5.3, "gap": -0.1}},
        dimensions={"EF": {"performance": 5.2, "gap": None}},
    )  # fmt: skip
    metrics.set_indicator(portal="demo", item="EF1", indicator="clicks", value=3)
    return metrics


def test_promtool_has_nothing_to_say():
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=everything().render(), capture_output=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_every_declared_metric_is_rendered_with_its_type_and_labels():
    text = everything().render().decode()
    families = {}
    for family in text_string_to_metric_families(text):
        families[family.name + ("_total" if family.type == "counter" else "")] = family
    assert families.keys() == {spec.name for spec in METRICS}
    for spec in METRICS:
        family = families[spec.name]
        assert (family.type, family.documentation) == (spec.type, spec.help)
        assert {frozenset(sample.labels) - {"le"} for sample in family.samples} == {frozenset(spec.labels)}
    assert "_created" not in text


def test_runs_and_steps_count_by_outcome_from_zero():
    metrics = RunMetrics()
    metrics.observe(make_run(1))
    assert samples(metrics, "gapwatch_runs_total") == {
        ("passed",): 1, ("degraded",): 0, ("failed",): 0, ("blocked",): 0, ("maintenance",): 0, ("error",): 0,
    }  # fmt: skip
    metrics.observe(full_run(2))
    assert value(metrics, "gapwatch_runs_total", outcome="failed") == 1
    assert value(metrics, "gapwatch_steps_total", step="open home", outcome="passed") == 2
    assert value(metrics, "gapwatch_steps_total", step="search", outcome="failed") == 1
    assert value(metrics, "gapwatch_steps_total", step="search", outcome="passed") == 0


def test_histograms_hold_failed_runs_and_timed_out_ones_at_their_deadline():
    metrics = RunMetrics()
    metrics.observe(make_run(1, duration_seconds=1.5))
    metrics.observe(make_run(2, duration_seconds=3.0, outcome="failed"))
    metrics.observe(make_run(3, duration_seconds=12.0, deadline_seconds=30.0, outcome="failed", timed_out=True))
    assert value(metrics, "gapwatch_run_duration_seconds_count") == 3
    assert value(metrics, "gapwatch_run_duration_seconds_sum") == 34.5
    assert value(metrics, "gapwatch_run_duration_seconds_bucket", le="20.0") == 2
    assert value(metrics, "gapwatch_run_duration_seconds_bucket", le="30.0") == 3


@pytest.mark.parametrize(
    "changes",
    [{"outcome": "error"}, {"outcome": "blocked"}, {"outcome": "maintenance"}, {"timing_valid": False}],
    ids=str,
)
def test_what_is_no_valid_wait_is_in_no_histogram_but_counts(changes):
    metrics = RunMetrics()
    metrics.observe(make_run(1, **changes))
    assert value(metrics, "gapwatch_run_duration_seconds_count") is None
    assert samples(metrics, "gapwatch_step_duration_seconds_count") == {}
    assert value(metrics, "gapwatch_runs_total", outcome=changes.get("outcome", "passed")) == 1


def test_skipped_steps_and_steps_without_a_wait_are_in_no_histogram():
    metrics = RunMetrics()
    metrics.observe(
        make_run(1, outcome="failed", steps=(
            StepResult("a", "passed", None), StepResult("b", "failed", 2.0, True), StepResult("c", "skipped", None),
            StepResult("d", "error", 1.0),
        ))
    )  # fmt: skip
    assert samples(metrics, "gapwatch_step_duration_seconds_count") == {("b",): 1}


def test_invalid_timing_counts_each_reason_by_its_leading_word():
    metrics = RunMetrics()
    reasons = ("cpu_pressure 0.42", "cpu_pressure 0.5", "loop_lag: 2 s")
    metrics.observe(make_run(1, timing_valid=False, invalid_reasons=reasons))
    metrics.observe(make_run(2, timing_valid=False))
    assert samples(metrics, "gapwatch_runs_invalid_total") == {("cpu_pressure",): 1, ("loop_lag",): 1, ("unknown",): 1}


def test_objectives_become_bucket_bounds():
    metrics = RunMetrics(objectives=[8, 2.5])
    metrics.observe(make_run(1, duration_seconds=8.0))
    assert value(metrics, "gapwatch_run_duration_seconds_bucket", le="6.0") == 0
    assert value(metrics, "gapwatch_run_duration_seconds_bucket", le="8.0") == 1
    assert value(metrics, "gapwatch_step_duration_seconds_bucket", step="open home", le="8.0") == 1


def test_time_stamps_are_those_of_the_newest_run_and_success():
    metrics = RunMetrics()
    assert value(metrics, "gapwatch_run_last_success_timestamp_seconds") is None
    metrics.observe(make_run(5, outcome="failed"))
    assert value(metrics, "gapwatch_run_last_success_timestamp_seconds") is None
    metrics.observe(make_run(3, outcome="degraded"))
    metrics.observe(make_run(2))
    last = (START + timedelta(minutes=5)).timestamp()
    assert value(metrics, "gapwatch_run_last_timestamp_seconds") == last
    assert value(metrics, "gapwatch_run_last_success_timestamp_seconds") == last - 120


def test_vitals_are_the_newest_valid_runs_and_disappear_when_not_measured():
    metrics = RunMetrics()
    metrics.observe(make_run(1))
    vitals = {("open home", "ttfb"): 0.2, ("open home", "fcp"): 0.5, ("open home", "lcp"): 0.9}
    assert samples(metrics, "gapwatch_web_vital_seconds") == vitals
    assert samples(metrics, "gapwatch_web_vital_cls") == {("open home",): 0.01}
    slow = (PageMetrics("u", "open home", ttfb_seconds=9.0, transferred_bytes=7),)
    metrics.observe(make_run(2, timing_valid=False, pages=slow))
    assert samples(metrics, "gapwatch_web_vital_seconds") == vitals
    assert samples(metrics, "gapwatch_page_weight_bytes") == {("open home",): 7}
    metrics.observe(make_run(3, outcome="error", pages=()))
    assert samples(metrics, "gapwatch_web_vital_seconds") == vitals
    metrics.observe(make_run(1, run_id="late", pages=slow))
    assert samples(metrics, "gapwatch_web_vital_seconds") == vitals
    metrics.observe(make_run(4, outcome="failed", pages=slow))
    assert samples(metrics, "gapwatch_web_vital_seconds") == {("open home", "ttfb"): 9.0}
    assert samples(metrics, "gapwatch_web_vital_cls") == {}


@pytest.mark.parametrize("outcome", ["blocked", "maintenance"])
def test_a_firewalls_page_does_not_show_as_the_portals(outcome):
    metrics = RunMetrics()
    metrics.observe(full_run(1, outcome="passed", timed_out=False))
    metrics.observe(full_run(2, outcome=outcome, timed_out=False))
    for name in ("web_vital_seconds", "web_vital_cls", "page_weight_bytes", "http_phase_seconds"):
        assert samples(metrics, f"gapwatch_{name}") == {}
    assert value(metrics, "gapwatch_tls_certificate_expiry_timestamp_seconds") is not None


def test_a_step_over_several_pages_shows_the_worst_vitals_and_the_whole_weight():
    metrics = RunMetrics()
    pages = (
        PageMetrics("a", "log in", lcp_seconds=3.0, cls=0.0, transferred_bytes=100),
        PageMetrics("b", "log in", lcp_seconds=1.0, cls=0.2, transferred_bytes=50),
    )
    metrics.observe(make_run(1, pages=pages))
    assert samples(metrics, "gapwatch_web_vital_seconds") == {("log in", "lcp"): 3.0}
    assert samples(metrics, "gapwatch_web_vital_cls") == {("log in",): 0.2}
    assert samples(metrics, "gapwatch_page_weight_bytes") == {("log in",): 150}


def test_search_and_forms_and_http():
    metrics = RunMetrics()
    metrics.observe(full_run(1, timed_out=False, outcome="passed"))
    expiry = (START + timedelta(days=60)).timestamp()
    assert value(metrics, "gapwatch_search_success_ratio") == 0.5
    assert value(metrics, "gapwatch_form_duplicate_fields") == 1
    assert samples(metrics, "gapwatch_http_phase_seconds") == {
        ("resolve",): 0.01, ("connect",): 0.02, ("tls",): 0.03, ("processing",): 0.2, ("transfer",): 0.1,
    }  # fmt: skip
    assert value(metrics, "gapwatch_tls_certificate_expiry_timestamp_seconds") == expiry
    down = HttpResult(None, 0, None, HttpPhases(resolve=0.01), None)
    metrics.observe(make_run(2, outcome="failed", http=down, search=SearchResult(())))
    assert value(metrics, "gapwatch_search_success_ratio") is None
    assert value(metrics, "gapwatch_form_duplicate_fields") is None
    assert samples(metrics, "gapwatch_http_phase_seconds") == {("resolve",): 0.01}
    # An expired certificate fails the handshake; its alert must not end by that.
    assert value(metrics, "gapwatch_tls_certificate_expiry_timestamp_seconds") == expiry


def test_zero_is_a_measurement():
    metrics = RunMetrics()
    none_right = SearchResult((SearchQueryResult("q", 3, None, None, 0.1),))
    metrics.observe(make_run(1, search=none_right, pages=(PageMetrics("u", "s", cls=0.0, transferred_bytes=0),)))
    assert value(metrics, "gapwatch_search_success_ratio") == 0
    assert samples(metrics, "gapwatch_web_vital_cls") == {("s",): 0}
    assert samples(metrics, "gapwatch_page_weight_bytes") == {("s",): 0}


def test_labels_are_bounded():
    metrics = RunMetrics()
    metrics.observe(make_run(1, steps=tuple(StepResult(f"item {n}", "passed", 1.0) for n in range(500))))
    counted = samples(metrics, "gapwatch_step_duration_seconds_count")
    assert len(counted) == MAX_STEPS + 1
    assert counted[("other",)] == 500 - MAX_STEPS
    for number in range(500):
        metrics.probe_error(f"reason_{number}")
        metrics.browser_restart(f"Error at http://x/{number}")
    assert len(samples(metrics, "gapwatch_probe_errors_total")) == 41
    assert samples(metrics, "gapwatch_browser_restarts_total") == {("unknown",): 500}


@given(run=runs())
@settings(max_examples=60, deadline=None)
def test_nothing_of_a_page_is_in_the_metrics(run):
    url, message = "http://portal.test/secret?nik=1", "what the page said"
    pages = (PageMetrics(url, "open", 0.1),)
    finding = Finding("js_exception", "major", "open", message)
    metrics = RunMetrics()
    metrics.observe(make_run(1, run_id=run.run_id, pages=pages, findings=(finding,)))
    metrics.observe(run)
    text = metrics.render().decode()
    assert url not in text
    assert message not in text
    assert list(text_string_to_metric_families(text))


def test_a_removed_portal_leaves_nothing():
    metrics = everything()
    metrics.observe(make_run(9, portal="oss"))
    metrics.remove_portal("demo")
    text = metrics.render().decode()
    assert 'portal="demo"' not in text
    assert 'portal="oss"' in text
    metrics.observe(make_run(10, portal="oss", scenario="search"))
    metrics.remove_portal("oss", "home")
    text = metrics.render().decode()
    assert 'scenario="home"' not in text
    assert 'scenario="search"' in text


def test_after_a_reload_only_what_is_configured_is_left_and_comes_back():
    metrics = everything()
    metrics.observe(make_run(9, portal="oss"))
    metrics.retain([("oss", "home")])
    metrics.observe(make_run(10))  # was under way while the portal was taken out
    metrics.lateness(1.0, portal="demo", scenario="home", location="local")
    assert 'portal="demo"' not in metrics.render().decode()
    metrics.retain([("oss", "home"), ("demo", "home")])
    metrics.observe(make_run(11))
    assert value(metrics, "gapwatch_runs_total", outcome="passed") == 1


def test_survey_scores_of_a_wave_are_replaced_whole():
    metrics = everything()
    metrics.set_survey_scores(portal="demo", wave="2025", items={"EF1": {"gap": 0.0}}, dimensions={})
    metrics.set_survey_scores(portal="demo", wave="2024", items={"EF2": {"gap": -0.5}}, dimensions={})
    assert samples(metrics, "gapwatch_survey_score") == {("EF1", "gap", "2025"): 0, ("EF2", "gap", "2024"): -0.5}
    assert samples(metrics, "gapwatch_survey_dimension_score") == {}
    metrics.set_indicator(portal="demo", item="EF1", indicator="clicks", value=None)
    assert samples(metrics, "gapwatch_indicator") == {}


def test_restoring_goes_on_counting():
    first = everything()
    second = RunMetrics()
    second.restore(first.render().decode())
    assert second.render() == first.render()
    second.observe(full_run(6))
    first.observe(full_run(6))
    assert sorted(second.render().splitlines()) == sorted(first.render().splitlines())
    assert value(second, "gapwatch_run_duration_seconds_count") == value(first, "gapwatch_run_duration_seconds_count")


def test_restoring_after_the_first_run_gives_the_same():
    earlier, late, early = RunMetrics(), RunMetrics(), RunMetrics()
    earlier.observe(full_run(1))
    late.observe(make_run(2))
    late.restore(earlier.render().decode())
    early.restore(earlier.render().decode())
    early.observe(make_run(2))
    assert sorted(late.render().splitlines()) == sorted(early.render().splitlines())
    assert samples(late, "gapwatch_search_success_ratio") == {}


def test_restoring_drops_what_does_not_fit():
    earlier = RunMetrics(objectives=[7.0])
    earlier.observe(make_run(1))
    metrics = RunMetrics()
    metrics.retain([("demo", "home")])
    other = 'node_load1 3\ngapwatch_runs_total{colour="red"} 5\ngapwatch_runs_total{browser="c",location="l",'
    other += 'outcome="passed",portal="gone",scenario="home"} 5\n'
    metrics.restore(earlier.render().decode() + other)
    assert value(metrics, "gapwatch_runs_total", outcome="passed") == 1
    assert value(metrics, "gapwatch_run_duration_seconds_count") is None  # other buckets: it begins anew
    text = metrics.render().decode()
    assert "node_load1" not in text
    assert "gone" not in text
    with pytest.raises(ValueError, match=r"."):
        metrics.restore("this is { no metrics file")


def test_a_removed_portal_does_not_come_back_with_carried_counts():
    metrics = RunMetrics()
    metrics.restore(everything().render().decode())
    metrics.remove_portal("demo")
    metrics.observe(make_run(9))
    assert value(metrics, "gapwatch_run_duration_seconds_count") == 1


def test_a_nan_wait_does_not_reach_a_series():
    metrics = RunMetrics()
    page = PageMetrics("u", "s", ttfb_seconds=math.nan, cls=math.inf)
    metrics.observe(make_run(1, pages=(page,), duration_seconds=math.nan, steps=(StepResult("s", "passed", math.nan),)))
    text = metrics.render().decode()
    assert "NaN" not in text
    assert value(metrics, "gapwatch_runs_total", outcome="passed") == 1


def test_the_newest_time_is_read_from_any_zone():
    metrics = RunMetrics()
    moment = datetime(2026, 11, 2, 8, tzinfo=UTC)
    metrics.observe(make_run(1, started_at=moment.astimezone()))
    assert value(metrics, "gapwatch_run_last_timestamp_seconds") == moment.timestamp()
