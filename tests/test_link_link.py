"""The link over several portals and waves of made-up runs and answers: what is found, and what is refused."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from link_store import START, StoreMaker

from egovqual_link import load_instrument, load_published
from egovqual_link.beside import format_value
from egovqual_link.link import link
from egovqual_link.study import Study, load_study
from egovqual_link.survey import Survey
from egovqual_link.survey_load import load_survey
from scenarios.source import InputError

WAVES = 2


def store(path: Path, portals: int, waves: int = WAVES) -> str:
    """Portal k opens in 1 + k/4 s (and a little slower in later waves), 30 days between waves."""
    maker = StoreMaker(path / "synthetic.db")
    for portal in range(portals):
        for wave in range(waves):
            for hour in range(6):
                at = START + timedelta(days=30 * wave, hours=hour + 3)
                maker.opened(at, 1 + portal / 4 + wave / 10, portal=f"portal-{portal}")
    return maker.write()


def answers(path: Path, portals: int, waves: int = WAVES, *, noise: float = 0.6) -> Survey:
    """Synthetic answers on 1-6: RL5's performance falls with the portal's wait; every other item knows nothing."""
    rng = np.random.default_rng(4)
    items = load_instrument().item_keys
    file = path / "synthetic-answers.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "portal", "wave", *(f"{i}_{k}" for i in items for k in ("performance", "importance"))])
        number = 0
        for portal in range(portals):
            for wave in range(waves):
                for _ in range(30):
                    number += 1
                    row: list[int] = []
                    for item in items:
                        centre = 5.0 - 0.35 * portal - 0.2 * wave if item == "RL5" else 4.0
                        score = int(np.clip(round(rng.normal(centre, noise)), 1, 6))
                        row += [score, int(np.clip(round(rng.normal(5, 0.5)), 1, 6))]
                    writer.writerow([f"s{number}", f"portal-{portal}", wave + 1, *row])
    return load_survey(file, "1-6")


def study_file(path: Path, portals: int, extra: str = "") -> Study:
    names = ", ".join(f"portal-{number}" for number in range(portals))
    file = path / "study.yaml"
    file.write_text(
        f"study: synthetic\nportals: [{names}]\nrecall_lag_days: 2\nwaves:\n"
        "  - {name: '1', start: 2024-05-01, end: 2024-05-02}\n"
        "  - {name: '2', start: 2024-05-31, end: 2024-06-01}\n"
        "hypotheses: [{indicator: lcp_p75_seconds, item: RL5, direction: negative}]\n" + extra
    )
    return load_study(file)


def test_a_declared_study_finds_the_relation_that_was_put_in(tmp_path: Path) -> None:
    study = study_file(tmp_path, 7, "margin: 0.4\n")
    result = link(answers(tmp_path, 7), store(tmp_path, 7), study=study)
    assert not result.exploratory
    assert result.window.declared
    table = result.associations.set_index(["item", "indicator", "score", "method"])
    row = table.loc["RL5", "lcp_p75_seconds", "performance", "spearman"]
    assert (row["n_units"], row["over"], row["declared"], row["expected"]) == (7, "portals", True, "negative")
    assert row["r"] < -0.8
    assert row["p"] < 0.05
    assert row["p_adjusted"] >= row["p"]
    assert row["ecological"]
    assert row["descriptive"]
    assert row["equivalence_p"] > 0.05
    within = table.loc["RL5", "lcp_p75_seconds", "performance", "rm_corr"]
    assert (within["over"], within["n_units"]) == ("waves within portals", 14)
    assert within["r"] < 0
    assert result.association.r == pytest.approx(row["r"])
    assert result.association.method is not None
    assert "lcp_p75_seconds" in result.association.method
    # Without importance in it, an item that knows nothing of the wait is not tied to it.
    others = result.associations.query("item == 'RL5' and indicator == 'lcp_p75_seconds'")
    assert not others.query("score == 'gap'")["declared"].any()


def test_sensitivity_shows_the_declared_indicators_over_other_windows(tmp_path: Path) -> None:
    result = link(answers(tmp_path, 5), store(tmp_path, 5), study=study_file(tmp_path, 5))
    table = result.sensitivity[result.sensitivity["varied"] == "window"]
    assert sorted(table["recall_lag_days"].unique()) == [2, 7, 28, 90]
    assert set(table["indicator"]) == {"lcp_p75_seconds"}
    runs = table[table["portal"] == "portal-0"].set_index("recall_lag_days")["n_runs"]
    assert runs[90] == 12
    assert runs[2] == 6


def test_without_a_study_all_pairs_are_exploratory_and_none_is_singled_out(tmp_path: Path) -> None:
    survey, url = answers(tmp_path, 6, 1), store(tmp_path, 6, 1)
    assert link(survey, url).association.reason == "no_dates"
    result = link(survey, url, from_="2024-05-01", to="2024-05-02")
    assert result.exploratory
    assert not result.associations["declared"].any()
    assert set(result.associations["method"]) == {"spearman", "kendall"}
    assert (result.association.r, result.association.reason) == (None, "none_declared")


@pytest.mark.parametrize("portals", [1, 4])
def test_too_few_portals_give_no_coefficient(tmp_path: Path, portals: int) -> None:
    result = link(answers(tmp_path, portals, 1), store(tmp_path, portals, 1))
    assert (result.association.r, result.association.reason) == (None, f"n_units={portals}")
    assert result.associations.empty
    data = json.loads(result.to_json())
    assert data["association"]["reason_id"]


def test_waves_of_one_portal_are_too_few_as_well(tmp_path: Path) -> None:
    result = link(answers(tmp_path, 1), store(tmp_path, 1), study=study_file(tmp_path, 1))
    assert result.association.reason == "n_units=2"


def test_a_study_brings_its_own_dates_and_portals(tmp_path: Path) -> None:
    study = study_file(tmp_path, 1)
    survey, url = answers(tmp_path, 1), store(tmp_path, 1)
    with pytest.raises(InputError, match="declares window and portals itself"):
        link(survey, url, study=study, from_="2024-05-01")
    with pytest.raises(InputError, match="no runs of the portal 'portal-1'"):
        link(survey, url, study=study_file(tmp_path, 2))


def test_a_thinly_covered_window_is_flagged(tmp_path: Path) -> None:
    result = link(load_published(), store(tmp_path, 1), from_="2024-05-01", to="2024-06-30")
    assert len(result.warnings) == 1
    assert "cover 2 of the 61 days" in result.warnings[0].en
    assert "mencakup 2 dari 61 hari" in result.warnings[0].id


def test_overview_counts_flows_pages_hours_and_findings(tmp_path: Path) -> None:
    maker = StoreMaker(tmp_path / "synthetic.db")
    for hour in range(8):
        maker.opened(START + timedelta(hours=hour), 1.0 + hour / 10)
    for hour in (8, 9):
        maker.lost(START + timedelta(hours=hour))
    maker.opened(START, 9.0, scenario="heavy")
    result = link(load_published(), maker.write())
    flows = result.overview.flows.set_index("scenario")
    assert (flows.loc["home", "runs"], flows.loc["home", "failed"]) == (10, 2)
    assert flows.loc["home", "median_seconds"] == 1.4
    hours = result.overview.hours.set_index("hour")
    assert hours.loc[15, "available_share"] == 0.0  # 08:00 UTC is 15:00 in Jakarta
    assert hours.loc[15, "lcp_bound"] == ">="
    assert hours.loc[8, "lcp_p75_seconds"] == 1.1
    pages = result.overview.pages.set_index("scenario")
    assert pages.loc["heavy", "lcp_p75_seconds"] == 9.0
    assert (pages.loc["home", "openings"], pages.loc["home", "failed_openings"]) == (10, 2)
    row = result.overview.findings.iloc[0]
    assert (row["class"], row["findings"], row["runs"]) == ("timeout", 2, 2)


@pytest.mark.parametrize(
    ("value", "unit", "bound", "en", "id_"),
    [
        (None, "share", None, "\N{EN DASH}", "\N{EN DASH}"),
        (0.9996, "share", None, "99.96 %", "99,96 %"),
        (0.5, "share", None, "50 %", "50 %"),
        (30.0, "seconds", ">=", "≥ 30.0 s", "≥ 30,0 s"),
        (0.0451, "seconds", None, "0.045 s", "0,045 s"),
        (0.25, "hours", None, "15 min", "15 menit"),
        (1_530_000.0, "bytes", None, "1.53 MB", "1,53 MB"),
        (3.0, "count", None, "3", "3"),
    ],
)
def test_values_read_well_and_never_round_up_to_perfect(
    value: float | None, unit: str, bound: str | None, en: str, id_: str
) -> None:
    assert format_value(value, unit, bound, "en") == en
    assert format_value(value, unit, bound, "id") == id_
