"""Whatever bytes come: no crash, no silent drop; each message is stored or in quarantine, and the sum is exact."""

import random
import resource
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.intake import Accepted, Batch, Entry, Intake, Refused, Stamps
from gateway.stores.memory import MemoryStore
from gateway.telemetry import CBOR_TYPE, JSON_TYPE, Event, Report, Status, decode, encode
from gateway.topic import Rejected
from gateway.write import Writer
from tests.gateway.wire import WORLD, fleet, report, topic

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
T0 = int(NOW.timestamp()) - 6 * 3600
FLEET = fleet()
LAMPS = list(FLEET.lamps)
GOLDEN = [path.read_bytes() for path in sorted((Path(__file__).parent.parent / "golden").glob("*.[jc]*"))]
FORMATS = (JSON_TYPE, CBOR_TYPE)
CONTENT_TYPES = (*[None] * 12, JSON_TYPE, CBOR_TYPE, "", "text/plain", "application/cbor; x", "\x00")


def mutated(chance: random.Random, payload: bytes) -> bytes:
    """A few of the accidents that befall bytes: flipped bits, cuts, doubled or moved pieces, noise."""
    data = bytearray(payload)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        if not data:
            return bytes(data)
        at = chance.randrange(len(data))
        match chance.randrange(7):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at] = chance.choice(
                    (0x00, 0xFF, 0x7F, 0x80, 0x1B, 0x9F, 0xBF, 0xC4, 0xD8, 0xF9, 0xFB, ord("["), ord("{"))
                )
            case 2:
                del data[at:]
            case 3:
                del data[at : at + chance.randrange(1, 20)]
            case 4:
                data[at:at] = data[at : at + chance.randrange(1, 30)]
            case 5:
                data[at:at] = chance.randbytes(chance.randrange(1, 10))
            case _:
                other = chance.choice(GOLDEN)
                data[at:] = other[chance.randrange(len(other)) :]
    return bytes(data)


def odd_values(chance: random.Random) -> bytes:
    """A map of the right shape with values that are not."""
    message: dict[str, Any] = msgspec.to_builtins(report(chance.randrange(1000), t=T0, samples=chance.randrange(1, 5)))
    odd: list[Any] = [
        None, True, -1, 0, 2**31, 2**63, 2**64, -(2**63), 1.5, float("nan"), float("inf"), "", "x", "\x00", [], {},
        [[]], [None], [1.5], [2**70], ["1"], [True], {"v": 1}, T0 * 1000, "é" * 70, [0] * 289, [None] * 288,
    ]  # fmt: skip
    for _ in range(chance.randrange(1, 4)):
        message[chance.choice([*message, "unknown", ""])] = chance.choice(odd)
    if chance.random() < 0.3:
        message.pop(chance.choice(list(message)))
    try:
        return cbor2.dumps(message) if chance.random() < 0.6 else msgspec.json.encode(message)
    except (msgspec.MsgspecError, OverflowError):
        return cbor2.dumps(message)


def messages(seed: int, count: int) -> Iterator[tuple[str, bytes, str | None]]:
    chance = random.Random(seed)
    valid = {
        "telemetry": [encode(report(n, t=T0 + n, samples=1 + n % 6), f) for n in range(40) for f in FORMATS],
        "event": [encode(Event(v=1, t=T0 + n, event="tilt"), f) for n in range(20) for f in FORMATS],
        "status": [encode(Status(v=1, state=state), f) for state in ("online", "offline") for f in FORMATS],
    }
    for _ in range(count):
        where = chance.random()
        kind = chance.choice(("telemetry",) * 6 + ("status", "event"))
        pool = valid[kind] if chance.random() < 0.9 else GOLDEN
        place = str(topic(FLEET, chance.choice(LAMPS), kind))
        if where < 0.03:
            place = mutated(chance, place.encode()).decode("utf-8", "replace")
        what = chance.random()
        if what < 0.1:
            payload = chance.choice(pool)
        elif what < 0.6:
            payload = mutated(chance, chance.choice(pool))
        elif what < 0.85:
            payload = odd_values(chance)
        elif what < 0.99:
            payload = chance.randbytes(chance.choice((0, 1, 2, 5, 30, 300)))
        else:
            payload = chance.randbytes(20_000)
        yield place, payload, chance.choice(CONTENT_TYPES)


@pytest.mark.parametrize("seed", [20261123])
def test_a_hundred_thousand_messages_are_each_stored_or_in_quarantine(seed: int) -> None:
    count = 100_000
    store = MemoryStore()
    intake, stamps = Intake(FLEET, WORLD), Stamps()
    writer = Writer(store, lambda: NOW, stamps, threading.Event(), pauses_s=(0.0, 0.0))
    kinds: Counter[str] = Counter()
    samples: set[tuple[str, int]] = set()
    events: set[tuple[str, int, str]] = set()
    entries: list[Entry] = []
    for n, (place, payload, content_type) in enumerate(messages(seed, count), 1):
        fate = intake.take(place, payload, content_type, NOW)
        received = NOW + timedelta(milliseconds=n)
        entries.append(Entry(fate, received, stamps.take(received)))
        if isinstance(fate, Refused):
            kinds["refused"] += 1
            assert fate.reason
        elif isinstance(fate.message, Report):
            kinds["reports"] += 1
            samples.update((fate.topic.lamp, fate.message.t + i * fate.message.dt) for i in range(fate.message.samples))
        elif isinstance(fate.message, Event):
            kinds["events"] += 1
            events.add((fate.topic.lamp, fate.message.t, fate.message.event))
        else:
            kinds["status"] += 1
        if n % 2000 == 0:
            assert writer.write(Batch(entries))
            entries = []
    assert kinds.total() == count
    assert writer.counts.accepted + writer.counts.refused == count
    assert writer.counts.refused == kinds["refused"]  # the store itself refused nothing
    assert store.read("quarantine").height == kinds["refused"]
    assert store.read("quarantine")["reason"].str.len_chars().min() > 5  # type: ignore[operator]  # there are rows
    assert store.read("arrivals").height == kinds["reports"]
    assert store.read("status").height == kinds["status"]
    assert store.read("events").height == len(events)
    assert store.read("telemetry").height == len(samples)
    assert all(kinds[kind] > 100 for kind in ("reports", "status", "events")), kinds  # the fuzz reaches every branch
    assert kinds["reports"] > count / 20


# -- structure, by hypothesis

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.datetimes(timezones=st.just(UTC))
    | st.decimals(allow_nan=True)
    | st.builds(cbor2.CBORTag, st.integers(0, 2**32), st.integers())
    | st.builds(cbor2.CBORSimpleValue, st.integers(0, 19)),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=6),
    max_leaves=20,
)
KEYS = st.sampled_from(list(msgspec.to_builtins(report(0, t=T0)))) | st.text(max_size=8)


def fate_of(payload: bytes, content_type: str | None = None) -> Accepted | Refused:
    return Intake(FLEET, WORLD).take(str(topic(FLEET, LAMPS[0])), payload, content_type, NOW)


def check_fate(fate: Accepted | Refused) -> None:
    batch = Batch([Entry(fate, NOW, NOW)])
    tables = dict(batch.frames(NOW, Stamps()))
    assert list(tables) == (["quarantine"] if isinstance(fate, Refused) else ["telemetry", "arrivals"])
    assert sum(frame.height for name, frame in tables.items() if name != "arrivals") == fate.rows


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_any_cbor_value_has_a_fate(value: object) -> None:
    check_fate(fate_of(cbor2.dumps(value)))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=3))
def test_a_report_with_any_wrong_values_has_a_fate(changes: dict[str, object]) -> None:
    message: dict[str, Any] = {**msgspec.to_builtins(report(1, t=T0)), **changes}
    check_fate(fate_of(cbor2.dumps(message)))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.binary(max_size=60), st.none() | st.text(max_size=20))
def test_any_topic_bytes_and_content_type_have_a_fate(place: str, payload: bytes, content_type: str | None) -> None:
    fate = Intake(FLEET, WORLD).take(place, payload, content_type, NOW)
    assert isinstance(fate, Refused)
    check_fate(fate)


# -- malice

MALICE = {
    "nested arrays": b"\x81" * 16_000 + b"\x00",
    "nested maps": b"\xa1\x00" * 8_000 + b"\x00",
    "nested tags": b"\xc1" * 16_000 + b"\x00",
    "nested JSON": b'{"v":1,"x":' + b"[" * 16_000,
    "nested JSON maps": b'{"v":' * 3_000,
    "an array of 2^64-1": b"\x9b" + b"\xff" * 8,
    "an array of 2^31": b"\x9a\x7f\xff\xff\xff" + b"\x00" * 100,
    "a map of 2^60": b"\xbb\x10" + b"\x00" * 7,
    "bytes of 2 GiB": b"\x5b\x00\x00\x00\x00\x7f\xff\xff\xff",
    "text of 2^63": b"\x7b\x7f" + b"\xff" * 7,
    "an endless array": b"\x9f" + b"\x00" * 16_000,
    "endless arrays in arrays": b"\x9f" * 16_000,
    "endless bytes": b"\x5f" + b"\x41\x00" * 8_000,
    "a number of 16 000 bytes": b"\xa1\x61v\xc2\x59\x3e\x80" + b"\xff" * 16_000,
    "a number of 16 000 digits": b'{"v":' + b"9" * 16_000 + b"}",
    "a float beyond the largest": b'{"v":1e999999}',
    "ten to the thousand millionth": b"\xa1\x61v\xc4\x82\x1a\x3b\x9a\xca\x00\x01",
    "two to the thousand millionth": b"\xa1\x61v\xc5\x82\x1a\x3b\x9a\xca\x00\x01",
    "not a number": b"\xa1\x61v\xf9\x7e\x00",
    "a fraction of zero": b"\xa1\x61v\xd8\x1e\x82\x01\x00",
    "a regular expression": b"\xa1\x61v\xd8\x23\x78\x1f" + b"(a+)+(a+)+(a+)+(a+)+(a+)+(a+)+$",
    "a date of the year 500 000 000 000": b"\xa1\x61v\xc1\x1b" + b"\xff" * 8,
    "a list that holds itself": b"\xd8\x1c\x81\xd8\x1d\x00",
    "the same key 4000 times": b"\xb9\x0f\xa0" + b"\x61v\x01" * 4_000,
    "a break where none belongs": b"\xff",
    "undefined": b"\xa1\x61v\xf7",
}


@pytest.mark.parametrize("name", MALICE)
def test_malice_is_refused_quickly_and_eats_no_memory(name: str) -> None:
    payload = MALICE[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    fate = fate_of(payload)
    took = time.process_time() - begun
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # kB
    assert isinstance(fate, Refused)
    check_fate(fate)
    assert took < 0.5
    assert grown < 20_000


@pytest.mark.parametrize("kind", [Status, Event])
@pytest.mark.parametrize("name", MALICE)
def test_malice_is_refused_as_any_kind(name: str, kind: type[Status] | type[Event]) -> None:
    assert isinstance(decode(MALICE[name], None, kind), Rejected)
