"""The exporters' documents say what there is, all of it and nothing else; so does the package's front."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from sqlalchemy import String

import exporters
from exporters import METRICS
from exporters.metric_specs import RUN_LABELS
from exporters.schema import metadata

ROOT = Path(__file__).parent.parent
SQL_NAMES = {
    "String": "text", "Float": "real", "Integer": "integer", "BigInteger": "big integer", "Boolean": "boolean",
    "JSON": "JSON", "UtcDateTime": "time (UTC)",
}  # fmt: skip


def table_rows(text: str, columns: int) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:3] == "| `"]
    assert all(len(row) == columns for row in rows)
    return rows


def test_the_metrics_document_is_that_of_the_metrics():
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    documented = {row[0].strip("`"): row[1:] for row in table_rows(text, 5)}
    assert list(documented) == [spec.name for spec in METRICS]
    for spec in METRICS:
        kind, labels, meaning, absent = documented[spec.name]
        said = tuple(re.findall(r"`(\w+)`", labels))
        assert (kind, meaning) == (spec.type, spec.help)
        assert (*(RUN_LABELS if labels.startswith("run") else ()), *said) == spec.labels
        assert absent
    mentioned = set(re.findall(r"gapwatch_\w+", text))
    names = set(documented) | {f"{spec.name}_{end}" for spec in METRICS if spec.buckets for end in ("bucket", "count")}
    assert mentioned <= names


def test_the_store_document_is_that_of_the_schema():
    text = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")
    parts = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))
    assert list(parts) == [table.name for table in metadata.sorted_tables]
    for table in metadata.sorted_tables:
        documented = {row[0].strip("`"): row[1:] for row in table_rows(parts[table.name], 4)}
        assert list(documented) == [column.name for column in table.columns]
        for column in table.columns:
            kind, null, meaning = documented[column.name]
            length = f", {column.type.length}" if isinstance(column.type, String) and column.type.length else ""
            assert kind == SQL_NAMES[type(column.type).__name__] + length
            assert null == ("yes" if column.nullable else "no")
            assert meaning


def test_the_front_of_the_package_is_sorted_and_real():
    # As ruff sorts it: constants, then classes, then functions.
    assert exporters.__all__ == sorted(exporters.__all__, key=lambda name: (not name.isupper(), name.islower(), name))
    assert len(set(exporters.__all__)) == len(exporters.__all__)
    for name in exporters.__all__:
        assert getattr(exporters, name) is not None
    assert set(dir(exporters)) == set(exporters.__all__)
    assert not hasattr(exporters, "Nothing")


def test_the_front_of_the_package_is_light():
    heavy = (
        "import sys, exporters; print([name for name in ('sqlalchemy', 'pyarrow', 'alembic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", heavy], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
