"""The doctor tells our packages from others of the same name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_foreign_package_of_our_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "demo_portal").mkdir()
    (tmp_path / "demo_portal/__init__.py").write_text('"""Somebody else\'s package."""\n')
    code = (
        "from gapwatch.doctor import _packages\n"
        "for check in _packages():\n"
        "    print(check.level, check.what, '|', check.remedy)\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path
    )
    lines = dict(line.split(" | ") for line in done.stdout.splitlines() if " | " in line)
    assert "another package took its place" in lines["fail package demo_portal"]
    assert "ok package probes" in done.stdout
