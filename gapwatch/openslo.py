"""The configuration's objectives as OpenSLO v1 documents, for tools that read those."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from gapwatch.config import Config
from gapwatch.slo import SLIS, Sli
from gapwatch.slo_rules import Promised, duration, objective_queries, promised

_API = "openslo/v1"
_WINDOW = "{{.window}}"


def openslo(config: Config) -> str:
    """One Service for each portal, one SLO for each scenario and indicator, as a YAML stream.

    Queries hold `{{.window}}` where the reader puts its window, as OpenSLO's own examples do.
    """
    documents = [*_services(config), *(_slo(each, sli) for each in promised(config) for sli in SLIS)]
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=1000)


def _name(*words: str) -> str:
    """A DNS label (RFC 1123), as OpenSLO wants: lower case, digits and hyphens, at most 63 long."""
    return "-".join(words).replace("_", "-").strip("-")[:63].strip("-")


def _services(config: Config) -> Iterator[dict[str, Any]]:
    for portal in config.portals:
        yield {
            "apiVersion": _API,
            "kind": "Service",
            "metadata": {"name": _name(portal.name), "displayName": portal.title or portal.name},
            "spec": {"description": f"{portal.title or portal.name}, {portal.base_url}"[:1050]},
        }


def _slo(each: Promised, sli: Sli) -> dict[str, Any]:
    good, total = objective_queries(sli, each, _WINDOW)
    what = (
        "Share of runs that a citizen could have finished (passed or degraded)"
        if sli == "availability"
        else f"Share of runs within {each.objectives.latency_seconds:g} s"
    )
    return {
        "apiVersion": _API,
        "kind": "SLO",
        "metadata": {
            "name": _name(each.portal, each.scenario, sli),
            "displayName": f"{each.portal}: {each.scenario}: {sli}",
        },
        "spec": {
            "description": f"{what}; blocked, maintenance and error runs count neither way.",
            "service": _name(each.portal),
            "indicator": {
                "metadata": {"name": _name(each.portal, each.scenario, sli, "sli")},
                "spec": {
                    "ratioMetric": {
                        "counter": True,
                        "good": {"metricSource": {"type": "Prometheus", "spec": {"query": good}}},
                        "total": {"metricSource": {"type": "Prometheus", "spec": {"query": total}}},
                    }
                },
            },
            "timeWindow": [{"duration": duration(each.objectives.window_seconds), "isRolling": True}],
            "budgetingMethod": "Occurrences",
            "objectives": [{"displayName": what, "target": each.objectives.target(sli)}],
        },
    }
