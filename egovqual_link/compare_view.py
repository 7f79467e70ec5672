"""A comparison as people read it: table cells, sentences by how surely they can be said, and what is not alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from egovqual_link.beside import DASH, format_value, plain
from egovqual_link.compare import Comparison
from egovqual_link.compare_words import VERDICTS, format_difference, interval_words
from egovqual_link.indicators import NOT_PROBED
from egovqual_link.instrument import Language
from egovqual_link.like_for_like import TWO_DESIGNS

#: Headings and frames by language.
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "heading": "Two sides compared",
        "lead": "{right} set against {left}, as a browser met them. Differences are right ({right}) minus left "
        "({left}).",
        "language": "Language",
        "figure": "Differences, right minus left, with their intervals; what lies left of zero is smaller on the right",
        "table": "Indicator by indicator",
        "words": "In words",
        "basis": "What this rests on",
        "silent": "Measured on neither side",
        "title": "Compared, indicator by indicator: {left} (left), {right} (right)",
        "indicator": "indicator",
        "difference": "right minus left ({level} interval)",
        "verdict": "the right side is",
        "delta": "Cliff's delta",
        "certain": "What differs",
        "unclear": "Cannot be told apart",
        "seen": "Seen in these runs, without an interval",
        "missing": "No comparison",
        "runs": "{name}: {runs} runs on {days} of {window} days, {first} to {last} UTC; left out: {excluded}",
        "excluded": "{error} own trouble, {blocked} firewall, {maintenance} maintenance, "
        "{timing} contended (timings only)",
        "pages": "Not like for like",
        "star": "* another page or another flow: see below",
        "star_above": "* another page or another flow: see above",
        "limits": "What this does not say",
        "alone": "only on one side: {pages}",
        "remarks": "What else was not the same",
    },
    "id": {
        "heading": "Dua sisi dibandingkan",
        "lead": "{right} dibandingkan dengan {left}, seperti dialami peramban. Selisih: kanan ({right}) dikurangi "
        "kiri ({left}).",
        "language": "Bahasa",
        "figure": "Selisih, kanan dikurangi kiri, dengan selangnya; di kiri nol berarti lebih kecil di sisi kanan",
        "table": "Tiap indikator",
        "words": "Dengan kata-kata",
        "basis": "Dasar perbandingan",
        "silent": "Tidak terukur di kedua sisi",
        "title": "Perbandingan tiap indikator: {left} (kiri), {right} (kanan)",
        "indicator": "indikator",
        "difference": "kanan dikurangi kiri (selang {level})",
        "verdict": "sisi kanan",
        "delta": "delta Cliff",
        "certain": "Yang berbeda",
        "unclear": "Tidak dapat dibedakan",
        "seen": "Terlihat dalam uji ini, tanpa selang",
        "missing": "Tanpa perbandingan",
        "runs": "{name}: {runs} uji pada {days} dari {window} hari, {first} sampai {last} UTC; disisihkan: {excluded}",
        "excluded": "{error} gangguan sendiri, {blocked} firewall, {maintenance} pemeliharaan, "
        "{timing} mesin sibuk (hanya waktu)",
        "pages": "Tidak setara",
        "star": "* halaman atau alur lain: lihat di bawah",
        "star_above": "* halaman atau alur lain: lihat di atas",
        "limits": "Yang tidak dikatakan data ini",
        "alone": "hanya di satu sisi: {pages}",
        "remarks": "Yang juga tidak sama",
    },
}


def cells(row: Mapping[Any, Any], lang: Language) -> tuple[str, ...]:
    """A row of the table: indicator, left, right, difference with interval, Cliff's delta, verdict."""
    values = [
        format_value(row[side], row["unit"], plain(row[f"{side}_bound"]), lang)
        if plain(row[side]) is not None
        else DASH
        for side in ("left", "right")
    ]
    bound = {"<=": "≤ ", ">=": "≥ "}.get(str(row["difference_bound"]), "")
    gap = plain(row["difference"])
    shown = DASH if gap is None else bound + format_difference(gap, row["unit"], lang)
    if plain(row["interval_method"]) is not None:
        shown += f" ({interval_words(plain(row['low']), plain(row['high']), row['unit'], lang)})"
    star = "*" if row["like_for_like"] is False else ""
    verdict = VERDICTS[row["verdict"]][lang]
    return row[f"indicator_{lang}"] + star, *values, shown, _delta(row, lang), _direction(row, verdict, lang)


def _direction(row: Mapping[Any, Any], verdict: str, lang: Language) -> str:
    """A difference seen without an interval still has a direction."""
    gap = plain(row["difference"])
    if row["verdict"] != "seen" or gap is None:
        return verdict
    helps = (gap > 0) == (row["better"] == "up")
    return f"{VERDICTS['better' if helps else 'worse'][lang]} ({verdict})"


def _delta(row: Mapping[Any, Any], lang: Language) -> str:
    delta, low, high = (plain(row[name]) for name in ("delta", "delta_low", "delta_high"))
    if delta is None:
        return ""
    shown = f"{delta:+.2f}" + (f" ({low:+.2f} … {high:+.2f})" if low is not None and high is not None else "")
    return shown.replace(".", ",") if lang == "id" else shown


def side_line(side: Mapping[Any, Any], lang: Language) -> str:
    """What a side rests on, and what was left out."""
    words = WORDS[lang]
    counts = {name: side[f"excluded_{name}"] for name in ("error", "blocked", "maintenance", "timing")}
    first, last = (
        f"{side[name]:%Y-%m-%d %H:%M}" if plain(side[name]) is not None else DASH for name in ("first_run", "last_run")
    )
    return words["runs"].format(
        name=side[f"name_{lang}"], runs=side["runs"], days=side["days"], window=side["window_days"], first=first,
        last=last, excluded=words["excluded"].format(**counts),
    )  # fmt: skip


def not_alike(result: Comparison, lang: Language) -> Iterator[str]:
    """A line for each page that is not the same page on both sides, and one for those that one side alone has."""
    # One home page serves many flows; it is named once.
    for (step, why), pages in result.two_designs.groupby(["step", f"why_{lang}"], sort=False):
        yield f"{step} ({', '.join(pages['scenario'])}): {why}: {TWO_DESIGNS[lang]}"
    named = set(result.two_designs["scenario"])
    for name, change in result.flow_changes.items():
        if name not in named:
            yield f"{name}: {change[lang]}"
    alone = result.pages[result.pages["sides"] != "both"]
    if len(alone):
        shown = ", ".join(f"{row['scenario']} · {row['step']}" for row in alone.to_dict("records")[:6])
        more = f", … ({len(alone)})" if len(alone) > 6 else ""
        yield WORDS[lang]["alone"].format(pages=shown + more)


#: Groups of sentences in the order in which they are read.
GROUPS = (("certain", ("better", "worse")), ("seen", ("seen",)), ("unclear", ("unclear",)), ("missing", ("missing",)))


def headings(result: Comparison, lang: Language) -> tuple[str, ...]:
    """Heads of the table that `cells` fills."""
    words = WORDS[lang]
    left, right = (name[lang] for name in result.names)
    gap = words["difference"].format(level=f"{result.settings.level:.0%}")
    return words["indicator"], left, right, gap, words["delta"], words["verdict"]


def grouped(result: Comparison, lang: Language) -> Iterator[tuple[str, list[str]]]:
    """What is said of the indicators, by how surely it can be said: a heading and its sentences."""
    for name, verdicts in GROUPS:
        rows = result.seen[result.seen["verdict"].isin(verdicts)]
        if len(rows):
            yield WORDS[lang][name], [str(text) for text in rows[f"text_{lang}"]]
    silent = list(neither(result, lang))
    if silent:
        yield WORDS[lang]["silent"], silent


def neither(result: Comparison, lang: Language) -> Iterator[str]:
    """Indicators that probes can measure and did not on either side, by the reason."""
    table = result.indicators
    silent = table[table["left"].isna() & table["right"].isna() & (table["reason"] != NOT_PROBED.reason)]
    for reason, rows in silent.groupby(f"reason_{lang}", sort=False):
        yield f"{', '.join(rows[f'indicator_{lang}'])}: {reason}"


def reasons(result: Comparison, lang: Language) -> list[str]:
    """Why intervals are missing, each reason once."""
    told = result.seen.loc[result.seen["verdict"].isin(["seen", "same"]), f"interval_reason_{lang}"].dropna()
    return list(dict.fromkeys(str(each) for each in told))
