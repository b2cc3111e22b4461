"""A tick, piece by piece: the cursor, late writes, cases older than memory, lamps that nobody knows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest

from gateway.store import ARRIVALS, EVENTS, TABLES, StoreAway
from gateway.stores.memory import MemoryStore
from monitor.case import State
from monitor.casebook import Casebook, open_casebook
from monitor.fault import Cause, Episode, Kind
from monitor.watch import FORGOTTEN_NIGHTS, MEMORY_NIGHTS, OVERLAP, SETTLED_NIGHTS, Watch
from tests.monitor.samples import FIRST, FLEET, LAMP, LAMPS, D, H, between, date, dusk, spoilt, village_days

SICK = spoilt(village_days(5), between(dusk(2) - H, dusk(9)), led_mw=0, level=0)
S = timedelta(seconds=1)


class World:
    """A store that reports are written to, and a monitor."""

    def __init__(self, samples: pl.DataFrame = SICK) -> None:
        self.samples = samples
        self.store = MemoryStore()
        self.book: Casebook = open_casebook("sqlite://", "trezor")
        self.watch = Watch(self.store, self.book, FLEET)

    def arrivals(self) -> pl.DataFrame:
        reports = self.samples.group_by("commune", "lamp", "seq", maintain_order=True).agg(
            pl.col("sent").last().alias("time"), pl.col("sent").last().alias("received"),
            pl.col("dt", "boot").first(), first=pl.col("time").first(), last=pl.col("time").last(), samples=pl.len(),
            bytes=pl.len(),
        )  # fmt: skip
        # Two reports of a lamp are never written at one moment; those of two lamps may be.
        return reports.select(pl.col(name).cast(kind) for name, kind in ARRIVALS.schema.items())

    def write(self, since: datetime, until: datetime, lamps: Sequence[str] = LAMPS, written: timedelta = 0 * S) -> None:
        """The reports that were sent in this time, written so much later."""
        mine = pl.col("lamp").is_in(lamps)
        sent = (pl.col("sent") >= since) & (pl.col("sent") < until)
        self.store.append("telemetry", self.samples.filter(mine & sent))
        rows = self.arrivals().filter(mine & (pl.col("received") >= since) & (pl.col("received") < until))
        self.store.append("arrivals", rows.with_columns(pl.col("time") + written))

    def states(self, kind: Kind = Kind.DARK) -> list[State]:
        return [case.state for case in self.book.cases(kind=kind, withdrawn=True)]


@pytest.fixture
def world() -> World:
    return World()


def test_a_tick_says_what_it_did(world: World) -> None:
    world.write(FIRST, FIRST + 2 * D)
    tick = world.watch.tick()
    assert tick.clock is not None
    assert FIRST + 1.7 * D < tick.clock < FIRST + 2 * D
    assert tick.arrivals == 8 * len(LAMPS)
    assert tick.nights >= 2 * len(LAMPS)
    assert world.watch.tick().arrivals == 0


def test_time_never_goes_back(world: World) -> None:
    world.write(FIRST + D, FIRST + 2 * D)
    later = world.watch.tick().clock
    world.write(FIRST, FIRST + D, written=2 * D)
    assert world.watch.tick().clock == later


def test_the_wall_clock_counts_where_lamps_live() -> None:
    world = World()
    now = FIRST + 20 * D
    watch = Watch(world.store, world.book, FLEET, wall=lambda: now)
    world.write(FIRST, FIRST + 2 * D)
    assert watch.tick().clock == now
    assert world.states(Kind.COMMUNE_SILENT) == [State.OPEN]  # eighteen days without a word


def test_a_write_that_becomes_visible_late_is_not_passed_over(world: World) -> None:
    """Two gateways stamp their writes before they are visible: the later stamp may be seen first."""
    world.write(FIRST, FIRST + 4 * D, LAMPS[2:])
    world.watch.tick()
    seen = world.arrivals()["time"].max()
    assert isinstance(seen, datetime)
    world.write(FIRST + 3.9 * D, FIRST + 4 * D, [LAMP])
    late = world.store.read("arrivals").filter(pl.col("lamp") == LAMP)
    assert late.height
    assert (late["time"] >= world.watch._cursor - OVERLAP).all()  # type: ignore[operator]  # set by the tick above
    assert world.watch.tick().arrivals == late.height


def test_a_row_that_is_visible_in_part_is_looked_at_when_it_is_whole(world: World) -> None:
    """InfluxDB shows the fields of a row one after the other while it is written."""
    world.store.append("telemetry", world.samples.filter(pl.col("sent") < FIRST + D))
    rows = world.arrivals().filter(pl.col("received") < FIRST + D)
    part = pl.when(pl.col("lamp") != LAMP)
    world.store.append(
        "arrivals", rows.with_columns(part.then("first").alias("first"), part.then("last").alias("last"))
    )
    others = world.watch.tick().arrivals
    assert others == rows.filter(pl.col("lamp") != LAMP).height
    world.store.append("arrivals", rows)
    assert (
        world.watch.tick().arrivals == rows.filter(pl.col("received") > rows["time"].max() - OVERLAP, lamp=LAMP).height
    )


def test_a_lamp_that_is_not_in_the_fleet_is_nobodys_case(world: World) -> None:
    stranger = spoilt(SICK.filter(pl.col("lamp") == LAMP), pl.lit(True), lamp=pl.lit("fatoma-99"))
    foreign = World(stranger)
    foreign.store = world.store
    world.write(FIRST, FIRST + 5 * D, [lamp for lamp in LAMPS if lamp != LAMP])
    foreign.write(FIRST, FIRST + 5 * D, ["fatoma-99"])
    world.watch.tick()
    assert world.states() == []
    assert "fatoma-99" not in world.store.read("nights")["lamp"].to_list()


def test_every_table_that_a_tick_reads_may_be_empty() -> None:
    world = World()
    assert world.watch.tick().clock is None
    for table in TABLES:
        assert world.store.read(table).is_empty()


def test_the_nights_are_stored_as_they_are_remembered(world: World) -> None:
    world.write(FIRST, FIRST + 5 * D)
    world.watch.tick()
    stored = world.store.read("nights").sort("lamp", "time")
    assert stored.equals(world.watch.ledger.select(stored.columns).sort("lamp", "time"))


def test_a_new_monitor_has_the_same_nights_in_mind(world: World) -> None:
    world.write(FIRST, FIRST + 5 * D)
    world.watch.tick()
    anew = Watch(world.store, world.book, FLEET)
    columns = ["lamp", "time", "verdict", "lit_minutes", "yield_ratio", "capacity"]
    ours, theirs = (watch.ledger.sort("lamp", "time").select(columns) for watch in (anew, world.watch))
    assert ours.equals(theirs)
    tick = anew.tick()
    assert not tick.changes
    assert tick.arrivals <= len(LAMPS)  # what was written in the last minutes is read again, not five days


NIGHTS = MEMORY_NIGHTS + 15


@pytest.fixture(scope="module")
def old() -> World:
    """A lamp dark for a hundred and thirty nights, judged twenty days at a time, then five."""
    samples = village_days(NIGHTS, every=timedelta(minutes=30))
    world = World(spoilt(samples, between(dusk(2) - H, dusk(NIGHTS - 3) - H), led_mw=0, level=0))
    edges = [*range(0, SETTLED_NIGHTS, 20), *range(SETTLED_NIGHTS, NIGHTS + 1, 5)]
    for first, last in pairwise(edges):
        world.write(FIRST + first * D, FIRST + last * D)
        world.watch.tick()
    return world


class TestACaseOlderThanMemory:
    """What opened it is forgotten, it is not."""

    def test_stays_one_case_with_its_beginning_and_closes_with_its_repair(self, old: World) -> None:
        (case,) = old.book.cases(kind=Kind.DARK, withdrawn=True)
        assert abs(case.since - dusk(2)) < 2 * H
        assert case.state is State.CLOSED
        assert case.until is not None
        assert abs(case.until - dusk(NIGHTS - 3)) < 2 * H

    def test_nothing_else_was_made_of_it(self, old: World) -> None:
        assert {case.kind for case in old.book.cases(withdrawn=True)} == {Kind.DARK}

    def test_what_was_learnt_before_is_known_after_a_restart(self, old: World) -> None:
        """The first nights are no longer in memory; each lamp's usual is still theirs."""
        anew = Watch(old.store, old.book, FLEET)
        assert not anew.tick().changes
        assert anew.ledger.equals(old.watch.ledger)
        known = old.watch.ledger.filter(pl.col("time") == old.watch.ledger["time"].min())["yield_ratio"]
        assert known.null_count() < known.len()

    def test_memory_is_bounded(self, old: World) -> None:
        assert old.watch.ledger["time"].n_unique() <= MEMORY_NIGHTS + FORGOTTEN_NIGHTS + 1
        assert old.store.read("nights")["time"].n_unique() >= NIGHTS


def test_a_case_that_began_before_memory_and_has_ended_still_hides_what_it_hid(world: World) -> None:
    """Or the hidden one would come forward months later, as news."""
    began = FIRST - 110 * D
    lost = Episode(
        commune="fatoma", lamp=LAMP, kind=Kind.BATTERY_LOST, since=began, opened_at=began, until=dusk(4),
        closed_at=dusk(4), causes=(Cause("theft", 1.0),),
    )  # fmt: skip
    world.book.reconcile([lost], now=dusk(4), horizon=began - D, fleet=FLEET)
    world.write(FIRST, FIRST + 5 * D)
    world.watch.tick()
    (dark,) = world.book.cases(kind=Kind.DARK)
    assert dark.hidden_by is Kind.BATTERY_LOST
    assert [case.until for case in world.book.cases(kind=Kind.BATTERY_LOST)] == [lost.until]


def test_an_event_is_judged_though_no_report_came_with_it(world: World) -> None:
    world.write(FIRST, FIRST + 2 * D)
    world.watch.tick()
    at = FIRST + 1.9 * D
    row = ("fatoma", LAMP, "tilt", at, at)
    world.store.append("events", pl.DataFrame([row], schema=dict(EVENTS.schema), orient="row"))
    world.watch.tick()
    assert world.states(Kind.MOVED) == [State.OPEN]
    world.write(FIRST + 2 * D, FIRST + 4 * D)
    world.watch.tick()
    assert world.states(Kind.MOVED) == [State.CLOSED]


def test_a_repair_that_people_report_is_learnt_from_at_the_next_tick(world: World) -> None:
    world.write(FIRST, FIRST + 5 * D)
    world.watch.tick()
    world.book.report_repair(LAMP, "driver remplacé", "technicien", date(4))
    assert world.watch.tick().clock is not None  # derived anew, without a new report
    assert world.states() == [State.OPEN]


def test_a_world_that_was_never_heard_of_may_be_ticked_and_may_have_events() -> None:
    """A station is started before its lamps are; a pole may be hit before it has said anything else."""
    world = World()
    watch = Watch(world.store, world.book, FLEET, wall=lambda: FIRST + 2 * D)
    assert watch.tick().arrivals == 0
    row = ("fatoma", LAMP, "tilt", FIRST + 1.5 * D, FIRST + 1.5 * D)
    world.store.append("events", pl.DataFrame([row], schema=dict(EVENTS.schema), orient="row"))
    watch.tick()
    assert world.states(Kind.MOVED) == [State.OPEN]
    world.write(FIRST, FIRST + 2 * D)
    assert watch.tick().arrivals > 0


def test_nights_that_could_not_be_written_are_written_by_the_next_tick(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = world.store.append

    def away(table: str, rows: pl.DataFrame) -> None:
        if table == "nights":
            raise StoreAway("the disk is full")
        real(table, rows)

    world.write(FIRST, FIRST + 3 * D)
    monkeypatch.setattr(world.store, "append", away)
    with pytest.raises(StoreAway):
        world.watch.tick()
    monkeypatch.undo()
    world.watch.tick()
    stored = world.store.read("nights").sort("lamp", "time")
    assert stored.height >= 3 * len(LAMPS)
    assert stored.equals(world.watch.ledger.select(stored.columns))
