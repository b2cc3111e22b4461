"""Every message becomes rows or a quarantine row with its reason, and the sum is exact."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake import Accepted, Batch, Entry, Intake, Refused, Stamps, as_text
from gateway.store import TABLES
from gateway.telemetry import CBOR_TYPE, JSON_TYPE, Event, Status, encode
from tests.gateway.wire import WORLD, fleet, report, samples_of, topic

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
T0 = int(NOW.timestamp()) - 6 * 3600
FLEET = fleet()
FIRST, SECOND = list(FLEET.lamps)[:2]
ELSEWHERE = next(lamp for lamp in FLEET.lamps.values() if lamp.commune != FLEET.lamps[FIRST].commune)
GOOD = encode(report(3, t=T0))
PLACE = str(topic(FLEET, FIRST))


def take(topic: str, payload: bytes, content_type: str | None = None) -> Accepted | Refused:
    return Intake(FLEET, WORLD).take(topic, payload, content_type, NOW)


def reason(fate: Accepted | Refused) -> str:
    assert isinstance(fate, Refused)
    return fate.reason


def entry(fate: Accepted | Refused, seconds: float = 0) -> Entry:
    time = NOW + timedelta(seconds=seconds)
    return Entry(fate, time, time)


@pytest.mark.parametrize("content_type", [JSON_TYPE, CBOR_TYPE])
def test_a_report_of_a_lamp_of_the_fleet_is_accepted(content_type: str) -> None:
    fate = take(PLACE, encode(report(3, t=T0), content_type), content_type)
    assert isinstance(fate, Accepted)
    assert fate.message == report(3, t=T0)
    assert fate.rows == 4


def test_a_lamp_speaks_only_for_itself_in_its_own_commune_and_world() -> None:
    commune = FLEET.lamps[FIRST].commune
    assert reason(take(f"other/{commune}/{FIRST}/telemetry", GOOD)) == "world 'other', this gateway keeps 'test'"
    assert reason(take(f"{WORLD}/{commune}/nobody-01/telemetry", GOOD)) == "lamp 'nobody-01' is not in the fleet"
    fate = take(f"{WORLD}/{ELSEWHERE.commune}/{FIRST}/telemetry", GOOD)
    assert reason(fate) == f"lamp {FIRST!r} belongs to commune {commune!r}, not {ELSEWHERE.commune!r}"
    assert isinstance(fate, Refused)
    assert (fate.commune, fate.lamp) == (ELSEWHERE.commune, FIRST)
    assert reason(take(f"{WORLD}/{commune}/{FIRST}/resend", GOOD)) == "kind 'resend' is not a lamp's to send"


def test_who_it_was_is_kept_as_far_as_it_is_known() -> None:
    fate = take(f"{WORLD}/{ELSEWHERE.commune}/nobody/telemetry", GOOD)
    assert isinstance(fate, Refused)
    assert (fate.commune, fate.lamp) == (ELSEWHERE.commune, "")
    fate = take("what/ever", GOOD)
    assert isinstance(fate, Refused)
    assert (fate.commune, fate.lamp, fate.topic) == ("", "", "what/ever")


def test_the_clock_of_every_message_with_a_time_is_checked() -> None:
    ahead = int(NOW.timestamp()) + 25 * 3600
    place = str(topic(FLEET, FIRST, "event"))
    assert "25 h ahead" in reason(take(place, encode(Event(v=1, t=ahead, event="tilt"))))
    assert "25 h ahead" in reason(take(PLACE, encode(report(1, t=ahead, samples=1))))
    assert "before 2015" in reason(take(place, encode(Event(v=1, t=5, event="tilt"))))


def test_of_a_report_refused_for_its_time_alone_the_time_can_be_taken() -> None:
    """Many lamps that agree on a time beyond the world's are right, and the world has moved on."""
    ahead = int(NOW.timestamp()) + 25 * 3600
    fate = take(PLACE, encode(report(1, t=ahead)))
    assert isinstance(fate, Refused)
    assert fate.ahead == report(1, t=ahead)
    for wrong in (msgspec.structs.replace(report(1, t=ahead), bat_mv=[999_999] * 4), report(1, t=0)):
        fate = take(PLACE, encode(wrong))
        assert isinstance(fate, Refused)
        assert fate.ahead is None


def test_each_kind_is_read_as_its_own_message() -> None:
    online = encode(Status(v=1, state="online"), JSON_TYPE)
    assert isinstance(take(str(topic(FLEET, FIRST, "status")), online), Accepted)
    assert "missing required field" in reason(take(PLACE, online))
    assert "missing required field" in reason(take(str(topic(FLEET, FIRST, "status")), GOOD))
    assert reason(take(str(topic(FLEET, FIRST, "status")), b"")).startswith("CBOR: ")  # a retained one taken back


def test_a_batch_writes_arrivals_last_for_they_announce_the_others() -> None:
    intake = Intake(FLEET, WORLD)
    messages = [
        (PLACE, GOOD),
        (str(topic(FLEET, SECOND, "status")), encode(Status(v=1, state="offline"))),
        (str(topic(FLEET, SECOND, "event")), encode(Event(v=1, t=T0, event="door_open"))),
        (PLACE, b"\xff"),
        (str(topic(FLEET, SECOND)), encode(report(9, t=T0 + 60, samples=2))),
    ]
    batch = Batch([entry(intake.take(topic, payload, None, NOW)) for topic, payload in messages])
    writing = NOW + timedelta(minutes=1)
    frames = dict(batch.frames(writing, Stamps()))
    assert list(frames) == ["telemetry", "events", "status", "quarantine", "arrivals"]
    for name, frame in frames.items():
        assert frame.schema == TABLES[name].schema
    assert frames["telemetry"].select("lamp", "time", "seq", "bat_mv").rows() == samples_of(
        report(3, t=T0), FIRST
    ) + samples_of(report(9, t=T0 + 60, samples=2), SECOND)
    commune = FLEET.lamps[SECOND].commune
    assert frames["events"].rows() == [(commune, SECOND, "door_open", datetime.fromtimestamp(T0, UTC), NOW)]
    assert frames["status"].rows() == [(commune, SECOND, NOW, "offline")]
    refused = frames["quarantine"].row(0, named=True)
    assert (refused["lamp"], refused["bytes"], refused["payload"], refused["topic"]) == (FIRST, 1, "ff", PLACE)
    assert refused["reason"].startswith("CBOR: ")
    first, second = frames["arrivals"].iter_rows(named=True)
    assert first == {
        "commune": FLEET.lamps[FIRST].commune, "lamp": FIRST, "time": writing, "received": NOW,
        "first": datetime.fromtimestamp(T0, UTC), "last": datetime.fromtimestamp(T0 + 2700, UTC),
        "dt": 900, "boot": 1, "seq": 3, "samples": 4, "bytes": len(GOOD),
    }  # fmt: skip
    assert second["time"] == writing + timedelta(microseconds=1)
    assert (len(batch.accepted), len(batch.refused), len(batch)) == (4, 1, 5)


def test_rows_are_built_once_and_stamped_at_every_attempt() -> None:
    batch = Batch([entry(take(PLACE, GOOD))])
    stamps = Stamps()
    first = dict(batch.frames(NOW, stamps))
    later = dict(batch.frames(NOW + timedelta(hours=1), stamps))
    assert first["telemetry"] is later["telemetry"]
    assert later["arrivals"]["time"].to_list() == [NOW + timedelta(hours=1)]


def test_an_empty_batch_writes_nothing() -> None:
    assert dict(Batch([]).frames(NOW, Stamps())) == {}


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 50)), max_size=30))
def test_stamps_never_repeat_and_never_go_back_even_if_the_clock_does(takes: list[tuple[int, int]]) -> None:
    stamps = Stamps()
    given_out: list[datetime] = []
    for seconds, count in takes:
        now = NOW + timedelta(microseconds=seconds)
        first = stamps.take(now, count)
        assert first >= now
        given_out += [first + timedelta(microseconds=i) for i in range(count)]
    assert given_out == sorted(set(given_out))


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b'{"v":1}', '{"v":1}'),
        ("éteint\n".encode(), "éteint\n"),
        (b"\x00\x01", "0001"),
        (b"a\x00", "6100"),
        (b"\xff\xfe", "fffe"),
        (b"", ""),
        (b"x" * 5000, "x" * 2048),
        (b"\xff" * 5000, "ff" * 1024),
        (("x" * 2047 + "éé").encode(), "x" * 2047),  # cut within a character
    ],
)
def test_a_refused_payload_is_kept_as_text_that_a_person_can_read(payload: bytes, text: str) -> None:
    assert as_text(payload) == text


@given(st.binary(max_size=3000))
def test_any_bytes_are_kept_as_printable_text_of_bounded_length(payload: bytes) -> None:
    text = as_text(payload)
    assert len(text) <= 2048
    assert all(c.isprintable() or c in "\n\r\t" for c in text)
    assert bool(text) == bool(payload)


def test_topics_of_strangers_are_not_remembered() -> None:
    intake = Intake(FLEET, WORLD)
    for n in range(100):
        intake.take(f"{WORLD}/fatoma/stranger-{n}/telemetry", GOOD, None, NOW)
    intake.take(PLACE, GOOD, None, NOW)
    assert len(intake._known) == 1
