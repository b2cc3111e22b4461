"""The sky over the communes: sun, clear sky, clearness, cloud, dust, rain, heat. One local day at a time.

Clearness is the ratio of the sun that comes to the clear-sky model's (Ineichen). Monthly figures: measured at
Malanville, Benin (11.9 N), scaled so that a year at 14.5 N gives 5.6 kWh/m² a day on the level, as Fondem measured.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib
from scipy import signal, special

from firmware_sim.scenario import Spell, Weather
from gateway.fleet import Commune

Floats = npt.NDArray[np.float64]

STEP_S: Final = 300
STEPS: Final = 86_400 // STEP_S  # a day
BLOCK_DAYS: Final = 32  # pvlib is asked for so many days at once: its calls cost more than their points

# January to December. Mean and deviation of daily clearness (Malanville, 2021-08…2022-08).
CLEARNESS_MEAN: Final = (1.07, 1.08, 0.96, 0.98, 0.95, 0.88, 0.84, 0.75, 0.86, 1.05, 1.11, 1.08)
CLEARNESS_SD: Final = (0.15, 0.07, 0.10, 0.11, 0.13, 0.24, 0.23, 0.25, 0.24, 0.11, 0.09, 0.06)
MOPTI: Final = 0.963  # yearly 0.93 at Mopti (Fondem's 5.6 of 6.01 kWh/m²/d) against 0.967 at Malanville
# What a day without cloud and dust reaches (upper tenth at Malanville, bounded by the 1.05…1.13 seen elsewhere).
CLEAREST: Final = (1.12, 1.12, 1.06, 1.07, 1.05, 1.05, 1.06, 1.05, 1.08, 1.11, 1.13, 1.12)
CLEAREST_SD: Final = 0.012  # from day to day: water vapour and haze

DUST_SPELLS_A_MONTH: Final = (1.0, 0.9, 1.0, 0.8, 0.6, 0.3, 0.05, 0.0, 0.05, 0.15, 0.5, 0.8)
DUST_DAYS: Final = (3.0, 8.0)
DUST_DEPTH: Final = (0.15, 0.40)
DUST_MEAN: Final = 0.75 * 0.275 * 5.5 / 30.4  # share of sun that one spell a month takes: shape × depth × length

REGIONAL: Final = 0.6  # correlation of cloudiness between communes (0.5…0.7, an assumption)
# Correlation of a day's cloudiness with the day before: 0.2…0.3 in the dry months at Malanville and Dapaong, none in
# the rains, when storms come and go.
MEMORY: Final = (0.3, 0.3, 0.3, 0.3, 0.25, 0.1, 0.0, 0.0, 0.0, 0.15, 0.3, 0.3)
NOISE_CLEAR: Final = 0.05  # deviation of 5-minute clearness within a clear day
NOISE_BROKEN: Final = 0.30  # within a day of broken cloud
NOISE_MEMORY: Final = 0.75  # correlation of one step with the next: clouds pass in a quarter of an hour

RAIN_CHANCE: Final = (0.0, 0.0, 0.0, 0.03, 0.09, 0.20, 0.38, 0.45, 0.30, 0.08, 0.0, 0.0)  # assumed, 500 mm a year
RAIN_MM: Final = 11.0  # mean of a rain day
AIR_LOW_C: Final = (18, 20, 23, 26, 28, 26, 24, 23, 24, 24, 21, 18)  # mean daily extremes, Mopti (assumed normals)
AIR_HIGH_C: Final = (31, 34, 38, 40, 41, 38, 34, 32, 34, 37, 35, 32)
WIND_MS: Final = 2.0
BOX_LAG_S: Final = 3 * 3600.0  # a battery in its box follows the air and the sun on it
BOX_AIR_K: Final = 2.0  # the box stays above the air by night
BOX_SUN_K: Final = 10.0  # more in full sun, so that by day a battery is 3…12 K above the air

# Twilight on the level, W/m², by the sun's zenith angle: civil twilight ends at 96° with 3.4 lux (110 lux a W/m²).
TWILIGHT_ZENITH: Final = (80.0, 88.0, 90.0, 92.0, 94.0, 96.0, 98.0, 102.0)
TWILIGHT_LOG: Final = np.log((60.0, 14.0, 5.5, 1.2, 0.20, 0.031, 0.004, 0.0001))


@dataclass(frozen=True, slots=True)
class SkyDay:
    """Arrays [steps, communes] at the beginning of each 5-minute step, unless said otherwise."""

    zenith: Floats  # degrees, refracted
    azimuth: Floats  # degrees from north
    ghi: Floats  # W/m², global horizontal
    dni: Floats  # W/m²
    dhi: Floats  # W/m²
    light: Floats  # W/m², the same as ghi but with twilight: what a panel's voltage feels
    air: Floats  # °C
    box: Floats  # °C, a battery in the shade of its box
    box_sun: Floats  # K, what the sun on the box adds
    patchy: Floats  # 0…1, how much one lamp's sun may differ from the next one's
    clearness: Floats  # [communes], of the day
    dust: float  # share of the sun that dust took
    rain_mm: Floats  # [communes]
    month: int  # 0…11


class Sky:
    """Endless days from local midnight to midnight, one after another. Same seed, same sky, however many are taken."""

    def __init__(self, communes: Sequence[Commune], weather: Weather, midnight: datetime, seed: int) -> None:
        """`midnight`: UTC moment at which the first local day begins."""
        self._communes = tuple(communes)
        self._weather = weather
        self._midnight = midnight
        self._seed = seed
        self._block: tuple[int, list[Floats]] = (-1, [])
        self._anomaly = 0.0
        self._regional = 0.0
        self._local = np.zeros(len(self._communes))
        self._spell: tuple[int, int, float] | None = None  # first day, days, depth
        self._lag = np.zeros((3, 0))

    def days(self) -> Iterator[SkyDay]:
        n = 0
        while True:
            yield self._day(n)
            n += 1

    def clear(self, n: int) -> list[Floats]:
        """Zenith and azimuth (degrees) and clear-sky GHI (W/m², Ineichen) of day n, each [steps, communes]."""
        block, place = divmod(n, BLOCK_DAYS)
        if self._block[0] != block:
            begin = self._midnight + timedelta(days=block * BLOCK_DAYS)
            times = pd.date_range(begin, periods=BLOCK_DAYS * STEPS, freq=f"{STEP_S}s")
            columns: list[list[Floats]] = [[], [], []]
            for commune in self._communes:
                where = pvlib.location.Location(commune.latitude, commune.longitude, altitude=commune.altitude)
                sun = where.get_solarposition(times, method="ephemeris")
                clear = where.get_clearsky(times, model="ineichen", solar_position=sun)
                for column, values in zip(columns, (sun["apparent_zenith"], sun["azimuth"], clear["ghi"]), strict=True):
                    column.append(values.to_numpy(dtype=np.float64))
            self._block = block, [np.stack(column, axis=1) for column in columns]
        rows = slice(place * STEPS, (place + 1) * STEPS)
        return [column[rows] for column in self._block[1]]

    def _day(self, n: int) -> SkyDay:
        rng = np.random.default_rng((self._seed, 1, n))
        noon = self._midnight + timedelta(days=n, hours=12)
        month = noon.month - 1
        zenith, azimuth, clear = self.clear(n)
        dust = self._dust(rng, n, month)
        cloud = self._cloud(rng, n, month)
        base = CLEAREST[month] + CLEAREST_SD * rng.standard_normal()
        clearness = self._weather.clearness * base * (1 - dust) * (1 - cloud)
        broken = np.clip(4 * cloud * (1 - 0.6 * cloud), 0, 1)
        ghi = clear * clearness * self._noise(rng, broken, clear)
        doy = int(noon.strftime("%j"))
        # Erbs: how much of it is beam. Dust, which scatters forward, is treated like thin cloud.
        parts = pvlib.irradiance.erbs(ghi, zenith, doy)
        dni, dhi = (np.nan_to_num(np.asarray(parts[name], dtype=np.float64)) for name in ("dni", "dhi"))
        twilight = np.exp(np.interp(zenith, TWILIGHT_ZENITH, TWILIGHT_LOG)) * np.clip(clearness, 0.05, 1)
        light = np.where(zenith < 80, ghi, np.maximum(ghi, twilight))
        air = self._air(rng, month, cloud)
        box, box_sun = self._boxes(air, ghi)
        rain = self._rain(rng, month, cloud)
        return SkyDay(
            zenith, azimuth, ghi, dni, dhi, light, air, box, box_sun, np.broadcast_to(broken, ghi.shape),
            clearness, dust, rain, month,
        )  # fmt: skip

    def _dust(self, rng: np.random.Generator, n: int, month: int) -> float:
        """Share of the sun that dust takes today, everywhere alike."""
        begins, days, depth = rng.random(), rng.uniform(*DUST_DAYS), rng.uniform(*DUST_DEPTH)
        if self._spell is None and begins < DUST_SPELLS_A_MONTH[month] * self._weather.dust / (30.4 - days):
            self._spell = n, round(days), depth
        taken = 0.0
        if self._spell is not None:
            since, length, worst = self._spell
            # It comes within a day and settles over the last ones.
            taken = worst * min(1.0, 0.6 + 0.4 * (n - since), 0.4 + 0.3 * (since + length - 1 - n))
            if n + 1 >= since + length:
                self._spell = None
        return max([taken, *(float(self._placed(spell, n)) for spell in self._weather.dust_spells)])

    def _placed(self, spell: Spell, n: int) -> float:
        """What a spell put in by hand takes on day n: in full from its first day to its last."""
        day = self._midnight + timedelta(days=n)
        overlap = min(day + timedelta(days=1), spell.since + timedelta(days=spell.days)) - max(day, spell.since)
        return spell.depth * float(np.clip(overlap / timedelta(hours=12), 0, 1))

    def _cloud(self, rng: np.random.Generator, n: int, month: int) -> Floats:
        """Share of the sun that clouds take today, [communes]: beta-distributed, by way of correlated normals."""
        memory = MEMORY[month]
        keep = (1 - memory**2) ** 0.5
        self._regional = memory * self._regional + keep * rng.standard_normal()
        self._local = memory * self._local + keep * rng.standard_normal(len(self._communes))
        mixed = REGIONAL**0.5 * self._regional + (1 - REGIONAL) ** 0.5 * self._local
        mean, sd = cloud_loss(month)
        a, b = beta_of(mean, sd)
        loss = self._weather.cloud * special.betaincinv(a, b, special.ndtr(mixed))
        for spell in self._weather.cloud_spells:
            here = np.array([spell.commune in (None, commune.id) for commune in self._communes])
            loss = np.maximum(loss, np.where(here, self._placed(spell, n), 0))
        return np.asarray(np.clip(loss, 0, 0.80), dtype=np.float64)

    def _noise(self, rng: np.random.Generator, broken: Floats, clear: Floats) -> Floats:
        """Factor [steps, communes] on a day's clearness, of mean 1 over the day's energy."""
        sd = NOISE_CLEAR + (NOISE_BROKEN - NOISE_CLEAR) * broken
        white = rng.standard_normal((STEPS, len(self._communes)))
        shaped = signal.lfilter([(1 - NOISE_MEMORY**2) ** 0.5], [1, -NOISE_MEMORY], white, axis=0)
        factor = np.clip(1 + sd * shaped, 0.08, 1 + 1.2 * sd + 0.05)
        return np.asarray(factor * clear.sum(axis=0) / np.maximum((factor * clear).sum(axis=0), 1e-9))

    def _air(self, rng: np.random.Generator, month: int, cloud: Floats) -> Floats:
        self._anomaly = 0.7 * self._anomaly + 1.0 * rng.standard_normal()
        low = AIR_LOW_C[month] + self._anomaly + self._weather.warmer_k
        high = AIR_HIGH_C[month] + self._anomaly + self._weather.warmer_k - 5 * (cloud - cloud_loss(month)[0])
        hours = np.arange(STEPS) * STEP_S / 3600
        # Coldest at 6, warmest at 15 o'clock.
        rise = 0.5 - 0.5 * np.cos(np.pi * (hours - 6) / 9)
        fall = 0.5 + 0.5 * np.cos(np.pi * ((hours - 15) % 24) / 15)
        shape = np.where((hours >= 6) & (hours < 15), rise, fall)
        return np.asarray(low + (high - low) * shape[:, None])

    def _boxes(self, air: Floats, ghi: Floats) -> tuple[Floats, Floats]:
        """First-order lag of the air and of the sun, carried over midnight."""
        keep = float(np.exp(-STEP_S / BOX_LAG_S))
        if not self._lag.size:
            self._lag = np.stack([air[0], np.zeros(air.shape[1])]) * keep
        air_box, last_air = signal.lfilter([1 - keep], [1, -keep], air, axis=0, zi=self._lag[:1])
        sun_box, last_sun = signal.lfilter([1 - keep], [1, -keep], ghi / 1000, axis=0, zi=self._lag[1:])
        self._lag = np.concatenate([last_air, last_sun])
        return air_box + BOX_AIR_K, sun_box * BOX_SUN_K

    def _rain(self, rng: np.random.Generator, month: int, cloud: Floats) -> Floats:
        """Rain of the day, mm: on the cloudier days, and not in every commune."""
        chance = RAIN_CHANCE[month]
        mean, sd = cloud_loss(month)
        a, b = beta_of(mean, sd)
        rank = special.betainc(a, b, np.clip(cloud, 1e-6, 1 - 1e-6))  # 0…1: how cloudy for the month
        wet = rng.random(cloud.shape) < np.clip(chance * 2 * rank, 0, 0.95)
        return np.asarray(np.where(wet, rng.gamma(0.8, RAIN_MM / 0.8, cloud.shape), 0.0))


def cloud_loss(month: int) -> tuple[float, float]:
    """Mean and deviation of what clouds take of a day (month 0…11): with dust, the measured clearness comes out."""
    top = CLEAREST[month]
    dust = DUST_SPELLS_A_MONTH[month] * DUST_MEAN
    mean = 1 - MOPTI * CLEARNESS_MEAN[month] / (top * (1 - dust))
    dust_sd = (DUST_SPELLS_A_MONTH[month] * 5.5 / 30.4) ** 0.5 * 0.21
    sd = max((CLEARNESS_SD[month] / top) ** 2 - dust_sd**2, 0.04**2) ** 0.5
    return max(mean, 0.015), sd


def beta_of(mean: float, sd: float) -> tuple[float, float]:
    """Parameters of the beta distribution with this mean and deviation (method of moments)."""
    size = max(mean * (1 - mean) / sd**2 - 1, 0.35)
    return mean * size, (1 - mean) * size


def on_plane(day: SkyDay, communes: npt.NDArray[np.int64], tilt: Floats, azimuth: Floats) -> Floats:
    """Irradiance on tilted planes, W/m², [steps, planes]: isotropic sky, albedo 0.25 (pvlib)."""
    zenith, north = day.zenith[:, communes], day.azimuth[:, communes]
    beam = day.dni[:, communes] * np.clip(pvlib.irradiance.aoi_projection(tilt, azimuth, zenith, north), 0, None)
    diffuse = pvlib.irradiance.isotropic(tilt, day.dhi[:, communes])
    ground = pvlib.irradiance.get_ground_diffuse(tilt, day.ghi[:, communes], 0.25)
    return np.asarray(np.nan_to_num(beam + diffuse + ground), dtype=np.float64)


def local_midnight(noon: datetime, longitude: float) -> datetime:
    """UTC moment of the local midnight before a day's noon, by whole hours of longitude (0 in Mali)."""
    return noon.astimezone(UTC) - timedelta(hours=12 + round(longitude / 15))
