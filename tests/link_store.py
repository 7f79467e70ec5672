"""Synthetic stores for the tests of the link: made-up runs of a made-up portal, written straight into the tables."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, insert

from exporters.schema import findings, form_fields, metadata, pages, runs, search_queries, steps

START = datetime(2024, 5, 1, tzinfo=UTC)


@dataclass
class StoreMaker:
    """Collects runs and writes them at once; every method returns the id of the run that it adds."""

    path: Path
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    count: int = 0

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def _add(self, table: str, row: dict[str, Any]) -> None:
        self.rows.setdefault(table, []).append(row)

    def run(self, at: datetime, **values: Any) -> str:
        self.count += 1
        run_id = f"synthetic-{self.count:06d}"
        row: dict[str, Any] = {column.name: None for column in runs.columns}
        row |= {
            "run_id": run_id, "portal": "synthetic", "scenario": "home", "kind": "page_load", "location": "lab",
            "browser": "chromium", "device": "desktop", "network": "native", "started_at": at,
            "duration_seconds": 1.0, "deadline_seconds": 30.0, "outcome": "passed", "timed_out": False,
            "timing_valid": True, "invalid_reasons": [], "host": {},
        }  # fmt: skip
        self._add("runs", row | values)
        return run_id

    def step(self, run_id: str, name: str = "open /", outcome: str = "passed", seconds: float | None = 1.0) -> None:
        seq = sum(each["run_id"] == run_id for each in self.rows.get("steps", [])[-60:])
        self._add(
            "steps",
            {"run_id": run_id, "seq": seq, "name": name, "outcome": outcome, "duration_seconds": seconds,
             "timed_out": False},
        )  # fmt: skip

    def page(self, run_id: str, step: str = "open /", **values: Any) -> None:
        seq = sum(each["run_id"] == run_id for each in self.rows.get("pages", [])[-60:])
        row: dict[str, Any] = {column.name: None for column in pages.columns}
        self._add("pages", row | {"run_id": run_id, "seq": seq, "url": "http://portal.test/", "step": step} | values)

    def finding(self, run_id: str, class_: str, severity: str = "major", message: str = "synthetic") -> None:
        seq = sum(each["run_id"] == run_id for each in self.rows.get("findings", [])[-60:])
        self._add(
            "findings",
            {"run_id": run_id, "seq": seq, "class": class_, "severity": severity, "step": None, "message": message},
        )

    def query(self, run_id: str, query: str, seconds: float, rank: int | None = 1) -> None:
        seq = sum(each["run_id"] == run_id for each in self.rows.get("search_queries", [])[-60:])
        self._add(
            "search_queries",
            {"run_id": run_id, "seq": seq, "query": query, "hits": 5 if rank else 0, "rank": rank,
             "right_category_share": 1.0, "duration_seconds": seconds},
        )  # fmt: skip

    def field(self, run_id: str, label: str, *, has_help: bool = True, personal: str | None = None) -> None:
        seq = sum(each["run_id"] == run_id for each in self.rows.get("form_fields", [])[-60:])
        self._add(
            "form_fields",
            {"run_id": run_id, "seq": seq, "step": "register", "page": 1, "label": label, "type": "text",
             "required": True, "has_label": True, "has_help": has_help, "personal": personal},
        )  # fmt: skip

    def opened(self, at: datetime, lcp: float, *, scenario: str = "home", **values: Any) -> str:
        """A page load that passed with the given LCP."""
        run_id = self.run(at, scenario=scenario, duration_seconds=lcp, **values)
        self.step(run_id, seconds=lcp)
        self.page(run_id, ttfb_seconds=lcp / 5, fcp_seconds=lcp / 2, lcp_seconds=lcp, inp_seconds=0.05, cls=0.02,
                  load_seconds=lcp * 1.2, requests=20, transferred_bytes=1_500_000)  # fmt: skip
        return run_id

    def lost(self, at: datetime, *, timed_out: bool = True, page: float | None = None, **values: Any) -> str:
        """A page load that failed; with `page` the browser still timed an error page at that LCP."""
        run_id = self.run(at, outcome="failed", timed_out=timed_out, duration_seconds=30.0, **values)
        self.step(run_id, outcome="failed", seconds=30.0)
        if page is not None:
            self.page(run_id, lcp_seconds=page)
        self.finding(run_id, "timeout", "critical")
        return run_id

    def write(self) -> str:
        engine = create_engine(self.url)
        metadata.create_all(engine)
        with engine.begin() as connection:
            for table in (runs, steps, pages, findings, search_queries, form_fields):
                if self.rows.get(table.name):
                    connection.execute(insert(table), self.rows[table.name])
        engine.dispose()
        return self.url


def full_store(path: Path, *, portal: str = "synthetic", days: int = 10, slow: float = 1.0) -> StoreMaker:
    """A portal with every kind of flow each hour for `days` days; slower by day, failing at 13:00 on some days."""
    maker = StoreMaker(path)
    for hour in range(days * 24):
        at = START + timedelta(hours=hour)
        wave = 1 + 0.5 * math.sin(math.pi * (hour % 24) / 24) + 0.05 * (hour // 24)
        values = {"portal": portal}
        if hour % 24 == 6 and (hour // 24) % 3 == 0:  # 13:00 in Jakarta
            maker.lost(at, **values)
        else:
            maker.opened(at, round(1.3 * wave * slow, 3), **values)
        if hour % 2 == 0:
            _form(maker, at + timedelta(minutes=5), hour, slow, portal)
            _search(maker, at + timedelta(minutes=10), hour, slow, portal)
        if hour % 6 == 0:
            maker.run(at + timedelta(minutes=15), kind="http", scenario="ping", duration_seconds=0.2, **values)
            down = maker.run(at + timedelta(minutes=20), kind="download", scenario="form-pdf", **values)
            maker.step(down, "open forms", seconds=0.5)
            maker.step(down, "download form", seconds=0.8 * slow)
    maker.run(START + timedelta(hours=3, minutes=30), outcome="error", error_reason="browser_start", portal=portal)
    maker.run(START + timedelta(hours=4, minutes=30), outcome="maintenance", portal=portal)
    return maker


def _form(maker: StoreMaker, at: datetime, hour: int, slow: float, portal: str) -> None:
    failing = hour % 16 == 0
    run_id = maker.run(
        at, kind="form_submission", scenario="apply", portal=portal, deadline_seconds=60.0,
        outcome="failed" if failing else "passed", duration_seconds=60.0 if failing else 8.0 * slow,
        form_fields=6, form_duplicate_fields=2, form_guided_share=2 / 3, form_personal_before_login=4,
        form_rejected=int(failing), form_input_lost=0, form_duplicates=["nik", "name"],
    )  # fmt: skip
    maker.step(run_id, "register", seconds=2.0)
    maker.page(run_id, "register", lcp_seconds=round(0.9 * slow, 3), load_seconds=1.0, transferred_bytes=600_000)
    maker.step(run_id, "submit", "failed" if failing else "passed", 60.0 if failing else 3.0)
    if failing:
        maker.finding(run_id, "form_rejected", "critical")
    else:
        maker.page(run_id, "submit", lcp_seconds=round(1.1 * slow, 3), load_seconds=1.3, transferred_bytes=500_000)
    for index, kind in enumerate(("nik", "name", "email", "birth_date", None, None)):
        maker.field(run_id, f"field {index}", has_help=index < 4, personal=kind)


def _search(maker: StoreMaker, at: datetime, hour: int, slow: float, portal: str) -> None:
    found = hour % 10 != 0
    run_id = maker.run(
        at, kind="search", scenario="search", portal=portal, duration_seconds=1.2 * slow,
        search_success_share=1.0 if found else 0.5, search_mean_reciprocal_rank=0.75 if found else 0.5,
        search_zero_hit_share=0.0 if found else 0.5, search_right_category_share=1.0,
    )  # fmt: skip
    maker.step(run_id, "search", seconds=1.2 * slow)
    maker.query(run_id, "izin usaha", 0.4 * slow)
    maker.query(run_id, "KBLI warung", 0.7 * slow, rank=2 if found else None)
