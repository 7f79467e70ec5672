"""What citizens say, set beside what was measured."""

# The measured side and the link; the files that a report is made of.
from egovqual_link.bundle import rebuild, write_bundle
from egovqual_link.compare import compare
from egovqual_link.indicators import indicators
from egovqual_link.inputs import Inputs

# The survey side: instrument, answers, printed tables and their statistics.
from egovqual_link.instrument import Instrument, load_instrument
from egovqual_link.ipa import ipa
from egovqual_link.link import LinkResult, link
from egovqual_link.load import load_source
from egovqual_link.paired import gap_tests
from egovqual_link.published import SEMARANG, PublishedTable, load_published
from egovqual_link.reliability import item_total, reliability
from egovqual_link.report import write_report
from egovqual_link.sample_size import SampleSize, for_mean, slovin
from egovqual_link.scale import Scale, parse_scale
from egovqual_link.scores import (
    all_scores,
    dimension_scores,
    gap_scores,
    overall_of,
    overall_scores,
    with_and_without_flagged,
)
from egovqual_link.study import load_study
from egovqual_link.survey import Survey
from egovqual_link.survey_columns import SurveyMapping
from egovqual_link.survey_load import load_survey
from egovqual_link.survey_tables import column_dictionary, survey_tables
from egovqual_link.windows import Window

__all__ = [
    "SEMARANG",
    "Inputs",
    "Instrument",
    "LinkResult",
    "PublishedTable",
    "SampleSize",
    "Scale",
    "Survey",
    "SurveyMapping",
    "Window",
    "all_scores",
    "column_dictionary",
    "compare",
    "dimension_scores",
    "for_mean",
    "gap_scores",
    "gap_tests",
    "indicators",
    "ipa",
    "item_total",
    "link",
    "load_instrument",
    "load_published",
    "load_source",
    "load_study",
    "load_survey",
    "overall_of",
    "overall_scores",
    "parse_scale",
    "rebuild",
    "reliability",
    "slovin",
    "survey_tables",
    "with_and_without_flagged",
    "write_bundle",
    "write_report",
]
