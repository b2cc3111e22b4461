"""The truth's account books: nights and energy of each lamp, the sky of each commune."""

from datetime import UTC, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from firmware_sim import battery
from firmware_sim.charger import PWM_DROP_V
from firmware_sim.day import Day
from firmware_sim.hardware import Hardware
from firmware_sim.lamp import Battery, Run
from firmware_sim.sky import STEP_S, SkyDay
from firmware_sim.truth import ENERGY, NIGHTS, SKY

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

EDGE = 2  # steps at dusk and dawn that no controller is blamed for: it confirms darkness first
HOURS = STEP_S / 3600


class Ledger:
    def __init__(self, hw: Hardware, communes: tuple[str, ...], tables: battery.Tables) -> None:
        self._hw = hw
        self._communes = communes
        self._tables = tables
        self._nights: list[pl.DataFrame] = []
        self._skies: list[pl.DataFrame] = []
        n = len(hw.ids)
        self._pv, self._load, self._led, self._charger, self._battery, self._worn, self._curtailed = np.zeros((7, n))
        self._stored: Floats | None = None
        self._at_start = np.zeros(n)

    def close_day(
        self,
        day: Day,
        run: Run,
        pack: Battery,
        charge: Floats,
        ideal: Floats,
        sky: SkyDay,
        dirt: Floats,
        relearning: Bools,
    ) -> None:
        """Books one day. `charge` (Ah) was in the batteries at its beginning."""
        hw = self._hw
        missing = day.shorted * hw.of("short_v")
        before = stored_wh(hw, pack, charge, missing[0])
        if self._stored is None:
            self._at_start = before
        else:
            self._worn += self._stored - before  # wear, cold and new batteries: changes that no current made
        after = stored_wh(hw, pack, run.charge[-1], missing[-1])
        self._worn += (np.diff(missing, axis=0) * run.charge[:-1]).sum(axis=0)  # a cell shorts, with what was in it
        self._stored = after
        volts = np.where(run.volts > 1, run.volts, 1.0)
        ratio = np.where(hw.pwm, 1 + PWM_DROP_V / volts, 1 / hw.efficiency)
        from_panel = np.where(run.available_w > 0, run.bus_w, 0.0)
        self._pv += (from_panel * ratio).sum(axis=0) * HOURS
        self._charger += (from_panel * (ratio - 1)).sum(axis=0) * HOURS
        self._curtailed += np.clip(run.available_w - from_panel, 0, None).sum(axis=0) * HOURS
        self._load += run.load_w.sum(axis=0) * HOURS
        self._led += run.led_w.sum(axis=0) * HOURS
        gained = np.diff(np.vstack([charge[None], run.charge]), axis=0)
        self._battery += (run.amps * (run.volts - run.ocv) * HOURS + (run.amps * HOURS - gained) * run.ocv).sum(axis=0)
        self._skies.append(self._sky(day, sky))
        self._nights.append(self._night(day, run, pack, ideal, dirt, relearning))

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Nights, sky, energy."""
        stored = self._stored if self._stored is not None else self._at_start
        columns = (self._hw.communes, self._hw.ids, self._pv, self._load, self._led, self._charger, self._battery,
                   self._worn, stored, self._at_start, self._curtailed)  # fmt: skip
        energy = pl.DataFrame(dict(zip(ENERGY, columns, strict=True)), schema=ENERGY)
        nights = pl.concat(self._nights) if self._nights else pl.DataFrame(schema=NIGHTS)
        skies = pl.concat(self._skies) if self._skies else pl.DataFrame(schema=SKY)
        return nights, skies, energy

    def _night(self, day: Day, run: Run, pack: Battery, ideal: Floats, dirt: Floats, relearning: Bools) -> pl.DataFrame:
        hw = self._hw
        wanted = ideal > 0
        inside = wanted.copy()
        for shift in range(1, EDGE + 1):
            inside[shift:] &= wanted[:-shift]
            inside[:-shift] &= wanted[shift:]
        scheduled = inside.sum(axis=0) * STEP_S / 60
        lit = (inside & (run.led_w > 0)).sum(axis=0) * STEP_S / 60
        share = np.where(scheduled > 0, lit / np.maximum(scheduled, 1), 1.0)
        verdict = np.where(share >= 0.99, "lit", np.where(share <= 0.01, "dark", "partly"))
        columns = (
            hw.communes, hw.ids, [_date(day)] * len(hw.ids), scheduled, lit, verdict.tolist(), run.cut.sum(axis=0),
            dirt, pack.capacity / hw.amp_hours, (run.estimate >= 0.999).any(axis=0), relearning,
        )  # fmt: skip
        return pl.DataFrame(dict(zip(NIGHTS, columns, strict=True)), schema=NIGHTS)

    def _sky(self, day: Day, sky: SkyDay) -> pl.DataFrame:
        n = len(self._communes)
        kwh = sky.ghi.sum(axis=0) * HOURS / 1000
        columns = (self._communes, [_date(day)] * n, kwh, sky.clearness, np.full(n, sky.dust), sky.rain_mm)
        return pl.DataFrame(dict(zip(SKY, columns, strict=True)), schema=SKY)


def _date(day: Day) -> object:
    return (day.begin + timedelta(hours=6)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def stored_wh(hw: Hardware, pack: Battery, charge: Floats, missing: Floats) -> Floats:
    """Energy in the batteries by their state alone, Wh: ∫ open-circuit voltage d(charge), `missing` V short of it."""
    usable = pack.capacity * (1 - pack.reserve)
    scale = (charge - pack.capacity * pack.reserve) / usable
    place = (np.maximum(scale, battery.LOWEST) - battery.LOWEST) * (battery.GRID / (1 - battery.LOWEST))
    whole = np.minimum(place.astype(np.int64), battery.GRID - 1)
    at = hw.chemistry * (battery.GRID + 1) + whole
    part = (place - whole) * (1 - battery.LOWEST) / battery.GRID
    low = pack.tables.ocv[at]
    slope = (pack.tables.ocv[at + 1] - low) * (battery.GRID / (1 - battery.LOWEST))
    area = pack.tables.energy[at] + low * part + slope * part**2 / 2
    return np.asarray(area * hw.cells * usable - missing * charge)
