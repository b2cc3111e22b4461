"""What can happen to a lamp: one function per kind, each doing to a day's arrays what the fault does to the lamp.

Only causes are made here; what follows from them (a battery that runs flat, a lamp that goes out) is left to physics.
A function gets the lamp's column and the steps of this day in which the mishap lasts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from firmware_sim.day import Day, Morning, SensorFlaw


@dataclass(frozen=True, slots=True)
class Mishap:
    """The truth about one thing that went wrong, an interval. `severity` and `mode`: see the kind's function."""

    kind: str
    commune: str
    lamp: str | None
    since: datetime
    until: datetime | None
    severity: float
    mode: str
    key: int  # of its own random numbers

    def active(self, since: datetime, until: datetime) -> bool:
        return self.since < until and (self.until is None or self.until > since)


Apply = Callable[[Day, int, slice, Mishap, np.random.Generator], None]
Slow = Callable[[Morning, int, Mishap, datetime], None]
FIVE_MINUTES: Final = 300


def dark(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """The LED driver is dead: commanded, no light, no power; the battery is fine."""
    day.emits[span, lamp] = 0


def early_off(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """The controller was set up for another battery: it cuts the load off while `severity` of the charge is left."""
    day.cut_share[span, lamp] = mishap.severity


def flicker(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """A loose connector or a hot driver: `severity` is the share of time that it is off, minutes at a time."""
    n = day.emits.shape[0]
    off = np.zeros(n, dtype=bool)
    state = False
    draws = rng.random((n,))
    # Two-state chain: off periods last 15 minutes in the mean.
    leave_off = 1 / 3
    leave_on = leave_off * mishap.severity / (1 - mishap.severity)
    for k in range(n):
        state = bool(draws[k] >= leave_off) if state else bool(draws[k] < leave_on)
        off[k] = state
    hit = np.zeros(n, dtype=bool)
    hit[span] = True
    day.emits[hit & off, lamp] = 0


def dim(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """LED strings are broken: `severity` is the share of the light that is gone."""
    day.emits[span, lamp] *= 1 - mishap.severity


def day_burning(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """The load relay is welded: lit day and night. `severity` is the share of full power by day."""
    day.burning[span, lamp] = True


def radio_off(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """`silent`, `commune_silent`: the lamp itself is well; the radio reads these mishaps as outages."""


def panel_partial(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """`diode`: a third of the cells bypassed, power and voltage; `connector`: current; `shade`: some hours each day."""
    left = 1 - mishap.severity
    if mishap.mode == "diode":
        day.power[span, lamp] *= left
        day.voc[span, lamp] *= left
    elif mishap.mode == "connector":
        day.power[span, lamp] *= left
        day.isc[span, lamp] *= left
    else:
        n = day.power.shape[0]
        seconds = day.begin.hour * 3600 + FIVE_MINUTES * np.arange(n)
        hours = (seconds / 3600) % 24
        begin = 8.0 + 5.0 * np.random.default_rng(mishap.key).random()  # the same hours every day: something was built
        shaded = (hours >= begin) & (hours < begin + 3.5)
        hit = np.zeros(n, dtype=bool)
        hit[span] = True
        day.power[hit & shaded, lamp] *= left
        day.isc[hit & shaded, lamp] *= left


def panel_lost(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """Stolen, cut or open: no current and no voltage from the panel."""
    day.power[span, lamp] = 0
    day.isc[span, lamp] = 0
    day.voc[span, lamp] = 0


def battery_weak_cell(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """`short`: the voltage of `severity` cells is missing; `resistance`: the pack's is `severity` times as high."""
    if mishap.mode == "short":
        day.shorted[span, lamp] = mishap.severity
    else:
        day.ohm[span, lamp] *= mishap.severity


def battery_lost(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """Stolen, or its fuse open: the controller lives on the panel alone, and dies at each dusk."""
    day.connected[span, lamp] = False


def charger_stuck(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """`over`: charges `severity` V per 12 V beyond its limit; `off`: passes nothing, the panel idles."""
    if mishap.mode == "over":
        day.over_v[span, lamp] = mishap.severity
    else:
        day.charging[span, lamp] = False


def hot(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """The box lost its shade or its vents: up to `severity` K more by day, less than half of it by night."""
    sun = np.clip(day.light[span, lamp] / 700, 0, 1)
    day.battery_c[span, lamp] += mishap.severity * (0.45 + 0.55 * sun)


def sensor_faulty(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """A channel lies, as `mode` says: see sensors.spoil. `severity` is used by the gain modes."""
    day.sensors.append(SensorFlaw(lamp, span, mishap.mode, mishap.severity, rng))


def clock_wrong(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """The lamp's clock is `severity` minutes ahead (negative: behind)."""
    day.skew_s[span, lamp] += round(mishap.severity * 60)


def restart_loop(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """A loose contact or a tired watchdog: `severity` starts a day."""
    n = day.reboots.shape[0]
    hit = np.zeros(n, dtype=bool)
    hit[span] = True
    day.reboots[hit & (rng.random(n) < mishap.severity / n), lamp] = True


def moved(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """`tilt`: hit, the panel looks elsewhere and gives `severity` less; `door_open`: only opened. Told by an event."""
    if mishap.since >= day.begin:
        day.events.append((lamp, span.start, mishap.mode))
    if mishap.mode == "tilt":
        day.power[span, lamp] *= 1 - mishap.severity
        day.isc[span, lamp] *= 1 - mishap.severity


def dark_risk(day: Day, lamp: int, span: slice, mishap: Mishap, rng: np.random.Generator) -> None:
    """Somebody has tapped the battery (a telephone shop, a radio): `severity` W leave it unseen by the lamp's load."""
    day.tap_w[span, lamp] += mishap.severity


def panel_soiled(morning: Morning, lamp: int, mishap: Mishap, begin: datetime) -> None:
    """Dust of a new track, or a roost of birds: dirt grows faster until `severity` is lost, and nobody washes before
    `until`."""
    fast = 0.003 + 0.005 * np.random.default_rng(mishap.key).random()
    morning.dirt[lamp] = fast
    morning.dirt_limit[lamp] = mishap.severity
    morning.unwashed[lamp] = True
    if mishap.mode == "birds":
        age = (begin - mishap.since) / timedelta(days=1)
        morning.dirt_floor[lamp] = mishap.severity * float(np.clip((age + 1) / ROOST_DAYS, 0, 1))


def battery_worn(morning: Morning, lamp: int, mishap: Mishap, begin: datetime) -> None:
    """A weak lot fails: `severity` of the capacity it had is left, at once (`step`) or in 40 to 160 days (`knee`)."""
    age = (begin - mishap.since) / timedelta(days=1)
    low, high = KNEE_DAYS
    days = low + (high - low) * np.random.default_rng(mishap.key).random()
    along = 1.0 if mishap.mode == "step" else float(np.clip(age / days, 0, 1))
    morning.capacity[lamp] *= 1 - (1 - mishap.severity) * along


KNEE_DAYS: Final = (
    40.0,
    160.0,
)  # drawn: published knees are told eight weeks ahead (Aitio & Howey 2021); spread assumed
ROOST_DAYS: Final = 8.0  # in which birds foul a panel beneath their roost (assumption)


@dataclass(frozen=True, slots=True)
class Flaw:
    """How a kind of mishap is drawn when a scenario leaves it open."""

    apply: Apply | None
    severity: tuple[float, float]  # drawn between
    limits: tuple[float, float]  # what a scenario may ask for
    modes: tuple[str, ...] = ("",)
    slow: Slow | None = None
    communal: bool = False
    days: tuple[float, float] | None = None  # how long it lasts; None: until the scenario's repair
    by_mode: tuple[tuple[str, tuple[float, float]], ...] = ()  # where a mode has its own severities


SENSOR_MODES: Final = ("pv_frozen", "bat_rail", "temperature_rail", "led_gain", "current_gain", "soc_jumps")

FLAWS: Final[dict[str, Flaw]] = {
    "dark": Flaw(dark, (1, 1), (1, 1)),
    "early_off": Flaw(early_off, (0.76, 0.9), (0.1, 0.99)),
    "flicker": Flaw(flicker, (0.25, 0.6), (0.05, 0.95)),
    "dim": Flaw(dim, (0.34, 0.67), (0.05, 0.99)),
    "day_burning": Flaw(day_burning, (1, 1), (1, 1)),
    "silent": Flaw(radio_off, (1, 1), (1, 1)),
    "commune_silent": Flaw(radio_off, (1, 1), (1, 1), communal=True, days=(0.2, 10)),
    "panel_soiled": Flaw(None, (0.15, 0.5), (0.02, 0.7), ("dust", "birds"), slow=panel_soiled),
    "panel_partial": Flaw(
        panel_partial, (0.25, 0.6), (0.02, 0.98), ("diode", "connector", "shade"),
        by_mode=(("diode", (1 / 3, 1 / 3)), ("shade", (0.5, 0.9))),
    ),
    "panel_lost": Flaw(panel_lost, (1, 1), (1, 1)),
    "battery_worn": Flaw(None, (0.35, 0.70), (0.05, 0.99), ("knee", "step"), slow=battery_worn),
    "battery_weak_cell": Flaw(
        battery_weak_cell, (1, 1), (0.5, 30), ("short", "resistance"), by_mode=(("resistance", (5, 9)),)
    ),
    "battery_lost": Flaw(battery_lost, (1, 1), (1, 1)),
    "charger_stuck": Flaw(charger_stuck, (0.8, 1.3), (0.1, 3), ("over", "off")),
    "hot": Flaw(hot, (18, 26), (1, 60)),
    "sensor_faulty": Flaw(sensor_faulty, (0.25, 0.5), (0.01, 2), SENSOR_MODES),
    "clock_wrong": Flaw(clock_wrong, (15, 300), (-1400, 1400)),
    "restart_loop": Flaw(restart_loop, (12, 60), (2, 250)),
    "moved": Flaw(moved, (0.05, 0.3), (0, 0.9), ("tilt", "door_open")),
    "dark_risk": Flaw(dark_risk, (6, 14), (0.5, 200)),
}  # fmt: skip
