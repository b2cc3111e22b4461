"""Lamps' messages for tests of the door: a small fleet, reports with any number of samples, what a store holds."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.fleet import Fleet, parse_fleet
from gateway.store import Store
from gateway.telemetry import COLUMNS, Report
from gateway.topic import Topic

FLEET_FILE = Path(__file__).parent.parent.parent / "fleet.toml"
WORLD = "test"


def fleet() -> Fleet:
    return parse_fleet(FLEET_FILE.read_text(encoding="utf-8"))


def report(seq: int, *, t: int, samples: int = 4, dt: int = 900, boot: int = 1, **values: Any) -> Report:
    """Values that tell reports apart: every column counts up from the report's number."""
    columns = {name: [(seq * 7 + i) % 100 for i in range(samples)] for name in COLUMNS}
    return Report(v=1, boot=boot, seq=seq, t=t, dt=dt, **{**columns, "rssi": -80, "up": seq, "fw": "1.0", **values})


def topic(fleet: Fleet, lamp: str, kind: str = "telemetry", world: str = WORLD) -> Topic:
    return Topic(world, fleet.lamps[lamp].commune, lamp, kind)


def samples_of(report: Report, lamp: str) -> list[tuple[Any, ...]]:
    """The rows that this report must become, written without the code under test: lamp, time, seq, one value."""
    return [
        (lamp, datetime.fromtimestamp(report.t + i * report.dt, UTC), report.seq, report.bat_mv[i])
        for i in range(len(report.bat_mv))
    ]


def stored_samples(store: Store) -> list[tuple[Any, ...]]:
    frame = store.read("telemetry", columns=("lamp", "time", "seq", "bat_mv"))
    return [(lamp, time.astimezone(UTC), seq, value) for lamp, time, seq, value in frame.iter_rows()]
