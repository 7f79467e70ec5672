"""The one result type: a Run and its parts. Probes make it, everyone reads it, nobody edits it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Outcome = Literal["passed", "degraded", "failed", "blocked", "maintenance", "error"]
OUTCOMES: tuple[Outcome, ...] = ("passed", "degraded", "failed", "blocked", "maintenance", "error")
StepOutcome = Literal["passed", "failed", "skipped", "error"]
STEP_OUTCOMES: tuple[StepOutcome, ...] = ("passed", "failed", "skipped", "error")
Severity = Literal["critical", "major", "minor"]
SEVERITIES: tuple[Severity, ...] = ("critical", "major", "minor")
FindingClass = Literal[
    "http_error", "navigation_error", "timeout", "tls", "js_exception", "console_error", "failed_request",
    "soft_error", "blank_page", "form_rejected", "form_input_lost", "form_stuck", "assertion", "search_empty",
    "search_irrelevant", "login_required", "redirect_loop", "unexpected_download", "dialog", "popup",
    "mixed_content", "stalled_response", "slow", "blocked", "maintenance", "stale_content", "duplicate_fields",
    "accessibility",
]  # fmt: skip
FINDING_CLASSES: tuple[FindingClass, ...] = FindingClass.__args__  # type: ignore[attr-defined]  # no public member list


@dataclass(frozen=True, slots=True)
class StepResult:
    """How one step went.

    `duration_seconds` is the user's wait, from the action to the settled page; for a step that timed out, the time
    that was allowed (the wait is at least that long); None where nothing was waited for (skipped).
    """

    name: str
    outcome: StepOutcome
    duration_seconds: float | None
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class PageMetrics:
    """What the browser measured on one page of the flow; seconds from the start of its navigation.

    `step` is the name of the step that led there. None: not measured (the engine lacks it, or the page never got
    there). `cls` has no unit. `transferred_bytes` counts what came over the network, headers included.
    """

    url: str
    step: str
    ttfb_seconds: float | None = None
    fcp_seconds: float | None = None
    lcp_seconds: float | None = None
    cls: float | None = None
    inp_seconds: float | None = None
    dom_content_loaded_seconds: float | None = None
    load_seconds: float | None = None
    requests: int | None = None
    transferred_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a citizen would meet and should not: its class, how bad, in which step, in bounded, redacted words."""

    class_: FindingClass
    severity: Severity
    step: str | None
    message: str


@dataclass(frozen=True, slots=True)
class SearchQueryResult:
    """One gold query: hits in all, rank (from 1) of the first right hit within k (None: not there), and the wait.

    `right_category_share` is over the first k hits, None where no category was expected or there was no hit.
    """

    query: str
    hits: int
    rank: int | None
    right_category_share: float | None
    duration_seconds: float | None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The gold queries of a run and their shares: success@k, mean reciprocal rank, zero hits, right category."""

    queries: tuple[SearchQueryResult, ...]

    @property
    def success_share(self) -> float | None:
        """Share of queries with a right hit among the first k."""
        return _mean([float(query.rank is not None) for query in self.queries])

    @property
    def mean_reciprocal_rank(self) -> float | None:
        """Mean of 1/rank, 0 for a query without a right hit (Voorhees, TREC-8, 1999)."""
        return _mean([1 / query.rank if query.rank else 0.0 for query in self.queries])

    @property
    def zero_hit_share(self) -> float | None:
        """Share of queries that found nothing at all."""
        return _mean([float(query.hits == 0) for query in self.queries])

    @property
    def right_category_share(self) -> float | None:
        """Mean over the queries that expect a category and had hits."""
        return _mean([query.right_category_share for query in self.queries if query.right_category_share is not None])

    def as_dict(self) -> dict[str, Any]:
        """The `search` object of a run in JSON."""
        return {
            "queries": [dataclasses.asdict(query) for query in self.queries],
            "success_share": self.success_share,
            "mean_reciprocal_rank": self.mean_reciprocal_rank,
            "zero_hit_share": self.zero_hit_share,
            "right_category_share": self.right_category_share,
        }


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


@dataclass(frozen=True, slots=True)
class FormField:
    """A field that the flow met: what it is called, and whether it asks for personal data (and which kind)."""

    step: str
    page: int
    label: str
    type: str
    required: bool
    has_label: bool
    has_help: bool
    personal: str | None = None


@dataclass(frozen=True, slots=True)
class FormsResult:
    """The fields met in a flow, and those asked more than once across its pages (by kind of personal data or label)."""

    fields: tuple[FormField, ...]
    duplicates: tuple[str, ...]
    personal_before_login: int | None = None
    rejected: int = 0
    input_lost: int = 0

    @property
    def duplicate_share(self) -> float | None:
        """Repeated askings over all fields met."""
        return len(self.duplicates) / len(self.fields) if self.fields else None

    @property
    def guided_share(self) -> float | None:
        """Share of fields that have both a label and help."""
        return _mean([float(each.has_label and each.has_help) for each in self.fields])

    def as_dict(self) -> dict[str, Any]:
        """The `forms` object of a run in JSON."""
        return {
            "fields": [dataclasses.asdict(each) for each in self.fields],
            "duplicates": list(self.duplicates),
            "duplicate_fields": len(self.duplicates),
            "duplicate_share": self.duplicate_share,
            "guided_share": self.guided_share,
            "personal_before_login": self.personal_before_login,
            "rejected": self.rejected,
            "input_lost": self.input_lost,
        }


@dataclass(frozen=True, slots=True)
class HttpPhases:
    """Phases of an HTTP check, summed over redirects, in seconds (blackbox_exporter's names); None: did not happen."""

    resolve: float | None = None
    connect: float | None = None
    tls: float | None = None
    processing: float | None = None
    transfer: float | None = None


@dataclass(frozen=True, slots=True)
class HttpResult:
    """What an HTTP check saw beyond its duration."""

    status: int | None
    redirects: int
    body_bytes: int | None
    phases: HttpPhases
    certificate_expiry: datetime | None = None


@dataclass(frozen=True, slots=True)
class HostState:
    """The probe's own machine during the run: what may have bent the timings.

    `cpu_pressure` is the share of the run's time in which some task waited for a CPU (PSI `some`, else None);
    `loop_lag_seconds` the longest time the event loop was late; `concurrent_runs` counts this run too.
    """

    cpu_pressure: float | None = None
    load_per_cpu: float | None = None
    concurrent_runs: int = 1
    loop_lag_seconds: float | None = None
    browser_version: str | None = None
    probe_version: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Files kept of a run that did not pass, relative to the evidence folder."""

    screenshot: str | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One try of one scenario on one portal, from one place with one browser: the result that all others read.

    `duration_seconds` is the sum of the steps' waits; for a run that met its deadline, the deadline (censored: the
    true wait is longer). `timed_out` says so. `error_reason` is the class of the probe's own trouble and set exactly
    when the outcome is `error`. `dry_stop` names the submit step before which a
    submitting flow stopped because the portal does not allow it. `retest_of` is the id of the failed run that this one
    tried again at once: it confirms or clears that failure and counts in no figure by itself.
    """

    run_id: str
    portal: str
    scenario: str
    kind: str
    location: str
    browser: str
    device: str
    network: str
    started_at: datetime
    duration_seconds: float
    deadline_seconds: float
    outcome: Outcome
    timed_out: bool = False
    error_reason: str | None = None
    dry_stop: str | None = None
    steps: tuple[StepResult, ...] = ()
    pages: tuple[PageMetrics, ...] = ()
    findings: tuple[Finding, ...] = ()
    search: SearchResult | None = None
    forms: FormsResult | None = None
    http: HttpResult | None = None
    timing_valid: bool = True
    invalid_reasons: tuple[str, ...] = ()
    host: HostState = field(default_factory=HostState)
    evidence: Evidence | None = None
    retest_of: str | None = None

    def __post_init__(self) -> None:
        if self.started_at.tzinfo is None:
            raise ValueError("started_at must be aware")
        if (self.error_reason is not None) != (self.outcome == "error"):
            raise ValueError("error_reason goes with the outcome `error`, and only with it")

    def as_dict(self) -> dict[str, Any]:
        """The run as plain JSON data: the shape that `once --format json` prints."""
        data: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "run_id", "portal", "scenario", "kind", "location", "browser", "device", "network",
            )
        }  # fmt: skip
        data["started_at"] = self.started_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        data["duration_seconds"] = self.duration_seconds
        data["deadline_seconds"] = self.deadline_seconds
        data["outcome"] = self.outcome
        data["timed_out"] = self.timed_out
        data["error_reason"] = self.error_reason
        data["dry_stop"] = self.dry_stop
        data["steps"] = [dataclasses.asdict(step) for step in self.steps]
        data["pages"] = [dataclasses.asdict(page) for page in self.pages]
        data["findings"] = [finding_dict(finding) for finding in self.findings]
        data["search"] = self.search.as_dict() if self.search else None
        data["forms"] = self.forms.as_dict() if self.forms else None
        data["http"] = _http_dict(self.http)
        data["timing_valid"] = self.timing_valid
        data["invalid_reasons"] = list(self.invalid_reasons)
        data["host"] = dataclasses.asdict(self.host)
        data["evidence"] = dataclasses.asdict(self.evidence) if self.evidence else None
        data["retest_of"] = self.retest_of
        return data


def finding_dict(finding: Finding) -> Mapping[str, Any]:
    """A finding in JSON; the field is `class`, which Python keeps for itself."""
    return {
        "class": finding.class_,
        "severity": finding.severity,
        "step": finding.step,
        "message": finding.message,
    }


def _http_dict(http: HttpResult | None) -> dict[str, Any] | None:
    if http is None:
        return None
    data = dataclasses.asdict(http)
    if http.certificate_expiry is not None:
        data["certificate_expiry"] = http.certificate_expiry.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return data
