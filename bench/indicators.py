"""Every indicator over ten million stored runs (Parquet): seconds and peak memory of a process, and how cost grows."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS, SEED = 10_000_000, 20261124
DAYS = 90
GOAL_SECONDS, GOAL_GIB, GOAL_GROWTH = 10.0, 1.0, 11.0
#: Shares of the runs: the bare check each minute, journeys less often.
_KIND = """CASE WHEN u < 0.75 THEN 'http' WHEN u < 0.90 THEN 'page_load' WHEN u < 0.95 THEN 'search'
    WHEN u < 0.98 THEN 'form_submission' ELSE 'download' END"""
#: How many rows of each table a run of a kind has.
_PARTS = {
    "pages": {"page_load": 3, "search": 2, "form_submission": 6},
    "steps": {"page_load": 3, "search": 4, "form_submission": 12, "download": 2, "http": 1},
    "search_queries": {"search": 5},
    "form_fields": {"form_submission": 20},
}
_COLUMNS = {
    "pages": """'open ' || seq AS step, '/' || seq AS url, -ln(random()) * 0.2 + 0.05 AS ttfb_seconds,
        -ln(random()) * 0.8 + 0.3 AS fcp_seconds, -ln(random()) * 1.2 + 0.5 AS lcp_seconds, random() * 0.3 AS cls,
        random() * 0.2 AS inp_seconds, 0.2 + random() AS dom_content_loaded_seconds, 0.5 + random() AS load_seconds,
        CAST(20 + random() * 60 AS BIGINT) AS requests, CAST(5e5 + random() * 3e6 AS BIGINT) AS transferred_bytes""",
    "steps": """'open ' || seq AS name, -ln(random()) * 1.2 AS duration_seconds, false AS timed_out,
        CASE WHEN outcome = 'failed' AND seq = 2 THEN 'failed' ELSE 'passed' END AS outcome""",
    "search_queries": """'query ' || seq AS query, 5 AS hits, 1 AS rank, random() AS right_category_share,
        -ln(random()) AS duration_seconds""",
    "form_fields": """'field ' || seq AS label, 1 AS page, 'register' AS step, 'text' AS type, true AS required,
        random() < 0.9 AS has_label, random() < 0.5 AS has_help, NULL AS personal""",
}


def write_runs(folder: Path, count: int) -> None:
    """A portal's runs over 90 days, in the order of time as `gapwatch export` writes them."""
    import duckdb

    base = duckdb.connect()
    base.execute("SET memory_limit = '4GB'")
    base.execute(f"SELECT setseed({SEED % 1000 / 1000})")
    base.execute(f"""CREATE TABLE runs AS SELECT *,
        CASE kind WHEN 'search' THEN 5 END AS search_queries,
        CASE kind WHEN 'search' THEN 0.9 END AS search_success_share,
        CASE kind WHEN 'form_submission' THEN 20 END AS form_fields,
        CASE kind WHEN 'form_submission' THEN 2 END AS form_duplicate_fields,
        CASE kind WHEN 'form_submission' THEN 0.6 END AS form_guided_share,
        CASE kind WHEN 'form_submission' THEN 4 END AS form_personal_before_login,
        CASE WHEN kind IN ('http', 'download') THEN NULL ELSE 'chromium' END AS browser
      FROM (SELECT 'synthetic-' || i AS run_id, 'synthetic' AS portal, {_KIND} AS kind,
        {_KIND} AS scenario, 'desktop' AS device,
        'location ' || (i % 38) AS location, 'native' AS network,
        TIMESTAMPTZ '2026-01-01 00:00:00+00'
          + to_microseconds(CAST(i * {DAYS * 86_400e6 / count!r} AS BIGINT)) AS started_at,
        -ln(random()) * 3 AS duration_seconds, 30.0 AS deadline_seconds, false AS timed_out,
        random() < 0.97 AS timing_valid,
        CASE WHEN random() < 0.02 THEN 'failed' WHEN random() < 0.01 THEN 'error' ELSE 'passed' END AS outcome
      FROM (SELECT i, random() AS u FROM range({count}) t(i)))""")
    base.execute(f"COPY runs TO '{folder}/runs.parquet' (COMPRESSION zstd)")
    for table, counts in _PARTS.items():
        many = "CASE kind " + " ".join(f"WHEN '{kind}' THEN {n}" for kind, n in counts.items()) + " ELSE 0 END"
        base.execute(f"""COPY (SELECT run_id, seq, {_COLUMNS[table]} FROM
            (SELECT run_id, outcome, unnest(range({many})) AS seq FROM runs))
            TO '{folder}/{table}.parquet' (COMPRESSION zstd)""")
    base.execute(f"""COPY (SELECT run_id, 0 AS seq, 'timeout' AS class, 'critical' AS severity, 'open 2' AS step,
        'synthetic' AS message FROM runs WHERE outcome = 'failed') TO '{folder}/findings.parquet'""")
    base.close()


def measure(folder: str) -> None:
    """All indicators once; one JSON object on stdout."""
    from datetime import UTC, datetime, timedelta

    from egovqual_link.indicators import indicators
    from egovqual_link.windows import Window

    start = datetime(2026, 1, 1, tzinfo=UTC)
    began = time.perf_counter()
    table = indicators(f"parquet:{folder}", portal="synthetic", window=Window(start, start + timedelta(days=DAYS)))
    took = time.perf_counter() - began
    known = table[table["value"].notna()]
    print(
        json.dumps(
            {
                "seconds": took,
                "known": len(known),
                "all": len(table),
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            }
        )
    )


def once(count: int) -> tuple[float, float]:
    """Seconds and peak GiB of a process that works out the indicators of `count` runs."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, "--write", folder, str(count)], check=True)
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, __file__, "--measure", folder], stdout=subprocess.PIPE, text=True, check=True
        )
        took = time.perf_counter() - began
        said = json.loads(done.stdout.splitlines()[-1])
        peak = said["peak"] / 2**20
        print(
            f"{count:>12,} runs, {size / 2**20:,.0f} MiB of Parquet: {took:.2f} s with start-up, indicators alone "
            f"{said['seconds']:.2f} s, peak {peak:.2f} GiB, {said['known']} of {said['all']} indicators"
        )
    return took, peak


def main(count: int) -> int:
    small, _ = once(count // 10)
    large, peak = once(count)
    print(f"10 times the runs: {large / small:.1f} times the time; goals: {GOAL_SECONDS:g} s, {GOAL_GIB:g} GiB, "
          f"{GOAL_GROWTH:g} times")  # fmt: skip
    good = peak <= GOAL_GIB and large / small <= GOAL_GROWTH
    return 0 if good else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        write_runs(Path(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2])
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS))
