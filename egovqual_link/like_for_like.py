"""Whether two sides can be compared at all: the same pages, the same steps, the same way of probing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from egovqual_link.beside import format_value
from egovqual_link.instrument import Language, Text
from egovqual_link.readings import to_three_digits
from egovqual_link.store_scope import JUDGED, SUCCESS, Scope
from exporters.schema import form_fields, pages, runs, steps

#: Up to here a page counts as the same: requests and weight vary a little from opening to opening.
SAME_REQUESTS, SAME_WEIGHT = 0.10, 0.20
TWO_DESIGNS = Text(
    en="a comparison of two designs, not of the same page",
    id="perbandingan dua rancangan, bukan halaman yang sama",
)
_NAMES = {
    "location": Text(en="location", id="lokasi"),
    "browser": Text(en="browser", id="peramban"),
    "device": Text(en="device", id="perangkat"),
    "network": Text(en="network", id="jaringan"),
    "browser_version": Text(en="version of the browser", id="versi peramban"),
}
_LANGUAGES: tuple[Language, ...] = ("en", "id")
_WEEKDAYS = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "id": ("Sen", "Sel", "Rab", "Kam", "Jum", "Sab", "Min"),
}


@dataclass(frozen=True, slots=True)
class Design:
    """What a page is made of: medians over its openings, and the fields it asks (None: not seen)."""

    requests: float | None
    weight_bytes: float | None
    fields: float | None


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow as it ran: the names of its steps in successful runs, and its deadlines in seconds."""

    kind: str
    steps: tuple[str, ...]
    deadlines: tuple[float, ...]


def unlike(left: Design, right: Design) -> Text | None:
    """In what two pages of one step differ so much that they are two designs; None where they do not."""
    parts: list[tuple[str, str]] = []
    if _apart(left.requests, right.requests, SAME_REQUESTS, least=2):
        said = f"{left.requests or 0:.0f} → {right.requests or 0:.0f}"
        parts.append((f"{said} requests", f"permintaan {said}"))
    if _apart(left.weight_bytes, right.weight_bytes, SAME_WEIGHT):
        pairs = [
            [format_value(each.weight_bytes, "bytes", None, lang) for each in (left, right)] for lang in _LANGUAGES
        ]
        parts.append((" → ".join(pairs[0]), " → ".join(pairs[1])))
    if (left.fields or 0) != (right.fields or 0):
        said = f"{left.fields or 0:g} → {right.fields or 0:g}"
        parts.append((f"{said} fields", f"isian {said}".replace(".", ",")))
    if not parts:
        return None
    return told(", ".join(en for en, _ in parts), ", ".join(id_ for _, id_ in parts))


def told(en: str, id_: str) -> Text:
    """A text in both languages, cut where names from outside make it too long."""
    return Text(en=en if len(en) <= 400 else f"{en[:399]}…", id=id_ if len(id_) <= 400 else f"{id_[:399]}…")


def _apart(left: float | None, right: float | None, share: float, least: float = 0) -> bool:
    if left is None or right is None:
        return False
    return abs(left - right) > share * max(left, right) and abs(left - right) >= least


def flows(connection: Connection, scope: Scope) -> dict[str, Flow]:
    """The flows of the scope by name."""
    query = (
        select(runs.c.scenario, steps.c.name)
        .join(steps, steps.c.run_id == runs.c.run_id)
        .where(scope.where(), runs.c.outcome.in_(SUCCESS))
        .group_by(runs.c.scenario, steps.c.name)
        .order_by(runs.c.scenario, func.min(steps.c.seq), steps.c.name)
    )
    ordered: dict[str, list[str]] = {}
    for scenario, name in connection.execute(query):
        ordered.setdefault(scenario, []).append(name)
    limits: dict[tuple[str, str], set[float]] = {}
    keys = (runs.c.scenario, runs.c.kind, runs.c.deadline_seconds)
    for scenario, kind, deadline in connection.execute(
        select(*keys).where(scope.where(), runs.c.outcome.in_(JUDGED)).group_by(*keys)
    ):
        limits.setdefault((scenario, kind), set()).add(float(deadline))
    return {
        scenario: Flow(kind, tuple(ordered.get(scenario, ())), tuple(sorted(found)))
        for (scenario, kind), found in sorted(limits.items())
    }


def flow_changes(left: Mapping[str, Flow], right: Mapping[str, Flow]) -> dict[str, Text]:
    """In what the flows of one name are not the same flow on both sides.

    The store keeps no version of a flow; the steps that its successful runs went through, and its deadline, tell.
    """
    changes = {}
    for name in sorted(left.keys() & right.keys()):
        parts = list(_step_changes(left[name].steps, right[name].steps))
        if left[name].deadlines != right[name].deadlines:
            said = " → ".join("/".join(f"{each:g}" for each in side.deadlines) for side in (left[name], right[name]))
            parts.append(Text(en=f"deadline {said} s", id=f"tenggat {said} detik"))
        if parts:
            changes[name] = told("; ".join(each.en for each in parts), "; ".join(each.id for each in parts))
    return changes


def _step_changes(left: Sequence[str], right: Sequence[str]) -> Iterator[Text]:
    if not left or not right:
        return
    gone, new = ([each for each in one if each not in other] for one, other in ((left, right), (right, left)))
    if gone:
        yield Text(
            en=f"steps only on the left: {', '.join(gone)}"[:200], id=f"langkah hanya di kiri: {', '.join(gone)}"[:200]
        )
    if new:
        yield Text(
            en=f"steps only on the right: {', '.join(new)}"[:200], id=f"langkah hanya di kanan: {', '.join(new)}"[:200]
        )
    if not gone and not new and tuple(left) != tuple(right):
        yield Text(en="the same steps in another order", id="langkah sama dengan urutan lain")


def fields_by_step(connection: Connection, scope: Scope) -> dict[tuple[str, str], float]:
    """Form fields that a successful run meets in each step, on average: (flow, step) to fields."""
    keys = (runs.c.scenario, form_fields.c.step)
    query = (
        select(*keys, func.count(), func.count(runs.c.run_id.distinct()))
        .join(form_fields, form_fields.c.run_id == runs.c.run_id)
        .where(scope.where(), runs.c.outcome.in_(SUCCESS))
        .group_by(*keys)
    )
    return {(scenario, step): round(n / count, 1) for scenario, step, n, count in connection.execute(query)}


def designs(connection: Connection, scope: Scope) -> dict[tuple[str, str], Design]:
    """What each page of a successful run is made of: (flow, step) to medians over its openings.

    Runs on a contended host count: what a page is made of does not depend on how busy the probe was.
    """
    fields = fields_by_step(connection, scope)
    found: dict[tuple[str, str], list[list[tuple[float, int]]]] = {}
    for index, column in enumerate((pages.c.requests, to_three_digits(pages.c.transferred_bytes))):
        value = column.label("value")
        inner = (
            select(runs.c.scenario, pages.c.step, value)
            .join(runs, runs.c.run_id == pages.c.run_id)
            .where(scope.where(), runs.c.outcome.in_(SUCCESS))
            .subquery()
        )
        keys = (inner.c.scenario, inner.c.step, inner.c.value)
        for scenario, step, each, count in connection.execute(select(*keys, func.count()).group_by(*keys)):
            both = found.setdefault((scenario, step), [[], []])
            if each is not None:
                both[index].append((float(each), int(count)))
    return {
        page: Design(_median(requests), _median(weights), fields.get(page))
        for page, (requests, weights) in found.items()
    }


def _median(counts: list[tuple[float, int]]) -> float | None:
    half, passed = sum(count for _, count in counts) / 2, 0
    for value, count in sorted(counts):
        passed += count
        if passed >= half:
            return value
    return None


def judged_days(connection: Connection, scope: Scope) -> tuple[int, ...]:
    """Local days (since 1970) with judged runs."""
    query = select(scope.day()).where(scope.where(), runs.c.outcome.in_(JUDGED)).distinct()
    return tuple(sorted(int(each) for each in connection.execute(query).scalars()))


def remarks(connection: Connection, left: Scope, right: Scope) -> Iterator[Text]:
    """What else was not the same on both sides, besides what is compared."""
    for name, words in _NAMES.items():
        mine, theirs = (_values(connection, scope, name) for scope in (left, right))
        chosen = getattr(left, name, None) != getattr(right, name, None)
        if mine == theirs or chosen or not (mine and theirs):
            continue
        said = " → ".join(", ".join(each)[:120] for each in (mine, theirs))
        yield told(f"not the same on both sides: {words.en}: {said}", f"tidak sama di kedua sisi: {words.id}: {said}")
    yield from _calendar(connection, left, right)


def _values(connection: Connection, scope: Scope, name: str) -> list[str]:
    column = runs.c.host["browser_version"].as_string() if name == "browser_version" else runs.c[name]
    query = select(column).where(scope.where(), runs.c.outcome.in_(JUDGED)).distinct()
    return sorted(str(each) for each in connection.execute(query).scalars() if each is not None)


def _calendar(connection: Connection, left: Scope, right: Scope) -> Iterator[Text]:
    sides = [judged_days(connection, scope) for scope in (left, right)]
    if sides[0] == sides[1] or not all(sides):
        return
    weekdays = [sorted({_date(day).weekday() for day in days}) for days in sides]
    if weekdays[0] != weekdays[1]:
        said = {
            lang: " → ".join(", ".join(names[each] for each in side) for side in weekdays)
            for lang, names in _WEEKDAYS.items()
        }
        yield told(f"other weekdays: {said['en']}", f"hari yang berbeda: {said['id']}")
    if left.window.start != right.window.start:
        yield Text(
            en="other days: whatever else changed between them is part of the difference",
            id="hari yang berbeda: apa pun yang berubah di antaranya ikut dalam selisih",
        )


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)
