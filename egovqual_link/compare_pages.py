"""Page by page on both sides: the wait, what the page is made of, and whether it is the same page at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from egovqual_link.compare_read import Reader
from egovqual_link.instrument import Text
from egovqual_link.like_for_like import Design, designs, told, unlike
from egovqual_link.quantiles import Mix

#: A page is known by its flow and the step that led there. Waits are the p75 of the largest contentful paint; weight,
#: requests and fields are medians (fields: mean). `like_for_like` is null where one side alone has the page.
PAGE_COLUMNS: Final = (
    "scenario", "step", "sides", "openings_left", "openings_right", "lcp_p75_seconds_left", "lcp_bound_left",
    "lcp_p75_seconds_right", "lcp_bound_right", "weight_bytes_left", "weight_bytes_right", "requests_left",
    "requests_right", "fields_left", "fields_right", "like_for_like", "why_en", "why_id",
)  # fmt: skip


def page_rows(left: Reader, right: Reader, changed: Mapping[str, Text]) -> Iterator[dict[str, Any]]:
    """A row for each page of either side; `changed` names flows whose steps are not the same."""
    waits = [side.pages("lcp_seconds") for side in (left, right)]
    made = [designs(side.bench.connection, side.bench.scope) for side in (left, right)]
    pages = [{each.stratum for each in counts} | set(known) for counts, known in zip(waits, made, strict=True)]
    for page in sorted(pages[0] | pages[1]):
        scenario, step = page
        pair = [known.get((scenario, step)) for known in made]
        row: dict[str, Any] = {"scenario": scenario, "step": step}
        for name, counts, design in zip(("left", "right"), waits, pair, strict=True):
            here = [each for each in counts if each.stratum == page]
            wait, late = Mix(here).point(0.75) if here else (None, False)
            row |= {
                f"openings_{name}": sum(each.times for each in here),
                f"lcp_p75_seconds_{name}": wait,
                f"lcp_bound_{name}": ">=" if late else None,
                f"weight_bytes_{name}": design and design.weight_bytes,
                f"requests_{name}": design and design.requests,
                f"fields_{name}": design and design.fields,
            }
        yield row | _alike(page in pages[0], page in pages[1], pair, changed.get(scenario))


def _alike(in_left: bool, in_right: bool, pair: list[Design | None], change: Text | None) -> dict[str, Any]:
    if not (in_left and in_right):
        return {"sides": "left" if in_left else "right", "like_for_like": None, "why_en": None, "why_id": None}
    left, right = pair
    # A page that only failing runs reached was never seen whole: nothing tells what it is made of.
    known = left is not None and right is not None
    reasons = [each for each in (unlike(left, right) if left and right else None, change) if each is not None]
    why = told("; ".join(each.en for each in reasons), "; ".join(each.id for each in reasons)) if reasons else None
    return {
        "sides": "both",
        "like_for_like": False if why else True if known else None,
        "why_en": why.en if why else None,
        "why_id": why.id if why else None,
    }
