"""Nothing of the truth reaches the monitor: not through the store, not through memory, not through an import."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from firmware_sim.plant import Plant
from firmware_sim.radio import Message
from firmware_sim.truth import MISHAPS, NIGHTS, Truth
from gateway.store import TABLES, Store
from gateway.stores import open_store
from gateway.telemetry import Resend
from gateway.topic import Topic
from monitor.casebook import open_casebook
from scorecard.lamps import SimulatedLamps
from scorecard.said import Said
from scorecard.watching import live_through
from tests.firmware_sim.worlds import ALIKE, mishap, scenario, village

FLEET = village(6)
SCENARIO = scenario(
    mishap("dark", "+4d", lamp="fatoma-02") + mishap("panel_lost", "+5d", lamp="fatoma-04"), nights=9, habits=ALIKE
)
WORLD = "secret"


class Watchful:
    """A store that notes the columns of every frame that passes through it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.written: dict[str, set[tuple[tuple[str, pl.DataType], ...]]] = {}
        self.read_columns: dict[str, set[str]] = {}

    def append(self, table: str, frame: pl.DataFrame) -> None:
        self.written.setdefault(table, set()).add(tuple(frame.schema.items()))
        self._store.append(table, frame)

    def read(
        self, table: str, since: datetime | None = None, until: datetime | None = None, *,
        lamps: Sequence[str] | None = None, columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:  # fmt: skip
        frame = self._store.read(table, since, until, lamps=lamps, columns=columns)
        self.read_columns.setdefault(table, set()).update(frame.columns)
        return frame

    def latest(self, table: str) -> pl.DataFrame:
        return self._store.latest(table)

    def extent(self, table: str) -> tuple[datetime, datetime] | None:
        return self._store.extent(table)

    def drop(self) -> None:
        self._store.drop()

    def close(self) -> None:
        self._store.close()


class Poisoned(Plant):
    """A plant whose truth nobody can touch while the world is judged."""

    def truth(self) -> Truth:
        raise AssertionError("somebody asked what really happened")

    @property
    def mishaps(self) -> tuple[object, ...]:  # type: ignore[override]  # nobody may have them
        raise AssertionError("somebody asked for the mishaps")


class MessagesOnly:
    """Lamps reduced to what they said: recorded beforehand, with nothing behind it."""

    def __init__(self, lamps: SimulatedLamps) -> None:
        self.start = lamps.start
        self._said = list(lamps.messages())

    def messages(self) -> Iterator[Message]:
        return iter(self._said)

    def again(self, topic: Topic, request: Resend, now: datetime) -> list[Message]:
        return []


def judge(lamps: SimulatedLamps | MessagesOnly, store: Store, folder: Path) -> list[Said]:
    casebook = open_casebook(f"sqlite:///{folder}/casebook.sqlite", WORLD)
    try:
        return live_through(lamps, WORLD, FLEET, store, casebook, folder / "alerts").said
    finally:
        casebook.close()


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Said], Watchful]:
    store = Watchful(open_store("memory:", WORLD))
    return judge(SimulatedLamps(FLEET, SCENARIO, 5, WORLD), store, tmp_path_factory.mktemp("usual")), store


def test_both_mishaps_are_found_without_anybody_asking_for_them(usual: tuple[list[Said], Watchful]) -> None:
    kinds = {(said.kind, said.lamp) for said in usual[0] if said.visible}
    assert {("dark", "fatoma-02"), ("panel_lost", "fatoma-04")} <= kinds


def test_frames_hold_exactly_the_columns_of_the_tables(usual: tuple[list[Said], Watchful]) -> None:
    store = usual[1]
    assert set(store.written) <= set(TABLES)
    assert {"telemetry", "arrivals", "nights"} <= set(store.written)
    for table, schemas in store.written.items():
        assert schemas == {tuple(TABLES[table].schema.items())}, table
    for table, columns in store.read_columns.items():
        assert columns <= set(TABLES[table].schema), table


def test_what_the_gateway_hands_over_shares_no_column_with_the_truth() -> None:
    handed = {
        name for table in ("telemetry", "arrivals", "events", "status", "quarantine") for name in TABLES[table].schema
    }
    secret = (set(MISHAPS) | set(NIGHTS) | {"true_time"}) - {"commune", "lamp", "time"}
    assert not handed & secret


def test_a_poisoned_truth_changes_nothing(
    usual: tuple[list[Said], Watchful], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scorecard.lamps.Plant", Poisoned)
    lamps = SimulatedLamps(FLEET, SCENARIO, 5, WORLD)
    with pytest.raises(AssertionError, match="really happened"):
        lamps.truth()
    assert judge(lamps, open_store("memory:", WORLD), tmp_path) == usual[0]


def test_the_bare_messages_give_the_same_cases(usual: tuple[list[Said], Watchful], tmp_path: Path) -> None:
    bare = MessagesOnly(SimulatedLamps(FLEET, SCENARIO, 5, WORLD))
    found = {(said.kind, said.subject) for said in judge(bare, open_store("memory:", WORLD), tmp_path) if said.visible}
    assert found == {(said.kind, said.subject) for said in usual[0] if said.visible}


APART = """
import sys
for name in ("firmware_sim", "scorecard"):
    sys.modules[name] = None  # importing it, or anything in it, raises
from dataclasses import replace
from pathlib import Path
from gateway.fleet import parse_fleet
from gateway.stores import open_store
from monitor.casebook import open_casebook
from monitor.watch import Watch
store, casebook = open_store("duckdb:///" + sys.argv[1], "secret"), open_casebook("sqlite://", "secret")
full = parse_fleet(Path(sys.argv[2]).read_text(encoding="utf-8"))
fleet = replace(full, lamps={lamp.id: lamp for lamp in full.by_commune["fatoma"][:6]})
Watch(store, casebook, fleet).tick()
for case in sorted(casebook.cases(hidden=False), key=lambda case: (case.opened_at, case.subject)):
    print(case.kind, case.subject, case.since.isoformat(), case.opened_at.isoformat())
"""


@pytest.mark.slow
def test_a_process_that_cannot_import_the_simulator_opens_the_same_cases(
    usual: tuple[list[Said], Watchful], tmp_path: Path
) -> None:
    """From the store's file alone, all at once: the same cases as step by step beside the simulator."""
    store = open_store(f"duckdb:///{tmp_path}/world.duckdb", WORLD)
    judge(SimulatedLamps(FLEET, SCENARIO, 5, WORLD), store, tmp_path)
    store.close()
    fleet_file = Path(__file__).parents[2] / "fleet.toml"
    answer = subprocess.run(
        [sys.executable, "-c", APART, f"{tmp_path}/world.duckdb", str(fleet_file)], capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip
    found = [line.split()[:2] for line in answer.stdout.splitlines()]
    assert sorted(found) == sorted([said.kind, said.subject] for said in usual[0] if said.visible)
