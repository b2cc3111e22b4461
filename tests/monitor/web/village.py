"""A fleet to look at: 10 communes of 20 lamps, nights of every verdict, a case of every kind, people who were told."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from math import pi, sin
from pathlib import Path
from typing import Any

import polars as pl

from gateway.fleet import Fleet, parse_fleet
from gateway.store import TABLES, Store
from gateway.stores import open_store
from monitor.casebook import Casebook, open_casebook
from monitor.fault import COMMUNE_KINDS, Cause, Episode, Figure, Kind
from monitor.web.world import World

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LAST_NIGHT = datetime(2026, 11, 22, tzinfo=UTC)
NIGHTS = 45
SEEN_CLOSELY = ("fatoma-07", "fatoma-05", "konna-01")  # lamps with telemetry
BLACKOUT = "ouro-modi"  # silent for its last four nights


@cache
def fleet() -> Fleet:
    return parse_fleet(Path("fleet.toml").read_text(encoding="utf-8"))


@dataclass
class Village:
    """A world and what it was made of."""

    world: World
    store: Store
    casebook: Casebook
    episodes: list[Episode]


def make_village(
    store: Store | None = None, url: str = "sqlite://", learned: Callable[[str], Any] | None = None
) -> Village:
    filled = store or open_store("memory:", "trezor")
    casebook = open_casebook(url, "trezor")
    filled.append("nights", nights())
    filled.append("telemetry", pl.concat([telemetry(lamp) for lamp in SEEN_CLOSELY]))
    filled.append("arrivals", arrivals())
    told = episodes()
    casebook.reconcile(told, NOW, NOW - timedelta(days=100), fleet())
    for alert in casebook.owed(NOW)[:-2]:
        casebook.told(alert.id, NOW - timedelta(hours=1))
    world = World(
        "trezor",
        filled,
        casebook,
        learned=learned or (lambda lamp: {"gain": 0.974, "capacity_ah": 51.2, "since": NOW - timedelta(days=40)}),
        last_tick=lambda: NOW - timedelta(seconds=20),
    )
    return Village(world, filled, casebook, told)


def verdict(lamp: int, commune: str, age: int) -> str:
    """Of the fleet's n-th lamp, `age` nights before the last: about nine in ten are lit."""
    if commune == BLACKOUT and age < 4:
        return "unknown"
    if lamp % 23 == 6:
        return "dark" if age < 2 + lamp % 9 else "lit"
    if lamp % 31 == 11:
        return "partly" if age < 12 and (lamp + age) % 3 else "lit"
    if lamp % 37 == 20:
        return "unknown" if age < 9 else "lit"
    if (lamp * 7 + age * 13) % 61 == 0:
        return ("partly", "unknown", "dark")[(lamp + age) % 3]
    return "lit"


LIT_MINUTES = {"lit": 748.0, "partly": 231.0, "dark": 0.0, "unknown": 0.0}


def nights(count: int = NIGHTS) -> pl.DataFrame:
    """A row per lamp and night; a few unknown nights have no row at all."""
    rows: list[dict[str, Any]] = []
    for index, lamp in enumerate(fleet().lamps.values()):
        for age in range(count):
            said = verdict(index, lamp.commune, age)
            if said == "unknown" and age % 2:
                continue
            rows.append(
                {
                    "commune": lamp.commune,
                    "lamp": lamp.id,
                    "time": LAST_NIGHT - timedelta(days=age),
                    "verdict": said,
                    "scheduled_minutes": 750.0,
                    "lit_minutes": LIT_MINUTES[said],
                    "completeness": 0.1 if said == "unknown" else 0.97,
                    "pv_wh": 340.0,
                    "dusk_v": 13.3,
                    "dawn_v": 12.9,
                }
            )
    schema = TABLES["nights"].schema
    return pl.DataFrame(rows, schema={**schema}).select(list(schema))


def telemetry(lamp: str, days: int = 8, minutes: int = 15) -> pl.DataFrame:
    """Days as a lamp measures them, with a dropout of four hours; a test's drawing, not physics."""
    rows = []
    commune = fleet().lamps[lamp].commune
    steps = days * 1440 // minutes
    for i in range(steps):
        time = NOW - timedelta(minutes=minutes * (steps - i))
        hour = time.hour + time.minute / 60
        if time.date() == (NOW - timedelta(days=2)).date() and 9 <= hour < 13:
            continue
        sun = max(0.0, sin((hour - 6.1) / 12 * pi)) if 6.1 < hour < 18.1 else 0.0
        target = 0 if 6.3 < hour < 18.2 else 100 if (hour >= 18.2 and hour < 23.2) or hour > 5.3 else 30
        rows.append(
            {
                "commune": commune,
                "lamp": lamp,
                "time": time,
                "sent": time,
                "dt": minutes * 60,
                "boot": 1,
                "seq": i,
                "pv_mv": round(18_300 * (1 if sun else 0.02)),
                "pv_ma": round(4_600 * sun * (1 if hour < 11 else 0.35)),
                "bat_mv": round(13_280 + 700 * sun * min(1, (hour - 6) / 5))
                if sun
                else 13_300 - round(20 * ((hour - 18) % 24)),
                "bat_ma": round(4_000 * sun) - target * 20,
                "bat_dc": 310,
                "soc": 95,
                "led_mw": 0 if lamp == "fatoma-07" else target * 300,
                "level": target,
                "target": target,
            }
        )
    schema = TABLES["telemetry"].schema
    return pl.DataFrame(rows, schema={**schema}).select(list(schema))


def arrivals() -> pl.DataFrame:
    schema = TABLES["arrivals"].schema
    rows = [
        {
            "commune": lamp.commune,
            "lamp": lamp.id,
            "time": NOW - timedelta(minutes=7),
            "received": NOW - timedelta(minutes=7),
        }
        for lamp in fleet().lamps.values()
    ]
    return pl.DataFrame(rows, schema={**schema}).select(list(schema))


EVIDENCE: dict[Kind, tuple[tuple[Figure, ...], tuple[Cause, ...]]] = {
    Kind.DARK: (
        (
            Figure("battery_v", 13.1, "V", at=NOW - timedelta(hours=12), peers=13.2, limit=11.0),
            Figure("led_w", 0.0, "W", at=NOW - timedelta(hours=12), peers=30.0),
            Figure("target_pct", 100.0, "%"),
        ),
        (Cause("driver", 0.7), Cause("connector", 0.2), Cause("luminaire_string", 0.1)),
    ),
    Kind.EARLY_OFF: (
        (
            Figure("battery_v", 11.0, "V", at=NOW - timedelta(hours=10), limit=11.0),
            Figure("lit_min", 231.0, "min"),
            Figure("scheduled_min", 750.0, "min"),
        ),
        (Cause("panel_soiled", 0.55), Cause("battery_worn", 0.35), Cause("shade", 0.1)),
    ),
    Kind.PANEL_LOST: (
        (
            Figure("pv_a", 0.0, "A", at=NOW - timedelta(hours=20)),
            Figure("pv_v", 0.4, "V"),
            Figure("peers_charge_w", 62.0, "W"),
        ),
        (Cause("theft", 0.45), Cause("cable", 0.35), Cause("connector", 0.2)),
    ),
    Kind.PANEL_SOILED: (
        (Figure("loss_pct", 24.0, "%"), Figure("loss_pct_day", 0.6, "%"), Figure("wash_in_days", 0.0, "days")),
        (Cause("dust", 0.8), Cause("dirt", 0.2)),
    ),
    Kind.BATTERY_WORN: (
        (
            Figure("capacity_pct", 61.0, "%", limit=70.0),
            Figure("capacity_ah", 36.6, "Ah"),
            Figure("capacity_pm_ah", 2.1, "Ah"),
        ),
        (Cause("wear", 0.85), Cause("heat", 0.15)),
    ),
    Kind.COMMUNE_SILENT: (
        (Figure("silent_lamps", 20.0), Figure("lamps", 20.0)),
        (Cause("operator", 0.9), Cause("modem", 0.1)),
    ),
}


def episodes() -> list[Episode]:
    """One open episode of every kind, spread over the communes, a closed one, and one that another explains."""
    made = []
    lamps = list(fleet().lamps.values())
    for index, kind in enumerate(Kind):
        lamp = lamps[6] if kind is Kind.DARK else lamps[(index * 9 + 4) % 200]
        commune = BLACKOUT if kind is Kind.COMMUNE_SILENT else "konna" if kind is Kind.LOW_SUN else lamp.commune
        figures, causes = EVIDENCE.get(kind, ((Figure("nights", 3.0),), (Cause("unknown", 1.0),)))
        since = LAST_NIGHT - timedelta(days=7) if kind is Kind.DARK else NOW - timedelta(days=2 + index % 9)
        since = since.replace(hour=18, minute=10)
        made.append(
            Episode(
                commune=commune,
                lamp=None if kind in COMMUNE_KINDS else lamp.id,
                kind=kind,
                since=since,
                opened_at=since + timedelta(hours=1),
                causes=causes,
                figures=figures,
                estimate={Kind.PANEL_SOILED: 0.24, Kind.BATTERY_WORN: 0.61}.get(kind),
                trace={
                    "rule": "LED power < 5 % of what was commanded & battery above its <cut-off>",
                    "date": "2026-11-22",
                    "thresholds": {"dark_share": {"value": 0.02, "unit": "", "reason": "a glow is not light"}},
                    "inputs": {"lit_minutes": 0.0, "scheduled_minutes": 750.0, "dusk_v": 13.27, "note": None},
                    "verdict": "bad",
                    "nights": [{"date": "2026-11-21", "bad": True}, {"date": "2026-11-22", "bad": True}],
                },
            )
        )
    closed = NOW - timedelta(days=3)
    made.append(
        Episode(
            "fatoma", "fatoma-05", Kind.DARK, since=closed - timedelta(days=2), opened_at=closed - timedelta(days=1),
            until=closed, closed_at=closed, causes=(Cause("driver", 1.0),),
        )
    )  # fmt: skip
    made.append(
        Episode(
            BLACKOUT, f"{BLACKOUT}-03", Kind.SILENT, since=NOW - timedelta(days=4), opened_at=NOW - timedelta(days=3),
            hidden_by=Kind.COMMUNE_SILENT,
        )
    )  # fmt: skip
    return made
