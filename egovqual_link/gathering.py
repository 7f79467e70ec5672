"""Both sides brought together by unit: what was said and what was measured at each portal, region and wave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Connection

from egovqual_link.external import Records, with_external
from egovqual_link.indicators import Measured, Memo, measure
from egovqual_link.instrument import Instrument, Text
from egovqual_link.scores import Source
from egovqual_link.sensitivity import POINT, ROBUSTNESS_COLUMNS, SENSITIVITY_COLUMNS, Look, robustness, sensitivity
from egovqual_link.store_scope import Scope
from egovqual_link.study import Study
from egovqual_link.survey import Survey
from egovqual_link.units import Respondents, Units, measured_values
from egovqual_link.windows import Window


@dataclass(frozen=True)
class Gathering:
    """The open store and all that the units and the other choices are worked out from."""

    connection: Connection
    study: Study | None
    instrument: Instrument
    records: tuple[Records, ...]
    window: Window
    memo: Memo

    def units(self, respondents: Respondents | None, by_portal: Mapping[str, tuple[Measured, ...]]) -> Units:
        """Both sides by portal, region and wave; without a study the waves are not told apart: they have no dates."""
        if respondents is None:
            return Units({}, {})
        waves = {} if self.study is None else {wave.name: self.study.window(wave) for wave in self.study.waves}
        measured = {}
        for key in respondents.keys:
            portal, region, wave = key
            if portal not in by_portal or (self.study is not None and wave not in waves):
                continue
            window = waves[wave] if self.study is not None else self.window
            if window == self.window and not region:
                if by_portal[portal][0].exposure.runs:
                    measured[key] = measured_values(by_portal[portal])
                continue
            # Only the values are needed here, so no intervals are worked out.
            found = measure(
                self.connection, Scope(portal, window, location=region or None), self.instrument, POINT, self.memo
            )
            if found[0].exposure.runs:
                measured[key] = measured_values(with_external(found, self.records, window))
        return Units(respondents.means(), measured, respondents)

    def other_choices(self, respondents: Respondents | None, names: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The tables `sensitivity` and `robustness`; empty without a study."""
        if self.study is None:
            return pd.DataFrame(columns=list(SENSITIVITY_COLUMNS)), pd.DataFrame(columns=list(ROBUSTNESS_COLUMNS))
        look = Look(self.connection, self.study, self.instrument, self.records, memo=self.memo)
        return sensitivity(look, names), robustness(look, respondents, names)


def placing(survey: Source, units: Units) -> list[Text]:
    """Answers that belong to no wave, and regions that are no units because no probe stood in them."""
    said = []
    people = units.respondents
    if people is not None and people.outside:
        said.append(
            Text(
                en=f"{people.outside} answers have a date outside every wave and are in no association",
                id=f"{people.outside} jawaban bertanggal di luar semua gelombang dan tidak masuk dalam hubungan",
            )
        )
    told = people is not None and any(region for _, region, _ in people.keys)
    if isinstance(survey, Survey) and not told and survey.respondents["region"].nunique() > 1:
        said.append(
            Text(
                en="Regions are no units here: the probes did not run from at least two of them, so what was measured "
                "is the same for all",
                id="Wilayah bukan unit di sini: uji tidak dijalankan dari sedikitnya dua wilayah, jadi yang terukur "
                "sama bagi semuanya",
            )
        )
    return said
