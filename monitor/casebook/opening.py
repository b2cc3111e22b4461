"""Opening a casebook: its URL, its folder, its connections, its migrations."""

import hashlib
import sqlite3
import threading
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from gateway.topic import check_part
from gateway.trouble import Trouble
from monitor.casebook.book import Casebook
from monitor.casebook.schema import VERSION_TABLE
from monitor.casebook.writing import WRITE

BUSY_S: Final = 30.0  # how long SQLite waits for another process's transaction
MIGRATIONS: Final = Path(__file__).parent / "migrations"
EXPECTED: Final = "expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE ({world} is filled in)"


class CasebookError(Trouble):
    """The casebook cannot be opened; the message says what was found and what to do."""


def open_casebook(url: str, world: str) -> Casebook:
    """The casebook of one world, its tables brought up to date. Raises CasebookError.

    SQLite's parent folder is made; `sqlite://` alone lives in memory. Opened by several processes at once, one
    migrates and the others wait.
    """
    check_part("world", world)
    engine, lock = _engine(url.replace("{world}", world))
    try:
        _migrate(engine, lock)
    except CommandError as error:
        engine.dispose()
        raise CasebookError(
            f"casebook {_shown(engine)} was written by a newer version of this program: update it ({error})"
        ) from None
    except SQLAlchemyError as error:
        engine.dispose()
        raise CasebookError(f"casebook {_shown(engine)} cannot be opened: {_first_line(error)}") from error
    return Casebook(engine, world, lock)


def _engine(url: str) -> tuple[Engine, AbstractContextManager[Any]]:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise CasebookError(f"casebook {url.split('://')[0]}://… is not understood; {EXPECTED}") from None
    if backend == "postgresql":
        return create_engine(parsed, pool_pre_ping=True), nullcontext()
    if backend != "sqlite":
        raise CasebookError(f"casebook of {backend!r} is not supported; {EXPECTED}")
    if parsed.database in (None, "", ":memory:"):
        # One connection for all threads, hence one at a time.
        engine = create_engine(parsed, poolclass=StaticPool, connect_args={"check_same_thread": False})
        lock: AbstractContextManager[Any] = threading.RLock()
    else:
        try:
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CasebookError(f"casebook {parsed.database}: its folder cannot be made: {error}") from None
        engine = create_engine(parsed, connect_args={"timeout": BUSY_S})
        lock = nullcontext()
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine, lock


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions on its own: see _begin_sqlite
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        f"busy_timeout = {BUSY_S * 1000:.0f}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """A transaction that will write takes its lock at once: one that read first could not get it later."""
    writes = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(engine: Engine, lock: AbstractContextManager[Any]) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    head = ScriptDirectory.from_config(config).get_current_head()
    with lock:
        with engine.connect() as connection:
            if _revision(connection) == head:
                return
        with engine.execution_options(**{WRITE: True}).begin() as connection:
            if connection.dialect.name == "postgresql":
                key = int.from_bytes(hashlib.sha256(VERSION_TABLE.encode()).digest()[:8], signed=True)
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({key})")
            if _revision(connection) != head:  # another process may have been quicker
                config.attributes["connection"] = connection
                command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def _first_line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
