"""Hand-made telemetry of a calm village: lamps that do exactly what they should, to be spoilt by the test."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from gateway.fleet import Fleet
from gateway.store import EVENTS, QUARANTINE
from gateway.telemetry import TELEMETRY_SCHEMA, TIME
from monitor.fault import Episode, Kind
from monitor.inhibit import inhibit
from monitor.judge import judge
from monitor.nights import nights
from monitor.rules import RULES
from monitor.rules.rule import View
from monitor.samples import nameplates
from monitor.sun import DUSK_ELEVATION, elevation
from monitor.trends import with_trends
from tests.firmware_sim.worlds import village

FLEET: Final[Fleet] = village(6)
PLATES: Final = nameplates(FLEET)
LAMPS: Final = tuple(FLEET.lamps)
LAMP: Final = LAMPS[1]
FIRST: Final = datetime(2026, 1, 10, 12, tzinfo=UTC)  # the noon before the first night
H, D, M = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)


def date(n: int) -> datetime:
    """The name of the nth night (from 0)."""
    return FIRST.replace(hour=0) + n * D


def dusk(n: int) -> datetime:
    """About the dusk of the nth night: lamps are lit from here on."""
    return date(n) + timedelta(hours=18, minutes=30)


def village_days(days: int, lamps: Sequence[str] = LAMPS, every: timedelta = 15 * M) -> pl.DataFrame:
    """Samples of `days` days from noon on, reported every six hours.

    By day 60 W at noon until the battery is full at 14.3 V, by night 30 W then 9 W then 30 W from a battery that sinks
    from 13.35 V to 13.15 V; 25 °C.
    """
    place = next(iter(FLEET.communes.values()))
    steps = int(days * D / every)
    times = [FIRST + n * every for n in range(steps)]
    seconds = np.array([time.timestamp() for time in times])
    height, solar = elevation(seconds, np.full(steps, place.latitude), np.full(steps, place.longitude))
    hour = (solar % 86_400) / 3600
    night = height <= DUSK_ELEVATION
    since_dusk = (hour - 18.0) % 24
    target = np.where(night, np.where((since_dusk < 5) | (since_dusk > 11.2), 100, 30), 0)
    sunshine = np.clip(np.sin(np.radians(np.clip(height, 0, 90))), 0, 1)
    full = (hour > 13.0) & (hour < 18.0)
    pv_w = np.where(full, 8.0, 80.0) * sunshine * (height > 0)
    pv_v = np.where(height > -1, np.where(full, 20.5, 17.5) * np.clip(height / 6.0 + 0.2, 0, 1), 0.0)
    led_w = 0.3 * target
    battery_w = pv_w - led_w / 0.92 - 0.42
    bat_v = np.where(full, 14.3, np.where(night, 13.35 - 0.2 * since_dusk / 12, 13.4 + 0.1 * (hour - 7)))
    ramp = np.arange(steps) % 7 - 3  # no real channel stands still
    one = pl.DataFrame(
        {
            "time": times, "pv_mv": pv_v * 1000, "pv_ma": np.where(pv_v > 1, pv_w / np.maximum(pv_v, 1) * 1000, 0),
            "bat_mv": bat_v * 1000 + ramp, "bat_ma": battery_w / bat_v * 1000, "bat_dc": 250.0 + ramp,
            "soc": np.where(full, 99, 80), "led_mw": led_w * 1000, "level": target, "target": target,
            "seq": [n * every // (6 * H) for n in range(steps)],
        },
        schema_overrides={"time": TIME},
    )  # fmt: skip
    sent = pl.col("time").max().over("seq")
    frames = [
        one.with_columns(
            commune=pl.lit(FLEET.lamps[lamp].commune), lamp=pl.lit(lamp), sent=sent, boot=pl.lit(1),
            dt=pl.lit(int(every.total_seconds())), rssi=pl.lit(-80), up=pl.lit(10**6), fw=pl.lit("1.0"),
        )
        for lamp in lamps
    ]  # fmt: skip
    return pl.concat(frames).select(pl.col(name).cast(kind) for name, kind in TELEMETRY_SCHEMA.items())


def between(since: datetime, until: datetime, lamp: str = LAMP) -> pl.Expr:
    """Samples of a lamp with since ≤ time < until."""
    return (pl.col("lamp") == lamp) & pl.col("time").is_between(pl.lit(since), pl.lit(until), closed="left")


def spoilt(samples: pl.DataFrame, where: pl.Expr, **values: pl.Expr | float | None) -> pl.DataFrame:
    """The samples with other values where the condition holds."""
    return samples.with_columns(
        pl.when(where)
        .then(value if isinstance(value, pl.Expr) else pl.lit(value))
        .otherwise(pl.col(name))
        .cast(TELEMETRY_SCHEMA[name])
        .alias(name)
        for name, value in values.items()
    )


def ledger(samples: pl.DataFrame) -> pl.DataFrame:
    return nights(samples, PLATES)


def night_of(samples: pl.DataFrame, n: int, lamp: str = LAMP) -> dict[str, object]:
    """The nth night's row of a lamp."""
    rows = ledger(samples).filter((pl.col("lamp") == lamp) & (pl.col("time") == date(n)))
    return rows.row(0, named=True)


def view(samples: pl.DataFrame, events: pl.DataFrame | None = None, refused: pl.DataFrame | None = None) -> View:
    """What the rules see when all of this is stored."""
    table = nights(samples, PLATES).join(PLATES.drop("commune"), on="lamp", how="inner").sort("lamp", "time")
    newest = samples["sent"].max()
    assert isinstance(newest, datetime)
    return View(
        with_trends(table),
        pl.DataFrame(schema=dict(EVENTS.schema)) if events is None else events,
        pl.DataFrame(schema=dict(QUARANTINE.schema)) if refused is None else refused,
        newest,
    )


def found(kind: Kind, samples: pl.DataFrame, **tables: pl.DataFrame) -> list[Episode]:
    """The episodes of this kind, by its rule and the judge."""
    (rule,) = (rule for rule in RULES if rule.kind is kind)
    return judge([rule], view(samples, **tables))


def all_kinds(samples: pl.DataFrame, lamp: str = LAMP, **tables: pl.DataFrame) -> set[Kind]:
    """Every kind that is found on a lamp and not hidden by another."""
    return {
        one.kind
        for one in inhibit(judge(RULES, view(samples, **tables)), date(99))
        if one.lamp == lamp and not one.hidden_by
    }
