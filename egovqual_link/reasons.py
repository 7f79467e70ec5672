"""Why a figure is missing, as a stable code and in words of both languages."""

from __future__ import annotations

from egovqual_link.instrument import Language, Text

_REASONS = {
    "answers_not_published": Text(
        en="the answers of the respondents are not published",
        id="jawaban responden tidak dipublikasikan",
    ),
    "sd_not_published": Text(
        en="no interval: the standard deviations are not published",
        id="tanpa selang: simpangan baku tidak dipublikasikan",
    ),
    "n_not_published": Text(
        en="no interval: the number of respondents is not published",
        id="tanpa selang: jumlah responden tidak dipublikasikan",
    ),
    "n_and_sd_not_published": Text(
        en="no interval: neither the number of respondents nor the standard deviations are published",
        id="tanpa selang: jumlah responden dan simpangan baku tidak dipublikasikan",
    ),
    "not_published": Text(en="not published", id="tidak dipublikasikan"),
    "not_answered": Text(en="nobody answered both questions", id="tidak ada yang menjawab kedua pertanyaan"),
    "one_answer": Text(
        en="one answer only: no spread, no interval", id="hanya satu jawaban: tanpa sebaran, tanpa selang"
    ),
    "no_spread": Text(
        en="all answers are equal: no spread to test", id="semua jawaban sama: tidak ada sebaran untuk diuji"
    ),
    "no_differences": Text(
        en="every gap is zero: nothing to rank", id="semua kesenjangan nol: tidak ada yang diperingkat"
    ),
    "scale_not_declared": Text(
        en="the end points of the scale are not known, so it has no midpoint",
        id="ujung skala tidak diketahui, jadi titik tengahnya tidak ada",
    ),
    "items_not_answered": Text(
        en="some items have no answers; the mean is over the others",
        id="sebagian butir tanpa jawaban; rata-rata dihitung dari yang lain",
    ),
    "two_items": Text(
        en="omega needs at least three items: with two the model is not identified",
        id="omega memerlukan paling sedikit tiga butir: dengan dua butir model tidak teridentifikasi",
    ),
    "one_item": Text(en="reliability needs at least two items", id="reliabilitas memerlukan paling sedikit dua butir"),
    "too_few_respondents": Text(
        en="too few respondents with complete answers", id="responden dengan jawaban lengkap terlalu sedikit"
    ),
    "improper_solution": Text(
        en="the one-factor model gives a negative error variance (Heywood case)",
        id="model satu faktor memberi ragam galat negatif (kasus Heywood)",
    ),
    "not_converged": Text(en="the model did not converge", id="model tidak konvergen"),
    "population_not_given": Text(
        en="Slovin's formula needs the size of the population",
        id="rumus Slovin memerlukan jumlah populasi",
    ),
    "gap_sd_not_known": Text(
        en="the standard deviation of the gap is not known, or zero",
        id="simpangan baku kesenjangan tidak diketahui, atau nol",
    ),
    "negative_covariance": Text(
        en="items run against each other: the coefficient is not meaningful",
        id="butir saling berlawanan: koefisien tidak bermakna",
    ),
}


def explain(code: str | None, lang: Language = "en") -> str | None:
    """The reason `code` in words; None for None.

    Raises:
        KeyError: there is no such reason.
    """
    return None if code is None else _REASONS[code][lang]


def reason_columns(code: str | None) -> dict[str, str | None]:
    """The columns `reason`, `reason_en` and `reason_id` of a table row."""
    return {"reason": code, "reason_en": explain(code, "en"), "reason_id": explain(code, "id")}
