"""Can printed figures be right together? Arithmetic within what rounding of the printed digits allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from egovqual_link.instrument import Text
from egovqual_link.refusals import refusal
from scenarios.source import Document, Problem

if TYPE_CHECKING:
    from egovqual_link.instrument import Instrument
    from egovqual_link.published import Printed
    from egovqual_link.scale import Scale

_SCORES = ("performance", "importance", "gap")
_WORDS = {"performance": "kinerja", "importance": "kepentingan", "gap": "kesenjangan"}
#: Code of every contradiction among printed figures.
INCONSISTENT = "inconsistent_table"
ITS_ITEMS = Text(en="its items", id="butir-butirnya")
ALL_ITEMS = Text(en="all items", id="semua butir")
WEIGHTED = Text(en="all items (dimensions weighted by their items)", id="semua butir (dimensi dibobot jumlah butirnya)")
_SLACK = 1e-9  # binary fractions: 5.21 - 5.27 is not exactly -0.06


@dataclass(frozen=True, slots=True)
class PrintedRow:
    """One printed line, and the line of the file at which each of its scores stands."""

    level: str
    key: str
    scores: Printed
    lines: Mapping[str, int | None]
    #: Digits after the point as printed, where the text is known (`5.20` has two); empty for YAML numbers.
    digits: Mapping[str, int]

    @classmethod
    def at(cls, document: Document, place: tuple[str | int, ...], level: str, key: str, scores: Any) -> PrintedRow:
        """The row that stands at `place` of a YAML document."""
        return cls(level, key, scores, {name: document.line((*place, name)) for name in (*_SCORES, "items")}, {})

    def value(self, name: str) -> float | None:
        """The score `name`, None where not printed."""
        value: float | None = getattr(self.scores, name)
        return value


@dataclass(frozen=True, slots=True)
class _Rounding:
    """Half a unit of the last printed digit, for each score of each row."""

    usual: Mapping[str, int]

    def half(self, row: PrintedRow, name: str) -> float:
        value = row.value(name)
        assert value is not None
        own = row.digits.get(name, _digits(value))
        return 0.5 * 10.0 ** -max(own, self.usual["gap" if name == "gap" else "mean"])


def check_rows(source: str, rows: Sequence[PrintedRow], instrument: Instrument, scale: Scale | None) -> list[Problem]:
    """Every contradiction among printed rows, in the order of the file.

    A gap must be performance - importance; a dimension the mean of its items; the overall the mean over
    all items, which is the mean over dimensions weighted by their number of items.
    """
    rounding = _Rounding(_usual_digits(rows))
    problems: list[Problem] = []
    for row in rows:
        problems += _check_gap(source, row, rounding)
        problems += _check_range(source, row, scale)
        problems += _check_count(source, row, instrument)
    problems += _check_dimensions(source, rows, instrument, rounding)
    problems += _check_overall(source, rows, instrument, rounding)
    return sorted(problems, key=lambda problem: problem.line or 0)


def _digits(value: float) -> int:
    exponent = Decimal(repr(value)).as_tuple().exponent
    digits = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return 0 if value == int(value) else digits


def _usual_digits(rows: Iterable[PrintedRow]) -> dict[str, int]:
    # YAML drops a trailing zero (5.20 reads as 5.2), so a value has at least the digits most others have.
    usual = {}
    for kind, names in (("mean", _SCORES[:2]), ("gap", _SCORES[2:])):
        counts = Counter(
            row.digits.get(name, _digits(value))
            for row in rows
            for name in names
            if (value := row.value(name)) is not None
        )
        usual[kind] = max(counts, key=lambda digits: (counts[digits], digits), default=0)
    return usual


def _check_gap(source: str, row: PrintedRow, rounding: _Rounding) -> Iterator[Problem]:
    performance, importance, gap = (row.value(name) for name in _SCORES)
    if performance is None or importance is None or gap is None:
        return
    slack = sum(rounding.half(row, name) for name in _SCORES) + _SLACK
    off = abs(gap - (performance - importance))
    if off <= slack:
        return
    hint = Text(
        en="correct the misprint, or leave the gap out", id="perbaiki salah cetak, atau kosongkan kesenjangannya"
    )
    if abs(gap + (performance - importance)) <= slack:
        hint = Text(
            en="the gap is performance minus importance; this one has the sign turned round",
            id="kesenjangan adalah kinerja dikurangi kepentingan; tanda yang ini terbalik",
        )
    means, given, right = f"{performance:g}", f"{importance:g}", f"{performance - importance:+.4g}"
    yield refusal(
        INCONSISTENT,
        source,
        row.lines.get("gap"),
        Text(
            en=f"{row.key}: performance {means} and importance {given} give a gap of {right}, not {gap:+.4g}; "
            f"rounding explains at most {slack:.2g}",
            id=f"{row.key}: kinerja {means} dan kepentingan {given} memberi kesenjangan {right}, bukan {gap:+.4g}; "
            f"pembulatan menjelaskan paling banyak {slack:.2g}",
        ),
        hint,
    )


def _check_range(source: str, row: PrintedRow, scale: Scale | None) -> Iterator[Problem]:
    if scale is None:
        return
    for name in _SCORES[:2]:
        value = row.value(name)
        if value is not None and not scale.low <= value <= scale.high:
            yield refusal(
                INCONSISTENT,
                source,
                row.lines.get(name),
                Text(
                    en=f"{row.key}: a mean {name} of {value:g} cannot come from a scale of {scale}",
                    id=f"{row.key}: rata-rata {_WORDS[name]} {value:g} tidak mungkin berasal dari skala {scale}",
                ),
                Text(en="correct the scale or the mean", id="perbaiki skala atau rata-ratanya"),
            )


def _check_count(source: str, row: PrintedRow, instrument: Instrument) -> Iterator[Problem]:
    count = getattr(row.scores, "items", None)
    asked = len(instrument.items_of(row.key))
    if count is not None and count != asked:
        yield refusal(
            INCONSISTENT,
            source,
            row.lines.get("items"),
            Text(
                en=f"{row.key}: {count} items, but {instrument.key} has {asked}",
                id=f"{row.key}: {count} butir, padahal {instrument.key} punya {asked}",
            ),
            Text(
                en="correct the count, or give the instrument file that was used",
                id="perbaiki jumlahnya, atau beri berkas instrumen yang dipakai",
            ),
        )


def _check_dimensions(
    source: str, rows: Sequence[PrintedRow], instrument: Instrument, rounding: _Rounding
) -> Iterator[Problem]:
    items = {row.key: row for row in rows if row.level == "item"}
    for row in (row for row in rows if row.level == "dimension"):
        parts = [items[item.key] for item in instrument.items_of(row.key) if item.key in items]
        if len(parts) == len(instrument.items_of(row.key)):
            yield from _check_mean(source, row, [(part, 1.0) for part in parts], rounding, ITS_ITEMS)


def _check_overall(
    source: str, rows: Sequence[PrintedRow], instrument: Instrument, rounding: _Rounding
) -> Iterator[Problem]:
    overall = next((row for row in rows if row.level == "overall"), None)
    if overall is None:
        return
    items = [(row, 1.0) for row in rows if row.level == "item"]
    dimensions = [(row, float(len(instrument.items_of(row.key)))) for row in rows if row.level == "dimension"]
    if len(dimensions) == len(instrument.dimensions):
        yield from _check_mean(source, overall, dimensions, rounding, WEIGHTED)
    elif len(items) == len(instrument.items):
        yield from _check_mean(source, overall, items, rounding, ALL_ITEMS)


def _check_mean(
    source: str,
    row: PrintedRow,
    parts: Sequence[tuple[PrintedRow, float]],
    rounding: _Rounding,
    of_what: Text,
) -> Iterator[Problem]:
    total = sum(weight for _, weight in parts)
    for name in _SCORES:
        printed = row.value(name)
        values = [part.value(name) for part, _ in parts]
        if printed is None or any(value is None for value in values):
            continue
        mean = sum(weight * (part.value(name) or 0.0) for part, weight in parts) / total
        slack = sum(weight * rounding.half(part, name) for part, weight in parts) / total
        slack += rounding.half(row, name) + _SLACK
        if abs(printed - mean) > slack:
            yield refusal(
                INCONSISTENT,
                source,
                row.lines.get(name),
                Text(
                    en=f"{row.key}: {name} {printed:g} is not the mean over {of_what.en}, which is {mean:.4g}; "
                    f"rounding explains at most {slack:.2g}",
                    id=f"{row.key}: {_WORDS[name]} {printed:g} bukan rata-rata {of_what.id}, yaitu {mean:.4g}; "
                    f"pembulatan menjelaskan paling banyak {slack:.2g}",
                ),
                _equal_weights_hint(printed, [value for value in values if value is not None], slack),
            )


def _equal_weights_hint(printed: float, values: Sequence[float], slack: float) -> Text:
    if abs(printed - sum(values) / len(values)) <= slack:
        return Text(
            en="it is the plain mean over dimensions; give the mean over items",
            id="ini rata-rata biasa atas dimensi; beri rata-rata atas butir",
        )
    return Text(
        en="correct the misprint, or leave the overall out", id="perbaiki salah cetak, atau kosongkan keseluruhannya"
    )
