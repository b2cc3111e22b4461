"""The lamp's language, version 1: one report is one map of scaled integers in columns, JSON or CBOR.

A public contract: `tests/golden/` pins its bytes; it changes only by a new version.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO
from typing import Annotated, Final, TypeVar

import cbor2
import msgspec
import polars as pl

from gateway.topic import Rejected, Topic

VERSION: Final = 1
MAX_BYTES: Final = 16 * 1024
MAX_SAMPLES: Final = 288
JSON_TYPE: Final = "application/json"
CBOR_TYPE: Final = "application/cbor"

# What a lamp could possibly measure, far wider than any lamp does: outside it is noise on the line, not a fault.
# The battery temperature admits 85.0 and -127.0 °C on purpose: those are a broken sensor's words, and evidence.
PLAUSIBLE: Final[dict[str, tuple[int, int]]] = {
    "pv_mv": (-1_000, 150_000),
    "pv_ma": (-2_000, 60_000),
    "bat_mv": (-1_000, 80_000),
    "bat_ma": (-100_000, 100_000),
    "bat_dc": (-2_000, 2_000),
    "soc": (0, 100),
    "led_mw": (-1_000, 500_000),
    "level": (0, 100),
    "target": (0, 100),
}
COLUMNS: Final = tuple(PLAUSIBLE)
OPTIONAL_COLUMNS: Final = ("bat_dc", "soc")
RSSI_DBM: Final = (-200, 50)
OLDEST: Final = datetime(2015, 1, 1, tzinfo=UTC)  # a clock that forgot the date says 1970 or 2000
CLOCK_AHEAD_S: Final = 24 * 3600

Column = Annotated[list[int | None], msgspec.Meta(min_length=1, max_length=MAX_SAMPLES)]
Count = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One MQTT message of a lamp. Units are in the keys: mV, mA, 0.1 °C, %, mW, s; see the table in docs/wire.md.

    `t` is the Unix time of the first sample by the lamp's clock, `dt` the spacing of the samples; `bat_ma` is
    positive when charging; None is "not measured".
    """

    v: int
    boot: Count
    seq: Count
    t: Annotated[int, msgspec.Meta(ge=0, lt=2**33)]
    dt: Annotated[int, msgspec.Meta(ge=1, le=3600)]
    pv_mv: Column
    pv_ma: Column
    bat_mv: Column
    bat_ma: Column
    led_mw: Column
    level: Column
    target: Column
    bat_dc: Column | None = None
    soc: Column | None = None
    rssi: int | None = None
    up: Count | None = None
    fw: Annotated[str, msgspec.Meta(max_length=64)] | None = None

    @property
    def samples(self) -> int:
        return len(self.pv_mv)

    @property
    def last(self) -> int:
        """Unix time of the last sample: no earlier can the report have been sent."""
        return self.t + self.dt * (self.samples - 1)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to the pole or the controller, at `t` (Unix s)."""

    v: int
    t: Annotated[int, msgspec.Meta(ge=0, lt=2**33)]
    event: Annotated[str, msgspec.Meta(pattern=r"^(tilt|door_open|restart|cutoff)$")]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Online, or the broker's word (last will) that the connection broke."""

    v: int
    state: Annotated[str, msgspec.Meta(pattern=r"^(online|offline)$")]


class Resend(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway asks a lamp for the reports `from_`…`to` (both included) of one boot again."""

    v: int
    boot: Count
    from_: Count = msgspec.field(name="from")
    to: Count


Message = Report | Event | Status | Resend
M = TypeVar("M", Report, Event, Status, Resend)


def decode(payload: bytes, content_type: str | None, kind: type[M]) -> M | Rejected:
    """A message from its bytes, or the reason why not. Raises nothing, whatever the bytes are."""
    if len(payload) > MAX_BYTES:
        return Rejected(f"payload has {len(payload)} bytes, at most {MAX_BYTES} are allowed")
    is_json = content_type == JSON_TYPE if content_type else payload[:1] == b"{"
    if content_type not in (None, "", JSON_TYPE, CBOR_TYPE):
        return Rejected(f"content type {content_type[:64]!r} is neither {JSON_TYPE} nor {CBOR_TYPE}")
    try:
        message = msgspec.json.decode(payload, type=kind) if is_json else msgspec.convert(_cbor(payload), type=kind)
    except (msgspec.MsgspecError, cbor2.CBORDecodeError, UnicodeDecodeError) as error:
        return Rejected(f"{'JSON' if is_json else 'CBOR'}: {str(error)[:200]}")
    except Exception as error:  # cbor2 builds arbitrary Python values from hostile bytes: anything may be raised
        return Rejected(f"{'JSON' if is_json else 'CBOR'}: {type(error).__name__}: {str(error)[:200]}")
    if message.v != VERSION:
        return Rejected(f"version {message.v}, expected {VERSION}")
    return message


def _cbor(payload: bytes) -> object:
    """The one item that the bytes are. `cbor2.loads` would ignore what follows it: two reports run together, say."""
    stream = BytesIO(payload)
    item = cbor2.CBORDecoder(stream).decode()
    if stream.tell() != len(payload):
        raise cbor2.CBORDecodeError(f"{len(payload) - stream.tell()} bytes follow the end of the message")
    return item


def encode(message: Message, content_type: str = CBOR_TYPE) -> bytes:
    """The message's bytes. Absent scalars and columns are left out; keys keep the order of the contract."""
    if content_type == JSON_TYPE:
        return msgspec.json.encode(_without_none(message))
    return cbor2.dumps(_without_none(message))


def _without_none(message: Message) -> dict[str, object]:
    return {key: value for key, value in msgspec.to_builtins(message).items() if value is not None}


def check(report: Report, now: datetime) -> Rejected | None:
    """What the types cannot say: equal columns, plausible values, a clock that can be believed at `now`."""
    n = report.samples
    for name in COLUMNS:
        column = getattr(report, name)
        if column is None:
            continue
        if len(column) != n:
            return Rejected(f"columns differ in length: pv_mv has {n} samples, {name} has {len(column)}")
        low, high = PLAUSIBLE[name]
        values = [value for value in column if value is not None] if None in column else column
        if values and not (low <= min(values) and max(values) <= high):
            worst = min(values) if min(values) < low else max(values)
            return Rejected(f"implausible {name} {worst}, expected {low}…{high}")
    if report.rssi is not None and not RSSI_DBM[0] <= report.rssi <= RSSI_DBM[1]:
        return Rejected(f"implausible rssi {report.rssi}, expected {RSSI_DBM[0]}…{RSSI_DBM[1]} dBm")
    return check_clock(report.t, report.last, now)


def check_clock(first: int, last: int, now: datetime) -> Rejected | None:
    """Whether times by a lamp's clock (Unix s) can be believed when it is `now` here."""
    if first < OLDEST.timestamp():
        return Rejected(f"clock: says {datetime.fromtimestamp(first, UTC):%Y-%m-%d}, before {OLDEST.year}")
    if last > now.timestamp() + CLOCK_AHEAD_S:
        return Rejected(f"clock: {(last - now.timestamp()) / 3600:.0f} h ahead, at most {CLOCK_AHEAD_S // 3600} h")
    return None


TIME: Final = pl.Datetime("us", "UTC")

# One row per sample; `sent` is the time of the last sample of its report, the earliest moment it can have been told.
TELEMETRY_SCHEMA: Final[dict[str, pl.DataType]] = {
    "commune": pl.String(),
    "lamp": pl.String(),
    "time": TIME,
    "sent": TIME,
    "dt": pl.Int32(),
    "boot": pl.Int32(),
    "seq": pl.Int32(),
    **{name: pl.Int32() for name in COLUMNS},
    "rssi": pl.Int32(),
    "up": pl.Int32(),
    "fw": pl.String(),
}

_HEAD: Final = ("dt", "boot", "seq", "rssi", "up", "fw")


def rows(reports: Iterable[tuple[Topic, Report]]) -> pl.DataFrame:
    """Reports as rows of the `telemetry` table, one per sample, in order. `up` is the report's: seconds at sending."""
    batch = list(reports)
    counts = [report.samples for _, report in batch]
    head = pl.DataFrame(
        {
            "commune": [topic.commune for topic, _ in batch],
            "lamp": [topic.lamp for topic, _ in batch],
            "t": [report.t for _, report in batch],
            "last": [report.last for _, report in batch],
            "n": counts,
            **{name: [getattr(report, name) for _, report in batch] for name in _HEAD},
        },
        schema={
            "commune": pl.String, "lamp": pl.String, "t": pl.Int64, "last": pl.Int64, "n": pl.Int64,
            "dt": pl.Int32, "boot": pl.Int32, "seq": pl.Int32, "rssi": pl.Int32, "up": pl.Int32, "fw": pl.String,
        },
    )  # fmt: skip
    # The samples are laid flat in Python lists (the decoder made lists of ints) and the heads repeated by polars.
    columns: dict[str, pl.Series] = {}
    for name in COLUMNS:
        flat: list[int | None] = []
        for (_, report), n in zip(batch, counts, strict=True):
            column = getattr(report, name)
            flat.extend(column if column is not None else [None] * n)
        columns[name] = pl.Series(name, flat, dtype=pl.Int32)
    index = pl.Series("i", [i for n in counts for i in range(n)], dtype=pl.Int64)
    frame = head.select(pl.all().repeat_by("n").explode()) if batch else head
    seconds = (frame["t"] + frame["dt"] * index).rename("time")
    return frame.with_columns(
        (seconds * 1_000_000).cast(TIME).alias("time"), (frame["last"] * 1_000_000).cast(TIME).alias("sent"), **columns
    ).select(pl.col(name).cast(dtype) for name, dtype in TELEMETRY_SCHEMA.items())
