"""The plant against the domain's figures: what `docs/simulator.md` shows and a test repeats."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from firmware_sim.plant import Plant
from firmware_sim.scenario import Habits, Placed, Scenario, Weather
from firmware_sim.sky import CLEARNESS_MEAN, MOPTI, STEP_S, Sky
from gateway.fleet import Fleet, Lamp

START: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
NIGHTS: Final = 365
REFERENCE: Final = "lfp-100"
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# kWh/m²/d: pvlib's Location(14.5, -4.2, altitude=270).get_clearsky, every ten minutes of 2026, its own sun position.
CLEAR_SKY: Final = (5.12, 5.70, 6.32, 6.61, 6.64, 6.51, 6.45, 6.45, 6.19, 5.77, 5.24, 5.13)
CLEARNESS: Final = tuple(MOPTI * mean for mean in CLEARNESS_MEAN)  # Malanville's months, brought to Mopti's year
VARIANTS: Final = {
    "healthy": (1.0, 1.0),
    "panel-66": (0.66, 1.0),
    "panel-50": (0.5, 1.0),
    "capacity-60": (1.0, 0.6),
    "capacity-50": (1.0, 0.5),
    "capacity-40": (1.0, 0.4),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One published or measured figure, what the plant gives, and how far it may be off."""

    name: str
    expected: float
    found: float
    tolerance: float
    unit: str

    @property
    def holds(self) -> bool:
        return abs(self.found - self.expected) <= self.tolerance


def validate(shipped: Fleet, seeds: tuple[int, ...] = (1, 2, 3)) -> list[Figure]:
    """A year of one reference lamp of each variant in every commune, for several skies: about 20 s a seed."""
    fleet, scenario = _world(shipped)
    nights, skies = [], []
    for seed in seeds:
        plant = Plant(fleet, scenario, seed)
        for _ in plant.nights():
            pass
        truth = plant.truth()
        nights.append(truth.nights.with_columns(variant=pl.col("lamp").str.replace(r"^[a-z-]+\.", "")))
        skies.append(truth.sky)
    night, sky = pl.concat(nights), pl.concat(skies)
    years = len(seeds) * len(fleet.communes)
    lit = dict(
        night.group_by("variant").agg((pl.col("verdict") == "lit").sum() / years).iter_rows(),
    )
    clear = _clear_sky(fleet)
    full = night.filter(pl.col("variant") == "healthy")["full"].mean()
    return [
        Figure("clear sky on the level, year's mean", 6.01, _mean(clear["kwh"]), 0.06, "kWh/m²/d"),
        *_months("clear sky on the level", CLEAR_SKY, clear, "kwh", 0.1, "kWh/m²/d"),
        Figure("sun on the level, year's mean", 5.6, _mean(sky["ghi_kwh"]), 0.15, "kWh/m²/d"),
        *_months(
            "sun on the level",
            [c * k for c, k in zip(CLEAR_SKY, CLEARNESS, strict=True)],
            sky,
            "ghi_kwh",
            0.5,
            "kWh/m²/d",
        ),
        Figure("clearness, year's mean", 0.93, _mean(sky["clearness"]), 0.03, ""),
        *_months("clearness", CLEARNESS, sky, "clearness", 0.08, ""),
        Figure("clearness of the worst five days of a year", 0.60, _worst_days(skies, 5), 0.12, ""),
        Figure("nights served, healthy lamp", 365, lit["healthy"], 0.5, "of 365"),
        Figure("days with a full battery, healthy lamp", 96, 100 * float(np.asarray(full)), 3, "%"),
        Figure("nights served, panel −34 %", 353, lit["panel-66"], 8, "of 365"),
        Figure("nights served, panel −50 %", 51, lit["panel-50"], 25, "of 365"),
        Figure("nights served, capacity 60 %", 365, lit["capacity-60"], 8, "of 365"),
        Figure("nights served, capacity 50 %", 354, lit["capacity-50"], 8, "of 365"),
        Figure("nights served, capacity 40 %", 1, lit["capacity-40"], 5, "of 365"),
    ]


def _months(
    what: str, expected: Sequence[float], days: pl.DataFrame, column: str, tolerance: float, unit: str
) -> list[Figure]:
    """`days`: columns time and `column`. The means of twelve months beside what is expected of them."""
    found = days.group_by(month=pl.col("time").dt.month()).agg(pl.col(column).mean()).sort("month")[column]
    return [Figure(f"{what}, {MONTHS[n]}", expected[n], found[n], tolerance, unit) for n in range(12)]


def _clear_sky(fleet: Fleet) -> pl.DataFrame:
    """Columns time and kwh (kWh/m² of a day, the mean of all communes)."""
    midnight = START - timedelta(hours=12)
    sky = Sky(tuple(fleet.communes.values()), Weather(), midnight, 0)
    kwh = [float(sky.clear(n)[2].sum(axis=0).mean()) * STEP_S / 3.6e6 for n in range(NIGHTS)]
    return pl.DataFrame({"time": [midnight + timedelta(days=n) for n in range(NIGHTS)], "kwh": kwh})


def _worst_days(skies: list[pl.DataFrame], days: int) -> float:
    """The mean over communes and years of the lowest running mean of a year."""
    lowest = [
        sky.sort("time").group_by("commune").agg(pl.col("clearness").rolling_mean(days).min())["clearness"].mean()
        for sky in skies
    ]
    return float(np.mean(np.asarray(lowest, dtype=np.float64)))


def _mean(series: pl.Series) -> float:
    return float(np.asarray(series.mean()))


def _world(shipped: Fleet) -> tuple[Fleet, Scenario]:
    lamps: dict[str, Lamp] = {}
    placed = []
    reference = shipped.models[REFERENCE]
    for commune, group in shipped.by_commune.items():
        for variant, (panel, capacity) in VARIANTS.items():
            lamp = _variant(replace(group[0], model=reference), f"{commune}.{variant}", panel)
            lamps[lamp.id] = lamp
            if capacity < 1:
                placed.append(
                    Placed(
                        "battery_worn", lamp.id, None, datetime(2025, 1, 1, tzinfo=UTC), None, capacity, "step", False
                    )
                )
    scenario = Scenario("validation", START, NIGHTS, habits=Habits(spread=0, motion=0, saving=0), placed=tuple(placed))
    return replace(shipped, lamps=lamps), scenario


def _variant(lamp: Lamp, ident: str, panel: float) -> Lamp:
    """The reference lamp, new, with a share of its panel."""
    nameplate = lamp.model.panel
    smaller = replace(nameplate, watts=panel * nameplate.watts, imp=panel * nameplate.imp, isc=panel * nameplate.isc)
    return replace(lamp, id=ident, model=replace(lamp.model, panel=smaller), installed=START.date())
