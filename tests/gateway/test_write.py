"""Durable or not acknowledged: patience with a store that is away, exactness with one that refuses a message."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl
import pytest

from gateway.intake import Accepted, Batch, Entry, Intake, Stamps
from gateway.store import StoreAway, WriteRefused
from gateway.stores.memory import MemoryStore
from gateway.telemetry import Report, encode
from gateway.write import Writer
from tests.gateway.wire import WORLD, fleet, report, samples_of, stored_samples, topic

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
T0 = int(NOW.timestamp()) - 6 * 3600
FLEET = fleet()
LAMPS = list(FLEET.lamps)[:6]
Fault = Callable[[str, pl.DataFrame], Exception | None]


class MoodyStore(MemoryStore):
    """Asks `fault` before every append; what it returns is raised."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.fault = fault
        self.tries = 0

    def append(self, table: str, frame: pl.DataFrame) -> None:
        self.tries += 1
        if error := self.fault(table, frame):
            raise error
        super().append(table, frame)


def writer(store: MemoryStore, stopping: threading.Event | None = None) -> Writer:
    return Writer(store, lambda: NOW, Stamps(), stopping or threading.Event(), pauses_s=(0.0, 0.0))


def batch(*reports: Report) -> Batch:
    """One report for each lamp, with a refused message between them."""
    intake = Intake(FLEET, WORLD)
    fates = [
        intake.take(str(topic(FLEET, lamp)), encode(one), None, NOW) for lamp, one in zip(LAMPS, reports, strict=False)
    ]
    assert all(isinstance(fate, Accepted) for fate in fates)
    fates.insert(1, intake.take("nonsense", b"x", None, NOW))
    return Batch([Entry(fate, NOW, NOW) for fate in fates])


def expected(*reports: Report) -> list[tuple[object, ...]]:
    rows = [row for lamp, one in zip(LAMPS, reports, strict=False) for row in samples_of(one, lamp)]
    return sorted(rows, key=str)


REPORTS = [report(n, t=T0 + n) for n in range(5)]


def test_a_written_batch_is_in_its_tables_and_counted() -> None:
    store = MemoryStore()
    door = writer(store)
    assert door.write(batch(*REPORTS))
    assert sorted(stored_samples(store), key=str) == expected(*REPORTS)
    assert store.read("arrivals").height == 5
    assert store.read("quarantine")["topic"].to_list() == ["nonsense"]
    counts = door.counts
    assert (counts.accepted, counts.refused, counts.rows, counts.batches) == (5, 1, 20, 1)
    assert counts.bytes == sum(len(encode(one)) for one in REPORTS) + 1


def test_an_absent_store_is_waited_for_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    away = iter([StoreAway("no route to influx")] * 50)
    store = MoodyStore(lambda table, frame: next(away, None))
    door = writer(store)
    with caplog.at_level(logging.WARNING):
        assert door.write(batch(*REPORTS))
    assert store.tries > 50
    assert sorted(stored_samples(store), key=str) == expected(*REPORTS)
    said = [record.message for record in caplog.records]
    assert len(said) == 2
    assert "no route to influx" in said[0]
    assert said[1] == "the store is back"
    assert door.store_away == ""


def test_pauses_grow_and_there_is_no_busy_loop() -> None:
    class Patience(threading.Event):
        pauses: list[float] = []  # noqa: RUF012  one test's own list

        def wait(self, timeout: float | None = None) -> bool:
            self.pauses.append(timeout or 0)
            return len(self.pauses) == 12

    stopping = Patience()
    door = Writer(MoodyStore(lambda table, frame: StoreAway("away")), lambda: NOW, Stamps(), stopping)
    assert not door.write(batch(*REPORTS))
    assert stopping.pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30, 30])


def test_nothing_is_said_to_be_durable_when_stopped_before() -> None:
    stopping = threading.Event()
    stopping.set()
    assert not writer(MoodyStore(lambda table, frame: StoreAway("away")), stopping).write(batch(*REPORTS))


def refuses(seq: int, error: Exception) -> Fault:
    def fault(table: str, frame: pl.DataFrame) -> Exception | None:
        return error if table == "telemetry" and (frame["seq"] == seq).any() else None

    return fault


def test_a_refused_message_goes_to_quarantine_alone_and_whole() -> None:
    store = MoodyStore(refuses(2, WriteRefused("beyond retention")))
    door = writer(store)
    assert door.write(batch(*REPORTS))
    assert sorted(stored_samples(store), key=str) == sorted(
        (row for n in (0, 1, 3, 4) for row in samples_of(REPORTS[n], LAMPS[n])), key=str
    )
    rows = store.read("quarantine").filter(pl.col("lamp") == LAMPS[2]).to_dicts()
    assert [(row["reason"], row["bytes"]) for row in rows] == [("store: beyond retention", len(encode(REPORTS[2])))]
    assert bytes.fromhex(rows[0]["payload"]) == encode(REPORTS[2])
    assert (door.counts.accepted, door.counts.refused) == (4, 2)


def test_a_large_refused_message_is_kept_whole_too() -> None:
    large = report(2, t=T0, dt=60, samples=288, pv_mv=[149_999] * 288)
    store = MoodyStore(refuses(2, WriteRefused("beyond retention")))
    writer(store).write(batch(REPORTS[0], REPORTS[1], large))
    row = store.read("quarantine").filter(pl.col("lamp") == LAMPS[2]).to_dicts()[0]
    assert len(encode(large)) > 2048
    assert bytes.fromhex(row["payload"]) == encode(large)


def test_an_unforeseen_error_is_taken_for_an_absence_first() -> None:
    errors = iter([OSError("what?")] * 2)
    store = MoodyStore(lambda table, frame: next(errors, None))
    door = writer(store)
    assert door.write(batch(*REPORTS))
    assert sorted(stored_samples(store), key=str) == expected(*REPORTS)
    assert door.counts.refused == 1


def test_a_message_that_breaks_the_driver_every_time_does_not_stop_the_round() -> None:
    store = MoodyStore(refuses(3, ZeroDivisionError("poison")))
    door = writer(store)
    assert door.write(batch(*REPORTS))
    assert store.read("telemetry")["seq"].unique().to_list() == [0, 1, 2, 4]
    row = store.read("quarantine").filter(pl.col("lamp") == LAMPS[3]).to_dicts()[0]
    assert row["reason"] == "store: ZeroDivisionError: poison"


def test_a_quarantine_that_cannot_be_written_is_waited_for() -> None:
    errors = iter([WriteRefused("no"), StoreAway("away"), OSError("odd")] * 5)

    def fault(table: str, frame: pl.DataFrame) -> Exception | None:
        return next(errors, None) if table == "quarantine" else None

    store = MoodyStore(fault)
    door = writer(store)
    assert door.write(batch(*REPORTS))
    assert next(errors, None) is None
    assert store.read("quarantine").height == 1
    assert sorted(stored_samples(store), key=str) == expected(*REPORTS)
    stopping = threading.Event()
    stopping.set()
    never = MoodyStore(lambda table, frame: WriteRefused("no") if table == "quarantine" else None)
    assert not writer(never, stopping).write(batch(*REPORTS))


def test_the_same_batch_twice_stores_nothing_twice() -> None:
    store = MemoryStore()
    door = writer(store)
    assert door.write(batch(*REPORTS))
    assert door.write(batch(*REPORTS))
    assert sorted(stored_samples(store), key=str) == expected(*REPORTS)
    assert store.read("arrivals").height == 10  # each arrival is one
