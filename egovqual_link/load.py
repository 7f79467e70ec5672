"""One way in for any survey file: answers of persons, or a table that somebody printed."""

from __future__ import annotations

from pathlib import Path

from egovqual_link.instrument import Instrument
from egovqual_link.published import load_published
from egovqual_link.scale import Scale
from egovqual_link.scores import Source
from egovqual_link.survey_columns import SurveyMapping
from egovqual_link.survey_grid import open_grid
from egovqual_link.survey_load import load_survey
from scenarios.source import InputError, Problem

_LEVELS = {"item", "butir", "dimension", "dimensi"}
_MEANS = {"performance", "kinerja", "importance", "kepentingan", "gap", "kesenjangan"}
_PERSONS = {"id", "respondent", "respondent_id", "responden", "id_responden"}


def load_source(
    path: Path | str,
    scale: Scale | str | tuple[int, int] | None = None,
    mapping: Path | str | SurveyMapping | None = None,
    *,
    instrument: Instrument | None = None,
) -> Source:
    """Answers or a printed table, told apart by the file itself.

    YAML is a printed table; so is a CSV of one line an item or dimension in which no column names a person.
    All else are answers, for which the scale is required.

    Raises:
        InputError: as `load_survey` and `load_published`; a mapping given for a printed table.
    """
    path = Path(path)
    if not is_printed_table(path):
        return load_survey(path, scale, mapping, instrument=instrument)
    if mapping is not None:
        raise InputError([Problem(str(path), None, "is a printed table, for which no mapping is used", "leave it out")])
    return load_published(path, instrument=instrument, scale=scale)


def is_printed_table(path: Path) -> bool:
    """Whether the file at `path` looks like a printed table, right or wrong; False where it cannot be read."""
    if path.suffix.lower() in {".yaml", ".yml"}:
        return True
    if path.suffix.lower() != ".csv":
        return False
    try:
        with open_grid(path) as grid:
            names = {name.strip().casefold() for name in grid.header}
    except InputError:
        return False
    return bool(names & _LEVELS) and bool(names & _MEANS) and not names & _PERSONS
