"""The example notebook runs, and the one in docs/ is what it gives."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat

import egovqual_link

ROOT = Path(__file__).parents[1]


def test_the_notebook_runs_and_docs_holds_its_output(tmp_path: Path) -> None:
    written = tmp_path / "example.ipynb"
    # In a process of its own and a folder of its own: Jupyter leaves socket files where it runs.
    subprocess.run([sys.executable, ROOT / "scripts" / "notebook.py", written], cwd=tmp_path, check=True, timeout=300)
    again = nbformat.read(written, as_version=4)
    kept = nbformat.read(ROOT / "docs" / "example.ipynb", as_version=4)
    assert [cell.source for cell in again.cells] == [cell.source for cell in kept.cells]
    for one, two in zip(again.cells, kept.cells, strict=True):
        for first, second in zip(one.get("outputs", []), two.get("outputs", []), strict=True):
            assert first.output_type == second.output_type
            assert first.output_type != "error"
            # Pictures and pages differ in a last digit from one processor to another; the figures in words do not.
            assert first.get("data", {}).get("text/plain") == second.get("data", {}).get("text/plain")


def test_every_name_that_the_page_on_python_promises_can_be_imported() -> None:
    text = (ROOT / "docs" / "python.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    imported = next(node for node in ast.walk(ast.parse(code[1])) if isinstance(node, ast.ImportFrom))
    names = {alias.name for alias in imported.names}
    names |= {name for row in re.findall(r"^\| (.*?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)", row)}
    missing = sorted(name for name in names - {"name"} if name not in egovqual_link.__all__)
    assert missing == []
    assert all(hasattr(egovqual_link, name) for name in egovqual_link.__all__)
