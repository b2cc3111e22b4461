"""A monitor that stops, dies or is started twice: the cases and the alerts are those of one that never stopped."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from gateway.stores.memory import MemoryStore
from monitor.casebook import Casebook, open_casebook
from monitor.watch import Watch
from tests.story.stage import DAY, HOUR, NAME, Stage, World, batches

HALF_DAY = 12 * HOUR


class Killed(BaseException):
    """Nothing in the monitor catches it, as nothing catches a SIGKILL."""


class Dies:
    """A casebook whose process ends in `reconcile`: before it wrote anything, or after it wrote everything."""

    def __init__(self, real: Casebook, after: bool) -> None:
        self._real = real
        self._after = after

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def reconcile(self, *args: object, **more: object) -> object:
        if self._after:
            self._real.reconcile(*args, **more)  # type: ignore[arg-type]  # passed on as they came
        raise Killed


@pytest.fixture(scope="module")
def uninterrupted(small: World) -> Stage:
    stage = Stage(small).play(HALF_DAY)
    assert {case.lamp for case in stage.cases()} == {"fatoma-02", "fatoma-04", "fatoma-06", "fatoma-07"}
    assert len(stage.told) == len(stage.alert_ids()) == 14  # three opened and closed, one open; two contacts
    return stage


def always(_: int) -> bool:
    return True


def at_random(seed: int) -> Callable[[int], bool]:
    draws = random.Random(seed)
    return lambda _: draws.random() < 0.3


def same(stage: Stage, other: Stage) -> None:
    assert stage.endings() == other.endings()
    assert stage.alert_ids() == other.alert_ids()
    assert [alert.id for alert in stage.told] == [alert.id for alert in other.told]
    assert stage.ledger().equals(other.ledger())


@pytest.mark.parametrize("when", [always, at_random(1)], ids=["every tick", "some"])
def test_a_restart_opens_no_second_case_and_owes_no_second_alert(
    small: World, uninterrupted: Stage, when: Callable[[int], bool]
) -> None:
    def perhaps(stage: Stage) -> None:
        if when(stage.ticks):
            stage.restart()

    same(Stage(small).play(HALF_DAY, before_tick=perhaps), uninterrupted)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_monitor_killed_in_the_middle_of_every_tick(small: World, uninterrupted: Stage, after: bool) -> None:
    """Once with the nights stored and no case written, once with all written and nothing noticed."""

    def killed(stage: Stage) -> None:
        doomed = Watch(stage.store, Dies(stage.casebook, after), stage.world.fleet)  # type: ignore[arg-type]  # a Book
        with pytest.raises(Killed):
            doomed.tick()
        stage.restart()

    same(Stage(small).play(HALF_DAY, before_tick=killed), uninterrupted)


def test_a_tick_without_news_changes_nothing(small: World, uninterrupted: Stage) -> None:
    before = uninterrupted.casebook.alerts(), uninterrupted.cases(hidden=True)
    for _ in range(3):
        tick = uninterrupted.tick()
        assert (tick.arrivals, tick.nights, bool(tick.changes)) == (0, 0, False)
    uninterrupted.restart()
    assert not uninterrupted.tick().changes
    assert (uninterrupted.casebook.alerts(), uninterrupted.cases(hidden=True)) == before


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[tuple[Casebook, Casebook]]:
    """One casebook, opened by two processes."""
    url = f"sqlite:///{tmp_path}/book.sqlite"
    first, second = open_casebook(url, NAME), open_casebook(url, NAME)
    yield first, second
    first.close()
    second.close()


@pytest.mark.parametrize("lag", [1, 3])
def test_two_monitors_in_turn_double_nothing(
    small: World, uninterrupted: Stage, shared: tuple[Casebook, Casebook], lag: int
) -> None:
    """The second one looks at every tick, or only now and then with old data in its memory."""
    store = MemoryStore()
    one, other = Stage(small, store, shared[0]), Stage(small, store, shared[1], tells=False)

    def other_too(stage: Stage) -> None:
        if stage.ticks % lag == 0:
            other.tick()

    same(one.play(HALF_DAY, before_tick=other_too), uninterrupted)


def test_two_monitors_at_the_same_moment_double_nothing(
    small: World, uninterrupted: Stage, shared: tuple[Casebook, Casebook]
) -> None:
    store = MemoryStore()
    stages = [Stage(small, store, book, tells=False) for book in shared]
    together = Barrier(2)

    def tick(stage: Stage) -> None:
        together.wait(30)
        stage.watch.tick()

    with ThreadPoolExecutor(2) as both:
        for batch in batches(small.arrivals, HALF_DAY):
            stages[0].arrive(batch)
            list(both.map(tick, stages))
    assert stages[0].endings() == uninterrupted.endings()
    assert stages[0].alert_ids() <= uninterrupted.alert_ids() | closed_at_once(stages[0])
    assert len({(a.case, a.contact, a.change) for a in stages[0].casebook.alerts()}) == len(stages[0].alert_ids())


def closed_at_once(stage: Stage) -> set[tuple[str, str]]:
    """Alerts that nobody told in time: overtaken by the news that it is over."""
    return {(a.id, str(a.change)) for a in stage.casebook.alerts() if a.change == "closed"}


def test_a_monitor_that_was_down_for_days_catches_up(small: World, uninterrupted: Stage) -> None:
    """Lamps go on, the gateway stores; the monitor comes back and has the same cases, and tells no stale news."""
    stage = Stage(small)
    for batch in batches(small.arrivals, HALF_DAY):
        stage.arrive(batch)
        down = small.start + 2 * DAY <= batch["time"].max() < small.start + 5.5 * DAY  # type: ignore[operator]  # datetime
        if not down:
            stage.tick()
    assert stage.endings() == uninterrupted.endings()
    assert stage.ledger().equals(uninterrupted.ledger())
    assert stage.alert_ids() <= uninterrupted.alert_ids()
    assert {case.lamp for case in stage.cases() if case.id in {a.case for a in stage.told}} >= {"fatoma-07"}


def test_a_monitor_that_was_down_for_a_week(hard: World) -> None:
    awake = Stage(hard).play(DAY)
    stage = Stage(hard).play(DAY, until=hard.start + 3 * DAY)
    stage.play(8 * DAY, since=hard.start + 3 * DAY, until=hard.start + 10 * DAY)
    stage.play(DAY, since=hard.start + 10 * DAY)
    assert stage.endings() == awake.endings()
    assert stage.ledger().equals(awake.ledger())
    # Four days and more after their repair nobody hears of these lamps any more.
    assert stage.news("fatoma-04", stage.case("fatoma-04", stage.cases()[0].kind).kind) == {}
