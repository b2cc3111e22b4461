"""What really happened, as it is counted: from the simulator's truth to faults with a beginning, an end and a size.

A fault counts from the moment it crosses the severity that domain figures speak of, and only where it lasted long
enough for anybody to notice; everything that is left out carries its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from firmware_sim.scenario import Scenario
from firmware_sim.truth import Truth
from gateway.fleet import Fleet
from monitor.sun import dusk_and_dawn
from scorecard.said import DAY

DIRTY: Final = 0.10  # share of light lost beyond the commune's median lamp, from where dirt is to be found
WORN: Final = 0.70  # of nameplate: the usual end of life
NEARLY_WORN: Final = 0.75  # an old battery reported worn from here on is no false alarm (five points for its estimate)
SHADED: Final = 0.25  # of the output: a weakened panel below is not asked for
LEARNING: Final = 14 * DAY  # before it nobody knows a lamp's own gain; slow faults older than that are listed apart
HOT_DC: Final = 550  # 0.1 °C
SLOW: Final = frozenset({"panel_soiled", "panel_partial", "battery_worn"})
LIGHT: Final = frozenset({"dark", "early_off", "flicker", "dim"})  # they show by night …
SUN: Final = frozenset({"panel_lost", "panel_partial", "charger_stuck", "day_burning"})  # … and these by day
SUN_UP: Final = timedelta(hours=1.5)  # from dawn (94°) until it stands 15° high

# Days that a fault must last to count: reports come every six hours, energy needs sunny days, wear many nights.
LEAST_DAYS: Final[dict[str, float]] = {
    "dark": 1.5, "early_off": 2, "flicker": 2, "dim": 3, "day_burning": 1.5, "silent": 1.5, "commune_silent": 1.0,
    "panel_soiled": 7, "panel_partial": 7, "panel_lost": 1.5, "battery_worn": 14, "battery_weak_cell": 7,
    "battery_lost": 1.5, "charger_stuck": 2, "hot": 2, "sensor_faulty": 3, "clock_wrong": 2, "restart_loop": 2,
    "moved": 0.5, "dark_risk": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """One thing that went wrong. `size` is its severity class; `skipped` says why it does not count, '' if it does."""

    kind: str
    commune: str
    lamp: str | None
    mode: str
    severity: float  # as the simulator drew it
    began: datetime
    since: datetime  # from when it is to be found
    shows: datetime  # the first dusk or noon that could show it
    until: datetime  # repaired, or past the end of the world
    size: str
    skipped: str

    @property
    def subject(self) -> str:
        return self.lamp or self.commune

    @property
    def counted(self) -> bool:
        return not self.skipped


@dataclass(frozen=True, slots=True)
class Lived:
    """A world's truth, ready to be asked.

    nights: truth.NIGHTS with `excess`, the dirt beyond the median lamp's, and `served`: lit to the end, no cut-off of
    the battery even in the last minutes (domain figures).
    """

    start: datetime
    end: datetime
    faults: tuple[Known, ...]
    nights: pl.DataFrame
    sky: pl.DataFrame
    changes: tuple[datetime, ...]  # when everybody's dimming profile changed
    by_lamp: Mapping[str, pl.DataFrame]  # the same nights
    hot: Mapping[str, pl.Series]  # times at which a lamp's battery was measured above 55 °C

    def of(self, lamp: str) -> pl.DataFrame:
        return self.by_lamp.get(lamp, self.nights.clear())


def lived(truth: Truth, fleet: Fleet, scenario: Scenario, telemetry_hot: pl.DataFrame) -> Lived:
    """`telemetry_hot`: lamp and time of the samples above 55 °C; a hot box in a cool season is not to be found."""
    median = pl.col("soiling").median().over("commune", "time")
    nights = truth.nights.with_columns(
        excess=1 - (1 - pl.col("soiling")) / (1 - median),
        served=(pl.col("verdict") == "lit") & (pl.col("cut_offs") == 0),
    ).sort("lamp", "time")
    by_lamp = {str(lamp): rows for (lamp,), rows in nights.group_by("lamp")}
    hot = {str(lamp): rows["time"] for (lamp,), rows in telemetry_hot.group_by("lamp")}
    faults = []
    for row in truth.mishaps.filter(pl.col("since") < scenario.end).iter_rows(named=True):
        mine = by_lamp.get(row["lamp"], nights.clear())
        faults.append(_known(row, fleet, scenario, mine, hot.get(row["lamp"], pl.Series(dtype=nights["time"].dtype))))
    changes = tuple(moment for change in scenario.profiles for moment in (change.since, change.until))
    return Lived(scenario.start, scenario.end, tuple(faults), nights, truth.sky, changes, by_lamp, hot)


def _known(row: dict[str, object], fleet: Fleet, scenario: Scenario, nights: pl.DataFrame, hot: pl.Series) -> Known:
    kind, began, lamp = str(row["kind"]), row["since"], row["lamp"]
    assert isinstance(began, datetime)
    severity = float(str(row["severity"]))
    until = row["until"] if isinstance(row["until"], datetime) else scenario.end + 3650 * DAY
    mine = nights.filter(pl.col("time").is_between(began - timedelta(hours=30), until))
    since, size, skipped = began, str(row["mode"]), ""
    if kind == "panel_soiled":
        peak = float(str(mine["excess"].max() or 0.0))
        since = _first(mine, pl.col("excess") >= DIRTY) or began
        size = f"{row['mode']} {'10–30 %' if peak <= 0.3 else 'over 30 %'}"
        skipped = "" if peak >= DIRTY else "never 10 % beyond its neighbours"
    elif kind == "battery_worn":
        least = float(str(mine["capacity"].min() or 1.0))
        since = _first(mine, pl.col("capacity") <= WORN) or began
        size = "below 40 %" if least < 0.4 else "40–55 %" if least < 0.55 else "55–70 %"
        skipped = "" if least <= WORN else "never below 70 %"
    elif kind == "panel_partial":
        size = f"{row['mode']} {'over 40 %' if severity > 0.4 else '25–40 %' if severity >= SHADED else 'under 25 %'}"
        skipped = "" if severity >= SHADED else "under 25 %"
    elif kind == "commune_silent":
        days = (min(until, scenario.end) - began) / DAY
        size = "over 2 days" if days > 2 else "1–2 days" if days >= 1 else "hours"
    elif kind == "clock_wrong":
        size = "under 60 min" if abs(severity) < 60 else "over 60 min"
    elif kind == "hot":
        skipped = "" if _any_within(hot, began, until) else "never above 55 °C"
    elif kind in ("early_off", "dark_risk") and not mine.filter(pl.col("verdict") != "lit").height:
        skipped = "every night was lit"
    since = max(since, began)
    if kind in SLOW and began < scenario.start + LEARNING:
        skipped = skipped or "began in the first 14 nights"
    if (min(until, scenario.end) - since) / DAY < LEAST_DAYS[kind]:
        skipped = skipped or f"lasted less than {LEAST_DAYS[kind]:g} days"
    place = fleet.communes[str(row["commune"])]
    return Known(
        kind=kind, commune=place.id, lamp=None if lamp is None else str(lamp), mode=str(row["mode"]),
        severity=severity, began=began, since=since, shows=shows(kind, since, place.latitude, place.longitude),
        until=until, size=size, skipped=skipped,
    )  # fmt: skip


def shows(kind: str, since: datetime, latitude: float, longitude: float) -> datetime:
    """The first moment from `since` on at which a fault of this kind could be seen: dusk, sun, or at once."""
    for back in (1, 0):
        date = since.replace(hour=0, minute=0, second=0, microsecond=0) - back * DAY
        dusk, dawn = dusk_and_dawn(date, latitude, longitude)
        if since < dawn:
            if kind in LIGHT:
                return max(since, dusk)
            return max(since, dawn + SUN_UP) if kind in SUN and since >= dusk else since
    return since


def _first(nights: pl.DataFrame, where: pl.Expr) -> datetime | None:
    """The noon that begins the first such date."""
    times = nights.filter(where)["time"]
    first = times.min() if len(times) else None
    return first + timedelta(hours=12) if isinstance(first, datetime) else None


def _any_within(times: pl.Series, since: datetime, until: datetime) -> bool:
    return bool(times.is_between(since, until).any()) if len(times) else False
