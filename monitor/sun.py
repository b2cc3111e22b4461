"""Where the sun stands over a commune. Judgement needs its height to a quarter of a degree, for many rows at once.

Equations: Spencer (1971) for declination and equation of time, as in pvlib.solarposition; error < 0.3°, which is about
one minute of dusk at 14° N.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pvlib import solarposition

DUSK_ELEVATION: Final = -4.0  # degrees; the lamps' dusk and dawn: zenith 94°
DAY_ELEVATION: Final = 5.0  # degrees; above it no lamp has a reason to burn; a date begins and ends here

Floats = NDArray[np.float64]
_DAY_S: Final = 86_400.0


def elevation(unix_s: Floats, latitude: Floats, longitude: Floats) -> tuple[Floats, Floats]:
    """The sun's height (degrees) and the solar time (Unix s of a clock that says 12:00 when the sun stands highest).

    All arguments have one shape; latitude and longitude in degrees.
    """
    day_of_year = (unix_s / _DAY_S) % 365.2425 + 1.0
    declination = solarposition.declination_spencer71(day_of_year)
    equation_min = solarposition.equation_of_time_spencer71(day_of_year)
    solar_s = unix_s + longitude * 240.0 + equation_min * 60.0
    hour_angle = np.radians((solar_s % _DAY_S) / 240.0 - 180.0)
    zenith = solarposition.solar_zenith_analytical(np.radians(latitude), hour_angle, declination)
    return 90.0 - np.degrees(zenith), solar_s


def with_sun(samples: pl.DataFrame) -> pl.DataFrame:
    """Adds `elevation` (degrees), `solar_hour` (12 = the sun at its highest), `date` (of the dusk that the
    sample belongs to) and `night` (bool).

    Needs `time`, `latitude`, `longitude`. A date runs from one morning to the next (sun at 5°): its daylight, then its
    night; so whatever hour around dusk a lamp calls dusk, its whole night has one date.
    """
    seconds = samples["time"].dt.epoch("us").to_numpy() / 1e6
    height, solar_s = elevation(seconds, samples["latitude"].to_numpy(), samples["longitude"].to_numpy())
    night = height <= DUSK_ELEVATION
    solar_day = np.floor(solar_s / _DAY_S)
    second = solar_s % _DAY_S
    day = solar_day - ((height <= DAY_ELEVATION) & (second < _DAY_S / 2))
    return samples.with_columns(
        pl.Series("elevation", height, dtype=pl.Float32),
        pl.Series("solar_hour", second / 3600.0, dtype=pl.Float32),
        pl.Series("night", night),
        pl.Series("date", (day * _DAY_S * 1e6).astype(np.int64)).cast(pl.Datetime("us", "UTC")),
    )


def dusk_and_dawn(date: datetime, latitude: float, longitude: float) -> tuple[datetime, datetime]:
    """The dusk of a date (00:00 UTC) and the dawn after it, UTC, to the minute; at latitudes that have them."""
    noon = date.timestamp() + _DAY_S / 2 - longitude * 240.0
    minutes = noon + np.arange(0.0, 1440.0) * 60.0
    height, _ = elevation(minutes, np.full(1440, latitude), np.full(1440, longitude))
    dark = np.flatnonzero(height <= DUSK_ELEVATION)
    first, last = (dark[0], dark[-1] + 1) if dark.size else (720, 720)
    start = datetime.fromtimestamp(noon, UTC)
    return start + timedelta(minutes=int(first)), start + timedelta(minutes=int(last))


def night_minutes(date: datetime, latitude: float, longitude: float) -> float:
    """How long the night of a date is, minutes."""
    dusk, dawn = dusk_and_dawn(date, latitude, longitude)
    return (dawn - dusk).total_seconds() / 60.0
