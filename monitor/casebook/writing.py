"""Transactions of one world: many readers, one writer at a time, patience when somebody else is first."""

import hashlib
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError, OperationalError

WRITE: Final = "casebook_write"  # execution option: this transaction will write
ATTEMPTS: Final = 6
FIRST_PAUSE_S: Final = 0.05  # doubles at every attempt

T = TypeVar("T")
log = logging.getLogger(__name__)


class Transactions:
    """Runs work in one transaction: all of it happens or nothing does."""

    def __init__(self, engine: Engine, world: str, lock: AbstractContextManager[Any]) -> None:
        self.engine = engine
        self._writer = engine.execution_options(**{WRITE: True})
        self._lock = lock
        digest = hashlib.sha256(f"casebook/{world}".encode()).digest()
        self._key = int.from_bytes(digest[:8], signed=True)

    def read(self, work: Callable[[Connection], T]) -> T:
        with self._lock, self.engine.begin() as connection:
            return work(connection)

    def write(self, work: Callable[[Connection], T]) -> T:
        """`work` may run several times: a second monitor on the same casebook makes one of the two begin again."""
        for attempt in range(ATTEMPTS):
            try:
                with self._lock, self._writer.begin() as connection:
                    if connection.dialect.name == "postgresql":
                        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({self._key})")
                    return work(connection)
            except (IntegrityError, OperationalError) as error:
                if attempt == ATTEMPTS - 1:
                    raise
                log.info("The casebook is busy, trying again: %s", error.orig)
                time.sleep(FIRST_PAUSE_S * 2**attempt)
        raise AssertionError("unreachable")
