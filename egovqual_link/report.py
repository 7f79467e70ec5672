"""The report: one self-contained page for each language, with its figures and tables as files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from egovqual_link import figures, figures_link, report_view
from egovqual_link.figures_pairs import pairs_figure
from egovqual_link.instrument import Language
from egovqual_link.ipa import ipa
from egovqual_link.link import LinkResult
from egovqual_link.provenance import versions
from egovqual_link.survey_figures import gap_figure, ipa_figure
from egovqual_link.survey_tables import column_dictionary
from egovqual_link.table_files import write_tables
from egovqual_link.windows import zone

_PAGES: tuple[tuple[Language, str], ...] = (("en", "index.html"), ("id", "index.id.html"))


def write_report(result: LinkResult, out_dir: Path, lang: Language = "en") -> Path:
    """Write index.html (English), index.id.html (Indonesian), figures/, tables/ (CSV, XLSX, LaTeX and what each column
    means) and link.json.

    Gives the path of the page in `lang`. The same result gives the same bytes.

    Raises:
        OSError: the folder cannot be written.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    for each, name in _PAGES:
        (out_dir / name).write_text(render(result, each), "utf-8")
    for name, figure in make_figures(result, lang).items():
        figures.save(figure, out_dir / "figures", name)
    tables = make_tables(result)
    write_tables({**tables, "columns": column_dictionary(tables)}, out_dir / "tables")
    (out_dir / "link.json").write_text(result.to_json() + "\n", "utf-8")
    return out_dir / dict(_PAGES)[lang]


def make_tables(result: LinkResult) -> dict[str, pd.DataFrame]:
    """Every table of the result by the name of its file; empty ones are left out."""
    named = {
        "scores": result.scores,
        "ipa": ipa(result.source),
        "indicators": result.indicators,
        "side_by_side": result.side_by_side,
        "associations": result.associations,
        "units": result.unit_values,
        "sensitivity": result.sensitivity,
        "robustness": result.robustness,
        "flows": result.overview.flows,
        "pages": result.overview.pages,
        "hours": result.overview.hours,
        "findings": result.overview.findings,
        "exposure": result.overview.exposure,
    }
    return {name: table for name, table in named.items() if len(table)}


def make_figures(result: LinkResult, lang: Language, width: float = figures.WIDE) -> dict[str, Any]:
    """The figures by name, `width` inches wide; those without data are left out."""
    placed = ipa(result.source)
    made = {
        "gaps": gap_figure(result.scores, lang, instrument=result.instrument, width=width),
        "ipa": ipa_figure(placed, lang, instrument=result.instrument, width=width),
        "beside": figures_link.beside_figure(result.side_by_side, lang, width),
        "waits": figures.waits_figure(result.indicators, result.instrument, lang, width),
        "hours": figures_link.hours_figure(result.overview.hours, lang, width),
        "pairs": pairs_figure(result, lang, width),
    }
    kept = {name: figure for name, figure in made.items() if figure is not None}
    if result.synthetic:
        for figure in kept.values():
            figures.mark(figure, report_view.pick(("SYNTHETIC DATA", "DATA SINTETIS"), lang))
    return kept


_LABELS = {
    "gaps": ("Performance and importance by item or dimension", "Kinerja dan kepentingan per butir atau dimensi"),
    "ipa": ("Importance against performance", "Kepentingan terhadap kinerja"),
    "beside": ("What was said beside the share that went well", "Yang dikatakan di samping bagian yang berjalan baik"),
    "waits": ("Waits by portal", "Waktu tunggu menurut portal"),
    "pairs": ("Measured against perceived, by declared pair", "Terukur terhadap yang dirasakan, per pasangan"),
    "hours": ("Availability and waits by hour of the day", "Ketersediaan dan waktu tunggu menurut jam"),
}


_ROLES = {
    "survey": ("survey", "survei"),
    "mapping": ("mapping", "pemetaan"),
    "study": ("study", "studi"),
    "tickets": ("help-desk tickets", "tiket bantuan"),
    "issue_times": ("issue times", "waktu terbit"),
}


def _drawn(result: LinkResult, lang: Language) -> dict[str, str]:
    """Each figure twice, for wide and narrow pages; the page's style shows one of them."""
    drawn: dict[str, str] = {}
    for kind, width in (("wide", figures.WIDE), ("narrow", figures.NARROW)):
        for name, figure in make_figures(result, lang, width).items():
            label = report_view.pick(_LABELS[name], lang)
            drawn[name] = drawn.get(name, "") + f'<div class="{kind}">{figures.svg(figure, label)}</div>'
    return drawn


def render(result: LinkResult, lang: Language) -> str:
    """The page in one language. Everything from outside is escaped; only our own figures are put in as they are."""
    environment = Environment(
        loader=PackageLoader("egovqual_link"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    window = result.window
    local = zone(window.time_zone)
    survey = result.source
    study = result.study
    return environment.get_template("report.html").render(
        lang=lang,
        t=lambda en, id_: id_ if lang == "id" else en,
        number=report_view.number_format(lang),
        survey=str(getattr(survey, "portal", None) or getattr(survey, "study", None) or Path(survey.source).name),
        overall=report_view.overall(result),
        portals=result.portals,
        days=tuple(f"{each.astimezone(local):%Y-%m-%d %H:%M}" for each in (window.start, window.end)),
        time_zone=window.time_zone,
        basis=window.label()[lang],
        exploratory=result.exploratory,
        study=study,
        limits=[text[lang] for text in result.limits],
        warnings=[text[lang] for text in result.warnings],
        association=result.association,
        association_text=result.association.reason_text[lang] if result.association.reason_text else "",
        figures=_drawn(result, lang),
        dimensions=report_view.dimensions(result, lang),
        quadrants=report_view.quadrants(ipa(result.source), result.instrument, lang),
        tiles=report_view.tiles(result, lang),
        fits={name: report_view.pick(words, lang) for name, words in report_view.FITS.items()},
        fit_counts=report_view.counts_by_fit(result),
        exposure=report_view.exposure(result, lang),
        flows=report_view.flows(result, lang),
        slowest=report_view.slowest_pages(result, lang),
        findings=report_view.findings(result, lang),
        comparison=report_view.comparison(result, lang),
        associations=report_view.associations(result, lang),
        robustness=report_view.robustness(result, lang),
        synthetic=result.synthetic,
        cards=report_view.cards(result, lang),
        not_published=[text[lang] for text in getattr(survey, "not_published", ())],
        runs=report_view.number_format(lang)(sum(result.run_counts.values()), ",d"),
        tables=sorted(make_tables(result)),
        instrument=f"{result.instrument.title[lang]} ({result.instrument.source})",
        versions=", ".join(f"{name} {number}" for name, number in versions().items()),
        files=[(report_view.pick(_ROLES[each.role], lang), each.name, each.sha256) for each in result.files],
        digest=result.digest,
    )
