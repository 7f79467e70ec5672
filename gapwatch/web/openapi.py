"""The API described by OpenAPI 3.1: what each address takes and gives. A test holds answers against it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gapwatch.version import version
from gapwatch.web.api import DEFAULT_RUNS, MAX_RUNS
from gapwatch.web.history import WINDOWS
from probes.run import FINDING_CLASSES, OUTCOMES, SEVERITIES, STEP_OUTCOMES

Schema = dict[str, Any]


async def document(_: web.Request) -> web.Response:
    """The description as JSON."""
    return web.json_response(describe())


def describe() -> Schema:
    """The OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gapwatch",
            "version": version(),
            "description": "What probes measured on public-service portals. Times are UTC, durations seconds. "
            "A missing value is null, never 0.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(),
        "components": {"schemas": _schemas()},
    }


def _paths() -> Schema:
    word = {"type": "string"}
    moment = {"type": "string", "format": "date-time"}
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_RUNS, "default": DEFAULT_RUNS}
    filters = [
        _parameter("portal", word, "Name of a portal"),
        _parameter("scenario", word, "Name of a scenario"),
        _parameter("outcome", _enum(OUTCOMES), "What became of the run"),
        _parameter("since", moment, "Runs that began at or after this time"),
        _parameter("until", moment, "Runs that began before this time"),
        _parameter("limit", limit, "At most so many, newest first"),
    ]
    run_id = {"name": "run_id", "in": "path", "required": True, "schema": word, "description": "Id of the run"}
    trouble = {503: "The store cannot be read, or this was not worked out yet"}
    return {
        "/api/v1/runs": _get("Runs, newest first", "Runs", filters, {400: "A parameter cannot be used", **trouble}),
        "/api/v1/runs/{run_id}": _get("One run", "Run", [run_id], {404: "No such run", **trouble}),
        "/api/v1/status": _get("The daemon and its jobs", "Status"),
        "/api/v1/availability": _get("Availability by scenario", "AvailabilityReport", errors=trouble),
        "/api/v1/incidents": _get("Incidents of the last 30 days", "Incidents", errors=trouble),
        "/api/v1/maintenance": _get("Maintenance under way and announced", "Maintenance"),
        "/api/v1/link": _get("Measured beside perceived", "Link", errors={404: "No survey is configured", **trouble}),
        "/api/v1/openapi.json": _get("This description", "OpenApi"),
    }


def _schemas() -> Schema:
    number, word, flag, count = {"type": "number"}, {"type": "string"}, {"type": "boolean"}, {"type": "integer"}
    moment = {"type": "string", "format": "date-time"}
    counts = {
        "availability": _null({"type": "number", "minimum": 0, "maximum": 1})
        | {"description": "available / (available + unavailable); null without such a run"},
        **dict.fromkeys(("available", "unavailable", "blocked", "maintenance", "errors"), count),
    }
    where = dict.fromkeys(("portal", "scenario", "location", "browser", "device", "network"), word)
    return {
        "Error": _object({"error": word | {"description": "What is wrong, in words"}}),
        "Step": _object(
            {
                "name": word,
                "outcome": _enum(STEP_OUTCOMES),
                "duration_seconds": _null(number) | {"description": "A timed-out step counts with its limit"},
                "timed_out": flag,
            }
        ),
        "Finding": _object(
            {"class": _enum(FINDING_CLASSES), "severity": _enum(SEVERITIES), "step": _null(word), "message": word}
        ),
        "Run": _object(
            {
                "run_id": word,
                **where,
                "kind": word,
                "started_at": moment,
                "duration_seconds": number | {"description": "A timed-out run counts with its deadline"},
                "deadline_seconds": number,
                "outcome": _enum(OUTCOMES) | {"description": "`error` is the probe's own trouble, not the portal's"},
                "timed_out": flag,
                "error_reason": _null(word),
                "dry_stop": _null(word),
                "steps": _list(_ref("Step")),
                "pages": _list({"type": "object"}),
                "findings": _list(_ref("Finding")),
                **{name: _null({"type": "object"}) for name in ("search", "forms", "http", "evidence")},
                "timing_valid": flag,
                "invalid_reasons": _list(word),
                "host": {"type": "object"},
                "retest_of": _null(word) | {"description": "The run that this one tried again"},
            }
        ),
        "Runs": _object({"runs": _list(_ref("Run"))}),
        "Job": _object(
            {
                "portal": word,
                "scenario": word,
                "browser": _null(word),
                "device": _null(word),
                "schedule": word,
                "outcome": _null(_enum((*OUTCOMES, "flaky"))),
                "run_id": _null(word),
                "started_at": _null(moment),
                "next_due": _null(moment),
            }
        ),
        "Status": _object(
            {
                "version": word,
                "started_at": moment,
                "ready": flag,
                "running": count,
                "last_reload": _null(_object({"at": moment, "good": flag})),
                "jobs": _list(_ref("Job")),
            }
        ),
        "Counts": _object(counts),
        "Availability": _object(
            {
                "portal": word,
                "scenario": word,
                "windows": _object({name: _ref("Counts") for name in WINDOWS}),
                "days": _list(_object({"day": {"type": "string", "format": "date"}, **counts})),
            }
        ),
        "AvailabilityReport": _object({"computed_at": moment, "scenarios": _list(_ref("Availability"))}),
        "Incident": _object(
            {
                **where,
                "first_run": word,
                "began_at": moment,
                "last_at": moment | {"description": "When the last failed run began"},
                "ended_at": _null(moment),
                "runs": count | {"description": "Failed runs"},
            }
        ),
        "Incidents": _object({"computed_at": moment, "incidents": _list(_ref("Incident"))}),
        "Maintenance": _object(
            {
                "windows": _list(
                    _object(
                        {
                            "portals": _list(word),
                            "begin": moment,
                            "end": moment,
                            "timezone": word,
                            "note": word,
                            "under_way": flag,
                        }
                    )
                )
            }
        ),
        "Link": {"type": "object", "required": ["portal", "wave", "scores"]},
        "OpenApi": {"type": "object", "required": ["openapi", "info", "paths"]},
    }


def _get(
    summary: str, schema: str, parameters: list[Schema] | None = None, errors: dict[int, str] | None = None
) -> Schema:
    answers = {"200": {"description": summary, "content": {"application/json": {"schema": _ref(schema)}}}}
    for status, said in (errors or {}).items():
        answers[str(status)] = {"description": said, "content": {"application/json": {"schema": _ref("Error")}}}
    name = "get" + schema
    operation: Schema = {"summary": summary, "operationId": name, "responses": answers}
    return {"get": operation | ({"parameters": parameters} if parameters else {})}


def _parameter(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _enum(values: tuple[str, ...]) -> Schema:
    return {"type": "string", "enum": list(values)}
