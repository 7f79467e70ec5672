"""The two sides of a comparison: how they are written, and which runs of the store they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta

from sqlalchemy import Connection, func, select

from egovqual_link.store_scope import Scope, portals, span
from egovqual_link.windows import Window, parse_moment, zone
from exporters.schema import runs
from scenarios.source import InputError, Problem, nearest

#: Takes a choice back that the left side made: all locations, all browsers, all devices.
ANY = "any"
_CHOICES = ("location", "browser", "device")


@dataclass(frozen=True, slots=True)
class Side:
    """One side as it was written; None is not written. `from_` and `to` are local days, both whole, or full times."""

    portal: str | None = None
    from_: str | None = None
    to: str | None = None
    location: str | None = None
    browser: str | None = None
    device: str | None = None


#: What may be written before the `=` of a side.
KEYS = tuple(each.name.rstrip("_") for each in fields(Side))


def parse_side(text: str, where: str) -> Side:
    """A side from `portal=oss,from=2024-05-01,to=2024-05-14`; a word without `=` is the portal.

    Raises:
        InputError: every part of `text` that cannot be read, under the name `where`.
    """
    found: dict[str, str] = {}
    problems = []
    for part in (each.strip() for each in text.split(",")):
        key, sign, value = (each.strip() for each in part.partition("="))
        if not sign:
            key, value = "portal", key
        if key not in KEYS:
            problems.append(Problem(where, None, f"unknown key {key[:40]!r}", nearest(key, KEYS)))
        elif not value:
            problems.append(Problem(where, None, f"{key} has no value", f"write {key}=…"))
        elif key in found:
            problems.append(Problem(where, None, f"{key} stands twice", "leave one out"))
        else:
            found[key] = value
    if problems:
        raise InputError(problems)
    return Side(**{("from_" if key == "from" else key): value for key, value in found.items()})


def resolve(connection: Connection, left: Side, right: Side, *, time_zone: str = "Asia/Jakarta") -> tuple[Scope, Scope]:
    """The runs that both sides mean.

    What the right side leaves open is as on the left (`any` takes it back). Dates that one side leaves open are those
    of the other; without any, both get the whole stretch in which either was probed, so that days can be paired.

    Raises:
        InputError: no or an unknown portal, a place or browser without runs, dates that are none, no run at all on a
            side, or sides that share runs.
    """
    right = _inherited(left, right)
    if left.from_ is None and left.to is None:
        left = replace(left, from_=right.from_, to=right.to)
    zone(time_zone)
    problems = [*_unknown(connection, left, "--left"), *_unknown(connection, right, "--right")]
    if problems:
        raise InputError(problems)
    scopes = [
        Scope(
            str(each.portal),
            window,
            location=_open(each.location),
            browser=_open(each.browser),
            device=_open(each.device),
        )
        for each, window in zip((left, right), _windows(connection, left, right, time_zone), strict=True)
    ]
    problems = [*_empty(connection, scopes[0], "--left"), *_empty(connection, scopes[1], "--right")]
    if not problems and _share_runs(*scopes):
        what = "is the same as --left" if scopes[0] == scopes[1] else "shares runs with --left"
        hint = "name another portal, or days, places, browsers or devices that do not overlap"
        problems.append(Problem("--right", None, what, hint))
    if problems:
        raise InputError(problems)
    return scopes[0], scopes[1]


def _inherited(left: Side, right: Side) -> Side:
    kept = {name: getattr(left, name) for name in ("portal", *_CHOICES) if getattr(right, name) is None}
    if right.from_ is None and right.to is None:
        kept |= {"from_": left.from_, "to": left.to}
    return replace(right, **kept)


def _open(value: str | None) -> str | None:
    return None if value == ANY else value


def _chosen(side: Side) -> Iterator[str | None]:
    return (getattr(side, name) for name in _CHOICES)


def _unknown(connection: Connection, side: Side, where: str) -> Iterator[Problem]:
    known = portals(connection)
    if side.portal is None:
        yield Problem(where, None, "names no portal", f"write portal={next(iter(known), 'NAME')}")
    elif side.portal not in known:
        yield Problem(where, None, f"the store has no runs of the portal {side.portal!r}", nearest(side.portal, known))
    else:
        for name, value in zip(_CHOICES, _chosen(side), strict=True):
            if value is None or value == ANY:
                continue
            query = select(runs.c[name]).where(runs.c.portal == side.portal).distinct()
            there = sorted(str(each) for each in connection.execute(query).scalars())
            if value not in there:
                said = f"no run of {side.portal} has the {name} {value!r}"
                yield Problem(where, None, said, f"there are: {', '.join(there)[:200]}")


def _windows(connection: Connection, left: Side, right: Side, time_zone: str) -> tuple[Window, Window]:
    spans = [found for each in (left, right) if (found := span(connection, str(each.portal))) is not None]
    first, last = min(each[0] for each in spans), max(each[1] for each in spans) + timedelta(seconds=1)
    made, problems = [], []
    for where, side in (("--left", left), ("--right", right)):
        dated = side.from_ is not None or side.to is not None
        try:
            made.append(
                Window(
                    parse_moment(side.from_, time_zone=time_zone) if side.from_ else first,
                    parse_moment(side.to, time_zone=time_zone, end=True) if side.to else last,
                    time_zone,
                    basis="dates" if dated else "store",
                )
            )
        except InputError as error:
            problems += [Problem(where, None, each.message, each.hint) for each in error.problems]
    if problems:
        raise InputError(problems)
    return made[0], made[1]


def _empty(connection: Connection, scope: Scope, where: str) -> Iterable[Problem]:
    if connection.execute(select(func.count()).select_from(runs).where(scope.where())).scalar_one():
        return
    seen = span(connection, scope.portal)
    assert seen is not None
    local = [each.astimezone(zone(scope.window.time_zone)).date().isoformat() for each in seen]
    yield Problem(
        where,
        None,
        f"no run of {scope.portal} fits",
        f"{scope.portal} was probed from {local[0]} to {local[1]}; look at dates, place, browser and device together",
    )


def _share_runs(left: Scope, right: Scope) -> bool:
    """Whether one run could be on both sides."""
    apart = any(
        getattr(left, name) is not None
        and getattr(right, name) is not None
        and getattr(left, name) != getattr(right, name)
        for name in _CHOICES
    )
    overlap = left.window.start < right.window.end and right.window.start < left.window.end
    return left.portal == right.portal and overlap and not apart


def parse_sides(left: str, right: str) -> tuple[Side, Side]:
    """Both sides as `--left` and `--right` write them.

    Raises:
        InputError: every part of either that cannot be read.
    """
    sides: list[Side] = []
    problems: list[Problem] = []
    for where, text in (("--left", left), ("--right", right)):
        try:
            sides.append(parse_side(text, where))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return sides[0], sides[1]
