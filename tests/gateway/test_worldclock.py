"""The world's time follows the lamps, but not one lamp with a wrong clock; and it never goes back."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.worldclock import EventClock, LiveClock
from tests.gateway.wire import report

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
T0 = int(NOON.timestamp())


def hear(clock: EventClock, lamp: str, second: int) -> None:
    """A report of two samples, the last of them at noon plus `second`."""
    clock.hear(lamp, report(0, t=T0 + second - 10, samples=2, dt=10))


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def test_the_living_world_has_the_time_of_the_wall_clock() -> None:
    times = iter([at(1), at(2)])
    clock = LiveClock(lambda: next(times))
    assert clock.now() == at(1)
    clock.hear("a", report(0, t=T0 + 9999))
    assert clock.now() == at(2)


def test_a_time_counts_when_three_lamps_have_reached_it() -> None:
    clock = EventClock(200)
    assert clock.now() is None
    hear(clock, "a", 30)
    hear(clock, "b", 20)
    hear(clock, "c", 10)
    assert clock.now() == at(10)
    hear(clock, "c", 40)
    assert clock.now() == at(20)
    hear(clock, "a", 50)
    assert clock.now() == at(20)
    hear(clock, "b", 60)
    assert clock.now() == at(40)


def test_one_lamp_a_day_ahead_does_not_drag_the_world() -> None:
    clock = EventClock(200)
    hear(clock, "wrong", 86_400)
    for second in range(0, 1000, 10):
        for lamp in "abc":
            hear(clock, lamp, second)
    assert clock.now() == at(990)


def test_a_small_fleet_needs_no_more_lamps_than_it_has() -> None:
    alone = EventClock(1)
    hear(alone, "a", 5)
    assert alone.now() == at(5)
    two = EventClock(2)
    hear(two, "a", 5)
    hear(two, "b", 3)
    assert two.now() == at(3)


def test_after_a_restart_it_goes_on_from_where_it_was() -> None:
    clock = EventClock(200, start=at(100))
    assert clock.now() == at(100)
    for lamp in "abc":
        hear(clock, lamp, 50)
    assert clock.now() == at(100)
    for lamp in "abc":
        hear(clock, lamp, 150)
    assert clock.now() == at(150)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 500)), min_size=1), st.integers(1, 8))
def test_it_is_the_third_newest_lamps_time_and_never_goes_back(heard: list[tuple[str, int]], lamps: int) -> None:
    clock = EventClock(lamps)
    newest: dict[str, int] = {}
    needed = min(3, lamps)
    before: datetime | None = None
    for lamp, second in heard:
        hear(clock, lamp, second)
        newest[lamp] = max(newest.get(lamp, 0), second)
        now = clock.now()
        if len(newest) >= needed:
            assert now == at(sorted(newest.values())[-needed])
            assert before is None or now >= before
            before = now
        else:
            assert now == at(min(newest.values()))
