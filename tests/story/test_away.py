"""The store or the casebook is away during a tick: nothing is lost, the next tick does it."""

from datetime import datetime

import polars as pl
import pytest
from sqlalchemy.exc import OperationalError

from gateway.store import StoreAway
from gateway.stores.memory import MemoryStore
from monitor.remembered import FLEET
from tests.story.stage import HOUR, Stage, World


class Moody(MemoryStore):
    """Away for one verb on one table while told so."""

    def __init__(self) -> None:
        super().__init__()
        self.away: tuple[str, str] | None = None

    def append(self, table: str, frame: pl.DataFrame) -> None:
        self._perhaps("append", table)
        super().append(table, frame)

    def read(
        self, table: str, since: datetime | None = None, until: datetime | None = None, **more: object
    ) -> pl.DataFrame:
        self._perhaps("read", table)
        return super().read(table, since, until, **more)  # type: ignore[arg-type]  # passed on as they came

    def _perhaps(self, verb: str, table: str) -> None:
        if self.away == (verb, table):
            raise StoreAway(f"{table} cannot be reached")


class Full:
    """A casebook on a full disk: `reconcile` fails, before or after it wrote."""

    def __init__(self, stage: Stage, after: bool) -> None:
        self._stage = stage
        self._after = after

    def __getattr__(self, name: str) -> object:
        return getattr(self._stage.casebook, name)

    def reconcile(self, *args: object, **more: object) -> object:
        if self._after:
            self._stage.casebook.reconcile(*args, **more)  # type: ignore[arg-type]  # passed on as they came
        raise OperationalError("commit", {}, Exception("disk is full"))


@pytest.fixture(scope="module")
def undisturbed(small: World) -> Stage:
    return Stage(small).play(12 * HOUR)


def same(stage: Stage, other: Stage) -> None:
    assert stage.endings() == other.endings()
    assert stage.alert_ids() == other.alert_ids()
    assert stage.ledger().equals(other.ledger())


@pytest.mark.parametrize(
    ("verb", "table"),
    [("read", "arrivals"), ("read", "telemetry"), ("read", "events"), ("read", "quarantine"), ("append", "nights")],
)
def test_a_store_that_is_away_at_every_first_try(small: World, undisturbed: Stage, verb: str, table: str) -> None:
    store = Moody()

    def fail_first(stage: Stage) -> None:
        store.away = verb, table
        with pytest.raises(StoreAway):
            stage.watch.tick()
        store.away = None

    same(Stage(small, store).play(12 * HOUR, before_tick=fail_first), undisturbed)


@pytest.mark.parametrize("after", [False, True], ids=["nothing written", "written, but nobody knows"])
def test_a_casebook_that_fails_at_every_first_try(small: World, undisturbed: Stage, after: bool) -> None:
    """The same monitor goes on: it must not believe that what the casebook refused was done."""

    def fail_first(stage: Stage) -> None:
        stage.watch.casebook = Full(stage, after)  # type: ignore[assignment]  # a Book all the same
        with pytest.raises(OperationalError):
            stage.watch.tick()
        stage.watch.casebook = stage.casebook

    stage = Stage(small).play(12 * HOUR, before_tick=fail_first)
    same(stage, undisturbed)
    assert stage.casebook.recall(FLEET) == small.fleet.source.encode()  # whoever reads the cases needs its names


def test_a_store_that_is_away_for_days_loses_nothing(small: World, undisturbed: Stage) -> None:
    """Every tick fails while the gateway's writes wait in the broker; afterwards one tick does it all."""
    store = Moody()
    stage = Stage(small, store).play(12 * HOUR, until=small.start + 60 * HOUR)
    store.away = "read", "arrivals"
    for _ in range(5):
        with pytest.raises(StoreAway):
            stage.tick()
    store.away = None
    stage.play(60 * HOUR, since=small.start + 60 * HOUR, until=small.start + 120 * HOUR)
    stage.play(12 * HOUR, since=small.start + 120 * HOUR)
    assert stage.endings() == undisturbed.endings()
    assert stage.ledger().equals(undisturbed.ledger())


def test_a_world_that_was_never_heard_has_no_time_and_no_cases(small: World) -> None:
    stage = Stage(small)
    tick = stage.tick()
    assert (tick.clock, tick.arrivals, tick.changes) == (None, 0, None)
    assert stage.cases(hidden=True) == []
