"""Rounds of all shipped flows against the healthy demo portal: every failed run or serious finding is a false alarm."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from demo_portal.server import DemoPortal, ThreadedPortal
from demo_portal.settings import preset
from probes import Probes, RunRequest
from scenarios.loader import load_flow, shipped_flows
from scenarios.model import GoldQuery, Portal

GOLD = (
    GoldQuery(query="kedai makanan", titles=("56103",), categories=("KBLI",)),
    GoldQuery(query="NIB", categories=("Berita", "Tanya")),
)


async def rounds(count: int) -> int:
    outcomes: Counter[str] = Counter()
    serious: Counter[str] = Counter()
    target = DemoPortal(preset("healthy"))
    with ThreadedPortal([target]):
        portal = Portal("healthy", target.url, allow_submit=True, gold_queries=GOLD)
        async with Probes() as probes:
            for number in range(1, count + 1):
                for path in shipped_flows().values():
                    run = await probes.run(RunRequest(portal, load_flow(path)))
                    outcomes[run.outcome] += 1
                    for finding in run.findings:
                        if finding.severity != "minor":
                            serious[f"{run.scenario}: {finding.class_} at {finding.step}: {finding.message}"] += 1
                print(f"round {number} of {count}: {dict(outcomes)}", flush=True)
    for said, times in serious.items():
        print(f"false alarm, {times} times: {said}")
    print(f"{sum(outcomes.values())} runs, {dict(outcomes)}, {sum(serious.values())} critical or major findings")
    return 0 if set(outcomes) == {"passed"} and not serious else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(rounds(int(sys.argv[1]) if len(sys.argv) > 1 else 50)))
