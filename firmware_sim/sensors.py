"""What the controllers measure and say of it: gains, noise, quirks and lies between the truth and the samples."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from firmware_sim.charger import PWM_DROP_V
from firmware_sim.day import Day, SensorFlaw
from firmware_sim.hardware import FIRMWARES, Hardware
from firmware_sim.lamp import Battery, Run
from firmware_sim.panel import voltage_above_peak
from firmware_sim.sky import STEP_S, STEPS
from gateway.telemetry import COLUMNS, TIME

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

SOC_GLITCH: Final = 1e-4  # chance a sample that the state of charge reads 0
NOISE_V: Final = 0.01
NOISE_A: Final = 0.004
SLOW: Final = ("soc", "bat_dc")  # never averaged by a controller


@dataclass(frozen=True, slots=True)
class Starts:
    """[steps, lamps]: starts of the controller so far, and seconds since the last one."""

    boot: Ints
    up: Ints
    starting: Bools


@dataclass(frozen=True, slots=True)
class Lights:
    """[steps, lamps], %: what the profile commands, and what the lamp wants (more when somebody passes)."""

    target: Floats
    wanted: Floats


class Sampler:
    """Makes the telemetry of a day. `spot`: the values of the step at which the controller is polled; `mean`: the
    means of the steps since the last sample, with the time of their end. Booleans and slow values are always spot."""

    def __init__(self, hw: Hardware, sample_s: int, mean: bool, spread: float) -> None:
        self._hw = hw
        self._every = sample_s // STEP_S
        self._mean = mean
        self._sample_s = sample_s
        self._noise = spread
        n = STEPS // self._every
        self._communes = pl.Series("commune", [c for c in hw.communes for _ in range(n)], dtype=pl.String)
        self._lamps = pl.Series("lamp", [lamp for lamp in hw.ids for _ in range(n)], dtype=pl.String)
        firmware = [FIRMWARES[int(i)] for i in hw.firmware]
        self._firmware = pl.Series("fw", [fw for fw in firmware for _ in range(n)], dtype=pl.String)

    def sample(
        self, day: Day, run: Run, pack: Battery, lights: Lights, starts: Starts, rng: np.random.Generator
    ) -> pl.DataFrame:
        every = self._every
        polled = np.arange(0, STEPS, every)
        last = polled + every - 1 if self._mean else polled
        rows = np.arange(STEPS) if self._mean else polled
        values = self._measure(day, run, pack, lights, rows, rng)
        if self._mean:
            values = {
                name: v[last] if name in SLOW else v.reshape(len(polled), every, -1).mean(axis=1)
                for name, v in values.items()
            }
        for flaw in day.sensors:
            spoil(values, flaw, last)
        present = (run.alive[last] & ~starts.starting[last]).T.ravel()
        # Seconds from the begin of the day; a mean is stamped at the end of what it covers.
        seconds = (last + (1 if self._mean else 0))[:, None] * STEP_S + np.zeros((1, len(self._hw.ids)), dtype=np.int64)
        true_us = seconds * 1_000_000 + _micros(day.begin)
        columns: dict[str, pl.Series] = {
            "commune": self._communes,
            "lamp": self._lamps,
            "time": _times(true_us + day.skew_s[last] * 1_000_000),
            "dt": pl.Series(np.full(present.size, self._sample_s, dtype=np.int32)),
            "boot": _column(starts.boot[last]),
        }
        columns |= {name: _column(values[name]) for name in COLUMNS}
        rssi = self._hw.rssi + 2.5 * self._noise * rng.standard_normal((len(polled), len(self._hw.ids)))
        columns |= {
            "rssi": _column(np.clip(rssi, -113, -51)),
            "up": _column(np.minimum(starts.up[last], 2**31 - 1)),
            "fw": self._firmware,
            "true_time": _times(true_us),
        }
        return pl.DataFrame(columns).filter(pl.Series(present))

    def _measure(
        self, day: Day, run: Run, pack: Battery, lights: Lights, rows: Ints, rng: np.random.Generator
    ) -> dict[str, Floats]:
        """The columns of the contract, [rows, lamps], in their units, before rounding."""
        hw, err = self._hw, self._hw.errors
        shape = (len(rows), len(hw.ids))

        def noise(sd: float) -> Floats:
            return np.asarray(self._noise * sd * rng.standard_normal(shape))

        volts, amps = panel_side(hw, day, run, rows)
        idle = amps <= 0
        connected = day.connected[rows]
        # Without a battery nothing steadies the charger's output: it follows the sun and swings.
        sun = np.clip(day.light[rows] / 700, 0, 1)
        follows = pack.limit_v[rows] * (0.82 + 0.18 * sun) + noise(15 * NOISE_V)
        bat_v = np.where(connected, run.volts[rows], follows)
        level = np.where(run.lit[rows], lights.wanted[rows] * run.saved[rows], 0.0)
        level = np.where(day.burning[rows] & run.alive[rows], 100.0, level)
        soc = np.where(rng.random(shape) < SOC_GLITCH * self._noise, 0.0, run.estimate[rows])
        return {
            "pv_mv": 1000 * np.maximum(volts * err.pv_v + noise(2 * NOISE_V), 0),
            "pv_ma": np.where(idle, 0.0, 1000 * np.maximum(amps * err.pv_a + err.pv_a0 + noise(NOISE_A), 0)),
            "bat_mv": 1000 * (bat_v * err.bat_v + noise(NOISE_V)),
            "bat_ma": 1000 * (run.amps[rows] * err.bat_a + err.bat_a0 + noise(NOISE_A)),
            "bat_dc": 10 * (day.battery_c[rows] + run.heat[rows] + err.bat_c0 + noise(0.1)),
            "soc": 100 * soc,
            "led_mw": 1000 * run.led_w[rows] * np.maximum(err.led_w + noise(0.003), 0),
            "level": level,
            "target": lights.target[rows],
        }


def panel_side(hw: Hardware, day: Day, run: Run, rows: Ints) -> tuple[Floats, Floats]:
    """V and A at the charger's panel input: at its best point, or towards open circuit when less is wanted."""
    bus, available, voc = run.bus_w[rows], run.available_w[rows], day.voc[rows]
    from_panel = np.where(day.connected[rows] | (available > 0), bus, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        pwm_drop = np.where(hw.pwm, 1 + PWM_DROP_V / run.volts[rows], 1 / hw.efficiency)
    watts = np.where(available > 0, np.minimum(from_panel, available), 0.0) * pwm_drop
    best = np.where(hw.pwm, run.volts[rows] + PWM_DROP_V, hw.vmp_share * voc)
    curtailed = watts < 0.99 * available * pwm_drop
    volts = np.where(watts > 0, best, voc)
    if curtailed.any():
        high = voltage_above_peak(watts[curtailed], day.isc[rows][curtailed], voc[curtailed], _knee(hw, curtailed))
        volts[curtailed] = np.maximum(high, np.minimum(best[curtailed], voc[curtailed]))
    amps = np.where(watts > 0, watts / np.maximum(volts, 0.1), 0.0)
    return volts, amps


def _knee(hw: Hardware, where: Bools) -> Floats:
    return np.asarray(np.broadcast_to(hw.knee, where.shape)[where])


def spoil(values: dict[str, Floats], flaw: SensorFlaw, steps: Ints) -> None:
    """Makes a channel lie. Frozen: the panel's current stays at one value. At the rail: battery voltage 0, temperature
    85 or −127 °C. Gain: LED power or battery current read `severity` too little. Jumps: charge without Ah."""
    hit = (steps >= flaw.span.start) & (steps < flaw.span.stop)
    i = flaw.lamp
    match flaw.mode:
        case "pv_frozen":
            values["pv_ma"][hit, i] = 1370.0
        case "bat_rail":
            values["bat_mv"][hit, i] = 0.0
        case "temperature_rail":
            values["bat_dc"][hit, i] = 850.0 if flaw.severity < 0.375 else -1270.0
        case "led_gain":
            values["led_mw"][hit, i] *= 1 - flaw.severity
        case "current_gain":
            values["bat_ma"][hit, i] *= 1 - flaw.severity
        case "soc_jumps":
            n = int(hit.sum())
            anything = 100 * flaw.rng.random(n)
            values["soc"][hit, i] = np.where(flaw.rng.random(n) < 0.3, anything, values["soc"][hit, i])


def _column(values: npt.NDArray[np.generic]) -> pl.Series:
    return pl.Series(np.rint(np.asarray(values, dtype=np.float64)).astype(np.int32).T.ravel())


def _times(micros: Ints) -> pl.Series:
    return pl.Series(micros.T.ravel()).cast(TIME)


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=moment.tzinfo)) // timedelta(microseconds=1)
