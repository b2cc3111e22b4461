"""One village for all that only look; who writes makes his own."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from monitor.web.accounts import Accounts, write_account
from monitor.web.app import create_app
from tests.monitor.web.village import NOW, Village, fleet, make_village

PASSWORD = "une phrase longue"


@pytest.fixture(scope="session")
def shown() -> Iterator[Village]:
    village = make_village()
    yield village
    village.casebook.close()


@pytest.fixture
def village() -> Iterator[Village]:
    made = make_village()
    yield made
    made.casebook.close()


def app_of(village: Village, accounts: Accounts | None = None) -> Flask:
    return create_app(village.world, fleet(), lambda: NOW, accounts, lambda: {"messages": 12345.0, "queued": 3.0})


@pytest.fixture(scope="session")
def app(shown: Village) -> Flask:
    return app_of(shown)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody new at this machine, without accounts; French unless he asks otherwise."""
    return app.test_client()


@pytest.fixture(scope="session")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Accounts:
    path = tmp_path_factory.mktemp("accounts") / "accounts.toml"
    write_account(path, "technicien", PASSWORD, "technician")
    write_account(path, "mairie-fatoma", PASSWORD, "commune:fatoma")
    return Accounts(path)
