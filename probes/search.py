"""Judging a portal's search: gold queries asked through its own box, hits read from the page, shares computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from playwright.async_api import Locator, Page

from probes.locate import Fill, locate
from probes.rules import clean
from probes.run import Finding, SearchQueryResult
from scenarios.model import GoldQuery, Search

MAX_HITS = 200


@dataclass(frozen=True, slots=True)
class Hit:
    """One search hit as the page shows it; `category` None where the page names none."""

    title: str
    category: str | None


async def read_hits(page: Page, search: Search, fill: Fill) -> list[Hit]:
    """The hits on the page, in reading order, at most `MAX_HITS`."""
    if search.group is None:
        return await _hits_in(page, search, fill, None)
    hits: list[Hit] = []
    for group in await locate(page, search.group, fill, many=True).all():
        category = await _text(locate(group, search.category, fill)) if search.category is not None else None
        hits += await _hits_in(group, search, fill, category)
        if len(hits) >= MAX_HITS:
            break
    return hits[:MAX_HITS]


async def _hits_in(scope: Page | Locator, search: Search, fill: Fill, category: str | None) -> list[Hit]:
    hits = []
    results = await locate(scope, search.result, fill, many=True).all()
    for result in results[:MAX_HITS]:
        title = await _text(locate(result, search.title, fill) if search.title is not None else result)
        own = category
        if own is None and search.category is not None and search.group is None:
            own = await _text(locate(result, search.category, fill))
        hits.append(Hit(title or "", own))
    return hits


async def _text(locator: Locator) -> str | None:
    texts = await locator.all_inner_texts()
    return clean(texts[0], 200) if texts else None


def judge(query: GoldQuery, hits: Sequence[Hit], duration_seconds: float | None) -> SearchQueryResult:
    """Rank of the first right hit and the share of right categories, both within the query's k."""
    top = hits[: query.k]
    rank = next((place for place, hit in enumerate(top, start=1) if _right(query, hit)), None)
    share = None
    if query.categories is not None and top:
        share = sum(_contains(hit.category, query.categories) for hit in top) / len(top)
    return SearchQueryResult(
        query=query.query,
        hits=len(hits),
        rank=rank,
        right_category_share=share,
        duration_seconds=duration_seconds,
    )


def _right(query: GoldQuery, hit: Hit) -> bool:
    title = query.titles is None or _contains(hit.title, query.titles)
    category = query.categories is None or _contains(hit.category, query.categories)
    return title and category


def _contains(text: str | None, wanted: Sequence[str]) -> bool:
    return text is not None and any(each.casefold() in text.casefold() for each in wanted)


def search_finding(result: SearchQueryResult, query: GoldQuery, step: str) -> Finding | None:
    """The finding that a query's result calls for, if any: its good answers are known, so an empty list is a fault."""
    if result.hits == 0:
        return Finding("search_empty", "major", step, f"nothing found for {query.query!r}, which has known answers")
    if result.rank is None:
        wanted = " / ".join(query.titles or query.categories or ())
        message = f"{query.query!r}: no {wanted!r} among the first {query.k} of {result.hits} hits"
        return Finding("search_irrelevant", "major", step, message)
    return None
