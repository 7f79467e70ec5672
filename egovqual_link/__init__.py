"""What citizens say, set beside what was measured."""

# The survey side: instrument, answers, printed tables and their statistics.
from egovqual_link.instrument import Instrument, load_instrument
from egovqual_link.published import SEMARANG, PublishedTable, load_published
from egovqual_link.scale import Scale, parse_scale
from egovqual_link.scores import (
    all_scores,
    dimension_scores,
    gap_scores,
    overall_of,
    overall_scores,
    with_and_without_flagged,
)
from egovqual_link.survey import Survey

__all__ = [
    "SEMARANG",
    "Instrument",
    "PublishedTable",
    "Scale",
    "Survey",
    "all_scores",
    "dimension_scores",
    "gap_scores",
    "load_instrument",
    "load_published",
    "overall_of",
    "overall_scores",
    "parse_scale",
    "with_and_without_flagged",
]
