"""The sky: sun and climate of Mopti, dust for all, cloud for some, the same sky again for the same seed."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
import pytest

from firmware_sim.scenario import Spell, Weather
from firmware_sim.sky import BLOCK_DAYS, CLEARNESS_MEAN, MOPTI, STEPS, Sky, SkyDay, cloud_loss, on_plane
from tests.firmware_sim.worlds import SHIPPED

COMMUNES = tuple(SHIPPED.communes.values())
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


def days(count: int, weather: Weather | None = None, seed: int = 1, start: datetime = JANUARY) -> list[SkyDay]:
    return list(islice(Sky(COMMUNES, weather or Weather(), start, seed).days(), count))


def test_the_sun_stands_highest_near_a_quarter_past_twelve() -> None:
    day = days(1)[0]
    noon = day.zenith[:, 0].argmin() * 24 / STEPS
    assert 12.1 < noon < 12.5  # 4° west, and the equation of time of January
    assert day.zenith[:, 0].min() == pytest.approx(14.6 + 23.0, abs=1.0)


def test_nights_last_11_hours_in_june_and_12_point_7_in_december() -> None:
    """From sunset to sunrise; lamps, which wait for zenith 94°, are lit half an hour less."""
    for start, hours in ((datetime(2026, 6, 21, tzinfo=UTC), 11.0), (datetime(2026, 12, 21, tzinfo=UTC), 12.7)):
        zenith = days(1, start=start)[0].zenith[:, 0]
        assert (zenith > 90).sum() * 24 / STEPS == pytest.approx(hours, abs=0.15)
        assert (zenith > 94).sum() * 24 / STEPS == pytest.approx(hours - 0.55, abs=0.15)


def test_no_light_by_night_and_never_a_negative_one() -> None:
    for day in days(3):
        night = day.zenith > 108
        assert np.all(day.light[night] < 0.01)
        for values in (day.ghi, day.dni, day.dhi, day.light):
            assert np.all(values >= 0)


def test_noise_within_a_day_keeps_the_days_energy() -> None:
    clear = days(40, Weather(dust=0, cloud=0))
    kwh = np.array([day.ghi[:, 0].sum() / 12 / 1000 for day in clear])
    assert np.all((kwh > 5.0) & (kwh < 7.0))  # 5.1…5.7 by the model in January, times 1.12


def test_a_dust_spell_lies_over_every_commune_and_not_deeper_than_asked() -> None:
    spell = Spell(JANUARY + timedelta(days=2), 3, 0.3)
    plain, dusty = days(8, Weather(dust=0)), days(8, Weather(dust=0, dust_spells=(spell,)))
    for n, (a, b) in enumerate(zip(plain, dusty, strict=True)):
        assert np.allclose(b.clearness / a.clearness, 0.7 if 2 <= n < 5 else 1.0)


def test_a_cloud_spell_may_be_of_one_commune() -> None:
    spell = Spell(JANUARY + timedelta(days=1), 1, 0.6, COMMUNES[3].id)
    plain, cloudy = (days(3, Weather(dust=0, cloud_spells=spells)) for spells in ((), (spell,)))
    differ = plain[1].clearness != cloudy[1].clearness
    assert differ.tolist() == [commune.id == COMMUNES[3].id for commune in COMMUNES]


def test_communes_share_their_clouds_by_half_to_seven_tenths() -> None:
    august = days(300, Weather(dust=0), start=datetime(2026, 8, 1, tzinfo=UTC))
    wet = np.array([day.clearness for day in august if day.month in (7, 8)])
    between = np.corrcoef(wet.T)[np.triu_indices(len(COMMUNES), 1)]
    assert 0.4 < between.mean() < 0.75


def test_rain_falls_in_the_rains_and_on_cloudy_days() -> None:
    year = days(365)
    rain = np.array([day.rain_mm for day in year])
    clear = np.array([day.clearness for day in year])
    months = np.array([day.month for day in year])
    assert 300 < rain.sum(axis=0).mean() < 750
    assert rain[np.isin(months, (0, 1, 2, 10, 11))].sum() == 0
    wet = np.isin(months, (6, 7, 8))
    assert clear[wet][rain[wet] > 6].mean() < clear[wet][rain[wet] == 0].mean() - 0.05


def test_the_loss_by_cloud_leaves_the_measured_clearness() -> None:
    for month in range(12):
        mean, sd = cloud_loss(month)
        assert 0 < mean < 1
        assert 0 < sd < 0.3
        assert CLEARNESS_MEAN[month] * MOPTI < 1.1


def test_a_plane_that_lies_flat_sees_the_level_sky() -> None:
    day = days(1)[0]
    flat = on_plane(day, np.array([0]), np.array([0.0]), np.array([180.0]))[:, 0]
    sunny = day.zenith[:, 0] < 80
    assert flat[sunny] == pytest.approx(day.ghi[sunny, 0], rel=0.02)


def test_a_south_tilt_gains_in_winter_and_loses_in_june() -> None:
    for start, more in ((JANUARY, True), (datetime(2026, 6, 10, tzinfo=UTC), False)):
        day = days(1, Weather(dust=0, cloud=0), start=start)[0]
        tilted = on_plane(day, np.array([0]), np.array([15.0]), np.array([180.0]))[:, 0].sum()
        assert (tilted > day.ghi[:, 0].sum()) == more


def test_the_same_seed_is_the_same_sky_and_another_is_not() -> None:
    again, other = days(5), days(5, seed=2)
    for a, b, c in zip(days(5), again, other, strict=True):
        assert np.array_equal(a.ghi, b.ghi)
        assert not np.array_equal(a.ghi, c.ghi)


def test_blocks_of_days_leave_no_seam() -> None:
    around = days(BLOCK_DAYS + 2, Weather(dust=0, cloud=0))[BLOCK_DAYS - 2 :]
    noons = [day.zenith[:, 0].min() for day in around]
    assert np.all(np.abs(np.diff(noons)) < 0.3)
