"""What a store must do, in few verbs with their guarantees, and what its tables hold.

The gateway appends what lamps say; the monitor appends what it concludes; both read, and so does Grafana.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import polars as pl

from gateway.telemetry import TELEMETRY_SCHEMA, TIME
from gateway.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Table:
    """`key` columns are text and, with `time`, name a row; the others are its fields, and may be null."""

    name: str
    key: tuple[str, ...]
    schema: Mapping[str, pl.DataType]
    keep_days: int | None  # how long rows stay, None = for ever

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(name for name in self.schema if name not in self.key and name != "time")


_LAMP: Final = {"commune": pl.String(), "lamp": pl.String(), "time": TIME}
RAW_DAYS: Final = 400

TELEMETRY: Final = Table("telemetry", ("commune", "lamp"), TELEMETRY_SCHEMA, RAW_DAYS)

# One row per report as it came: `time` is when the gateway wrote it (the order of reading what is new), `received`
# the world's clock at that moment, `first` and `last` the span of its samples by the lamp's clock.
ARRIVALS: Final = Table(
    "arrivals",
    ("commune", "lamp"),
    {
        **_LAMP, "received": TIME, "first": TIME, "last": TIME, "dt": pl.Int32(), "boot": pl.Int32(), "seq": pl.Int32(),
        "samples": pl.Int32(), "bytes": pl.Int32(),
    },
    RAW_DAYS,
)  # fmt: skip

# `time` is the world's clock at receipt; state is online or offline.
STATUS: Final = Table("status", ("commune", "lamp"), {**_LAMP, "state": pl.String()}, RAW_DAYS)

# `time` is by the lamp's clock; event is part of the key: a tilt and a door may share a second.
EVENTS: Final = Table(
    "events",
    ("commune", "lamp", "event"),
    {"commune": pl.String(), "lamp": pl.String(), "event": pl.String(), "time": TIME, "received": TIME},
    RAW_DAYS,
)

# Refused messages as they came, with the reason; `time` is the receipt. Commune and lamp are '' where not known.
QUARANTINE: Final = Table(
    "quarantine",
    ("commune", "lamp"),
    {**_LAMP, "topic": pl.String(), "reason": pl.String(), "bytes": pl.Int32(), "payload": pl.String()},
    RAW_DAYS,
)

# Reports that a lamp no longer has: `time` is when that became certain; seq `from_seq`…`to_seq` of `boot`.
LOST: Final = Table(
    "lost",
    ("commune", "lamp"),
    {**_LAMP, "boot": pl.Int32(), "from_seq": pl.Int32(), "to_seq": pl.Int32()},
    RAW_DAYS,
)

_WORD, _COUNT, _REAL = pl.String(), pl.Int32(), pl.Float32()


def _columns(kind: pl.DataType, names: str) -> dict[str, pl.DataType]:
    return dict.fromkeys(names.split(), kind)


# One row per lamp and night; `time` is 00:00 UTC of the local date of its dusk. The day's figures are of the daylight
# before that dusk. The first two groups are for people and dashboards; the rest is what the rules look at, kept so that
# a verdict can be explained years later. Meaning of every column: monitor/nights.py and monitor/trends.py.
NIGHTS: Final = Table(
    "nights",
    ("commune", "lamp"),
    {
        **_LAMP,
        "verdict": _WORD,  # lit, partly, dark, unknown
        **_columns(_REAL, "scheduled_minutes lit_minutes completeness"),
        **_columns(_REAL, "pv_wh battery_in_wh led_wh dusk_v dawn_v charge_ah discharge_ah"),
        **_columns(_REAL, "sun yield_ratio soiling capacity autonomy dark_risk"),
        # the night
        **_columns(_REAL, "night_minutes seen_minutes should_minutes led_ratio led_ratio_low night_min_v"),
        **_columns(_COUNT, "night_samples led_n switchings"),
        **_columns(TIME, "lit_at night_first night_end night_last switch_at"),
        # unlit although commanded: `out` all night, `gone` after some light, both with a good battery; `cut` without
        **_columns(_REAL, "out_v out_target out_led_w out_minutes gone_v gone_minutes cut_v cut_minutes"),
        **_columns(TIME, "out_since out_at gone_since gone_at cut_since cut_at lit_run_at lit_run_since"),
        **_columns(pl.Boolean(), "lit_last"),
        # the day
        **_columns(_COUNT, "day_samples dead_n open_n refused_n alive_n battery_idle_n samples"),
        **_columns(_REAL, "pv_share peers_pv_share dead_pv_v open_pv_v burning_minutes"),
        **_columns(TIME, "gain_at dead_since dead_at open_since open_at alive_at alive_since burning_since burning_at"),
        **_columns(TIME, "battery_idle_at battery_used_at unlit_day_at evening_at first_time last_time last_sent"),
        **_columns(_REAL, "bat_max_v bat_min_v bat_day_v bat_day_spread bat_max_c"),
        # against the neighbours
        **_columns(_REAL, "gain gain_spread pv_v_bulk clearness"),
        **_columns(_REAL, "gain_07 gain_08 gain_09 gain_10 gain_11 gain_12 gain_13 gain_14 gain_15 gain_16"),
        **_columns(_COUNT, "gain_n peers_n sun_slots soc_max"),
        # the controller
        **_columns(_COUNT, "boot_first boot_last restarts"),
        **_columns(_REAL, "unpowered_minutes"),
        **_columns(TIME, "restart_at unpowered_since unpowered_at powered_at"),
        # the battery itself, and the charger
        **_columns(
            _REAL,
            "resistance rest_ohm idle_night_v rest_dusk_v rest_dawn_v dusk_a dawn_a drawn_ah cut_ah full_hour over_v",
        ),
        **_columns(_COUNT, "resistance_n full_n over_n"),
        **_columns(TIME, "over_at over_since full_since full_at"),
        # clock, sensors, temperature
        **_columns(_REAL, "offset_min spacing_min day_gap_min max_good_c led_balance charge_balance"),
        **_columns(_REAL, "unexplained_high_w unexplained_low_w"),
        **_columns(
            _COUNT, "hot_n bad_c_n bad_v_n bad_pv_n balance_n soc_leaps bat_mv_same_n bat_ma_same_n pv_ma_same_n"
        ),
        **_columns(_REAL, "bat_mv_same_share bat_ma_same_share pv_ma_same_share"),
        **_columns(TIME, "offset_at hot_since hot_at cool_at sent_last restarts_at"),
    },
    None,
)

# One row per case, for dashboards: `time` is since, repeated as a field because InfluxQL cannot subtract times. The
# casebook is the truth; this is its mirror.
FAULTS: Final = Table(
    "faults",
    ("commune", "lamp", "kind"),
    {
        "commune": pl.String(), "lamp": pl.String(), "kind": pl.String(), "time": TIME,
        "case": pl.Int64(), "since": TIME, "until": TIME, "opened_at": TIME, "closed_at": TIME, "acknowledged_at": TIME,
        "state": pl.String(), "cause": pl.String(), "likelihood": pl.Float64(), "estimate": pl.Float64(),
        "sentence_fr": pl.String(), "sentence_en": pl.String(),
    },
    None,
)  # fmt: skip

TABLES: Final[Mapping[str, Table]] = {
    table.name: table for table in (TELEMETRY, ARRIVALS, STATUS, EVENTS, QUARANTINE, LOST, NIGHTS, FAULTS)
}


class StoreAway(Trouble):
    """The store cannot be reached or cannot write now: worth trying again. The message says what to look at."""


class WriteRefused(Exception):
    """The store will never take these rows (beyond its retention, say): trying again is of no use."""


class Store(Protocol):
    """One world's tables. Frames are polars, with the columns of `TABLES[table].schema` in that order.

    Every verb may raise StoreAway. A store may be shared by threads.
    """

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Durable on return. The same key and time again replaces the row: appending twice is appending once.

        Raises WriteRefused when the store will never accept some of the rows; then none or some are written, and
        the caller may append them one by one to learn which.
        """

    def read(
        self,
        table: str,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        lamps: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Rows with since ≤ time < until, of these lamps, ordered by time then key; empty with its columns if none."""

    def latest(self, table: str) -> pl.DataFrame:
        """The newest row of every key, ordered by key."""

    def extent(self, table: str) -> tuple[datetime, datetime] | None:
        """The oldest and the newest time of a table, None when it is empty."""

    def drop(self) -> None:
        """Removes this world's tables and all they hold, for ever."""

    def close(self) -> None:
        """Releases files and connections. The store must not be used afterwards."""
