"""What a comparison reads of each side: waits and shares by day, and tries, each indicator from one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from egovqual_link import measures_shares as shares
from egovqual_link import readings
from egovqual_link.measuring import Bench
from egovqual_link.quantiles import Counted
from egovqual_link.readings import Tries
from egovqual_link.store_scope import JOURNEYS, JUDGED

#: Page metrics by indicator: the column, and whether failed openings count as waits longer than the deadline.
PAGE_METRICS: Final[Mapping[str, str]] = {
    "ttfb_p75_seconds": "ttfb_seconds",
    "fcp_p75_seconds": "fcp_seconds",
    "lcp_p75_seconds": "lcp_seconds",
    "inp_p75_seconds": "inp_seconds",
    "load_p75_seconds": "load_seconds",
    "cls_p75_score": "cls",
    "page_weight_p75_bytes": "transferred_bytes",
    "page_requests_p75_count": "requests",
}
#: Of these the page itself is what is measured; that it differs is the finding, not a flaw of the comparison.
MADE_OF: Final = ("page_weight_p75_bytes", "page_requests_p75_count")
SEARCH_SHARES: Final[Mapping[str, str]] = {
    "search_success_at_k_share": "search_success_share",
    "search_mrr_ratio": "search_mean_reciprocal_rank",
    "search_category_share": "search_right_category_share",
    "search_zero_hit_share": "search_zero_hit_share",
}
#: Tries by indicator, and whether the indicator is the share of good ones.
TRIES: Final[Mapping[str, tuple[Callable[[Bench], Tries | None], bool]]] = {
    "availability_share": (shares.checks, True),
    "first_attempt_success_share": (shares.first_tries, True),
    "form_error_share": (shares.error_tries, False),
    "form_input_lost_share": (shares.lost_tries, False),
    "download_failure_share": (shares.download_tries, False),
    "tls_valid_share": (shares.tls_tries, True),
}
#: Kinds of flow that an indicator looks at, by the beginning of its key.
_KINDS: Final = (
    ("search_", ("search",)),
    ("download_", ("download",)),
    ("availability_", ("http", "page_load")),
    ("mt", ("http", "page_load")),
    ("tls_", ("http",)),
    ("maintenance_", ("http", "page_load")),
    ("browser_", JOURNEYS),
)


def kinds_of(key: str) -> tuple[str, ...]:
    """Kinds of flow that the indicator `key` looks at; page metrics have their own rule."""
    return next((kinds for start, kinds in _KINDS if key.startswith(start)), ("form_submission",))


@dataclass(frozen=True)
class Reader:
    """One side being read; what several indicators need is asked once."""

    bench: Bench

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        """Kind of each flow."""
        return {each.scenario: each.kind for each in self.bench.tallies}

    @cached_property
    def has_page_load(self) -> bool:
        """Whether page_load flows were timed."""
        return self.timed("page_load") > 0

    def timed(self, *kinds: str) -> int:
        """Runs of `kinds` whose timings count."""
        return sum(
            each.runs
            for each in self.bench.tallies
            if each.kind in kinds and each.outcome in JUDGED and each.timing_valid
        )

    def pages(self, metric: str, *, kinds: tuple[str, ...] = JOURNEYS) -> list[Counted]:
        """Counts of a page metric by day and page over the flows of `kinds`."""
        counts = self.bench.openings(JOURNEYS, by="day").counts(metric)
        return [each for each in counts if self.kinds.get(each.stratum[0]) in kinds]

    def waits(self, key: str) -> list[Counted] | None:
        """Waits of an indicator that is no page metric; None where it has none."""
        if key == "search_latency_p75_seconds":
            return readings.search_waits(self.bench.connection, self.bench.scope)
        if key == "download_p75_seconds":
            return readings.download_waits(self.bench.connection, self.bench.scope)
        return None
