"""Casebooks on every database that they run on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.casebook import Casebook, open_casebook
from tests.postgres_server import Postgres

OpenBook = Callable[..., Casebook]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def casebook_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """One database of each sort; in memory there is no second opening of it."""
    if request.param == "memory":
        return "sqlite://"
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres").database())
    return f"sqlite:///{tmp_path}/sub/{{world}}.sqlite"


@pytest.fixture
def book(casebook_url: str) -> Iterator[Casebook]:
    opened = open_casebook(casebook_url, "trezor")
    yield opened
    opened.close()


@pytest.fixture
def sqlite_book(tmp_path: Path) -> Iterator[Casebook]:
    opened = open_casebook(f"sqlite:///{tmp_path}/book.sqlite", "trezor")
    yield opened
    opened.close()
