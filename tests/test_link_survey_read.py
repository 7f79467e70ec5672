"""Reading survey files as people have them: dialects, words, codes, long and wide, CSV and workbooks."""

from pathlib import Path

import numpy as np
import openpyxl
import pytest
from link_surveys import HEADER, ITEMS, answers, rows, write

from egovqual_link.survey import DONT_KNOW, MISSING, NOT_CONTACTED, OUT_OF_RANGE
from egovqual_link.survey_load import load_survey
from egovqual_link.survey_words import likert_words


def test_every_answer_arrives_where_it_belongs(tmp_path: Path) -> None:
    survey = load_survey(write(tmp_path / "s.csv", rows(25)), "1-6")
    given = answers(25)
    assert (survey.performance == given[:, 0::2]).all()
    assert (survey.importance == given[:, 1::2]).all()
    assert list(survey.respondents["id"])[:2] == ["synthetic-1", "synthetic-2"]
    assert list(survey.respondents["line"]) == list(range(2, 27))
    assert not survey.flags.to_numpy().any()
    assert survey.notes == ()


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("prefix", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_csv_dialects_read_alike(tmp_path: Path, separator: str, prefix: str, newline: str) -> None:
    path = write(tmp_path / "s.csv", rows(5), separator=separator)
    text = prefix + path.read_text(encoding="utf-8").replace("\n", newline)
    path.write_bytes(text.encode("utf-8"))
    assert (load_survey(path, "1-6").performance == answers(5)[:, 0::2]).all()


def test_decimal_comma_quotes_and_utf_16_are_read_and_the_encoding_is_said(tmp_path: Path) -> None:
    table = rows(3)
    table[0][1] = "4,0"
    table[1][1] = '"4.0"'
    table[2][1] = " 4 "
    path = write(tmp_path / "s.csv", table, separator=";")
    path.write_bytes(path.read_text(encoding="utf-8").encode("utf-16"))
    survey = load_survey(path, (1, 6))
    assert list(survey.performance[:, 0]) == [4, 4, 4]
    assert any("UTF-16" in note.en and "UTF-16" in note.id for note in survey.notes)


def test_a_declared_encoding_is_used(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes("id,region,EF1_performance,EF1_importance\nx,Caf\u00e9,3,4\n".encode("cp1252"))
    (tmp_path / "m.yaml").write_text("encoding: cp1252\nscale: 1-5\n", encoding="utf-8")
    survey = load_survey(path, mapping=tmp_path / "m.yaml")
    assert list(survey.respondents["region"]) == ["Caf\u00e9"]
    assert str(survey.scale) == "1-5"


def test_three_reasons_for_no_answer_are_kept_apart(tmp_path: Path) -> None:
    table = rows(7)
    words = ["", "N/A", "tidak tahu", "Don\u2019t know", "belum pernah menghubungi", "Never  contacted", "tidak diisi"]
    for row, word in zip(table, words, strict=True):
        row[-1] = word
    survey = load_survey(write(tmp_path / "s.csv", table), "1-6")
    codes = [MISSING, MISSING, DONT_KNOW, DONT_KNOW, NOT_CONTACTED, NOT_CONTACTED, MISSING]
    assert list(survey.importance[:, -1]) == codes
    assert survey.paired[:, -1].sum() == 0


@pytest.mark.parametrize(
    ("scale", "words", "values"),
    [
        ("1-5", ["Sangat Tidak Setuju", "TS", "ragu-ragu", "Setuju", "SS"], [1, 2, 3, 4, 5]),
        ("1-4", ["sangat tidak puas", "tidak puas", "puas", "Sangat  puas", ""], [1, 2, 3, 4, MISSING]),
        ("0-6", ["Strongly disagree", "somewhat disagree", "neutral", "agree", "strongly agree"], [0, 2, 3, 5, 6]),
        ("1-6", ["5 - Setuju", "(1) Sangat tidak setuju", "6. sangat setuju", "4 Agak Setuju", "2"], [5, 1, 6, 4, 2]),
    ],
)
def test_likert_words_are_read_by_the_number_of_points(
    tmp_path: Path, scale: str, words: list[str], values: list[int]
) -> None:
    table = [[f"synthetic-{index}", word, word] for index, word in enumerate(words)]
    survey = load_survey(write(tmp_path / "s.csv", table, ["id", "EF1_kinerja", "EF1_kepentingan"]), scale)
    assert list(survey.performance[:, 0]) == values
    assert list(survey.importance[:, 0]) == values


@pytest.mark.parametrize("points", [4, 5, 6, 7])
def test_a_known_word_has_one_place_on_a_scale(points: int) -> None:
    words = likert_words(points)
    steps = {step for step, _ in words.values()}
    assert steps == set(range(points))


def test_words_that_were_read_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", [["a", "setuju", "sangat setuju"]], ["id", "EF1_kinerja", "EF1_kepentingan"])
    notes = load_survey(path, "1-5").notes
    assert any("setuju = 4, sangat setuju = 5" in note.en for note in notes)
    assert any("butir tanpa kolom: EF2" in note.id for note in notes)


def test_a_mapping_names_columns_and_answers(tmp_path: Path) -> None:
    path = tmp_path / "forms.csv"
    path.write_text(
        "Stempel waktu,Usia,Struktur portal jelas,Struktur portal jelas,Email\n"
        "2026-03-02 09:30:00,51,mantap,99,a@example.org\n"
        "2026-03-02 10:00:00+07:00,33,3,5,b@example.org\n",
        encoding="utf-8",
    )
    (tmp_path / "m.yaml").write_text(
        "scale: 1-5\ntimezone: Asia/Jakarta\n"
        "columns:\n  Struktur portal  jelas: EF1_performance\n  'Struktur portal jelas #2': EF1_importance\n"
        "  Email: ignore\n"
        "answers: {mantap: 5, '99': dont_know}\n",
        encoding="utf-8",
    )
    survey = load_survey(path, mapping=tmp_path / "m.yaml")
    assert [survey.performance[:, 0].tolist(), survey.importance[:, 0].tolist()] == [[5, 3], [DONT_KNOW, 5]]
    assert [str(time) for time in survey.respondents["time"]] == [
        "2026-03-02 02:30:00+00:00",
        "2026-03-02 03:00:00+00:00",
    ]
    # What is not declared is not kept, and that is said: a survey file often holds addresses.
    assert any("Usia, Email" in note.en for note in survey.notes)
    assert "example.org" not in survey.respondents.to_csv()


def test_forms_times_are_read_where_one_order_fits(tmp_path: Path) -> None:
    header = ["id", "Timestamp", "EF1_performance", "EF1_importance"]
    table = [["a", "2/3/2026 9:30:00", "1", "2"], ["b", "24/3/2026 10:00:00", "1", "2"], ["c", "", "2", "2"]]
    survey = load_survey(write(tmp_path / "s.csv", table, header), "1-5")
    assert [str(time)[:16] for time in survey.respondents["time"]] == ["2026-03-02 09:30", "2026-03-24 10:00", "NaT"]


def test_the_long_form_reads_like_the_wide_form(tmp_path: Path) -> None:
    given = answers(6)
    table = [
        [f"synthetic-{person}", "w1", item, kind, str(given[person, 2 * index + offset])]
        for person in range(6)
        for index, item in enumerate(ITEMS)
        for offset, kind in enumerate(("kinerja", "importance"))
    ]
    by_kind = write(tmp_path / "kind.csv", table, ["respondent", "wave", "item", "kind", "value"])
    pairs = [
        [f"synthetic-{person}", item.lower(), str(given[person, 2 * index]), str(given[person, 2 * index + 1])]
        for person in range(6)
        for index, item in enumerate(ITEMS)
    ]
    by_pair = write(tmp_path / "pair.csv", pairs, ["responden", "butir", "kinerja", "kepentingan"])
    for path in (by_kind, by_pair):
        survey = load_survey(path, "1-6")
        assert (survey.performance == given[:, 0::2]).all()
        assert (survey.importance == given[:, 1::2]).all()
    assert list(load_survey(by_kind, "1-6").respondents["wave"]) == ["w1"] * 6


def test_a_workbook_reads_like_csv_and_says_which_sheet(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Jawaban"
    sheet.append([])
    sheet.append(["id", "time", *HEADER])
    for index, row in enumerate(answers(4)):
        sheet.append([index + 1.0, np.datetime64("2026-03-02T09:30:00").item(), *map(float, row)])
    book.create_sheet("Catatan")
    book.save(tmp_path / "s.xlsx")
    survey = load_survey(tmp_path / "s.xlsx", "1-6")
    assert (survey.performance == answers(4)[:, 0::2]).all()
    assert list(survey.respondents["id"]) == ["1", "2", "3", "4"]
    assert list(survey.respondents["line"]) == [3, 4, 5, 6]
    assert str(survey.respondents["time"][0]) == "2026-03-02 09:30:00+00:00"
    assert any("Catatan" in note.en for note in survey.notes)


def test_quoted_line_breaks_and_blank_rows_keep_the_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text('region,EF1_performance,EF1_importance\n"two\nlines",3,4\n\n,,\nplain,3,5\n', encoding="utf-8")
    survey = load_survey(path, "1-5")
    assert list(survey.respondents["line"]) == [2, 6]
    assert any("blank rows passed over: 2" in note.en for note in survey.notes)


def test_few_answers_outside_the_scale_are_flagged_told_and_not_used(tmp_path: Path) -> None:
    table = rows(30)
    table[4][3] = "9"
    survey = load_survey(write(tmp_path / "s.csv", table), "1-6")
    assert survey.performance[4, 1] == OUT_OF_RANGE
    assert survey.problems.to_dict("records") == [
        {"line": 6, "column": "EF2_performance", "value": "9", "reason": "outside the scale 1-6"}
    ]
    assert np.flatnonzero(survey.flags["out_of_range"]).tolist() == [4]


def test_a_scale_declared_too_wide_is_doubted(tmp_path: Path) -> None:
    notes = load_survey(write(tmp_path / "s.csv", rows(20)), "1-7").notes
    assert any("no answer above 6" in note.en for note in notes)


def test_duplicates_straight_lines_and_haste_are_flagged_not_dropped(tmp_path: Path) -> None:
    table = rows(8)
    table[1] = ["synthetic-other", *table[0][1:]]  # every answer as in the row above
    table[3][0] = table[2][0]  # the same id again
    table[5] = [table[5][0], *["5"] * 42]  # the same answer to everything
    header = ["id", *HEADER, "duration_seconds"]
    seconds = ["300", "301,5", "", "300", "300", "300", "83.9", "84"]
    survey = load_survey(
        write(tmp_path / "s.csv", [[*row, text] for row, text in zip(table, seconds, strict=True)], header, ";"),
        "1-6",
    )
    assert survey.n == 8
    flagged = {name: np.flatnonzero(survey.flags[name]).tolist() for name in survey.flags}
    assert flagged == {
        "duplicate": [1, 3],
        "straight_lining": [5],
        "out_of_range": [],
        "too_fast": [6],  # 42 answers at two seconds each are 84
        "no_answers": [],
    }
    assert survey.without().n == 4
    assert survey.without(["too_fast"]).n == 7


def test_the_same_id_in_another_wave_is_no_duplicate(tmp_path: Path) -> None:
    header = ["id", "wave", "EF1_performance", "EF1_importance"]
    table = [["a", "1", "3", "4"], ["a", "2", "3", "4"], ["", "2", "3", "4"], ["", "2", "3", "4"]]
    survey = load_survey(write(tmp_path / "s.csv", table, header), "1-5")
    assert not survey.flags["duplicate"].any()
