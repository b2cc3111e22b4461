"""The same month of two hundred lamps, played in three ways through Mosquitto and a station, is judged the same."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from firmware_sim.life import told
from firmware_sim.network import micros
from firmware_sim.plant import Plant
from firmware_sim.position import load
from firmware_sim.recording import Recording, RecordingWriter
from firmware_sim.replay import Controls, Replay
from firmware_sim.scenario import load_scenario
from monitor.listing import case_record
from monitor.opened import opened
from tests.broker.ear import wait_until
from tests.broker.replays import command
from tests.firmware_sim.worlds import SHIPPED
from tests.mosquitto_server import Mosquitto
from trezor_wiring import Watching, finish, start_gateway

pytestmark = [pytest.mark.mosquitto, pytest.mark.slow]

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPEED = 600
# A commune has its network back after two days and sends what it kept; all others make their reports of the morning.
SPAN = START + timedelta(days=13, hours=16, minutes=45), START + timedelta(days=13, hours=18, minutes=45)


@dataclass
class Month:
    """One world that has heard the whole recording."""

    cases: list[dict[str, Any]]
    ledger: pl.DataFrame
    samples: int
    ticks: int


@dataclass
class Stage:
    """A Mosquitto and a folder of its own for every world; the month's recording."""

    recording: Recording
    folder: Path
    server: Mosquitto
    seconds: dict[str, float] = field(default_factory=dict)

    def judged(self, world: str, play: Callable[["Stage", str], object]) -> Month:
        """What a station says of this world that listens and judges while `play` goes on."""
        stores = f"duckdb:///{self.folder}/{{world}}.duckdb", f"sqlite:///{self.folder}/{{world}}.sqlite"
        with ExitStack() as stack:
            store, casebook = stack.enter_context(opened(world, *stores))
            watching = Watching(world, SHIPPED, store, casebook, self.folder / "alerts", event_clock=True, tick_s=3.0)
            gateway = start_gateway(stack, self.server.address, store, SHIPPED, world, "event", "", embedded=False)
            wait_until(lambda: gateway.link.connected, "the gateway is connected")
            watching.monitor.start()
            stack.callback(watching.monitor.stop)
            play(self, world)
            wait_until(lambda: gateway.counters().messages >= self.recording.rows, "all of it is stored", 120)
            assert gateway.wait_idle(1.0, 60)
            finish(gateway, watching)
            now = watching.now()
            cases = [case_record(case, SHIPPED, now) for case in casebook.cases(hidden=True)]
            for case in cases:
                del case["id"]
                # What people saw was seen then: whoever looks more often, at half a night's reports, sees it earlier.
                del case["opened_at"]
            return Month(
                sorted(cases, key=lambda case: (case["since"], case["kind"], case["commune"], case["lamp"] or "")),
                store.read("nights").sort("lamp", "time"),
                store.read("telemetry", columns=["lamp", "time"]).height,
                watching.monitor.pulse.ticks,
            )

    def player(self, world: str, **more: Any) -> Replay:
        options = {"speed": None, "state": self.folder / f"{world}.replay", **more}
        return Replay(self.recording, world, self.server.address, **options)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Ten communes of twenty lamps for thirty nights, with one of every mishap: the demonstration, begun in March."""
    folder = tmp_path_factory.mktemp("month")
    scenario = load_scenario("demo", START + timedelta(days=30))
    assert (scenario.start, scenario.nights, len(SHIPPED.lamps)) == (START, 30, 200)
    with RecordingWriter(folder / "month.parquet", {"world": "before"}) as writer:
        for message in told(Plant(SHIPPED, scenario, 7), SHIPPED, 7, "before"):
            writer.add(message)
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    server.start()
    yield Stage(Recording(folder / "month.parquet"), folder, server)
    server.stop()


@pytest.fixture(scope="module")
def at_once(stage: Stage) -> Month:
    """The month at `max`."""
    return stage.judged("max", lambda stage, world: finished(stage.player(world)))


def finished(playing: Replay) -> int:
    count = playing.run(Controls())
    assert playing.done
    return count


def test_the_month_has_something_to_compare(at_once: Month) -> None:
    assert {case["kind"] for case in at_once.cases} >= {"dark", "panel_lost", "battery_lost", "commune_silent", "dim"}
    assert set(at_once.ledger["verdict"]) == {"lit", "partly", "dark", "unknown"}
    assert at_once.ledger.height >= 200 * 30


def test_at_six_hundred_times_the_cases_and_the_ledger_are_those_of_max(stage: Stage, at_once: Month) -> None:
    month = stage.judged("six-hundred", span_at_its_speed)
    assert month.ticks > 3  # it was judged while it played
    # From the first of its messages to the last; what they would take at once is a fraction of that.
    assert stage.seconds["span"] >= stage.seconds["recorded"] / SPEED > 5
    same(month, at_once)


def span_at_its_speed(stage: Stage, world: str) -> None:
    """Hours of the month by the command and at its speed, what comes before and after as fast as it goes."""
    since, until = (micros(moment) for moment in SPAN)
    times = [message.at for _, message in stage.recording.messages() if since <= message.at < until]
    within = len(times)
    assert within > 100
    stage.seconds["recorded"] = (max(times) - min(times)) / 1e6
    before = finished(stage.player(world, until=since))
    began = time.monotonic()
    out = ended(
        command(
            stage.recording.path, world, stage.server, "--speed", str(SPEED), "--from", f"{SPAN[0]:%Y-%m-%dT%H:%M}",
            "--to", f"{SPAN[1]:%Y-%m-%dT%H:%M}",
        )
    )  # fmt: skip
    stage.seconds["span"] = time.monotonic() - began
    assert f"{within} messages acknowledged" in out
    assert before + within + finished(stage.player(world, since=until)) == stage.recording.rows


def test_killed_half_way_and_resumed_the_cases_and_the_ledger_are_those_of_max(stage: Stage, at_once: Month) -> None:
    same(stage.judged("killed", killed_and_resumed), at_once)


def killed_and_resumed(stage: Stage, world: str) -> None:
    state, rows = stage.folder / "killed", stage.recording.rows

    def position() -> int:
        found = load(state)
        return found.row if found else 0

    playing = command(stage.recording.path, world, stage.server, "--state", str(state), "--speed", "200000")
    wait_until(lambda: position() > rows // 2, "half of the month", 90)
    playing.send_signal(signal.SIGKILL)
    playing.communicate(timeout=10)
    assert rows // 2 < position() < rows
    out = ended(command(stage.recording.path, world, stage.server, "--state", str(state), "--resume"))
    assert "messages acknowledged" in out
    found = load(state)
    assert found is not None
    assert found.done


def test_played_twice_into_one_world_nothing_is_doubled_and_nobody_judged_anew(stage: Stage, at_once: Month) -> None:
    same(stage.judged("twice", all_and_then_the_last_third_again), at_once)


def all_and_then_the_last_third_again(stage: Stage, world: str) -> None:
    whole = finished(stage.player(world))
    again = finished(stage.player(world, since=micros(START + timedelta(days=20))))
    assert whole > again > whole / 4


def ended(process: "subprocess.Popen[bytes]") -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    return out.decode()


def same(month: Month, other: Month) -> None:
    assert month.cases == other.cases
    assert month.ledger.equals(other.ledger)
    assert month.samples == other.samples
