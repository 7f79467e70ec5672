"""The copy of web-vitals is the published file, byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

import probes

FILES = {
    "web-vitals-6.2.3.iife.js": "1e5e9b9af6b8d71cfef508e5a869c53b4cf2bbccad8c9b5ac664c34e93f6151a",
}


def test_vendored_files_are_unchanged_and_licensed() -> None:
    folder = Path(probes.__file__).parent / "vendor"
    assert {path.name for path in folder.glob("*.js")} == set(FILES)
    for name, digest in FILES.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert "Apache License" in (folder / "web-vitals.LICENSE").read_text(encoding="utf-8")
