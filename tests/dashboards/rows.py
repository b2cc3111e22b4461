"""Rows of every table of a small invented world, physically plausible enough to be looked at; the same for a seed.

The world has one lamp of each trouble a dashboard must be able to show: `dark_lamp` goes out for its last three
nights, `silent_lamp` falls silent half-way, `dirty_lamp` loses 0.5 % of its panel a day, and the last commune is mute
for a day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from gateway.store import TABLES
from monitor.fault import WORDS, Kind

DAY: Final = timedelta(days=1)
MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True)
class World:
    """What the rows tell: `communes` × `lamps` for `nights` whole days from `start`, one sample every `step`."""

    start: datetime
    communes: tuple[str, ...] = ("fatoma", "konna", "sio")
    lamps: int = 6
    nights: int = 10
    step: timedelta = timedelta(minutes=15)
    report: timedelta = timedelta(hours=6)  # between two reports of a lamp
    seed: int = 1

    @property
    def end(self) -> datetime:
        return self.start + self.nights * DAY

    @property
    def plates(self) -> list[tuple[str, str]]:
        return [(commune, f"{commune}-{n:02d}") for commune in self.communes for n in range(1, self.lamps + 1)]

    @property
    def dark_lamp(self) -> str:
        return f"{self.communes[0]}-01"

    @property
    def silent_lamp(self) -> str:
        return f"{self.communes[0]}-02"

    @property
    def dirty_lamp(self) -> str:
        return f"{self.communes[0]}-03"

    @property
    def mute_commune(self) -> str:
        return self.communes[-1]

    def tables(self, days: int = 30) -> Iterator[tuple[str, pl.DataFrame]]:
        """Every table's rows; the tables with one row per sample or report come in pieces of `days`."""
        for first in range(0, self.nights, days):
            piece = telemetry(self, first, min(days, self.nights - first))
            yield "telemetry", piece
            yield "arrivals", arrivals(piece)
        yield "nights", nights(self)
        yield "faults", faults(self)
        yield "status", status(self)
        yield "events", events(self)
        yield "quarantine", quarantine(self)
        yield "lost", lost(self)


def _frame(table: str, columns: dict[str, object]) -> pl.DataFrame:
    schema = TABLES[table].schema
    frame = pl.DataFrame(columns)
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None).alias(name)).cast(kind)
        for name, kind in schema.items()
    )


def telemetry(world: World, first: int, days: int) -> pl.DataFrame:
    """Samples of all lamps for `days` days from day `first`: sun by a sine, battery around 13.2 V, light by profile."""
    rng = np.random.default_rng([world.seed, first])
    per_day = DAY // world.step
    steps = np.arange(first * per_day, (first + days) * per_day)
    step_s = int(world.step.total_seconds())
    hour = (steps * step_s / 3600) % 24
    day = steps // per_day
    sun = np.clip(np.sin((hour - 6.0) / 12.0 * np.pi), 0, None)
    night = (hour < 5.75) | (hour >= 18.25)
    target = np.where(
        ~night, 0, np.where((hour >= 18.25) & (hour < 23.25) | (hour >= 4.75) & night & (hour < 6), 100, 30)
    )
    pieces = []
    for commune, lamp in world.plates:
        gain = 1 - 0.05 * rng.random()
        if lamp == world.dirty_lamp:
            gain = gain * (1 - np.minimum(0.005 * day, 0.5))
        keep = np.ones(len(steps), bool)
        if lamp == world.silent_lamp:
            keep &= day < world.nights // 2
        if commune == world.mute_commune:
            keep &= day != world.nights - 2
        level = np.where((lamp == world.dark_lamp) & (day >= world.nights - 3), 0, target)
        noise = rng.normal(1, 0.03, len(steps))
        pv_ma = 5000 * sun * gain * noise
        led_mw = 300 * level
        bat_ma = pv_ma * 1.3 - led_mw / 13.2 - 30
        clock = world.start.timestamp() + steps * step_s
        kept = {
            "time": clock, "pv_mv": np.where(sun > 0, 17_500 + 300 * noise, 0), "pv_ma": pv_ma,
            "bat_mv": 13_100 + 250 * sun - 150 * (target > 0) * (hour / 24), "bat_ma": bat_ma,
            "bat_dc": 280 + 90 * sun * noise, "soc": 60 + 40 * sun, "led_mw": led_mw, "level": level, "target": target,
        }  # fmt: skip
        columns = {name: np.round(values[keep]).astype(np.int64) for name, values in kept.items()}
        pieces.append(pl.DataFrame(columns).with_columns(commune=pl.lit(commune), lamp=pl.lit(lamp)))
    frame = pl.concat(pieces)
    every = world.report // world.step  # samples of one report
    nth = (pl.col("time") - int(world.start.timestamp())) // step_s
    seq = nth // every
    sent = int(world.start.timestamp()) + (seq + 1) * every * step_s - step_s
    frame = frame.with_columns(
        (pl.col("time") * MICROSECONDS).alias("time"), (sent * MICROSECONDS).alias("sent"), seq=seq, boot=1, dt=step_s,
        rssi=-80, up=seq * every * step_s, fw=pl.lit("1.4.2"),
    )  # fmt: skip
    return frame.select(pl.col(name).cast(kind) for name, kind in TABLES["telemetry"].schema.items())


def arrivals(samples: pl.DataFrame) -> pl.DataFrame:
    """One row per report of these samples, written 20 s after it was sent; every fifteenth is half a day late."""
    reports = samples.group_by("commune", "lamp", "boot", "seq", maintain_order=True).agg(
        first=pl.col("time").min(), last=pl.col("time").max(), dt=pl.col("dt").first(), samples=pl.len()
    )
    late = pl.when(pl.col("seq") % 15 == 14).then(43_200).otherwise(20)
    written = pl.col("last") + pl.duration(seconds=late)
    reports = reports.with_columns(time=written, received=written, bytes=40 + 25 * pl.col("samples"))
    return reports.select(pl.col(name).cast(kind) for name, kind in TABLES["arrivals"].schema.items())


def nights(world: World) -> pl.DataFrame:
    """The ledger that the samples deserve, with a few clouds in it."""
    rng = np.random.default_rng([world.seed, 99])
    rows: list[dict[str, object]] = []
    for commune, lamp in world.plates:
        for n in range(world.nights):
            dirt = min(0.005 * n, 0.5) if lamp == world.dirty_lamp else 0.02
            silent = (lamp == world.silent_lamp and n >= world.nights // 2) or (
                commune == world.mute_commune and n == world.nights - 2
            )
            dark = lamp == world.dark_lamp and n >= world.nights - 3
            partly = not (silent or dark) and ((n == 1 and lamp.endswith("-04")) or rng.random() < 0.02)
            seen = None if silent else 1.0
            rows.append({
                "commune": commune, "lamp": lamp, "time": world.start + n * DAY,
                "verdict": "unknown" if silent else "dark" if dark else "partly" if partly else "lit",
                "scheduled_minutes": 690.0,
                    "lit_minutes": None if silent else 0.0 if dark else 400.0 if partly else 690.0,
                "completeness": 0.0 if silent else 1.0,
                "pv_wh": seen and 330.0 * (1 - dirt), "battery_in_wh": seen and 290.0 * (1 - dirt),
                "led_wh": seen and (0.0 if dark else 262.0), "dusk_v": seen and 13.35, "dawn_v": seen and 13.05,
                "charge_ah": seen and 22.0, "discharge_ah": seen and 20.5,
                "sun": 0.7 + 0.3 * rng.random(), "yield_ratio": seen and 1 - dirt, "soiling": seen and dirt,
                "capacity": seen and 0.93, "autonomy": seen and 2.4, "samples": 0 if silent else 96,
                "dark_risk": 1.0 if dark else seen and 0.03,
            })  # fmt: skip
    return pl.DataFrame(rows, schema=dict(TABLES["nights"].schema))


def faults(world: World) -> pl.DataFrame:
    """A closed case per lamp and two months, of all kinds in turn, three open ones, and the communes' incidents."""
    rows: list[dict[str, object]] = []

    def case(commune: str, lamp: str, kind: Kind, since: datetime, until: datetime | None, cause: str) -> None:
        opened = since + timedelta(hours=6)
        rows.append({
            "commune": commune, "lamp": lamp, "kind": str(kind), "time": since, "case": len(rows) + 1, "since": since,
            "until": until, "opened_at": opened, "closed_at": until and until + timedelta(hours=2),
            "acknowledged_at": opened + timedelta(hours=3) if until else None,
            "state": "closed" if until else "open", "cause": cause, "likelihood": 0.8,
            "estimate": 0.2 if kind is Kind.PANEL_SOILED else None,
            "sentence_fr": f"{lamp or commune} : {WORDS[kind].fr} depuis le {since:%d/%m}, pairs normaux.",
            "sentence_en": f"{lamp or commune}: {WORDS[kind].en} since {since:%d %b}, peers normal.",
        })  # fmt: skip

    kinds = [kind for kind in Kind if kind not in (Kind.COMMUNE_SILENT, Kind.LOW_SUN)]
    for n, (commune, lamp) in enumerate(world.plates):
        for day in range(1, world.nights - 3, 60):
            begun = world.start + timedelta(days=day, hours=19)
            kind = kinds[(n + day) % len(kinds)]
            case(commune, lamp, kind, begun, begun + timedelta(days=2, hours=3), "driver" if n % 2 else "cable")
    for lamp, kind, cause in (
        (world.dark_lamp, Kind.DARK, "driver"),
        (world.silent_lamp, Kind.SILENT, "modem"),
        (world.dirty_lamp, Kind.PANEL_SOILED, "panel_soiled"),
    ):
        case(world.communes[0], lamp, kind, world.end - timedelta(days=2, hours=5), None, cause)
    mute = world.start + (world.nights - 2) * DAY
    case(world.mute_commune, "", Kind.COMMUNE_SILENT, mute, mute + DAY, "network")
    case(world.communes[0], "", Kind.LOW_SUN, world.start + DAY, world.start + 3 * DAY, "cloud")
    return pl.DataFrame(rows, schema=dict(TABLES["faults"].schema))


def status(world: World) -> pl.DataFrame:
    """Each lamp comes online at the start; the silent one's connection breaks half-way."""
    columns = {
        "commune": [commune for commune, _ in world.plates] + [world.communes[0]],
        "lamp": [lamp for _, lamp in world.plates] + [world.silent_lamp],
        "time": [world.start] * len(world.plates) + [world.start + world.nights // 2 * DAY],
        "state": ["online"] * len(world.plates) + ["offline"],
    }
    return _frame("status", dict(columns))


def events(world: World) -> pl.DataFrame:
    at = world.start + timedelta(days=1, hours=12)
    names = ["tilt", "door_open", "restart"]
    columns = {"commune": [world.communes[0]] * 3, "lamp": [world.dark_lamp] * 3, "event": names, "time": [at] * 3}
    return _frame("events", {**columns, "received": [at + timedelta(seconds=5)] * 3})


def quarantine(world: World) -> pl.DataFrame:
    """A stranger's message a day, and one of a known lamp that was noise."""
    known = [("", "", "lamp 'x' is not in the fleet"), (world.communes[0], world.dark_lamp, "implausible pv_mv 900000")]
    days = [(world.start + n * DAY + timedelta(hours=7), *one) for n in range(world.nights) for one in known]
    return _frame("quarantine", {
        "time": [time for time, *_ in days], "commune": [commune for _, commune, _, _ in days],
        "lamp": [lamp for _, _, lamp, _ in days], "reason": [reason for *_, reason in days],
        "topic": ["w/x/y/telemetry"] * len(days), "bytes": [120] * len(days), "payload": ["7b7d"] * len(days),
    })  # fmt: skip


def lost(world: World) -> pl.DataFrame:
    times = [datetime.fromtimestamp(world.start.timestamp() + n * 86_400 + 3_600, UTC) for n in range(2)]
    who = {"commune": [world.communes[0]] * 2, "lamp": [world.silent_lamp] * 2, "time": times}
    return _frame("lost", {**who, "boot": [1, 1], "from_seq": [10, 20], "to_seq": [11, 25]})
