"""The sun by a few terms against pvlib's full algorithm (NREL's SPA), over a year and all of Mopti's latitudes."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pvlib import solarposition

from gateway.telemetry import TIME
from monitor.sun import DAY_ELEVATION, DUSK_ELEVATION, dusk_and_dawn, elevation, night_minutes, with_sun

PLACES = [(14.5, -4.2), (13.0, -3.0), (16.8, -5.5), (0.0, 0.0)]


@pytest.mark.parametrize(("latitude", "longitude"), PLACES)
def test_the_height_is_good_to_a_third_of_a_degree(latitude: float, longitude: float) -> None:
    times = pd.date_range("2024-01-01", "2028-12-31", freq="4h17min", tz="UTC")
    full = solarposition.get_solarposition(times, latitude, longitude)["elevation"].to_numpy()
    seconds = times.as_unit("s").astype("int64").to_numpy().astype(float)
    ours, _ = elevation(seconds, np.full(len(times), latitude), np.full(len(times), longitude))
    assert np.abs(ours - full).max() < 0.3


@pytest.mark.parametrize("month", range(1, 13))
def test_dusk_and_dawn_are_good_to_two_minutes(month: int) -> None:
    date = datetime(2026, month, 15, tzinfo=UTC)
    dusk, dawn = dusk_and_dawn(date, 14.5, -4.2)
    for moment in (dusk, dawn):
        full = solarposition.get_solarposition(pd.DatetimeIndex([moment]), 14.5, -4.2)["elevation"].iloc[0]
        assert full == pytest.approx(DUSK_ELEVATION, abs=0.5)  # the sun sinks a degree in four minutes
    assert date + timedelta(hours=17) < dusk < dawn < date + timedelta(hours=31)


def test_nights_are_as_long_as_the_almanac_says() -> None:
    """11.0 h in June, 12.7 h in December (domain figures), dusk and dawn at zenith 94°."""
    assert night_minutes(datetime(2026, 6, 21, tzinfo=UTC), 14.5, -4.2) / 60 == pytest.approx(10.7, abs=0.35)
    assert night_minutes(datetime(2026, 12, 21, tzinfo=UTC), 14.5, -4.2) / 60 == pytest.approx(12.5, abs=0.35)


def test_solar_noon_is_when_the_sun_is_highest() -> None:
    day = np.arange(0.0, 86_400.0, 60.0) + datetime(2026, 11, 3, tzinfo=UTC).timestamp()
    height, solar = elevation(day, np.full(1440, 14.5), np.full(1440, -4.2))
    assert (solar[height.argmax()] % 86_400) / 3600 == pytest.approx(12.0, abs=0.05)


def test_a_date_begins_in_the_morning_and_holds_the_night_after_it() -> None:
    since = datetime(2026, 3, 4, tzinfo=UTC)
    times = [since + timedelta(minutes=10 * n) for n in range(3 * 144)]
    samples = pl.DataFrame({"time": times}, schema={"time": TIME}).with_columns(
        latitude=pl.lit(14.5), longitude=pl.lit(-4.2)
    )
    table = with_sun(samples)
    fifth = table.filter(pl.col("date") == datetime(2026, 3, 5, tzinfo=UTC))
    begin, end = fifth["time"].min(), fifth["time"].max()
    assert begin == datetime(2026, 3, 5, 7, 0, tzinfo=UTC)  # the first sample with the sun above 5°
    assert end == begin + timedelta(days=1) - timedelta(minutes=10)  # type: ignore[operator]  # a datetime, by the schema
    nights = fifth.filter(pl.col("night"))["time"]
    assert (nights.min().hour, nights.max().hour) == (18, 6)  # type: ignore[union-attr]  # datetimes, by the schema
    assert fifth["elevation"][0] > DAY_ELEVATION
    assert not table.filter(pl.col("night") & (pl.col("elevation") > DUSK_ELEVATION)).height
