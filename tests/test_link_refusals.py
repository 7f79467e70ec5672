"""Every refusal, one by one, with its words in both languages."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from link_store import START, StoreMaker

from egovqual_link import load_instrument, load_published, load_survey
from egovqual_link.link import LinkResult, link
from egovqual_link.refusals import Refusal, told_in, why_none
from egovqual_link.study import Study, load_study
from egovqual_link.survey import Survey
from scenarios.source import InputError

ITEMS = load_instrument().item_keys


def store(folder: Path, portals: int, *, locations: tuple[str, ...] = ("lab",), days: int = 2) -> str:
    maker = StoreMaker(folder / "synthetic.db")
    for portal in range(portals):
        for place, location in enumerate(locations):
            for hour in range(6 * days):
                at = START + timedelta(hours=4 * hour)
                maker.opened(at, 1 + portal / 4 + place / 3, portal=f"portal-{portal}", location=location)
    return maker.write()


def answers(
    folder: Path,
    portals: int,
    *,
    regions: tuple[str, ...] = ("",),
    waves: tuple[str, ...] = ("",),
    times: tuple[str, ...] = ("",),
) -> Survey:
    """Synthetic answers: ten for each portal, region, wave and time; RL5 falls with portal and region."""
    rng = np.random.default_rng(4)
    file = folder / "synthetic-answers.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        head = [f"{item}_{kind}" for item in ITEMS for kind in ("performance", "importance")]
        writer.writerow(["id", "portal", "region", "wave", "time", *head])
        number = 0
        for portal in range(portals):
            for place, region in enumerate(regions):
                for wave in waves:
                    for time in times:
                        for _ in range(10):
                            number += 1
                            centre = np.where(np.array(ITEMS) == "RL5", 5 - 0.3 * portal - 0.4 * place, 4.0)
                            said = np.clip(np.rint(rng.normal(centre, 0.6)), 1, 6).astype(int)
                            row = np.column_stack([said, np.full(len(ITEMS), 5)]).ravel().tolist()
                            writer.writerow([f"s{number}", f"portal-{portal}", region, wave, time, *row])
    return load_survey(file, "1-6")


def study(folder: Path, portals: int, more: str = "") -> Study:
    file = folder / "study.yaml"
    names = ", ".join(f"portal-{number}" for number in range(portals))
    file.write_text(
        f"study: synthetic\nportals: [{names}]\nrecall_lag_days: 0\ntime_zone: UTC\n"
        "waves: [{name: '1', start: 2024-05-01, end: 2024-05-02}]\n"
        "hypotheses: [{indicator: lcp_p75_seconds, item: RL5, direction: negative}]\n" + more
    )
    return load_study(file)


def told(error: InputError) -> Refusal:
    found = [each for each in error.problems if isinstance(each, Refusal)]
    assert len(found) == 1, error.problems
    return found[0]


def check_none(result: LinkResult, reason: str, en: str, id_: str) -> None:
    said = result.association
    assert (said.r, said.low, said.reason) == (None, None, reason)
    assert said.reason_text is not None
    assert en in said.reason_text.en
    assert id_ in said.reason_text.id
    assert result.associations.empty
    assert len(result.side_by_side)


def test_one_portal(tmp_path: Path) -> None:
    result = link(answers(tmp_path, 1), store(tmp_path, 1), study=study(tmp_path, 1))
    check_none(result, "n_units=1", "one portal at one time", "satu portal pada satu waktu")


def test_too_few_units(tmp_path: Path) -> None:
    result = link(answers(tmp_path, 4, waves=("1",)), store(tmp_path, 4), study=study(tmp_path, 4))
    check_none(result, "n_units=4", "4 units are too few", "4 unit terlalu sedikit")


def test_no_dates(tmp_path: Path) -> None:
    result = link(answers(tmp_path, 6), store(tmp_path, 6))
    check_none(result, "no_dates", "No dates tie the runs", "Tidak ada tanggal yang mengikat")
    assert result.exploratory


def test_a_study_without_dates(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text("study: s\nportals: [a]\nrecall_lag_days: 7\n")
    with pytest.raises(InputError) as caught:
        load_study(file)
    refusal = told(caught.value)
    assert (refusal.code, refusal.source) == ("no_dates", str(file))
    assert "without the dates of the fieldwork" in refusal.text.en
    assert "tanpa tanggal survei" in refusal.text.id


def test_a_window_without_probes(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        link(answers(tmp_path, 1), store(tmp_path, 1), from_="2020-01-01", to="2020-02-01")
    refusal = told(caught.value)
    assert refusal.code == "no_runs_in_window"
    assert "has no run between 2020-01-01" in refusal.text.en
    assert "tidak memuat uji antara 2020-01-01" in refusal.text.id


def test_an_undeclared_scale(tmp_path: Path) -> None:
    answers(tmp_path, 1)
    with pytest.raises(InputError) as caught:
        load_survey(tmp_path / "synthetic-answers.csv")
    refusal = told(caught.value)
    assert refusal.code == "undeclared_scale"
    assert "end points of the answer scale are not declared" in refusal.text.en
    assert "ujung skala jawaban tidak dinyatakan" in refusal.text.id


def test_an_inconsistent_published_table(tmp_path: Path) -> None:
    file = tmp_path / "table.yaml"
    file.write_text("study: s\nscale: 1-6\nitems:\n  EF1: {performance: 3.45, importance: 3.42, gap: 0.014}\n")
    with pytest.raises(InputError) as caught:
        load_published(file)
    refusal = told(caught.value)
    assert (refusal.code, refusal.line) == ("inconsistent_table", 4)
    assert "give a gap of +0.03, not +0.014" in refusal.text.en
    assert "memberi kesenjangan +0.03, bukan +0.014" in refusal.text.id


def test_problems_are_told_in_the_language_that_was_asked_for(tmp_path: Path) -> None:
    answers(tmp_path, 1)
    with pytest.raises(InputError, match="ujung skala jawaban tidak dinyatakan"), told_in("id"):
        load_survey(tmp_path / "synthetic-answers.csv")
    with pytest.raises(InputError, match="not declared"), told_in("en"):
        load_survey(tmp_path / "synthetic-answers.csv")
    # What has no other words yet is told as it is, and never lost.
    with pytest.raises(InputError, match="no such store"), told_in("id"):
        link(load_published(), str(tmp_path / "none.db"))


@pytest.mark.parametrize("reason", ["n_units=1", "n_units=3", "no_dates", "no_variation", "df=1", "no_persons"])
def test_every_reason_has_words(reason: str) -> None:
    words = why_none(reason, 3)
    assert words.en != words.id
    assert "{" not in words.en + words.id


def test_regions_are_units_where_the_probes_stood_in_them(tmp_path: Path) -> None:
    regions = tuple(f"region-{number}" for number in range(6))
    survey = answers(tmp_path, 1, regions=regions, waves=("1",))
    result = link(survey, store(tmp_path, 1, locations=regions), study=study(tmp_path, 1))
    row = result.associations.query("method == 'spearman' and declared").iloc[0]
    assert (row["over"], row["n_units"]) == ("regions", 6)
    assert row["r"] < -0.8
    persons = result.associations.query("level == 'persons'").iloc[0]
    assert (persons["n_units"], persons["n_persons"], persons["df"]) == (6, 60, 4)
    assert persons["slope"] < 0
    assert persons["slope_unit"] == "scale points per second"


def test_regions_without_probes_are_no_units_and_it_is_said(tmp_path: Path) -> None:
    regions = tuple(f"region-{number}" for number in range(6))
    result = link(answers(tmp_path, 1, regions=regions, waves=("1",)), store(tmp_path, 1), study=study(tmp_path, 1))
    check_none(result, "n_units=1", "one portal", "satu portal")
    assert any("Regions are no units here" in text.en and "Wilayah bukan unit" in text.id for text in result.warnings)


def test_answers_without_a_wave_are_placed_by_their_date(tmp_path: Path) -> None:
    times = ("2024-05-01 09:00", "2024-05-02 23:30", "2024-05-09 09:00")
    result = link(answers(tmp_path, 6, times=times), store(tmp_path, 6), study=study(tmp_path, 6))
    row = result.associations.query("level == 'persons'").iloc[0]
    assert row["n_persons"] == 120
    said = [text for text in result.warnings if "outside every wave" in text.en]
    assert len(said) == 1
    assert "60 answers" in said[0].en
    assert "60 jawaban" in said[0].id


def test_persons_of_too_few_portals_are_refused_in_their_row(tmp_path: Path) -> None:
    """Five regions of one portal allow a coefficient; persons of four portals with one value each do not."""
    result = link(answers(tmp_path, 6, waves=("1",)), store(tmp_path, 6, days=2), study=study(tmp_path, 6))
    assert result.associations.query("level == 'persons'")["reason"].isna().all()
    flat = StoreMaker(tmp_path / "flat.db")
    for portal in range(6):
        for hour in range(6):
            flat.opened(START + timedelta(hours=hour), 2.0, portal=f"portal-{portal}")
    same = link(answers(tmp_path, 6, waves=("1",)), flat.write(), study=study(tmp_path, 6))
    rows = same.associations[same.associations["declared"]]
    assert set(rows["reason"]) == {"no_variation"}
    assert rows["r"].isna().all()
    assert rows["slope"].isna().all()
    assert rows["reason_id"].str.contains("Salah satu sisi sama").all()


def test_what_is_not_declared_is_labelled_exploratory_in_every_row(tmp_path: Path) -> None:
    from egovqual_link import report_view

    result = link(answers(tmp_path, 6, waves=("1",)), store(tmp_path, 6), study=study(tmp_path, 6))
    table = result.associations
    pair = (table["item"] == "RL5") & (table["indicator"] == "lcp_p75_seconds") & (table["score"] == "performance")
    assert set(table[pair]["status"]) == {"declared"}
    assert set(table[~pair]["status"]) == {"exploratory"}
    assert {row["status"] for row in result.as_dict()["associations"]} == {"declared", "exploratory"}
    assert result.as_dict()["study"]["digest"] == study(tmp_path, 6).digest
    rows = report_view.associations(result, "id")
    assert {row["declared"] for row in rows} == {"ditetapkan", "eksploratif"}
    assert all(row["declared"] == "ditetapkan" for row in rows[:2])


def test_other_choices_are_looked_at_for_declared_pairs_only(tmp_path: Path) -> None:
    maker = StoreMaker(tmp_path / "synthetic.db")
    for portal in range(6):
        for hour in range(12):
            at = START + timedelta(hours=2 * hour)
            maker.opened(at, 1 + portal / 4 + hour / 10, portal=f"portal-{portal}")
        busy = START + timedelta(hours=25)
        for _ in range(5):
            maker.opened(busy, 20.0 - 3 * portal, portal=f"portal-{portal}", timing_valid=False)
    result = link(answers(tmp_path, 6, waves=("1",)), maker.write(), study=study(tmp_path, 6))
    table = result.robustness.set_index(["varied", "choice"])
    assert set(table["indicator"]) == {"lcp_p75_seconds"}
    assert set(result.sensitivity["indicator"]) == {"lcp_p75_seconds"}
    assert list(table.loc["aggregate"].index) == ["median", "p75", "p95"]
    assert table.loc[("runs", "without contended"), "r"] < -0.8
    assert table.loc[("runs", "with contended"), "r"] > 0.5
    base = table[table["base"]]
    assert base["r"].nunique() == 1
    assert set(base["status"]) == {"declared"}
    assert set(table[~table["base"].astype(bool)]["status"]) == {"exploratory"}
    values = result.sensitivity[result.sensitivity["portal"] == "portal-0"].set_index(["varied", "choice"])["value"]
    assert values[("aggregate", "median")] < values[("aggregate", "p75")] < values[("aggregate", "p95")]
    assert values[("runs", "with contended")] == pytest.approx(20.0)


def test_flagged_respondents_are_left_out_of_one_choice(tmp_path: Path) -> None:
    """Straight-liners who turn the order of the portals round."""
    answers(tmp_path, 6, waves=("1",))
    file = tmp_path / "synthetic-answers.csv"
    rows = file.read_text().splitlines()
    for portal in range(6):
        for number in range(30):
            cells = ["1" if portal < 3 else "6"] * 42
            rows.append(",".join([f"straight-{portal}-{number}", f"portal-{portal}", "", "1", "", *cells]))
    file.write_text("\n".join(rows) + "\n")
    result = link(load_survey(file, "1-6"), store(tmp_path, 6), study=study(tmp_path, 6))
    table = result.robustness.set_index(["varied", "choice"])["r"]
    assert table[("respondents", "all")] > 0
    assert table[("respondents", "unflagged")] < -0.8
