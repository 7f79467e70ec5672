"""A plan printed, and what is going on while it is simulated."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

from egovqual_link.beside import DASH
from egovqual_link.instrument import Language
from egovqual_link.plan import Answer
from egovqual_link.plan_search import Trial
from egovqual_link.plan_words import QUESTIONS, UNITS, figure
from gapwatch.tables import print_table

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "How many are needed", "question": "question", "wanted": "wanted", "formula": "by formula",
        "simulated": "by simulation", "seen": "which gives", "coverage": "intervals that hold the truth",
        "power": "power {}", "half_width": "± {}", "assumptions": "What this rests on", "by": "formula: {}",
        "runs": "({} runs)", "days": "({} days)", "more": "more than {}", "independent": "were all runs independent, "
        "{} of them would do", "at_formula": "at the formula's number the simulation gives {}", "interval":
        "half width of the interval that the analysis prints: {}", "simulating": "simulating",
    },
    "id": {
        "title": "Berapa yang diperlukan", "question": "pertanyaan", "wanted": "diinginkan", "formula": "menurut rumus",
        "simulated": "menurut simulasi", "seen": "yang memberi", "coverage": "selang yang memuat nilai benar",
        "power": "kuasa {}", "half_width": "± {}", "assumptions": "Dasar perhitungan", "by": "rumus: {}",
        "runs": "({} uji)", "days": "({} hari)", "more": "lebih dari {}", "independent": "bila semua uji saling bebas, "
        "cukup {} uji", "at_formula": "pada jumlah menurut rumus, simulasi memberi {}", "interval":
        "setengah lebar selang yang dicetak analisis: {}", "simulating": "menyimulasikan",
    },
}  # fmt: skip


class Spinner:
    """Says on stderr which question is being simulated: a spinner on a terminal, a line elsewhere."""

    def __init__(self, lang: Language) -> None:
        self._lang = lang
        self._console = Console(file=sys.stderr, highlight=False)
        self._status: Status | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def tell(self, key: str) -> None:
        """The simulation for the question `key` begins."""
        line = f"{_WORDS[self._lang]['simulating']}: {QUESTIONS[key][self._lang]}"
        if not self._console.is_terminal:
            self._console.print(f"gapwatch: {line}", markup=False, soft_wrap=True)
        elif self._status is None:
            self._status = self._console.status(line)
            self._status.start()
        else:
            self._status.update(line)


def print_plan(answers: Sequence[Answer], lang: Language) -> None:
    """A table of the answers, and below it what each rests on."""
    words = _WORDS[lang]
    heads = [words[each] for each in ("question", "wanted", "formula", "simulated", "seen", "coverage")]
    print_table(heads, (_cells(each, lang) for each in answers), right=(1, 2, 3, 4, 5), title=words["title"])
    print(f"{words['assumptions']}:")
    for answer in answers:
        print(f"{answer.question[lang]}")
        print(f"  - {words['by'].format(answer.formula)}")
        for line in (*_more(answer, lang), *(each[lang] for each in answer.assumptions)):
            print(f"  - {line}")


def _cells(answer: Answer, lang: Language) -> tuple[str, ...]:
    words = _WORDS[lang]
    found = answer.at_simulated
    wanted = words[answer.measure].format(figure(answer.target, lang))
    coverage = DASH
    if found is not None and found.coverage is not None:
        coverage = f"{_percent(found.coverage, lang)} ± {_percent(found.coverage_error or 0.0, lang)}"
    return (
        answer.question[lang],
        wanted,
        _count(answer.formula_n, answer, lang),
        _count(answer.simulated_n, answer, lang),
        DASH if found is None else _seen(found, answer, lang),
        coverage,
    )


def _count(n: int | None, answer: Answer, lang: Language) -> str:
    words = _WORDS[lang]
    if n is None:
        return words["more"].format(_thousands(answer.most, lang))
    shown = f"{_thousands(n, lang)} {UNITS[answer.unit][lang]}"
    if answer.unit == "days" and answer.runs_per_unit:
        shown += f" {words['runs'].format(_thousands(n * answer.runs_per_unit, lang))}"
    if answer.days_each:
        shown += f" {words['days'].format(_thousands(-(-n // answer.days_each), lang))}"
    return shown


def _thousands(n: int, lang: Language) -> str:
    return f"{n:,}".replace(",", "." if lang == "id" else ",")


def _percent(share: float, lang: Language) -> str:
    text = f"{100 * share:.1f} %"
    return text.replace(".", ",") if lang == "id" else text


def _seen(found: Trial, answer: Answer, lang: Language) -> str:
    text = f"{_WORDS[lang][answer.measure].format(f'{found.value:.3g}')} (MC ± {found.error:.1g})"
    return text.replace(".", ",") if lang == "id" else text


def _more(answer: Answer, lang: Language) -> list[str]:
    words, lines = _WORDS[lang], []
    if answer.at_formula is not None:
        sims = f", n = {answer.at_formula.sims}"
        lines.append(words["at_formula"].format(_seen(answer.at_formula, answer, lang) + sims))
    if answer.at_simulated is not None and answer.at_simulated.interval not in (None, answer.at_simulated.value):
        lines.append(words["interval"].format(figure(float(f"{answer.at_simulated.interval:.3g}"), lang)))
    if answer.independent_runs is not None:
        lines.append(words["independent"].format(_thousands(answer.independent_runs, lang)))
    return lines
