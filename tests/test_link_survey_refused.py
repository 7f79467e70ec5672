"""Survey files that cannot be used: every problem with its row and column, the reason and the mend."""

import zipfile
from pathlib import Path

import openpyxl
import pytest
from link_surveys import HEADER, rows, write

from egovqual_link import survey_grid
from egovqual_link.survey_load import load_survey
from scenarios.source import InputError

PAIR = "id,EF1_performance,EF1_importance\n"


def told(path: Path, scale: str | None = "1-5", mapping: Path | None = None) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_survey(path, scale, mapping)
    return [str(each).replace(f"{path.parent}/", "") for each in caught.value.problems]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "s.csv:1: is empty"),
        ("\n \n", "s.csv:1: is empty"),
        (PAIR, "s.csv:2: holds no answers"),
        ("name,age\nx,3\n", "s.csv:1: is not a survey: no column holds answers to an item of e-govqual"),
        ("just a letter to somebody\n", "s.csv:1: is not a survey"),
        ("<html><body></body></html>", "s.csv:1: is a web page or XML, not a table"),
        ("id,,EF1_performance,EF1_importance\n1,2,3,4\n", "s.csv:1: the header has no name in column 2"),
        ("EF1_performance,EF1_kinerja,EF1_importance\n", "s.csv:1: EF1_performance stands in columns 1, 2"),
        ("EF1_performance\n3\n", "s.csv:1: EF1_importance is missing, but EF1_performance is there"),
        ("EF1_perfomance,EF1_importance\n", "did you mean 'ef1_performance'"),
        ("EF9_performance,EF1_performance,EF1_importance\n", "column 1: 'EF9_performance' looks like an answer"),
        (PAIR + "a,3\n", "s.csv:2: has 2 cells, the header 3"),
        (PAIR + "a,3,4,5\n", "s.csv:2: has 4 cells, the header 3"),
        (PAIR + 'a,3,4\nb,"3,4\n', "s.csv:3: is not CSV"),
        (PAIR + "a,3,x\n", "s.csv:2: column 'EF1_importance': 'x' is no answer on the scale 1-5"),
        (PAIR + "a,3.5,4\n", "s.csv:2: column 'EF1_performance': '3.5' is not a whole number"),
        (PAIR + "a,2 - sangat setuju,4\n", "the number and the words disagree on the scale 1-5"),
        (PAIR + "a,kurang setuju,netral\n", "'kurang setuju' and 'netral' would both be 3 on the scale 1-5"),
        (PAIR + "a,6,7\nb,3,4\n", "s.csv:2: 2 of 4 answers lie outside the scale 1-5 (6, 7)"),
        ("id,item,value\na,EF1,3\n", "s.csv:1: the long form lacks the column 'importance'"),
        ("id,item,kind,value\na,EF0,kinerja,3\n", "s.csv:2: 'EF0' is no item of e-govqual (did you mean"),
        ("id,item,kind,value\na,EF1,kinerj,3\n", "s.csv:2: 'kinerj' is no kind of answer (did you mean 'kinerja'?)"),
        ("id,item,kind,value\n,EF1,kinerja,3\n", "s.csv:2: has no respondent id"),
        (
            "id,item,kind,value\na,EF1,kinerja,3\na,EF1,performance,4\n",
            "s.csv:3: EF1 performance of this respondent is answered again (first in line 2)",
        ),
        ("id,item,kind,value\na,EF1,kinerja,x\n", "s.csv:2: column 'EF1 performance': 'x' is no answer"),
        ("time,EF1_performance,EF1_importance\n3/4/2026,3,4\n", "may be day or month first"),
        ("time,EF1_performance,EF1_importance\nsoon,3,4\n", "s.csv:2: column 'time': 'soon' is no time"),
        (
            "duration_seconds,EF1_performance,EF1_importance\n-5,3,4\n",
            "s.csv:2: column 'duration_seconds': '-5' is no duration in seconds",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(content, encoding="utf-8")
    problems = told(path)
    assert any(said in problem for problem in problems), problems


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    table = rows(6)
    table[1][2], table[4][7] = "splendid", "?"
    problems = told(write(tmp_path / "s.csv", table), "1-6")
    assert [problem.split(":")[1] for problem in problems] == ["3", "6"]
    assert "EF1_importance" in problems[0]
    assert "EF4_performance" in problems[1]
    assert "mapping file" in problems[0]


def test_a_column_read_by_mistake_is_told_in_bounds(tmp_path: Path) -> None:
    table = [[f"synthetic-{index}", "free text", "4"] for index in range(500)]
    problems = told(write(tmp_path / "s.csv", table, ["id", "EF1_performance", "EF1_importance"]))
    assert len(problems) == 51
    assert any("450 more cells like these" in problem for problem in problems)


def test_the_scale_must_be_declared(tmp_path: Path) -> None:
    (problem,) = told(write(tmp_path / "s.csv", rows(3)), None)
    assert "the end points of the answer scale are not declared (such as --scale 1-6)" in problem


@pytest.mark.parametrize("scale", ["6", "6-1", "a-b", "1-1", "1-999", ""])
def test_a_scale_that_is_none_is_refused(tmp_path: Path, scale: str) -> None:
    (problem,) = told(write(tmp_path / "s.csv", rows(3)), scale)
    assert "scale" in problem


def test_bytes_that_are_not_utf_8_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(PAIR.encode() + b"a,3,4\nCaf\xe9,3,4\n")
    (problem,) = told(path)
    assert problem.startswith("s.csv:3: is not UTF-8 text (byte 0xe9)")
    assert "cp1252" in problem


def test_a_missing_file_names_its_neighbour_and_a_folder_is_no_file(tmp_path: Path) -> None:
    write(tmp_path / "survey.csv", rows(2))
    assert "did you mean 'survey.csv'?" in told(tmp_path / "survei.csv")[0]
    assert "is a folder" in told(tmp_path)[0]


def test_binary_and_broken_workbooks_are_refused(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    assert "is not text" in told(tmp_path / "s.csv")[0]
    (tmp_path / "s.xlsx").write_bytes(b"PK\x03\x04 broken")
    assert "is not a workbook that can be read" in told(tmp_path / "s.xlsx")[0]
    with zipfile.ZipFile(tmp_path / "photos.xlsx", "w") as archive:
        archive.writestr("a.txt", "no workbook")
    assert "is not a workbook that can be read" in told(tmp_path / "photos.xlsx")[0]


def test_a_workbook_that_unpacks_without_end_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_grid, "MAX_BYTES", 1_000_000)
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sheet.xml", b" " * 2_000_000)
    assert path.stat().st_size < 10_000
    assert "unpacks to more than 1,000,000 bytes" in told(path)[0]


def test_merged_headers_and_wrong_sheets_are_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "Kinerja", "", "Kepentingan"])
    sheet.merge_cells("B1:C1")
    book.save(tmp_path / "s.xlsx")
    assert "has merged cells in its header (columns 2 to 3)" in told(tmp_path / "s.xlsx")[0]
    (tmp_path / "m.yaml").write_text("sheet: Sheat\n", encoding="utf-8")
    assert "has no sheet 'Sheat' (did you mean 'Sheet'?)" in told(tmp_path / "s.xlsx", "1-5", tmp_path / "m.yaml")[0]


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("colums: {}\n", "m.yaml:1: unknown key 'colums' (did you mean 'columns'?)"),
        ("columns:\n  nowhere: id\n", "m.yaml:2: the survey has no column 'nowhere'"),
        ("columns:\n  id: EF1_performans\n", "m.yaml:2: 'EF1_performans' is nothing that a column can hold (did you"),
        ("scale: one\n", "m.yaml:1: 'one' is not a scale"),
        ("separator: ab\n", "m.yaml:1: separator"),
        ("encoding: utf-9\n", "unknown encoding 'utf-9'"),
    ],
)
def test_a_mistaken_mapping_is_refused_with_its_line(tmp_path: Path, mapping: str, said: str) -> None:
    (tmp_path / "m.yaml").write_text(mapping, encoding="utf-8")
    problems = told(write(tmp_path / "s.csv", rows(2)), None, tmp_path / "m.yaml")
    assert any(said in problem for problem in problems), problems


def test_a_file_of_nothing_but_markup_in_cells_is_told_not_executed(tmp_path: Path) -> None:
    table = [["a", "=cmd|' /C calc'!A0", "<script>alert(1)</script>" * 100]]
    problems = told(write(tmp_path / "s.csv", table, ["id", "EF1_performance", "EF1_importance"]))
    assert len(problems) == 2
    assert all(len(problem) < 300 for problem in problems)


def test_headers_of_all_items_are_known() -> None:
    assert len(HEADER) == 42
