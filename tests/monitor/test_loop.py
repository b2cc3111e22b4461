"""The monitor's rounds: a sick one is counted and done again, and never ends the watch."""

import threading
import time
from datetime import UTC, datetime

import pytest

from gateway.store import StoreAway
from monitor.loop import Monitor
from monitor.watch import Tick

NOW = datetime(2026, 3, 5, 10, tzinfo=UTC)


class Rounds:
    """A watch and a notifier in one, that fail as told."""

    def __init__(self, *outcomes: Exception | None, news: Exception | None = None) -> None:
        self.outcomes = list(outcomes)
        self.news = [news]
        self.ticks = self.rounds = 0
        self.together = self.most_together = 0
        self.called = threading.Event()

    def tick(self) -> Tick:
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        self.ticks += 1
        time.sleep(0.01)
        self.together -= 1
        self.called.set()
        if self.outcomes and (failure := self.outcomes.pop(0)):
            raise failure
        return Tick(NOW, 3, 2)

    def round(self, now: datetime) -> None:
        assert now == NOW
        self.rounds += 1
        if self.news and (failure := self.news.pop(0)):
            raise failure


def monitor(rounds: Rounds, **more: object) -> Monitor:
    return Monitor(rounds, rounds, lambda: NOW, **more)  # type: ignore[arg-type]  # it can do what a watch is asked to


def test_a_tick_is_counted_and_told() -> None:
    told: list[Tick] = []
    watched = monitor(Rounds(), on_tick=told.append)
    assert watched.tick() == Tick(NOW, 3, 2)
    assert (watched.pulse.ticks, watched.pulse.failed, watched.pulse.trouble) == (1, 0, "")
    assert (watched.pulse.last_tick, watched.pulse.world_clock) == (NOW, NOW)
    assert told == [Tick(NOW, 3, 2)]


@pytest.mark.parametrize("failure", [StoreAway("no disk"), ValueError("a sick lamp"), MemoryError()])
def test_a_tick_that_fails_is_done_again_at_the_next_round(failure: Exception) -> None:
    told: list[Tick] = []
    watched = monitor(Rounds(failure), on_tick=told.append)
    assert watched.tick() is None
    assert (watched.pulse.ticks, watched.pulse.failed) == (0, 1)
    assert watched.pulse.trouble
    assert told == []
    assert watched.tick() is not None
    assert (watched.pulse.ticks, watched.pulse.failed, watched.pulse.trouble) == (1, 1, "")


def test_what_is_wrong_is_said_in_words() -> None:
    watched = monitor(Rounds(StoreAway("the disk is full"), ValueError("column x")))
    watched.tick()
    assert watched.pulse.trouble == "store: the disk is full"
    watched.tick()
    assert watched.pulse.trouble == "ValueError: column x"


def test_the_same_trouble_is_logged_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    watched = monitor(Rounds(*[StoreAway("away")] * 5))
    with caplog.at_level("INFO"):
        for _ in range(6):
            watched.tick()
    assert [record.getMessage() for record in caplog.records] == [
        "a tick failed, trying again at every round: store: away",
        "ticks work again",
    ]


def test_a_round_of_news_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    rounds = Rounds(news=OSError("no network"))
    watched = monitor(rounds)
    watched.notify()
    watched.notify()
    assert rounds.rounds == 2
    assert "no network" in caplog.text


def test_ticks_asked_from_several_threads_never_overlap() -> None:
    rounds = Rounds()
    watched = monitor(rounds)
    threads = [threading.Thread(target=watched.tick) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (rounds.ticks, rounds.most_together) == (8, 1)


def test_it_ticks_at_once_and_by_itself_until_it_is_stopped() -> None:
    rounds = Rounds(None, ValueError("one sick round"))
    watched = monitor(rounds, tick_s=0.05, notify_s=0.05)
    watched.start()
    deadline = time.monotonic() + 30
    while (rounds.ticks < 4 or rounds.rounds < 2) and time.monotonic() < deadline:
        rounds.called.wait(1)
        rounds.called.clear()
    watched.stop()
    done = rounds.ticks
    assert done >= 4
    assert rounds.rounds >= 2
    assert watched.pulse.failed == 1
    assert rounds.most_together == 1
    watched.stop()  # twice is not once too often
    assert rounds.ticks == done
