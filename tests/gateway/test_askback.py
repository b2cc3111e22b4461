"""The round that asks back: from the store's arrivals to a request on a lamp's topic, and to the table of the lost."""

from datetime import UTC, datetime, timedelta

import polars as pl

from gateway.askback import AskBack
from gateway.resend import Patience
from gateway.store import ARRIVALS
from gateway.stores.memory import MemoryStore
from gateway.telemetry import CBOR_TYPE, Resend, decode
from gateway.worldclock import LiveClock
from tests.gateway.wire import WORLD, fleet, topic

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FLEET = fleet()
LAMP = next(iter(FLEET.lamps))


class Scene:
    """A store, a clock that is set by hand, and what was published."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.now = NOON
        self.sent: list[tuple[str, Resend]] = []
        self.online = True

    def publish(self, topic: str, payload: bytes, content_type: str) -> bool:
        request = decode(payload, content_type, Resend)
        assert isinstance(request, Resend)
        assert content_type == CBOR_TYPE
        if self.online:
            self.sent.append((topic, request))
        return self.online

    def askback(self, suffix: str = "", patience: Patience | None = None) -> AskBack:
        clock = lambda: self.now  # noqa: E731  shorter than a function and says the same
        return AskBack(
            self.store,
            FLEET,
            WORLD,
            clock,
            LiveClock(clock),
            self.publish,
            suffix=suffix,
            patience=patience or Patience(),
        )

    def arrive(self, *seqs: int, lamp: str = LAMP, boot: int = 1) -> None:
        rows = [
            (FLEET.lamps[lamp].commune, lamp, self.now + timedelta(microseconds=seq), self.now, self.now, self.now,
             900, boot, seq, 1, 100)
            for seq in seqs
        ]  # fmt: skip
        self.store.append(ARRIVALS.name, pl.DataFrame(rows, schema=dict(ARRIVALS.schema), orient="row"))

    def wait(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


def test_a_hole_in_the_numbers_is_asked_back_on_the_lamps_own_topic() -> None:
    scene = Scene()
    askback = scene.askback()
    scene.arrive(0, 1, 5)
    askback.look()
    assert scene.sent == []
    scene.wait(10)
    askback.look()
    assert scene.sent == [(str(topic(FLEET, LAMP, "resend")), Resend(v=1, boot=1, from_=2, to=4))]
    scene.arrive(2, 3, 4)
    scene.wait(600)
    askback.look()
    assert len(scene.sent) == 1
    assert askback.asked == 1


def test_what_another_gateway_wrote_is_not_missing() -> None:
    scene = Scene()
    askback = scene.askback()
    scene.arrive(0, 2, 4)
    askback.look()
    scene.arrive(1, 3)  # by the other one
    scene.wait(10)
    askback.look()
    assert scene.sent == []


def test_a_row_that_is_not_whole_yet_is_read_again() -> None:
    scene = Scene()
    askback = scene.askback()
    scene.arrive(0)
    whole = scene.store.read(ARRIVALS.name)
    half = whole.with_columns(time=pl.col("time") + pl.duration(microseconds=1), seq=pl.lit(None, pl.Int32()))
    scene.store.append(ARRIVALS.name, half)
    scene.arrive(2)
    askback.look()
    scene.store.append(ARRIVALS.name, half.with_columns(seq=pl.lit(1, pl.Int32())))
    scene.wait(0.5)
    scene.arrive(3)
    askback.look()
    scene.wait(10)
    askback.look()
    assert scene.sent == []


def test_replicas_do_not_ask_at_the_same_moment() -> None:
    scene = Scene()
    replicas = [scene.askback(suffix) for suffix in ("a", "b")]
    scene.arrive(0, 5)
    asked = []
    for _ in range(125):  # steps of six seconds
        for replica in replicas:
            replica.look()
        asked.append([replica.asked for replica in replicas])
        scene.wait(0.1)
    assert asked[99] == [0, 0]
    assert [1, 0] in asked or [0, 1] in asked
    assert asked[-1] == [1, 1]


def test_after_a_restart_the_holes_are_found_again_in_the_store() -> None:
    scene = Scene()
    scene.arrive(0, 5)
    scene.askback().look()
    scene.wait(10)
    again = scene.askback()
    again.look()
    assert [request.from_ for _, request in scene.sent] == [1]


def test_what_a_lamp_does_not_have_is_written_down_once_and_not_asked_again() -> None:
    scene = Scene()
    askback = scene.askback(patience=Patience(tries=2))
    scene.arrive(0, 5)
    for seq in range(6, 60):
        scene.wait(15)
        scene.arrive(seq)
        askback.look()
    lost = scene.store.read("lost").drop("time").rows()
    assert lost == [(FLEET.lamps[LAMP].commune, LAMP, 1, 1, 4)]
    assert askback.lost == 4
    assert len(scene.sent) == 2
    again = scene.askback()
    for seq in range(60, 90):
        scene.wait(15)
        scene.arrive(seq)
        again.look()
    assert len(scene.sent) == 2
    assert scene.store.read("lost").height == 1


def test_losses_of_one_moment_do_not_replace_each_other() -> None:
    scene = Scene()
    askback = scene.askback()
    scene.arrive(0, 2, 4, 6, 8)
    askback.look()
    scene.wait(60 * 24 * 30.5)
    askback.look()
    assert scene.store.read("lost")["from_seq"].to_list() == [1, 3, 5, 7]


def test_without_a_connection_it_is_asked_later() -> None:
    scene = Scene()
    scene.online = False
    askback = scene.askback()
    scene.arrive(0, 2)
    askback.look()
    scene.wait(11)
    askback.look()
    assert askback.asked == 0
    scene.online = True
    scene.wait(11)
    scene.arrive(3)
    askback.look()
    assert askback.asked == 1


def test_a_lamp_that_has_left_the_fleet_is_not_asked() -> None:
    scene = Scene()
    askback = scene.askback()
    rows = [
        ("fatoma", "gone-01", NOON + timedelta(microseconds=seq), NOON, NOON, NOON, 900, 1, seq, 1, 100)
        for seq in (0, 2)
    ]
    scene.store.append(ARRIVALS.name, pl.DataFrame(rows, schema=dict(ARRIVALS.schema), orient="row"))
    askback.look()
    scene.wait(11)
    askback.look()
    scene.wait(60 * 24 * 31)
    askback.look()
    assert scene.sent == []
    assert scene.store.read("lost").is_empty()


def test_an_empty_world_asks_nothing() -> None:
    scene = Scene()
    scene.askback().look()
    assert scene.sent == []
