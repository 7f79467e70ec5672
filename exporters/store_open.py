"""How a store is reached: its place, its engines, and the migration to the version that this program speaks."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from exporters.store_errors import StoreError, speaking

#: The table that holds the store's version; its presence is what makes a database ours.
VERSION_TABLE = "gapwatch_schema"
#: Key of PostgreSQL's advisory lock for migrations: any fixed number that nobody else takes ("gapw" in ASCII).
_MIGRATION_LOCK = 0x67617077
# alembic keeps the current migration in module globals, so within a process one at a time.
_migrating = threading.Lock()
_OLD_OR_FOREIGN = "give the path of a new file, or of a store that gapwatch made"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is: a file (SQLite) or a server (PostgreSQL)."""

    url: URL
    path: Path | None

    @property
    def where(self) -> str:
        """What messages call it: the path, or the URL without its password."""
        return str(self.path) if self.path else self.url.render_as_string(hide_password=True)


def place_of(url: str | Path) -> Place:
    """The place that a plain path, an `sqlite:///` URL or a `postgresql://` URL names; StoreError for others."""
    said = str(url)
    if "://" not in said:
        parsed = URL.create("sqlite", database=said)
    else:
        try:
            parsed = make_url(said)
        except (ArgumentError, ValueError):
            raise StoreError(
                "URL", "it cannot be read as a URL", "write a path, sqlite:///PATH or postgresql://USER@HOST/NAME"
            ) from None
    kind = parsed.get_backend_name()
    if kind == "postgresql":
        return Place(parsed, None)
    if kind != "sqlite":
        raise StoreError(
            parsed.render_as_string(hide_password=True),
            f"{kind} is not supported",
            "write a path, sqlite:///PATH or postgresql://USER@HOST/NAME",
        )
    if not parsed.database or parsed.database == ":memory:" or "\0" in parsed.database:
        raise StoreError(said or "''", "a store is a file", "give its path")
    return Place(parsed, Path(parsed.database).expanduser())


def _sqlite_connector(path: Path, mode: str, timeout: float) -> Callable[[], sqlite3.Connection]:
    uri = f"file:{quote(str(path.absolute()))}?{mode}"

    def connect() -> sqlite3.Connection:
        # isolation_level None: the driver never begins or commits on its own; SQLAlchemy's `begin` does (below).
        return sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)

    return connect


def _sqlite_engine(path: Path, *, mode: str, begin: str, pragmas: tuple[str, ...], timeout: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        creator=_sqlite_connector(path, mode, timeout),
        poolclass=QueuePool,
    )

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _no_frames_waiting(path: Path) -> bool:
    wal = path.with_name(path.name + "-wal")
    return not wal.exists() or wal.stat().st_size == 0


def _sqlite_reader(path: Path, timeout: float) -> Engine:
    """An engine that reads only. In a folder where the WAL's helper file cannot be made, the file as it stands.

    A store that nobody has open has no WAL frames, so reading it as immutable is right at that moment; a daemon that
    starts meanwhile writes to the WAL first, which such a reader does not see, and it stays with the older state.
    """
    pragmas = ("query_only = ON", "foreign_keys = ON")
    engine = _sqlite_engine(path, mode="mode=ro", begin="BEGIN", pragmas=pragmas, timeout=timeout)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
    except Exception as error:
        engine.dispose()
        unopened = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
        if not unopened.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")) or not _no_frames_waiting(path):
            raise
        return _sqlite_engine(path, mode="mode=ro&immutable=1", begin="BEGIN", pragmas=pragmas, timeout=timeout)
    return engine


def _sqlite_writer(path: Path, timeout: float) -> Engine:
    """The engine that writes.

    `synchronous = FULL`: "committed before announced" must hold over a power cut too, and in WAL mode only FULL syncs
    the log at each commit; NORMAL could lose runs that Prometheus already counted. A sync costs milliseconds and
    writes come in batches, so thousands of runs a minute need only a few of them.
    """
    pragmas = (
        "foreign_keys = ON",
        "synchronous = FULL",
        # Without a limit a WAL that one long reader blew up stays that big for good.
        "journal_size_limit = 67108864",
    )
    return _sqlite_engine(path, mode="mode=rwc", begin="BEGIN IMMEDIATE", pragmas=pragmas, timeout=timeout)


def _server_engines(place: Place, timeout: float) -> tuple[Engine, Engine]:
    try:
        writer = create_engine(place.url, pool_pre_ping=True, pool_timeout=timeout)
        # Its own pool, so that readers cannot take the writer's connections.
        reader = create_engine(
            place.url,
            pool_pre_ping=True,
            pool_timeout=timeout,
            execution_options={"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"},
        )
    except (ImportError, NoSuchModuleError) as error:
        raise StoreError(
            place.where,
            f"the PostgreSQL driver is not installed ({error})",
            "install gapwatch with the extra `postgresql`",
        ) from error
    return reader, writer


@cache
def _script() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent / "migrations"))


def _version(connection: Connection) -> str | None:
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant


def current_or_refuse(connection: Connection, where: str) -> bool:
    """Whether the database has this program's version; False: it is empty or older. StoreError: newer, or not ours."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return False
    if VERSION_TABLE not in tables:
        raise StoreError(where, "this database was not made by gapwatch", _OLD_OR_FOREIGN)
    version = _version(connection)
    known = {script.revision for script in _script().walk_revisions()}
    if version is not None and version not in known:
        raise StoreError(
            where,
            f"it was written by a newer gapwatch (schema {version}, known here {_script().get_current_head()})",
            "update gapwatch, or give another path",
        )
    return version == _script().get_current_head()


def migrate(engine: Engine, where: str) -> None:
    """Bring the database to this program's version, in one transaction; another process that does it is waited for."""
    with engine.connect() as connection:
        if current_or_refuse(connection, where):
            return
    with _migrating, engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        # On SQLite `BEGIN IMMEDIATE` is the lock. Look again under it: another process may have been first.
        if current_or_refuse(connection, where):
            return
        config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
        config.set_main_option("script_location", "exporters:migrations")
        command.upgrade(config, "head")


def _use_wal(path: Path, timeout: float) -> None:
    """Switch the file to WAL, once. SQLite does not wait for others here as it does elsewhere, so we do."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            with closing(sqlite3.connect(path, timeout=timeout, isolation_level=None)) as connection:
                # Before the first table, or it has no effect: lets pruning give space back to the disk.
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL")
                return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _open_file(place: Place, path: Path, *, read_only: bool, timeout: float) -> tuple[Engine, Engine | None]:
    if path.is_dir():
        raise StoreError(place.where, "this is a folder", "give the path of a file in it")
    if read_only:
        if not path.exists():
            raise StoreError(place.where, "there is no such file", "check the path, or probe first so that it exists")
        return _sqlite_reader(path, timeout), None
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = _sqlite_writer(path, timeout)
    try:
        # Before anything is changed in it: a database that is not ours is left as it was.
        with writer.connect() as connection:
            current_or_refuse(connection, place.where)
        _use_wal(path, timeout)
        migrate(writer, place.where)
    except BaseException:
        writer.dispose()
        raise
    return _sqlite_reader(path, timeout), writer


def open_engines(place: Place, *, read_only: bool, timeout: float) -> tuple[Engine, Engine | None]:
    """The reading and the writing engine (None when `read_only`) of a store in this program's version.

    `timeout` is how long another one's lock is waited for, in seconds. StoreError: it cannot be used.
    """
    with speaking(place.where):
        if place.path is not None:
            reader, writer = _open_file(place, place.path, read_only=read_only, timeout=timeout)
        else:
            reader, server_writer = _server_engines(place, timeout)
            writer = None if read_only else server_writer
            if writer is not None:
                migrate(writer, place.where)
        if read_only:
            with reader.connect() as connection:
                if not current_or_refuse(connection, place.where):
                    raise StoreError(
                        place.where,
                        "it is empty or from an older gapwatch",
                        "open it once for writing, for instance with `gapwatch once`",
                    )
        return reader, writer
