"""Fixtures that several folders share. Real servers start once per session, on free ports, in temporary folders."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from hypothesis import settings

from tests.influx_server import Influx
from tests.mosquitto_server import Mosquitto

_WORLDS = count(1)

# How long an example takes says how busy the machine is. The same examples everywhere: a red run can be repeated.
settings.register_profile("trezor", deadline=None, derandomize=True)
settings.load_profile("trezor")


@pytest.fixture
def new_world() -> Callable[[], str]:
    """Names of worlds that no other test uses."""
    return lambda: f"test-{next(_WORLDS)}"


@pytest.fixture
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A running Mosquitto of this test's own: it may be stopped, killed and started again."""
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _influx_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    server = Influx(tmp_path_factory.mktemp("influx"))
    yield server.start()
    server.stop(kill=True)  # what it holds goes with its folder; to end in peace takes it many seconds


@pytest.fixture
def influx(_influx_server: Influx) -> Influx:
    """The session's InfluxDB, running; a test may stop it, kill it and start it again."""
    return _influx_server.start()
