"""What a comparison says in plain words: what changed, what did not, and what cannot be told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, Literal

import pandas as pd

from egovqual_link.beside import DASH, format_value
from egovqual_link.compare_values import BOTH_AT_DEADLINE, BOTH_OPEN, Found
from egovqual_link.instrument import Indicator, Language, Text
from egovqual_link.like_for_like import told
from egovqual_link.measuring import Settings
from egovqual_link.store_scope import Scope
from egovqual_link.windows import zone

Verdict = Literal["better", "worse", "unclear", "seen", "same", "missing"]

MINUS: Final = "\N{MINUS SIGN}"
#: Verdicts as a table names them.
VERDICTS: Final[dict[str, Text]] = {
    "better": Text(en="better", id="lebih baik"),
    "worse": Text(en="worse", id="lebih buruk"),
    "unclear": Text(en="cannot be told", id="tidak dapat dipastikan"),
    "seen": Text(en="seen, not certain", id="terlihat, belum pasti"),
    "same": Text(en="the same", id="sama"),
    "missing": Text(en="no comparison", id="tanpa perbandingan"),
}


def name_sides(left: Scope, right: Scope) -> tuple[Text, Text]:
    """Names of both sides made of what tells them apart."""
    names = []
    for scope in (left, right):
        parts = [scope.portal] if left.portal != right.portal else []
        for key, any_en, any_id in (
            ("location", "all locations", "semua lokasi"),
            ("browser", "all browsers", "semua peramban"),
            ("device", "all devices", "semua perangkat"),
        ):
            if getattr(left, key) != getattr(right, key):
                parts.append(getattr(scope, key) or f"{any_en}|{any_id}")
        if (left.window.start, left.window.end) != (right.window.start, right.window.end):
            parts.append(days_of(scope))
        en, id_ = (", ".join(part.split("|")[at if "|" in part else 0] for part in parts) for at in (0, 1))
        names.append(told(en, id_))
    return names[0], names[1]


def days_of(scope: Scope) -> str:
    """First and last local day of a window: `2024-05-01 to 2024-05-14`; with the time where it is no whole day."""
    place = zone(scope.window.time_zone)
    start, end = scope.window.start.astimezone(place), scope.window.end.astimezone(place)

    def shown(moment: datetime) -> str:
        return moment.strftime(
            "%Y-%m-%d" if (moment.hour, moment.minute, moment.second) == (0, 0, 0) else "%Y-%m-%d %H:%M"
        )

    last = end - timedelta(days=1) if (end.hour, end.minute, end.second) == (0, 0, 0) else end
    first, final = shown(start), shown(last)
    return first if first == final else f"{first} {DASH} {final}"


def judge(found: Found, better: str) -> Verdict:
    """What the difference allows to be said of the right side."""
    if found.difference is None:
        return "unclear" if found.interval_reason in (BOTH_AT_DEADLINE, BOTH_OPEN) else "missing"
    if found.interval is not None:
        if found.interval.low > 0 or found.interval.high < 0:
            return "better" if (found.interval.low > 0) == (better == "up") else "worse"
        return "unclear"
    if found.difference == 0 and found.bound is None:
        return "same"
    if found.exact:
        return "better" if (found.difference > 0) == (better == "up") else "worse"
    return "seen"


def format_difference(value: float | None, unit: str, lang: Language, *, sign: bool = True) -> str:
    """A difference with its unit: shares in percentage points; a dash for None."""
    if value is None:
        return DASH
    if value == 0:
        return "0"
    if unit in ("ratio", "score"):
        text = f"{abs(value):.2g}"
        text = text.replace(".", ",") if lang == "id" else text
    elif unit == "share":
        text = f"{abs(value) * 100:.1f} {'poin' if lang == 'id' else 'points'}"
        text = text.replace(".", ",") if lang == "id" else text
    else:
        text = format_value(abs(value), unit, None, lang)
    if not sign:
        return text
    return f"{'+' if value > 0 else MINUS}{text}"


def interval_words(low: float | None, high: float | None, unit: str, lang: Language) -> str:
    """`-1.2 s … -0.8 s`; an open end is named."""
    if low is None and high is None:
        return ""
    open_words = {"en": "open", "id": "terbuka"}[lang]
    return " … ".join(open_words if each is None else format_difference(each, unit, lang) for each in (low, high))


def sentence(found: Found, verdict: Verdict, indicator: Indicator, names: tuple[Text, Text]) -> Text:
    """One sentence on one indicator."""
    return told(_sentence(found, verdict, indicator, names, "en"), _sentence(found, verdict, indicator, names, "id"))


def _sentence(found: Found, verdict: Verdict, indicator: Indicator, names: tuple[Text, Text], lang: Language) -> str:
    right, title = names[1][lang][:80], indicator.title[lang]
    english = lang == "en"
    if verdict == "missing":
        return f"{title}: {_missing(found, names, lang)}"
    if found.difference is None:
        assert found.interval_reason is not None
        return f"{title}: {found.interval_reason[lang]}"
    gap = format_difference(found.difference, indicator.unit, lang, sign=False)
    if found.bound is not None:
        gap = f"{'at least' if english else 'sedikitnya'} {gap}"
    if verdict == "same":
        return f"{title}: {'the same on both sides' if english else 'sama di kedua sisi'}{_why(found, lang)}"
    if verdict == "unclear":
        return f"{title}: {_unclear(found, indicator, right, lang)}"
    up = indicator.better == "up"
    helps = (found.difference > 0) == up if found.difference else verdict == "better"
    word = ("better" if helps else "worse") if english else ("lebih baik" if helps else "lebih buruk")
    told_by = f"{right} is {word} by {gap}" if english else f"{right} {word} sebesar {gap}"
    if found.interval is None:
        return f"{title}: {told_by}{_why(found, lang)}"
    low, high = (None if abs(each) == float("inf") else each for each in (found.interval.low, found.interval.high))
    span = interval_words(low, high, indicator.unit, lang)
    return f"{title}: {told_by} ({span})"


def _why(found: Found, lang: Language) -> str:
    return f"; {found.interval_reason[lang]}" if found.interval_reason else ""


def _unclear(found: Found, indicator: Indicator, right: str, lang: Language) -> str:
    assert found.interval is not None
    good = 1.0 if indicator.better == "up" else -1.0
    ends = sorted((good * found.interval.low, good * found.interval.high))
    words = {
        "en": ("cannot be told apart: {} may be worse by as much as {} or better by as much as {}", "any amount"),
        "id": ("tidak dapat dibedakan: {} mungkin lebih buruk hingga {} atau lebih baik hingga {}", "berapa pun"),
    }[lang]
    shown = [
        words[1] if abs(end) == float("inf") else format_difference(abs(end), indicator.unit, lang, sign=False)
        for end in ends
    ]
    return words[0].format(right, *shown)


def _missing(found: Found, names: tuple[Text, Text], lang: Language) -> str:
    without = [
        (name, value) for name, value in zip(names, (found.left, found.right), strict=True) if value.value is None
    ]
    if len(without) == 2:
        reason = without[0][1].reason_text
        start = {"en": "measured on neither side", "id": "tidak terukur di kedua sisi"}[lang]
        return f"{start}: {reason[lang]}" if reason else start
    if not without:
        assert found.interval_reason is not None
        return found.interval_reason[lang]
    name, value = without[0]
    start = {"en": f"not measured for {name.en[:80]}", "id": f"tidak terukur untuk {name.id[:80]}"}[lang]
    return f"{start}: {value.reason_text[lang]}" if value.reason_text else start


def limits(table: pd.DataFrame, settings: Settings, *, paired: bool) -> tuple[Text, ...]:
    """What the whole comparison does not say."""
    return tuple(_limits(table, settings, paired=paired))


def _limits(table: pd.DataFrame, settings: Settings, *, paired: bool) -> Iterator[Text]:
    with_interval = int(table["interval_method"].notna().sum())
    if with_interval > 1:
        share = f"{settings.level:.0%}"
        yield Text(
            en=f"{with_interval} intervals of {share} each are shown; about {1 - settings.level:.0%} of such intervals "
            "miss the truth, so one lone difference among many may be chance",
            id=f"{with_interval} selang masing-masing {share} ditampilkan; sekitar {1 - settings.level:.0%} selang "
            "seperti itu meleset, jadi satu beda di antara banyak bisa kebetulan",
        )
    if not paired:
        yield Text(
            en="the sides were not probed over the same time, so what changed for all portals is in the difference too",
            id="kedua sisi tidak diuji pada waktu yang sama, jadi perubahan yang menimpa semua portal ikut terhitung",
        )
    yield Text(
        en="a difference says that the sides differ, not why; a browser measures what citizens meet, "
        "not what they think",
        id="selisih menyatakan bahwa kedua sisi berbeda, bukan sebabnya; peramban mengukur yang ditemui warga, "
        "bukan pendapat mereka",
    )
