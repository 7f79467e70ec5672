"""All tables of one survey by name, and a dictionary that says what each of their columns holds."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any, Final

import numpy as np
import pandas as pd

from egovqual_link.instrument import Text
from egovqual_link.ipa import ipa
from egovqual_link.paired import gap_tests
from egovqual_link.published import PublishedTable
from egovqual_link.reasons import reason_columns
from egovqual_link.reliability import item_total, reliability
from egovqual_link.resampling import DEFAULT_RESAMPLES, DEFAULT_SEED
from egovqual_link.sample_size import SampleSize, for_mean, slovin
from egovqual_link.scores import Source, all_scores, with_and_without_flagged
from egovqual_link.survey import FLAGS, RESPONDENT_COLUMNS, Survey

#: How near a gap should be known, in points of the answer scale, where nobody says otherwise.
DEFAULT_HALF_WIDTH: Final = 0.1
SAMPLE_SIZE_COLUMNS: Final = (
    "rule", "level", "key", "n", "n_needed", "half_width_now", "half_width_wanted", "gap_sd", "population",
    "formula", "assumes_en", "assumes_id", "reason", "reason_en", "reason_id",
)  # fmt: skip
#: A dictionary of columns has these; `meaning` is English, `arti` Indonesian.
DICTIONARY_COLUMNS: Final = ("table", "column", "unit", "meaning", "arti")


def survey_tables(
    source: Source,
    *,
    population: int | None = None,
    half_width: float = DEFAULT_HALF_WIDTH,
    confidence: float = 0.95,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = DEFAULT_SEED,
) -> dict[str, pd.DataFrame]:
    """Every table that a survey gives: scores, gap_tests, reliability, item_total, ipa, sample_size, notes.

    Answers of persons also give with_and_without (the flagged), flagged (respondents) and problems (cells).
    `population` and `half_width` (points of the answer scale) are for `sample_sizes`.
    """
    options: dict[str, Any] = {"resamples": resamples, "seed": seed}
    scores = all_scores(source, confidence=confidence, **options)
    tables = {
        "scores": scores,
        "gap_tests": gap_tests(source, confidence=confidence, **options),
        "reliability": reliability(source, confidence=confidence),
        "item_total": item_total(source, confidence=confidence),
        "ipa": ipa(source, **options),
        "sample_size": sample_sizes(scores, population=population, half_width=half_width, confidence=confidence),
    }
    if isinstance(source, Survey):
        tables["with_and_without"] = with_and_without(source, confidence=confidence, **options)
        tables["flagged"] = flagged(source)
        tables["problems"] = source.problems
    tables["notes"] = pd.DataFrame(
        [{"note_en": note.en, "note_id": note.id} for note in _notes(source)], columns=["note_en", "note_id"]
    )
    return tables


def _notes(source: Source) -> Iterable[Text]:
    yield from source.notes
    if isinstance(source, PublishedTable):
        yield from (
            Text(en=f"not published: {each.en}", id=f"tidak dipublikasikan: {each.id}") for each in source.not_published
        )


def with_and_without(survey: Survey, **options: Any) -> pd.DataFrame:
    """`with_and_without_flagged`, with the quadrant by means and its probability for items."""
    tables = with_and_without_flagged(survey, **options)
    options.pop("confidence", None)
    placed = []
    for name, each in (("all", survey), ("unflagged", survey.unflagged())):
        found = ipa(each, crosshairs=("means",), **options)
        found["respondents"] = name
        placed.append(found[["respondents", "level", "key", "quadrant", "quadrant_en", "quadrant_id", "p_quadrant"]])
    return tables.merge(pd.concat(placed, ignore_index=True), how="left", on=["respondents", "level", "key"])


def flagged(survey: Survey) -> pd.DataFrame:
    """Respondents who carry a flag: where they stand in the file, who they are there, and a column for each flag."""
    marked = np.flatnonzero(survey.flags.to_numpy(dtype=bool).any(axis=1))
    table = pd.concat([survey.respondents[list(RESPONDENT_COLUMNS)], survey.flags[list(FLAGS)]], axis=1)
    return table.iloc[marked].reset_index(drop=True)


def sample_sizes(
    scores: pd.DataFrame,
    *,
    population: int | None = None,
    half_width: float = DEFAULT_HALF_WIDTH,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """How many respondents would do, SAMPLE_SIZE_COLUMNS: one row by Slovin, then one for the gap of each score.

    Raises:
        ValueError: as `slovin` and `for_mean`.
    """
    overall = scores[scores["level"] == "overall"].iloc[0]
    first: dict[str, Any] = {"rule": "slovin", "level": "overall", "key": "overall", "n": overall["n"]}
    if population is None:
        rows = [first | reason_columns("population_not_given")]
    else:
        rows = [first | {"population": population} | _size(slovin(population)) | reason_columns(None)]
    for score in scores.to_dict("records"):
        row = {"rule": "precision", **{name: score[name] for name in ("level", "key", "n", "gap_sd")}}
        row |= {"half_width_wanted": half_width, "population": population}
        row["half_width_now"] = (score["gap_high"] - score["gap_low"]) / 2
        sd = score["gap_sd"]
        if np.isnan(sd) or sd == 0:
            rows.append(row | reason_columns("gap_sd_not_known"))
            continue
        size = for_mean(round(sd, 4), half_width, confidence=confidence, population=population)
        rows.append(row | _size(size) | reason_columns(None))
    return _typed(pd.DataFrame(rows, columns=list(SAMPLE_SIZE_COLUMNS)))


def _size(size: SampleSize) -> dict[str, Any]:
    return {
        "n_needed": size.n,
        "formula": size.formula,
        "assumes_en": size.assumes.en,
        "assumes_id": size.assumes.id,
    }


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    for name in SAMPLE_SIZE_COLUMNS:
        if name in ("n", "n_needed", "population"):
            table[name] = table[name].astype("Int64")
        elif name in ("half_width_now", "half_width_wanted", "gap_sd"):
            table[name] = table[name].astype("float64")
        else:
            table[name] = table[name].astype("str")
    return table


def column_dictionary(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What each column of `tables` holds, DICTIONARY_COLUMNS, in the order of tables and columns.

    Raises:
        KeyError: a column that nobody has described.
    """
    described: dict[tuple[str, str], dict[str, str]] = {}
    for name in ("link_columns.csv", "survey_columns.csv"):
        text = files("egovqual_link").joinpath("data", name).read_text(encoding="utf-8")
        described |= {(row["table"], row["column"]): row for row in csv.DictReader(text.splitlines())}
    rows = []
    for name, table in tables.items():
        for column in table.columns:
            # What means the same in every table is described once, under `*`.
            row = described.get((name, str(column))) or described["*", str(column)]
            rows.append(row | {"table": name})
    return pd.DataFrame(rows, columns=list(DICTIONARY_COLUMNS))
