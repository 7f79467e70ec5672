"""A Run as rows and rows as a Run: the one place that knows both shapes, and where hostile text is bounded."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from sqlalchemy import Float, String, Table

from exporters import schema
from probes.run import (
    Evidence,
    Finding,
    FormField,
    FormsResult,
    HostState,
    HttpPhases,
    HttpResult,
    PageMetrics,
    Run,
    SearchQueryResult,
    SearchResult,
    StepResult,
)

Row = dict[str, Any]
Part = TypeVar("Part", StepResult, PageMetrics, Finding, SearchQueryResult, FormField)

#: Tables whose rows belong to a run, in the order of the schema.
PARTS: tuple[Table, ...] = (
    schema.steps,
    schema.pages,
    schema.findings,
    schema.search_queries,
    schema.form_fields,
)
#: What says which run it is: cutting one of these would mix runs up, so a longer one is refused.
_IDENTITY = ("run_id", "portal", "scenario", "kind", "location", "browser", "device", "network")
# PostgreSQL refuses NUL, and a lone surrogate has no UTF-8: either can come from a page.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def _lengths(table: Table) -> dict[str, int]:
    return {
        column.name: column.type.length
        for column in table.columns
        if isinstance(column.type, String) and column.type.length
    }


_LENGTH = {table.name: _lengths(table) for table in (schema.runs, *PARTS)}
_REQUIRED_NUMBERS = frozenset(
    column.name for column in schema.runs.columns if isinstance(column.type, Float) and not column.nullable
)


def _clean(value: Any) -> Any:
    """Text without what a database refuses, numbers without NaN and infinity (not measured), inside JSON too."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _clean(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(each) for each in value]
    return value


def _bounded(table: Table, row: Row) -> Row:
    lengths = _LENGTH[table.name]
    clean = {name: _clean(value) for name, value in row.items()}
    for name, length in lengths.items():
        value = clean.get(name)
        if isinstance(value, str) and len(value) > length:
            clean[name] = value[: length - 1] + "…"
    return clean


def unstorable(run: Run) -> str | None:
    """Why the run cannot be kept, in words; None: it can."""
    lengths = _LENGTH[schema.runs.name]
    for name in _IDENTITY:
        value = getattr(run, name)
        if not value or len(value) > lengths[name]:
            return f"its {name} must have 1 to {lengths[name]} characters, not {len(value)}"
    for name in sorted(_REQUIRED_NUMBERS):
        if not math.isfinite(getattr(run, name)):
            return f"its {name} is not a number"
    return None


def _http_json(http: HttpResult | None) -> Row | None:
    if http is None:
        return None
    data = dataclasses.asdict(http)
    if http.certificate_expiry is not None:
        data["certificate_expiry"] = http.certificate_expiry.astimezone(UTC).isoformat()
    return data


def _search_columns(search: SearchResult | None) -> Row:
    return {
        "search_queries": len(search.queries) if search else None,
        "search_success_share": search.success_share if search else None,
        "search_mean_reciprocal_rank": search.mean_reciprocal_rank if search else None,
        "search_zero_hit_share": search.zero_hit_share if search else None,
        "search_right_category_share": search.right_category_share if search else None,
    }


def _form_columns(forms: FormsResult | None) -> Row:
    return {
        "form_fields": len(forms.fields) if forms else None,
        "form_duplicate_fields": len(forms.duplicates) if forms else None,
        "form_guided_share": forms.guided_share if forms else None,
        "form_personal_before_login": forms.personal_before_login if forms else None,
        "form_rejected": forms.rejected if forms else None,
        "form_input_lost": forms.input_lost if forms else None,
        "form_duplicates": list(forms.duplicates) if forms else None,
    }


def run_row(run: Run) -> Row:
    """The run's row in `runs`: every column, text cut to the column's length."""
    plain = (
        *_IDENTITY, "started_at", "duration_seconds", "deadline_seconds", "outcome", "timed_out", "error_reason",
        "dry_stop", "timing_valid", "retest_of",
    )  # fmt: skip
    row: Row = {name: getattr(run, name) for name in plain}
    row["invalid_reasons"] = list(run.invalid_reasons)
    row["host"] = dataclasses.asdict(run.host)
    row["http"] = _http_json(run.http)
    row |= _search_columns(run.search) | _form_columns(run.forms)
    row["evidence_screenshot"] = run.evidence.screenshot if run.evidence else None
    row["evidence_trace"] = run.evidence.trace if run.evidence else None
    return _bounded(schema.runs, row)


def _finding_row(finding: Finding) -> Row:
    row = dataclasses.asdict(finding)
    row["class"] = row.pop("class_")
    return row


def part_rows(run: Run) -> dict[str, list[Row]]:
    """The run's rows in the other tables, by table name; `seq` counts from 0 in the order of the run."""
    parts: dict[str, list[Row]] = {
        "steps": [dataclasses.asdict(each) for each in run.steps],
        "pages": [dataclasses.asdict(each) for each in run.pages],
        "findings": [_finding_row(each) for each in run.findings],
        "search_queries": [dataclasses.asdict(each) for each in run.search.queries] if run.search else [],
        "form_fields": [dataclasses.asdict(each) for each in run.forms.fields] if run.forms else [],
    }
    return {
        table.name: [
            _bounded(table, {"run_id": run.run_id, "seq": seq, **row}) for seq, row in enumerate(parts[table.name])
        ]
        for table in PARTS
    }


def _known(kind: type[Any], data: Mapping[str, Any]) -> Row:
    """Only what the type knows: a store may hold keys of another version."""
    names = {each.name for each in dataclasses.fields(kind)}
    return {name: value for name, value in data.items() if name in names}


def _make(kind: type[Part], rows: Iterable[Mapping[str, Any]]) -> tuple[Part, ...]:
    return tuple(kind(**_known(kind, row)) for row in rows)


def _finding(row: Mapping[str, Any]) -> Finding:
    return Finding(class_=row["class"], severity=row["severity"], step=row["step"], message=row["message"])


def _http(data: Mapping[str, Any] | None) -> HttpResult | None:
    if data is None:
        return None
    known = _known(HttpResult, data)
    known["phases"] = HttpPhases(**_known(HttpPhases, data["phases"]))
    expiry = data.get("certificate_expiry")
    known["certificate_expiry"] = datetime.fromisoformat(expiry) if expiry else None
    return HttpResult(**known)


def _forms(row: Mapping[str, Any], fields: Sequence[Mapping[str, Any]]) -> FormsResult | None:
    if row["form_fields"] is None:
        return None
    return FormsResult(
        fields=_make(FormField, fields),
        duplicates=tuple(row["form_duplicates"]),
        personal_before_login=row["form_personal_before_login"],
        rejected=row["form_rejected"],
        input_lost=row["form_input_lost"],
    )


def _evidence(row: Mapping[str, Any]) -> Evidence | None:
    """An Evidence that names no file says nothing: it comes back as None."""
    screenshot, trace = row["evidence_screenshot"], row["evidence_trace"]
    return Evidence(screenshot, trace) if screenshot or trace else None


def run_from_rows(row: Mapping[str, Any], parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> Run:
    """The run as it was measured, from its row and its parts' rows (by table name, in the order of `seq`)."""
    plain = _known(Run, row)
    plain["invalid_reasons"] = tuple(row["invalid_reasons"])
    plain["host"] = HostState(**_known(HostState, row["host"]))
    plain["http"] = _http(cast("Mapping[str, Any] | None", row["http"]))
    return Run(
        **plain,
        steps=_make(StepResult, parts.get("steps", ())),
        pages=_make(PageMetrics, parts.get("pages", ())),
        findings=tuple(_finding(each) for each in parts.get("findings", ())),
        search=(
            SearchResult(_make(SearchQueryResult, parts.get("search_queries", ())))
            if row["search_queries"] is not None
            else None
        ),
        forms=_forms(row, parts.get("form_fields", ())),
        evidence=_evidence(row),
    )
