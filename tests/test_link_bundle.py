"""A bundle: the report made again from nothing but the zip, and refusals of one that was changed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from egovqual_link import Inputs, rebuild
from egovqual_link.bundle import MANIFEST
from egovqual_link.synthetic import make_study
from exporters.store import Store
from exporters.tables import export_tables
from gapwatch.surveys import write_outputs
from scenarios.source import InputError


def gapwatch(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gapwatch", *arguments], capture_output=True, text=True, check=False, timeout=300
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small made-up study, its report and its bundle."""
    folder = tmp_path_factory.mktemp("bundle")
    study = make_study(folder / "study", 5, 2)
    inputs = Inputs(study.answers, str(study.store), scale=study.scale, study=study.study)
    write_outputs(inputs, inputs.link(), folder / "report", folder / "study.zip")
    return folder


def test_the_report_is_the_same_to_the_byte_from_the_bundle_alone(made: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.copy(made / "study.zip", moved / "study.zip")
    called = gapwatch("report", str(moved / "study.zip"), "--out", str(moved / "report"))
    assert called.returncode == 0, called.stderr
    before, after = contents(made / "report"), contents(moved / "report")
    assert before.keys() == after.keys()
    assert before == after
    assert f"{len(after)} of {len(after)} files of the report are the same to the byte" in called.stdout
    assert {"index.html", "index.id.html", "link.json", "figures/pairs.svg", "tables/units.csv"} <= after.keys()


def test_the_bundle_says_what_it_is_made_of(made: Path) -> None:
    with zipfile.ZipFile(made / "study.zip") as bundle:
        names = bundle.namelist()
        manifest = json.loads(bundle.read(MANIFEST))
        assert b"jawaban perorangan" in bundle.read("README.txt")
    assert "report/index.html" in names
    assert manifest["inputs"].keys() == {"survey", "study"}
    assert manifest["files"].keys() >= {"store/store.db", *manifest["inputs"].values()}
    assert manifest["versions"]["gapwatch"]
    page = (made / "report" / "index.html").read_text("utf-8")
    for name in manifest["inputs"].values():
        assert manifest["files"][name] in page
    # Where the files lay before is told nowhere.
    assert all(str(made).encode() not in content for content in contents(made / "report").values())
    assert str(made) not in json.dumps(manifest)


def test_the_copy_of_the_store_holds_every_run_of_the_portals(made: Path) -> None:
    with zipfile.ZipFile(made / "study.zip") as bundle:
        bundle.extract("store/store.db", made / "copy")
    original = next((made / "study").glob("*.db"))
    with Store.open(original, read_only=True) as one, Store.open(made / "copy/store/store.db", read_only=True) as two:
        runs = {run.run_id: run for run in one.runs()}
        assert {run.run_id: run for run in two.runs()} == runs


def test_a_bundle_of_parquet_tables_is_rebuilt_too(made: Path, tmp_path: Path) -> None:
    study = made / "study"
    export_tables(next(study.glob("*.db")), tmp_path / "tables", ("parquet",))
    inputs = Inputs(
        next(study.glob("*answers.csv")), f"parquet:{tmp_path / 'tables'}", scale="1-6",
        study=next(study.glob("*study.yaml")),
    )  # fmt: skip
    write_outputs(inputs, inputs.link(), None, tmp_path / "parquet.zip")
    shutil.rmtree(tmp_path / "tables")
    found = rebuild(tmp_path / "parquet.zip", tmp_path / "again")
    assert found.different == ()
    assert len(found.same) > 20


def changed(bundle: Path, target: Path, **members: bytes | None) -> Path:
    """A copy of a bundle with members replaced or (None) left out."""
    named = {name.replace("__", "/").replace("_DOT_", "."): content for name, content in members.items()}
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = named.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


def test_a_changed_bundle_is_refused_and_nothing_is_written(made: Path, tmp_path: Path) -> None:
    good = made / "study.zip"
    with zipfile.ZipFile(good) as bundle:
        manifest = json.loads(bundle.read(MANIFEST))
    survey = manifest["inputs"]["survey"]
    outside = manifest | {"files": manifest["files"] | {"../evil.txt": "0" * 64}}
    cases = {
        "is not the file that it was written with": {"store__store_DOT_db": b"other runs"},
        f"lacks {survey}": {survey.replace("/", "__").replace(".", "_DOT_"): None},
        "holds no bundle.json": {"bundle_DOT_json": None},
        "names a file outside of itself": {"bundle_DOT_json": json.dumps(outside).encode()},
        "format": {"bundle_DOT_json": json.dumps(manifest | {"format": 9}).encode()},
        "names no survey": {"bundle_DOT_json": json.dumps(manifest | {"inputs": {}}).encode()},
        "of which it has no SHA-256": {"bundle_DOT_json": json.dumps(manifest | {"store": "/etc/passwd"}).encode()},
    }
    for number, (words, members) in enumerate(cases.items()):
        with pytest.raises(InputError, match=words):
            rebuild(changed(good, tmp_path / f"{number}.zip", **members), tmp_path / "out")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(InputError, match="is no zip file"):
        rebuild(tmp_path / "text.zip", tmp_path / "out")
    with pytest.raises(InputError, match="no such file"):
        rebuild(tmp_path / "none.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "evil.txt").exists()


def test_a_difference_is_named_with_exit_code_one(made: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(made / "study.zip") as bundle:
        manifest = json.loads(bundle.read(MANIFEST))
    manifest["outputs"]["link.json"] = "0" * 64
    manifest["versions"]["numpy"] = "0.1"
    other = changed(made / "study.zip", tmp_path / "other.zip", bundle_DOT_json=json.dumps(manifest).encode())
    called = gapwatch("report", str(other), "--out", str(tmp_path / "out"), "--lang", "id")
    assert called.returncode == 1
    assert "Berbeda: link.json" in called.stdout
    assert "numpy: 0.1 →" in called.stdout


def test_the_place_of_a_bundle_must_be_one_where_a_file_can_be(made: Path, tmp_path: Path) -> None:
    study = made / "study"
    options = (
        "link", "--survey", str(next(study.glob("*answers.csv"))), "--scale", "1-6", "--store",
        str(next(study.glob("*.db"))),
    )  # fmt: skip
    called = gapwatch(*options, "--bundle", str(tmp_path))
    assert called.returncode == 2
    assert "is a folder" in called.stderr
    (tmp_path / "file").write_text("")
    called = gapwatch(*options, "--bundle", str(tmp_path / "file" / "study.zip"))
    assert called.returncode == 2
    assert "Traceback" not in called.stderr
