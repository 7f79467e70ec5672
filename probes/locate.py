"""From a Target (role, label, text as a person sees them) to an element, and what to say when it is not there."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import reduce
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Locator, Page

from probes.rules import clean
from scenarios.model import WAYS, Target

Fill = Callable[[str], str]

_NAMES = """() => [...document.querySelectorAll(
  "button, a[href], label, input[type=submit], [role=button], [role=link], legend, h1, h2, summary")]
  .slice(0, 400).filter((e) => e.getClientRects().length)
  .map((e) => (e.getAttribute("aria-label") || e.innerText || e.value || "").trim()).filter(Boolean)"""


#: Forms and regions have labels too; `label` in a flow always means a field.
_FIELDS = (
    "input, textarea, select, [contenteditable], [role=textbox], [role=combobox], [role=checkbox], [role=radio], "
    "[role=switch], [role=spinbutton], [role=searchbox], [role=listbox], [role=slider]"
)


def locate(scope: Page | Locator, target: Target, fill: Fill, *, hidden: bool = False, many: bool = False) -> Locator:
    """The element that `target` means: the first visible one, as a person would take it, unless `nth` says which.

    `hidden` also takes elements that cannot be seen (file fields and styled radio buttons are often such); `many`
    gives all that match.
    """
    inside = locate(scope, target.within, fill, hidden=hidden) if target.within is not None else scope
    found = reduce(lambda one, other: one.or_(other), _alternatives(inside, target, fill))
    if not hidden:
        found = found.filter(visible=True)
    if many:
        return found
    return found.nth(target.nth - 1) if target.nth is not None else found.first


def _alternatives(scope: Page | Locator, target: Target, fill: Fill) -> list[Locator]:
    exact = target.exact
    if target.role is not None:
        role: Any = target.role
        if target.name is None:
            return [scope.get_by_role(role)]
        return [scope.get_by_role(role, name=fill(name), exact=exact) for name in target.name]
    if target.css is not None:
        return [scope.locator(fill(target.css))]
    if target.test_id is not None:
        return [scope.get_by_test_id(fill(target.test_id))]
    ways: dict[str, Callable[[str], Locator]] = {
        "label": lambda text: scope.get_by_label(text, exact=exact).and_(scope.locator(_FIELDS)),
        "text": lambda text: scope.get_by_text(text, exact=exact),
        "placeholder": lambda text: scope.get_by_placeholder(text, exact=exact),
        "title": lambda text: scope.get_by_title(text, exact=exact),
        "alt": lambda text: scope.get_by_alt_text(text, exact=exact),
    }
    way = next(way for way in ways if getattr(target, way) is not None)
    return [ways[way](fill(text)) for text in getattr(target, way)]


def wanted_texts(target: Target) -> tuple[str, ...]:
    """The words by which a person would look for the target."""
    if target.name is not None:
        return target.name
    value = next(getattr(target, way) for way in WAYS if getattr(target, way) is not None)
    return value if isinstance(value, tuple) else (str(value),)


async def similar(page: Page, target: Target) -> str:
    """What the page has instead: ` (the page has "…")`, or nothing where nothing is alike."""
    try:
        names: list[str] = await page.evaluate(_NAMES)
    except PlaywrightError:
        return ""
    folded = {clean(name, 60).casefold(): clean(name, 60) for name in names}
    for wanted in wanted_texts(target):
        close = difflib.get_close_matches(wanted.casefold(), folded, n=3, cutoff=0.5)
        if close:
            return " (the page has " + ", ".join(f'"{folded[each]}"' for each in close) + ")"
    return ""
