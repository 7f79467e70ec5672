"""Opening a store: migrations, and every way in which a place can be unusable, each with its words."""

from __future__ import annotations

import os
import re
import resource
import sqlite3
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from exporters_runs import full_run, make_run

from exporters import Store, StoreError
from exporters.schema import metadata
from exporters.store_open import VERSION_TABLE, place_of

ROOT = Path(__file__).parent.parent
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change user or mount")
NOBODY = 65534


def run_python(program: str, *args: object, **options) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, with the repository and the tests on its path."""
    head = 'import sys\nsys.path[:0] = [".", "tests"]\n'
    return subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(program), *map(str, args)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60, **options,
    )  # fmt: skip


def test_the_migrations_lead_to_the_schema(tmp_path):
    with Store.open(tmp_path / "s.sqlite") as store, store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_store_opens_at_a_path_and_at_its_url(tmp_path):
    path = tmp_path / "new" / "folders" / "50% off? #1.sqlite"
    with Store.open(path) as store:
        store.add(make_run())
        assert store.where == str(path)
    with Store.open(str(path)) as store:
        assert store.count() == 1
    plain = tmp_path / "plain.sqlite"
    with Store.open(f"sqlite:///{plain}") as store:
        assert store.where == str(plain)
    with closing(sqlite3.connect(plain)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall() == [("0002",)]


def test_nothing_is_left_beside_a_closed_store(tmp_path):
    with Store.open(tmp_path / "s.sqlite") as store:
        store.add(make_run())
    assert [path.name for path in tmp_path.iterdir()] == ["s.sqlite"]


def test_two_processes_that_migrate_at_once_both_get_on(tmp_path):
    program = """
        from exporters import Store
        from exporters_runs import make_run
        print("ready", flush=True)
        sys.stdin.readline()
        with Store.open(sys.argv[1]) as store:
            store.add(make_run(int(sys.argv[2])))
    """
    head = 'import sys\nsys.path[:0] = [".", "tests"]\n'
    for attempt in range(3):
        path = tmp_path / f"{attempt}.sqlite"
        racers = [
            subprocess.Popen(
                [sys.executable, "-c", head + textwrap.dedent(program), str(path), str(number)],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for number in range(4)
        ]  # fmt: skip
        for racer in racers:
            assert racer.stdout
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin
            racer.stdin.write("go\n")
            racer.stdin.flush()
        assert [(racer.communicate(timeout=60)[1], racer.returncode) for racer in racers] == [("", 0)] * 4
        with Store.open(path) as store:
            assert store.count() == 4
            assert store.integrity_check() == []


def test_threads_that_open_at_once_all_get_on(tmp_path):
    troubles: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with Store.open(tmp_path / "s.sqlite") as store:
                store.add(make_run(number))
        except BaseException as error:
            troubles.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    with Store.open(tmp_path / "s.sqlite") as store:
        assert store.count() == 8


def refused(place: object, *said: str, **options) -> None:
    with pytest.raises(StoreError) as caught:
        Store.open(place, **options)  # type: ignore[arg-type]
    for part in said:
        assert part in str(caught.value)


def test_a_newer_version_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "s.sqlite"
    Store.open(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    before = path.read_bytes()
    for read_only in (False, True):
        refused(path, "written by a newer gapwatch (schema 9999", "update gapwatch", read_only=read_only)
    assert path.read_bytes() == before


def test_a_database_of_someone_else_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "theirs.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE runs (distance REAL)")
    before = path.read_bytes()
    for read_only in (False, True):
        refused(path, "not made by gapwatch", "give the path of a new file", read_only=read_only)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["theirs.sqlite"]


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam, " * 400)
    before = path.read_bytes()
    for read_only in (False, True):
        refused(path, str(path), "not an SQLite database", "another path", read_only=read_only)
    assert path.read_bytes() == before


def test_a_damaged_store_is_refused(tmp_path):
    path = tmp_path / "s.sqlite"
    with Store.open(path) as store:
        store.add_many(full_run(n) for n in range(300))
    damaged = bytearray(path.read_bytes())
    damaged[4096 : len(damaged) // 2] = os.urandom(len(damaged) // 2 - 4096)
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match=r"damaged; restore it from a copy"):
        Store.open(path)
    with pytest.raises(StoreError, match=r"damaged|not an SQLite"), Store.open(path, read_only=True) as store:
        list(store.runs())


def test_a_damaged_page_is_found_by_the_check(tmp_path):
    path = tmp_path / "s.sqlite"
    with Store.open(path) as store:
        store.add_many(full_run(n) for n in range(300))
        with store.engine.connect() as connection:
            page = connection.exec_driver_sql(
                "SELECT rootpage FROM sqlite_master WHERE name = 'ix_runs_started_at'"
            ).scalar_one()
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 + 8 : (page - 1) * 4096 + 200] = bytes(192)
    path.write_bytes(content)
    with Store.open(path) as store:
        try:
            problems = store.integrity_check()
        except StoreError as error:
            problems = [error.reason]
    assert problems


def test_places_that_can_be_no_store(tmp_path):
    (tmp_path / "file").touch()
    refused(tmp_path, "this is a folder", "path of a file")
    refused("", "a store is a file")
    refused("sqlite://", "a store is a file")
    refused(":memory:", "a store is a file")
    refused("nul\0.sqlite", "a store is a file")
    refused("mysql://me:secret@db/x", "mysql is not supported", "postgresql://")
    refused("://", "cannot be read as a URL")
    refused("postgresql://me@db:port/x", "cannot be read as a URL")
    refused(tmp_path / "file" / "s.sqlite", "a part of the path is a file")
    refused(tmp_path / ("x" * 300) / "s.sqlite", "the path is too long")
    refused(tmp_path / "no.sqlite", "there is no such file", read_only=True)
    assert not (tmp_path / "no.sqlite").exists()


def test_an_empty_file_becomes_a_store_but_cannot_be_read_as_one(tmp_path):
    path = tmp_path / "s.sqlite"
    path.touch()
    refused(path, "empty or from an older gapwatch", "open it once for writing", read_only=True)
    with Store.open(path) as store:
        assert store.add(make_run())


def test_no_message_shows_a_password():
    place = place_of("postgresql://me:secret@db.test/gapwatch")
    assert place.where == "postgresql://me:***@db.test/gapwatch"
    with pytest.raises(StoreError) as caught:
        Store.open("mysql://me:secret@db/x")
    assert "secret" not in str(caught.value)


def test_a_locked_store_is_waited_for_and_then_refused(tmp_path):
    path = tmp_path / "s.sqlite"
    with (
        Store.open(path, busy_timeout=0.2) as store,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"locked by another program; wait for that program or end it"):
            store.add(make_run())
        assert store.count() == 0
        other.execute("COMMIT")
        assert store.add(make_run())


def test_a_new_store_that_someone_has_locked_is_refused(tmp_path):
    path = tmp_path / "s.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        refused(path, "locked by another program", busy_timeout=0.2)
        other.execute("COMMIT")
    Store.open(path).close()


AS_NOBODY = f"""
import os, tempfile
from exporters import Store, StoreError
from exporters_runs import make_run
# Once before the change of user: the interpreter's own folders may be closed to the other one.
with tempfile.TemporaryDirectory() as folder:
    Store.open(folder + "/s").close()
os.setgid({NOBODY})
os.setuid({NOBODY})
"""


def as_nobody(program: str, *args: object) -> subprocess.CompletedProcess[str]:
    return run_python(AS_NOBODY + program, *args)


SAY = """
try:
    with Store.open(sys.argv[1]) as store:
        store.add(make_run())
    print("kept")
except StoreError as error:
    print(error)
"""


@pytest.fixture
def public(tmp_path):
    """A folder that other users can get to."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and str(folder) not in ("/", "/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    return tmp_path


@root_only
def test_a_folder_that_may_not_be_written_is_refused(public):
    done = as_nobody(SAY, public / "s.sqlite")
    assert "cannot be opened" in done.stdout, done.stderr
    done = as_nobody(SAY, public / "sub" / "s.sqlite")
    assert "the folder may not be used; mend its permissions" in done.stdout, done.stderr


@root_only
def test_a_file_that_may_not_be_written_is_refused_but_can_be_read(public):
    path = public / "s.sqlite"
    with Store.open(path) as store:
        store.add_many(make_run(n) for n in range(3))
    path.chmod(0o644)
    done = as_nobody(SAY, path)
    assert re.search(r"cannot be (written|opened); (mend the permissions|check)", done.stdout), done.stderr
    done = as_nobody("with Store.open(sys.argv[1], read_only=True) as store: print(store.count())", path)
    assert done.stdout == "3\n", done.stderr
    assert [each.name for each in public.iterdir()] == ["s.sqlite"]


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 600 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@root_only
def test_a_full_disk_is_said_and_takes_nothing_with_it(tiny_disk):
    with Store.open(tiny_disk / "s.sqlite") as store:
        kept: list[int] = []
        with pytest.raises(StoreError, match=r"the disk is full; free some space, or prune old runs"):
            kept.extend(number for number in range(5000) if store.add(full_run(number)))
        assert 0 < len(kept) == store.count()
        assert store.integrity_check() == []


@root_only
def test_a_read_only_file_system_is_said_and_can_be_read(tiny_disk):
    with Store.open(tiny_disk / "s.sqlite") as store:
        store.add(make_run())
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    refused(tiny_disk / "s.sqlite", "s.sqlite: the database cannot be")
    refused(tiny_disk / "sub" / "s.sqlite", "the file system is read-only")
    with Store.open(tiny_disk / "s.sqlite", read_only=True) as store:
        assert list(store.runs()) == [make_run()]


def test_a_file_size_limit_is_said():
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    program = """
        import tempfile
        from exporters import Store, StoreError
        from exporters_runs import full_run
        with tempfile.TemporaryDirectory() as folder, Store.open(folder + "/s.sqlite") as store:
            kept = 0
            try:
                for number in range(5000):
                    kept += store.add(full_run(number))
            except StoreError as error:
                print(error.reason, "|", 0 < kept == store.count())
    """
    done = run_python(program, preexec_fn=limit)
    assert re.fullmatch(r"the dis[^|]*\| True\n", done.stdout), done.stdout + done.stderr
