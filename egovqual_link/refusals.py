"""What cannot be done with the data at hand, said in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from egovqual_link.instrument import Language, Text
from scenarios.source import InputError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Problem):
    """A problem with a stable `code` whose words exist in both languages; as a Problem it speaks English."""

    code: str
    text: Text
    remedy: Text | None = None

    def told(self, lang: Language) -> Problem:
        """The problem in `lang`."""
        return Problem(self.source, self.line, self.text[lang], self.remedy[lang] if self.remedy else None)


def refusal(code: str, source: str, line: int | None, text: Text, remedy: Text | None = None) -> Refusal:
    """A refusal at a place of what was given."""
    return Refusal(source, line, text.en, remedy.en if remedy else None, code=code, text=text, remedy=remedy)


@contextmanager
def told_in(lang: Language) -> Iterator[None]:
    """Problems raised inside are told in `lang` as far as their words exist in it.

    Raises:
        InputError: what was raised inside, translated.
    """
    try:
        yield
    except InputError as error:
        if lang == "en":
            raise
        raise InputError([each.told(lang) if isinstance(each, Refusal) else each for each in error.problems]) from None


#: Why there is no coefficient, by the code in its `reason`; `{n}` is the number of units.
_NO_COEFFICIENT = {
    "n_units=1": Text(
        en="The survey describes one portal at one time; a coefficient needs at least five portals, regions or waves",
        id="Survei menggambarkan satu portal pada satu waktu; koefisien memerlukan sedikitnya lima portal, wilayah, "
        "atau gelombang",
    ),
    "n_units": Text(
        en="{n} units are too few; a coefficient needs at least 5 portals, regions or waves",
        id="{n} unit terlalu sedikit; koefisien memerlukan sedikitnya 5 portal, wilayah, atau gelombang",
    ),
    "no_dates": Text(
        en="No dates tie the runs to the time of the answers; a coefficient needs a window: a study file, or --from "
        "and --to",
        id="Tidak ada tanggal yang mengikat uji pada waktu pengisian survei; koefisien memerlukan jendela waktu: "
        "berkas studi, atau --from dan --to",
    ),
    "no_variation": Text(
        en="One side is the same at every unit, so nothing can go with it",
        id="Salah satu sisi sama di setiap unit, jadi tidak ada yang dapat sejalan dengannya",
    ),
    "needs_two_waves_in_two_portals": Text(
        en="A correlation within portals needs two waves in each of at least two portals",
        id="Korelasi di dalam portal memerlukan dua gelombang di sedikitnya dua portal",
    ),
    "df": Text(
        en="Too few waves remain after each portal's own level is taken out",
        id="Gelombang yang tersisa terlalu sedikit setelah tingkat tiap portal dikeluarkan",
    ),
    "no_persons": Text(
        en="Answers of persons with portal and wave are needed", id="Diperlukan jawaban perorangan dengan portal dan "
        "gelombang"
    ),
    "not_converged": Text(
        en="No optimiser found a maximum of the likelihood", id="Tidak ada pengoptimal yang menemukan maksimum "
        "kemungkinan"
    ),
}  # fmt: skip


def why_none(reason: str, n: int = 0) -> Text:
    """The words of a coefficient's `reason`.

    Raises:
        KeyError: there is no such reason.
    """
    text = _NO_COEFFICIENT.get(reason) or _NO_COEFFICIENT[reason.partition("=")[0]]
    return Text(en=text.en.format(n=n), id=text.id.format(n=n))
