"""200,000 synthetic answers to 42 questions read, checked and analysed: seconds and peak memory of one process."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RESPONDENTS, SEED = 200_000, 20261124
GOAL_SECONDS, GOAL_GIB = 15.0, 1.5


def write_answers(path: Path, respondents: int) -> None:
    """A wide CSV on a scale of 1 to 6: ids, times, durations, and the blemishes that real files have."""
    from egovqual_link.instrument import load_instrument

    rng = np.random.default_rng(SEED)
    items = load_instrument().item_keys
    person = rng.normal(size=(respondents, 1))
    latent = rng.normal(size=(respondents, 2 * len(items))) * 0.9 + 0.7 * person
    latent += np.where(np.arange(2 * len(items)) % 2, 4.6, 4.3)
    cells = np.clip(np.rint(latent), 1, 6).astype(int).astype(str).astype(object)
    odd = rng.random(cells.shape)
    cells[odd < 0.01] = ""
    cells[(odd > 0.01) & (odd < 0.015)] = "tidak tahu"
    cells[(odd > 0.015) & (odd < 0.0152)] = "9"
    never = rng.random(respondents) < 0.4
    cells[never, -8:] = "belum pernah menghubungi"
    cells[rng.random(respondents) < 0.005] = "6"
    seconds = rng.gamma(4, 90, size=respondents).round(1)
    names = [f"{item}_{kind}" for item in items for kind in ("performance", "importance")]
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(["id", "time", "region", "duration_seconds", *names]) + "\n")
        for number, row in enumerate(cells):
            day = f"2026-03-{1 + number % 28:02d} {number % 24:02d}:{number % 60:02d}"
            file.write(f"synthetic-{number},{day},region {number % 38},{seconds[number]},{','.join(row)}\n")


def analyse(path: str) -> None:
    """What `gapwatch survey` does with the file, timed by part; one JSON object on stdout."""
    began = time.perf_counter()
    from egovqual_link.load import load_source
    from egovqual_link.survey_tables import survey_tables

    imported = time.perf_counter()
    survey = load_source(path, "1-6")
    read = time.perf_counter()
    tables = survey_tables(survey)
    done = time.perf_counter()
    print(
        json.dumps(
            {
                "import": imported - began,
                "read and check": read - imported,
                "analyse": done - read,
                "respondents": int(tables["scores"]["n"].max()),
                "flagged": len(tables["flagged"]),
                "cells outside the scale": len(tables["problems"]),
                "method": str(tables["scores"]["boot_method"].iloc[0]),
            }
        )
    )


def main(respondents: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "synthetic.csv"
        write_answers(path, respondents)
        print(f"{respondents:,} synthetic answers x 42 questions, {path.stat().st_size / 2**20:.0f} MiB, seed {SEED}")
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, __file__, "--analyse", str(path)], stdout=subprocess.PIPE, text=True, check=True
        )
        took = time.perf_counter() - began
    # Of all children that ended: there was but the one.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    for name, value in json.loads(done.stdout).items():
        print(f"  {name}: {f'{value:.1f} s' if isinstance(value, float) else value}")
    print(f"{took:.1f} s (goal {GOAL_SECONDS:.0f}), peak {peak:.2f} GiB (goal {GOAL_GIB})")
    return 0 if took <= GOAL_SECONDS and peak <= GOAL_GIB else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--analyse"]:
        analyse(sys.argv[2])
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else RESPONDENTS))
