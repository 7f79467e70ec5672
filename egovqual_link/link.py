"""The link: for every item what citizens said beside what was measured, and which statements the data do not allow."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from egovqual_link.association import MIN_UNITS
from egovqual_link.beside import (
    DASH,
    NOT_PER_ITEM,
    SIDE_BY_SIDE_COLUMNS,
    format_value,
    items_by_fit,
    limits,
    plain,
    records,
    side_by_side,
)
from egovqual_link.external import Records, check_portals, with_external
from egovqual_link.gathering import Gathering, placing
from egovqual_link.indicators import Memo, frame, measure
from egovqual_link.instrument import Instrument, Text, load_instrument
from egovqual_link.measures import Settings
from egovqual_link.overview import Overview, overview
from egovqual_link.provenance import InputFile, input_files, versions
from egovqual_link.refusals import refusal, why_none
from egovqual_link.scores import Source, all_scores
from egovqual_link.store_open import open_store
from egovqual_link.store_scope import Scope, locations, portals, span
from egovqual_link.study import Study
from egovqual_link.units import UNIT_COLUMNS, Units, associations, item_pairs, place_respondents, unit_values
from egovqual_link.windows import Window, parse_moment
from scenarios.source import InputError, Problem, nearest

__all__ = [
    "DASH",
    "NOT_PER_ITEM",
    "SIDE_BY_SIDE_COLUMNS",
    "Association",
    "LinkResult",
    "format_value",
    "items_by_fit",
    "limits",
    "link",
    "plain",
    "refused",
    "side_by_side",
]

#: Portals of made-up studies begin so, which labels everything that is made from them.
SYNTHETIC = "synthetic-"
#: Least share of the window's days that probes should cover where no study says otherwise.
COVERAGE = 0.8


@dataclass(frozen=True, slots=True)
class Association:
    """A coefficient, or its refusal: `r` is None exactly where `reason` says why. Always with n and method."""

    r: float | None
    n_units: int
    low: float | None
    high: float | None
    method: str | None
    reason: str | None
    reason_text: Text | None

    def as_dict(self) -> dict[str, Any]:
        """The association in JSON."""
        return {
            "r": self.r,
            "n_units": self.n_units,
            "interval": None if self.low is None else [self.low, self.high],
            "method": self.method,
            "reason": self.reason,
            "reason_en": self.reason_text.en if self.reason_text else None,
            "reason_id": self.reason_text.id if self.reason_text else None,
        }


def refused(n_units: int) -> Association:
    """The refusal of a coefficient where there are fewer than five units (portals, regions or waves).

    The items of one portal are no units: they are not exchangeable and measured in different units.
    """
    return Association(None, n_units, None, None, None, f"n_units={n_units}", why_none(f"n_units={n_units}", n_units))


@dataclass(frozen=True)
class LinkResult:
    """Everything that may be said of one survey and one window of runs.

    `scores`: see `all_scores`; `indicators`: see `indicators`; `side_by_side`: SIDE_BY_SIDE_COLUMNS; `associations`:
    ASSOCIATION_COLUMNS, empty where `association` is refused; `sensitivity` and `robustness`: the declared indicators
    and hypotheses under other choices; `unit_values`: UNIT_COLUMNS, the points behind the associations; `files`: what
    it was made from. `digest` is the SHA-256 of survey file, study file, operator's records, window
    and portals, so that outputs show what they were made from.
    """

    instrument: Instrument
    source: Source
    window: Window
    portals: tuple[str, ...]
    scores: pd.DataFrame
    indicators: pd.DataFrame
    side_by_side: pd.DataFrame
    association: Association
    limits: tuple[Text, ...]
    exploratory: bool
    digest: str
    run_counts: Mapping[str, int]
    overview: Overview
    associations: pd.DataFrame
    sensitivity: pd.DataFrame
    robustness: pd.DataFrame
    warnings: tuple[Text, ...] = ()
    study: Study | None = None
    unit_values: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(UNIT_COLUMNS)))
    files: tuple[InputFile, ...] = ()

    @property
    def priority(self) -> tuple[str, ...]:
        """Items that the survey's authors call the first to mend; empty where none are named."""
        return tuple(getattr(self.source, "priority", ()))

    @property
    def synthetic(self) -> bool:
        """Made by the generator of examples: every portal says so in its name."""
        return all(name.startswith(SYNTHETIC) for name in self.portals)

    def table(self) -> pd.DataFrame:
        """The side-by-side table."""
        return self.side_by_side

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data; a missing value is null."""
        return {
            "survey": {
                # The name alone: where the file lay is nobody's business, and a rebuilt result must read the same.
                "source": Path(str(getattr(self.source, "source", ""))).name,
                "scores": records(self.scores.dropna(axis="columns", how="all")),
            },
            "window": {
                "start": self.window.start.isoformat(),
                "end": self.window.end.isoformat(),
                "time_zone": self.window.time_zone,
                "declared": self.window.declared,
                "basis_en": self.window.label().en,
                "basis_id": self.window.label().id,
            },
            "portals": list(self.portals),
            "side_by_side": records(self.side_by_side),
            "association": self.association.as_dict(),
            "associations": records(self.associations),
            "sensitivity": records(self.sensitivity),
            "robustness": records(self.robustness),
            "synthetic": self.synthetic,
            "flows": records(self.overview.flows),
            "pages": records(self.overview.pages),
            "hours": records(self.overview.hours),
            "findings": records(self.overview.findings),
            "exposure": records(self.overview.exposure),
            "priority": list(self.priority),
            "warnings": [{"en": text.en, "id": text.id} for text in self.warnings],
            "study": None if self.study is None else {"name": self.study.name, "digest": self.study.digest},
            "limits": [{"en": text.en, "id": text.id} for text in self.limits],
            "exploratory": self.exploratory,
            "files": [dataclasses.asdict(each) for each in self.files],
            "versions": versions(),
            "digest": self.digest,
        }

    def to_json(self) -> str:
        """The result as JSON text."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2, allow_nan=False)


def link(
    survey: Source,
    store_url: str,
    *,
    from_: str | None = None,
    to: str | None = None,
    only: Iterable[str] | None = None,
    time_zone: str = "Asia/Jakarta",
    instrument: Instrument | None = None,
    settings: Settings | None = None,
    study: Study | None = None,
    external: Sequence[Records] = (),
    files: Sequence[tuple[str, Path]] | None = None,
) -> LinkResult:
    """Set the scores of `survey` beside the indicators of the portals in the store.

    A `study` gives portals, time zone and window (its last wave); without one the window is from `from_` to `to`, or
    the whole store, and everything is labelled exploratory. `external`: an operator's own records, labelled so.
    `files` are named in the outputs with their SHA-256; without them, those that survey, study and records came from.

    Raises:
        InputError: no store, no runs in the window, a portal that the store does not know, dates that are none, dates
            beside a study that has its own, or records that do not say their portal.
    """
    instrument = instrument or load_instrument()
    settings = settings or Settings()
    if study is not None and (from_ or to or only):
        raise InputError(
            [Problem(study.source, None, "declares window and portals itself", "leave out --from, --to and --portal")]
        )
    with open_store(store_url) as connection:
        names = _portals(connection, study.portals if study else only, store_url)
        window = study.window(study.waves[-1]) if study else _window(connection, names, from_, to, time_zone)
        noted = check_portals(external, names)
        scopes = [Scope(name, window) for name in names]
        memo: Memo = {}
        by_portal = {
            scope.portal: with_external(measure(connection, scope, instrument, settings, memo), external, window)
            for scope in scopes
        }
        found = [each for measured in by_portal.values() for each in measured]
        if not any(each.exposure.runs for each in found):
            raise InputError([_no_runs(store_url, window)])
        seen = overview(connection, scopes, settings)
        respondents = place_respondents(
            survey,
            study,
            portals=names,
            regions={scope.portal: locations(connection, scope.portal) for scope in scopes},
        )
        gathering = Gathering(connection, study, instrument, tuple(external), window, memo)
        units = gathering.units(respondents, by_portal)
        values, robust = gathering.other_choices(respondents, names)
    scores = all_scores(survey)
    refusal_ = _refused(units, window)
    pairs = item_pairs(instrument, external=bool(external))
    table = associations(units, pairs if refusal_ is None else [], study)
    return LinkResult(
        instrument=instrument,
        source=survey,
        window=window,
        portals=names,
        scores=scores,
        indicators=frame(tuple(found), settings.level),
        side_by_side=side_by_side(instrument, scores, found, settings.level),
        association=refusal_ or _headline(table, study),
        limits=limits(instrument, survey),
        exploratory=not window.declared,
        digest=_digest(survey, window, names, study, external),
        run_counts={each.portal: each.exposure.runs for each in found},
        overview=seen,
        associations=table,
        sensitivity=values,
        robustness=robust,
        warnings=(*_warnings(seen, study.coverage if study else COVERAGE), *placing(survey, units), *noted),
        study=study,
        unit_values=unit_values(units, pairs if refusal_ is None else []),
        files=input_files(_files(survey, study, external) if files is None else files),
    )


def _headline(table: pd.DataFrame, study: Study | None) -> Association:
    """The first declared pair; without one no coefficient is singled out, because choosing it would flatter it."""
    hypotheses = study.hypotheses if study is not None else ()
    pairs = [(each.item, each.indicator, each.score) for each in hypotheses]
    known = table[table["declared"] & table["r"].notna()]
    order = [pairs.index((row["item"], row["indicator"], row["score"])) for row in known.to_dict("records")]
    declared = known.assign(order=order).sort_values("order", kind="stable")
    if declared.empty:
        said = Text(
            en="No pair was declared before looking, so none is singled out; all of them are in the table of "
            "associations, labelled exploratory",
            id="Tidak ada pasangan yang ditetapkan sebelumnya, jadi tidak ada yang diutamakan; semuanya ada di tabel "
            "hubungan dan berlabel eksploratif",
        )
        n = int(table["n_units"].max()) if len(table) else 0
        return Association(None, n, None, None, None, "none_declared", said)
    first = declared.iloc[0]
    method = f"{first['method']} of {first['indicator']} and {first['item']} {first['score']}, over {first['over']}"
    return Association(
        float(first["r"]), int(first["n_units"]), plain(first["low"]), plain(first["high"]), method, None, None
    )


def _refused(units: Units, window: Window) -> Association | None:
    if units.count < MIN_UNITS:
        return refused(units.count)
    if window.basis == "store":
        return Association(None, units.count, None, None, None, "no_dates", why_none("no_dates"))
    return None


def _warnings(seen: Overview, least: float) -> tuple[Text, ...]:
    said = []
    for row in seen.exposure.to_dict("records"):
        if row["coverage_share"] < least:
            days, of = row["days"], row["window_days"]
            said.append(
                Text(
                    en=f"{row['portal']}: probes cover {days} of the {of} days of the window, less than {least:.0%}",
                    id=f"{row['portal']}: uji mencakup {days} dari {of} hari jendela waktu, kurang dari {least:.0%}",
                )
            )
    return tuple(said)


def _no_runs(store_url: str, window: Window) -> Problem:
    first, last = f"{window.start:%Y-%m-%d %H:%M}", f"{window.end:%Y-%m-%d %H:%M}"
    return refusal(
        "no_runs_in_window",
        store_url,
        None,
        Text(en=f"has no run between {first} and {last}", id=f"tidak memuat uji antara {first} dan {last}"),
        Text(
            en="give other --from and --to dates, or probe first with `gapwatch once`",
            id="beri tanggal --from dan --to lain, atau uji dahulu dengan `gapwatch once`",
        ),
    )


def _portals(connection: Connection, only: Iterable[str] | None, store_url: str) -> tuple[str, ...]:
    known = portals(connection)
    if only is None:
        if not known:
            raise InputError([Problem(store_url, None, "holds no runs", "probe first with `gapwatch once`")])
        return tuple(known)
    wanted = tuple(only)
    unknown = [
        Problem(store_url, None, f"has no runs of the portal {name!r}", nearest(name, known))
        for name in wanted
        if name not in known
    ]
    if unknown:
        raise InputError(unknown)
    return wanted


def _window(connection: Connection, names: Iterable[str], from_: str | None, to: str | None, time_zone: str) -> Window:
    spans = [each for name in names if (each := span(connection, name)) is not None]
    first = min((each[0] for each in spans), default=datetime(1970, 1, 1, tzinfo=UTC))
    last = max((each[1] for each in spans), default=datetime(1970, 1, 2, tzinfo=UTC))
    return Window(
        parse_moment(from_, time_zone=time_zone) if from_ else first,
        parse_moment(to, time_zone=time_zone, end=True) if to else last + timedelta(seconds=1),
        time_zone,
        basis="dates" if from_ and to else "store",
    )


def _files(survey: Source, study: Study | None, external: Sequence[Records]) -> list[tuple[str, str | Path | None]]:
    records = [(each.form.name, each.path) for each in external]
    return [("survey", getattr(survey, "source", None)), ("study", study.source if study else None), *records]


def _digest(
    survey: Source, window: Window, names: Iterable[str], study: Study | None, external: Sequence[Records]
) -> str:
    path = Path(str(getattr(survey, "source", "")))
    content = path.read_bytes() if path.is_file() else repr(survey).encode()
    tail = "|".join([window.start.isoformat(), window.end.isoformat(), *names, study.digest if study else ""])
    whole = hashlib.sha256(content + tail.encode())
    for each in external:
        whole.update(each.path.read_bytes())
    return whole.hexdigest()
