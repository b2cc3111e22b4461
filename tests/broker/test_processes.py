"""The commands as people start them: a station, gateway and monitor apart, stopped and started again."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.stores import open_store
from tests.broker.lamps import ROOT, wait_until
from tests.influx_server import Influx
from tests.mosquitto_server import Mosquitto, free_port
from trezor import cli

pytestmark = [pytest.mark.slow]

LAMPS = 8
SCENARIO = """
start = 2026-01-10
nights = 4
[lamps]
spread = 0
motion = 0
saving = 0
[[mishap]]
kind = "dark"
lamp = "fatoma-02"
since = "+1d"
until = "never"
"""


class Here:
    """A folder with a small fleet, a recording of its four nights, and what was started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        head, *lamps = (ROOT / "fleet.toml").read_text(encoding="utf-8").split("[[lamp]]")
        (folder / "fleet.toml").write_text("[[lamp]]".join([head, *lamps[:LAMPS]]), encoding="utf-8")
        (folder / "dark.toml").write_text(SCENARIO, encoding="utf-8")
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *words: object, **environment: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "trezor", *map(str, words)],
            cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "COLUMNS": "200", **environment},
        )  # fmt: skip
        self._started.append(process)
        return process

    def run(self, *words: object) -> str:
        """In this process: what only asks needs none of its own, and starting one takes a second or two."""
        done = CliRunner().invoke(cli, list(map(str, words)), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def play(self, world: str, broker: str) -> None:
        self.run("replay", self.folder / "dark.parquet", "--world", world, "--broker", broker)

    def cases(self, world: str, *words: str) -> list[tuple[str, str, str]]:
        casebook = f"sqlite:///{self.folder}/var/{{world}}.casebook.sqlite"
        said = self.run("cases", "--world", world, "--casebook", casebook, "--format", "json", *words)
        found: list[dict[str, Any]] = json.loads(said)
        return sorted((case["lamp"], case["kind"], case["since"]) for case in found)

    def nights(self, world: str, *words: str) -> list[dict[str, str]]:
        store = () if "--store" in words else ("--store", f"duckdb:///{self.folder}/var/{{world}}.duckdb")
        return list(csv.DictReader(io.StringIO(self.run("nights", "--world", world, *store, *words))))

    def stop_all(self) -> None:
        for process in self._started:
            with suppress(ProcessLookupError):
                process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    here = Here(tmp_path_factory.mktemp("recording"))
    here.run(
        "simulate", here.folder / "dark.toml", "--to", here.folder / "dark.parquet", "--fleet",
        here.folder / "fleet.toml",
    )  # fmt: skip
    yield here
    here.stop_all()


@pytest.fixture
def here(tmp_path: Path, recording: Here) -> Iterator[Here]:
    made = Here(tmp_path)
    (tmp_path / "dark.parquet").write_bytes((recording.folder / "dark.parquet").read_bytes())
    yield made
    made.stop_all()


def answers(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
        return bool(json.load(answer)["well"])
    return False


def ended(process: "subprocess.Popen[str]", code: int = 0) -> str:
    said, _ = process.communicate(timeout=90)
    assert process.returncode == code, said
    return said


def the_one_case(cases: list[tuple[str, str, str]]) -> None:
    """The driver failed in the second night, and that is what was found, once."""
    assert [case[:2] for case in cases] == [("fatoma-02", "dark")]
    assert cases[0][2].startswith("2026-01-11T")


def test_a_station_judges_a_played_world_by_its_own_time_and_ends_when_nothing_more_comes(here: Here) -> None:
    port, page = free_port(), free_port()
    station = here.start(
        "station", "--world", "w", "--fleet", "fleet.toml", "--clock", "event", "--until-idle", 4,
        "--port", port, "--page", f"127.0.0.1:{page}",
    )  # fmt: skip
    wait_until(lambda: answers(page), 60, "the page")
    here.play("w", f"mqtt://127.0.0.1:{port}")
    ended(station)
    the_one_case(here.cases("w"))
    dark = [row["date"] for row in here.nights("w") if row["lamp"] == "fatoma-02" and row["verdict"] == "dark"]
    assert dark == ["2026-01-11", "2026-01-12", "2026-01-13"]
    (alert,) = (path for path in (here.folder / "var/alerts/w").iterdir() if "mairie" in path.name)
    assert alert.read_text(encoding="utf-8").startswith("fatoma-02 (marché): éteint depuis")

    # Started again it goes on: no second case, no second alert; Ctrl-C ends it.
    again = here.start(
        "station", "--world", "w", "--fleet", "fleet.toml", "--clock", "event", "--tick", "0.5",
        "--port", port, "--page", f"127.0.0.1:{page}",
    )  # fmt: skip
    wait_until(lambda: answers(page), 60, "the page")
    assert (
        len(here.nights("w", "--page", f"127.0.0.1:{page}")) == LAMPS * 5
    )  # the station holds the file: its page is asked
    again.send_signal(signal.SIGINT)
    assert "Traceback" not in ended(again)
    the_one_case(here.cases("w"))
    assert len(list((here.folder / "var/alerts/w").iterdir())) == 2  # mayor and technician, once each


def test_a_taken_port_is_told_with_the_remedy(here: Here, mosquitto: Mosquitto) -> None:
    page = free_port()
    said = ended(here.start("station", "--fleet", "fleet.toml", "--port", mosquitto.port, "--page", "off"), code=1)
    assert f"--broker mqtt://127.0.0.1:{mosquitto.port}" in said
    one = here.start("station", "--world", "a", "--fleet", "fleet.toml", "--port", free_port(),
                     "--page", f"127.0.0.1:{page}")  # fmt: skip
    wait_until(lambda: answers(page), 60, "the page")
    other = here.start("station", "--world", "b", "--fleet", "fleet.toml", "--port", free_port(),
                       "--page", f"127.0.0.1:{page}")  # fmt: skip
    assert "--page HOST:PORT" in ended(other, code=1)
    one.send_signal(signal.SIGTERM)
    ended(one)


@pytest.mark.mosquitto
@pytest.mark.influxdb
def test_gateway_and_monitor_apart_with_settings_from_the_environment(
    here: Here, mosquitto: Mosquitto, influx: Influx
) -> None:
    settings = {
        "TREZOR_WORLD": "apart", "TREZOR_FLEET": "fleet.toml", "TREZOR_STORE": influx.url, "TREZOR_CLOCK": "event",
        "TREZOR_BROKER": f"mqtt://127.0.0.1:{mosquitto.port}", "TREZOR_PAGE": f"127.0.0.1:{(page := free_port())}",
        "TREZOR_ALIVE": "alive",
    }  # fmt: skip
    gateway = here.start("-v", "gateway", **settings)
    assert gateway.stdout is not None
    for line in gateway.stdout:
        if "connected to" in line:
            break
    monitor = here.start("monitor", "--tick", "0.5", **settings)
    wait_until(lambda: answers(page), 60, "the page")
    here.play("apart", settings["TREZOR_BROKER"])
    wait_until(lambda: len(here.cases("apart")) == 1 and len(here.nights("apart", "--store", influx.url)) == LAMPS * 5,
               60, "the case")  # fmt: skip
    the_one_case(here.cases("apart"))
    wait_until((here.folder / "alive").exists, 20, "its sign of life")
    for process in (monitor, gateway):
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in ended(process)
    open_store(influx.url, "apart").drop()
