"""PostgreSQL for restores and for the monitor of the service."""

from collections.abc import Iterator

import pytest

from tests.postgres_server import Postgres


@pytest.fixture(scope="package")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.stop()
