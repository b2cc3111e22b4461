"""The lamp's language, version 1: its bytes, what is read, what is refused and with which words, what rows it makes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.telemetry import (
    CBOR_TYPE,
    COLUMNS,
    JSON_TYPE,
    MAX_BYTES,
    PLAUSIBLE,
    TELEMETRY_SCHEMA,
    Event,
    Message,
    Report,
    Resend,
    Status,
    check,
    check_clock,
    decode,
    encode,
    rows,
)
from gateway.topic import Rejected, Topic

GOLDEN = Path(__file__).parent.parent / "golden"
T0 = 1793577600  # 2026-11-01 00:00 UTC
NOW = datetime.fromtimestamp(T0, UTC) + timedelta(hours=2)
TOPIC = Topic("trezor", "fatoma", "fatoma-07", "telemetry")

FULL = Report(
    v=1, boot=17, seq=2304, t=T0, dt=900,
    pv_mv=[120, 15230, 18310, 18290], pv_ma=[0, 410, 3985, 4102],
    bat_mv=[13105, 13122, 13380, 13402], bat_ma=[-48, 372, 3711, 3820],
    led_mw=[0, 0, 0, 0], level=[0, 0, 0, 0], target=[0, 0, 0, 0],
    bat_dc=[263, 262, None, 271], soc=[62, 62, 63, 64], rssi=-87, up=2073600, fw="2.4.1",
)  # fmt: skip
LEAST = Report(
    v=1, boot=0, seq=0, t=T0, dt=1,
    pv_mv=[None], pv_ma=[None], bat_mv=[12840], bat_ma=[-2310], led_mw=[29400], level=[100], target=[100],
)  # fmt: skip
MESSAGES: dict[str, Message] = {
    "telemetry": FULL,
    "telemetry-least": LEAST,
    "status-online": Status(v=1, state="online"),
    "status-offline": Status(v=1, state="offline"),
    **{f"event-{event}": Event(v=1, t=T0, event=event) for event in ("tilt", "door_open", "restart", "cutoff")},
    "resend": Resend(v=1, boot=17, from_=2290, to=2303),
}


def plain(**changes: Any) -> dict[str, Any]:
    """The least report as a dictionary, with changes; None takes a key away."""
    message = {**json.loads((GOLDEN / "telemetry-least.json").read_bytes()), **changes}
    return {key: value for key, value in message.items() if value is not None}


def refused(message: object) -> str:
    """The reason why a map is refused: the same in both encodings, but for the name of the encoding."""
    reasons = set()
    for name, payload in (("JSON", json.dumps(message).encode()), ("CBOR", cbor2.dumps(message))):
        report = decode(payload, None, Report)
        result = report if isinstance(report, Rejected) else check(report, NOW)
        assert isinstance(result, Rejected), f"accepted as {name}"
        reasons.add(result.reason.removeprefix(f"{name}: "))
    assert len(reasons) == 1, reasons
    return reasons.pop()


# -- bytes


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize(("suffix", "content_type"), [("json", JSON_TYPE), ("cbor", CBOR_TYPE)])
def test_the_bytes_of_version_1_are_pinned(name: str, suffix: str, content_type: str) -> None:
    pinned = (GOLDEN / f"{name}.{suffix}").read_bytes()
    message = MESSAGES[name]
    assert encode(message, content_type) == pinned
    assert decode(pinned, content_type, type(message)) == message
    assert decode(pinned, None, type(message)) == message  # without a content type the first byte tells


def test_every_golden_file_is_pinned_by_a_message() -> None:
    files = {path.name for path in GOLDEN.iterdir() if path.suffix in (".json", ".cbor")}
    assert files == {f"{name}.{suffix}" for name in MESSAGES for suffix in ("json", "cbor")}


def test_cbor_as_written_by_hand_from_its_standard() -> None:
    """RFC 8949: a4 = map of 4; 61/64/62 = text of 1/4/2 bytes; 18/19 = a number in 1/2 bytes follows."""
    by_hand = "a4 61 76 01  64 626f6f74 11  64 66726f6d 19 08f2  62 746f 19 08ff"
    assert (GOLDEN / "resend.cbor").read_bytes().hex() == by_hand.replace(" ", "")
    assert (17, 2290, 2303) == (0x11, 0x08F2, 0x08FF)


def test_keys_may_come_in_any_order_and_lengths_may_be_indefinite() -> None:
    shuffled = dict(reversed(list(msgspec.to_builtins(FULL).items())))
    assert decode(json.dumps(shuffled, indent=2).encode(), None, Report) == FULL
    assert decode(cbor2.dumps(shuffled), None, Report) == FULL
    indefinite = b"\xbf\x61v\x01\x65state\x7f\x62on\x64line\xff\xff"
    assert decode(indefinite, None, Status) == Status(v=1, state="online")


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 288))
    columns = {}
    for name, (low, high) in PLAUSIBLE.items():
        value = st.none() | st.integers(low, high)
        columns[name] = data.draw(st.lists(value, min_size=4, max_size=4))[: min(n, 4)] + [low] * max(0, n - 4)
    report = Report(v=1, boot=1, seq=2, t=T0, dt=data.draw(st.integers(1, 3600)), **columns)
    assert decode(encode(report), None, Report) == report
    if len(encode(report, JSON_TYPE)) <= MAX_BYTES:
        assert decode(encode(report, JSON_TYPE), JSON_TYPE, Report) == report


# -- refusals


@pytest.mark.parametrize(
    "key", ["v", "boot", "seq", "t", "dt", "pv_mv", "pv_ma", "bat_mv", "bat_ma", "led_mw", "level"]
)
def test_a_required_key_cannot_be_missing(key: str) -> None:
    assert refused(plain(**{key: None})) == f"Object missing required field `{key}`"


@pytest.mark.parametrize("key", ["bat_dc", "soc", "rssi", "up", "fw"])
def test_an_optional_key_may_be_missing(key: str) -> None:
    message = msgspec.to_builtins(FULL)
    del message[key]
    report = decode(json.dumps(message).encode(), None, Report)
    assert isinstance(report, Report)
    assert check(report, NOW) is None


def test_unknown_keys_are_ignored() -> None:
    message = plain(firmware_mood="good", pv_mw=[1, 2, 3])
    assert decode(json.dumps(message).encode(), None, Report) == LEAST
    assert decode(cbor2.dumps(message), None, Report) == LEAST


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"v": 2}, "version 2, expected 1"),
        ({"v": "1"}, "Expected `int`, got `str` - at `$.v`"),
        ({"bat_mv": [12.5]}, "Expected `int | null`, got `float` - at `$.bat_mv[0]`"),
        ({"bat_mv": [True]}, "Expected `int | null`, got `bool` - at `$.bat_mv[0]`"),
        ({"bat_mv": 12840}, "Expected `array`, got `int` - at `$.bat_mv`"),
        ({"bat_mv": []}, "Expected `array` of length >= 1 - at `$.bat_mv`"),
        ({"bat_mv": [1] * 289}, "Expected `array` of length <= 288 - at `$.bat_mv`"),
        ({"bat_mv": [1, 2]}, "columns differ in length: pv_mv has 1 samples, bat_mv has 2"),
        ({"soc": [1, 2]}, "columns differ in length: pv_mv has 1 samples, soc has 2"),
        ({"dt": 0}, "Expected `int` >= 1 - at `$.dt`"),
        ({"dt": 3601}, "Expected `int` <= 3600 - at `$.dt`"),
        ({"seq": -1}, "Expected `int` >= 0 - at `$.seq`"),
        ({"boot": 2**31}, "Expected `int` <= 2147483647 - at `$.boot`"),
        ({"fw": "x" * 65}, "Expected `str` of length <= 64 - at `$.fw`"),
        ({"bat_mv": [80_001]}, "implausible bat_mv 80001, expected -1000…80000"),
        ({"bat_ma": [-100_001]}, "implausible bat_ma -100001, expected -100000…100000"),
        ({"level": [101]}, "implausible level 101, expected 0…100"),
        ({"rssi": 51}, "implausible rssi 51, expected -200…50 dBm"),
        ({"t": 0}, "clock: says 1970-01-01, before 2015"),
        ({"t": T0 + 27 * 3600}, "clock: 25 h ahead, at most 24 h"),
    ],
)
def test_a_mistake_is_refused_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    assert refused(plain(**changes)) == reason


@pytest.mark.parametrize("message", [[], 1, "text", None, [plain()]])
def test_a_message_is_one_map(message: object) -> None:
    for payload in (json.dumps(message).encode(), cbor2.dumps(message)):
        assert isinstance(decode(payload, None, Report), Rejected)


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b"\x00", encode(FULL)[:-1], encode(FULL, JSON_TYPE)[:-1]])
def test_truncated_bytes_are_refused(payload: bytes) -> None:
    assert isinstance(decode(payload, None, Report), Rejected)


@pytest.mark.parametrize("content_type", [JSON_TYPE, CBOR_TYPE])
def test_bytes_after_the_message_are_refused(content_type: str) -> None:
    """Two reports run together are not one report."""
    result = decode(encode(FULL, content_type) * 2, content_type, Report)
    assert isinstance(result, Rejected)


def test_the_content_type_counts_more_than_the_first_byte() -> None:
    assert isinstance(decode(encode(FULL, JSON_TYPE), CBOR_TYPE, Report), Rejected)
    assert isinstance(decode(encode(FULL), JSON_TYPE, Report), Rejected)
    result = decode(encode(FULL), "text/plain", Report)
    assert result == Rejected("content type 'text/plain' is neither application/json nor application/cbor")


def test_the_size_limit_is_exact() -> None:
    least = encode(LEAST, JSON_TYPE)
    padding = b"," + b'"x":"' + b"y" * (MAX_BYTES - len(least) - 7) + b'"}'
    exact = least[:-1] + padding
    assert len(exact) == MAX_BYTES
    assert decode(exact, None, Report) == LEAST
    larger = least[:-1] + padding[:-2] + b'y"}'
    assert decode(larger, None, Report) == Rejected("payload has 16385 bytes, at most 16384 are allowed")


def test_the_limits_of_the_clock_are_exact() -> None:
    ahead = int(NOW.timestamp()) + 24 * 3600
    assert check_clock(T0, ahead, NOW) is None
    assert check_clock(T0, ahead + 1, NOW) is not None
    epoch = int(datetime(2015, 1, 1, tzinfo=UTC).timestamp())
    assert check_clock(epoch, epoch, NOW) is None
    assert check_clock(epoch - 1, epoch, NOW) is not None


def test_the_last_sample_counts_for_the_clock_and_not_the_first() -> None:
    columns = {name: [0] * 288 for name in COLUMNS}
    report = Report(v=1, boot=1, seq=1, t=int(NOW.timestamp()), dt=3600, **columns)
    result = check(report, NOW)
    assert result == Rejected("clock: 287 h ahead, at most 24 h")


def test_sensors_rails_are_plausible() -> None:
    """85.0 and -127.0 °C are a broken sensor's words: evidence, and no reason to refuse the report."""
    for value in (850, -1270):
        report = decode(json.dumps(plain(bat_dc=[value])).encode(), None, Report)
        assert isinstance(report, Report)
        assert check(report, NOW) is None


# -- rows


def test_a_report_becomes_one_row_for_each_sample() -> None:
    frame = rows([(TOPIC, FULL)])
    assert frame.schema == pl.Schema(TELEMETRY_SCHEMA)
    assert frame["time"].to_list() == [datetime.fromtimestamp(T0 + 900 * i, UTC) for i in range(4)]
    assert frame["sent"].unique().to_list() == [datetime.fromtimestamp(T0 + 2700, UTC)]
    assert frame["bat_dc"].to_list() == [263, 262, None, 271]
    assert frame.select("commune", "lamp", "boot", "seq", "rssi", "up", "fw").unique().row(0) == (
        "fatoma", "fatoma-07", 17, 2304, -87, 2073600, "2.4.1",
    )  # fmt: skip


def test_no_reports_make_no_rows() -> None:
    frame = rows([])
    assert frame.is_empty()
    assert frame.schema == pl.Schema(TELEMETRY_SCHEMA)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_many_reports_make_the_same_rows_as_each_alone(counts: list[int]) -> None:
    reports = []
    for i, n in enumerate(counts):
        columns = {name: [i * 10 + k for k in range(n)] for name in COLUMNS}
        report = Report(v=1, boot=i, seq=i, t=T0 + i, dt=60 * (i + 1), **columns)
        reports.append((Topic("trezor", "fatoma", f"fatoma-{i:02}", "telemetry"), report))
    assert rows(reports).equals(pl.concat([rows([one]) for one in reports]))
