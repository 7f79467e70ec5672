"""Where a Run goes: the store, Prometheus, and files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exporters.fanout import Exporter, Fanout
    from exporters.files import WriteError
    from exporters.jsonlines import JsonLinesExporter, json_line
    from exporters.junit import JunitExporter, junit_xml
    from exporters.metric_specs import METRICS, MetricSpec
    from exporters.metrics import CONTENT_TYPE, RunMetrics
    from exporters.pushgateway import PushError, push
    from exporters.store import Store
    from exporters.store_errors import StoreError, UnstorableRunError
    from exporters.store_summary import SummaryRow
    from exporters.tables import Exported, column_dictionary, export_tables
    from exporters.textfile import TextfileExporter, carry_over, write_textfile

__all__ = [
    "CONTENT_TYPE",
    "METRICS",
    "Exported",
    "Exporter",
    "Fanout",
    "JsonLinesExporter",
    "JunitExporter",
    "MetricSpec",
    "PushError",
    "RunMetrics",
    "Store",
    "StoreError",
    "SummaryRow",
    "TextfileExporter",
    "UnstorableRunError",
    "WriteError",
    "carry_over",
    "column_dictionary",
    "export_tables",
    "json_line",
    "junit_xml",
    "push",
    "write_textfile",
]

# Loaded at first use: SQLAlchemy and pyarrow take longer to import than `gapwatch --help` may take.
_HOMES = {
    "CONTENT_TYPE": "metrics",
    "Exported": "tables",
    "Exporter": "fanout",
    "Fanout": "fanout",
    "JsonLinesExporter": "jsonlines",
    "JunitExporter": "junit",
    "METRICS": "metric_specs",
    "MetricSpec": "metric_specs",
    "PushError": "pushgateway",
    "RunMetrics": "metrics",
    "Store": "store",
    "StoreError": "store_errors",
    "SummaryRow": "store_summary",
    "TextfileExporter": "textfile",
    "UnstorableRunError": "store_errors",
    "WriteError": "files",
    "carry_over": "textfile",
    "column_dictionary": "tables",
    "export_tables": "tables",
    "json_line": "jsonlines",
    "junit_xml": "junit",
    "push": "pushgateway",
    "write_textfile": "textfile",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
