"""Physics in small: expectations calculated by hand from the nameplates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim import battery, charger, panel
from firmware_sim.luminaire import command, driver_line
from gateway.fleet import Profile, Step


def arr(*values: float) -> np.ndarray:
    return np.array(values)


def test_a_panel_gives_its_nameplate_at_standard_conditions_less_the_wiring() -> None:
    assert panel.peak_power(arr(1000), arr(25), arr(100), arr(-0.0041)) == pytest.approx(100 * panel.WIRING)


def test_a_hot_panel_gives_less() -> None:
    # 40 K above 25 °C at −0.41 %/K: 16.4 % less.
    hot = panel.peak_power(arr(1000), arr(65), arr(100), arr(-0.0041))
    assert hot == pytest.approx(83.6 * panel.WIRING)


def test_a_cell_in_full_sun_is_some_26_k_above_the_air() -> None:
    # Faiman: 1000 / (25 + 6.84 · 2) = 25.9 K.
    assert panel.cell_temperature(arr(1000), arr(30), 2.0) == pytest.approx(30 + 25.85, abs=0.1)


def test_the_open_voltage_reaches_the_threshold_of_dusk_near_zenith_94() -> None:
    volts = panel.open_voltage(arr(5.5, 1.2, 0.2, 0.03), arr(25), arr(22.5), arr(36))  # zenith 90, 92, 94, 96
    assert volts[0] > 12
    assert volts[1] > 0.3 * 22.5
    assert 0.13 * 22.5 < volts[2] < 0.25 * 22.5
    assert volts[3] < 0.06 * 22.5


def test_a_curtailed_panel_rises_towards_open_circuit() -> None:
    knee = arr(1.27)
    volts = panel.voltage_above_peak(arr(90.0, 45.0, 1.0), arr(5.4), arr(22.5), knee)
    assert np.all(np.diff(volts) > 0)
    assert volts[-1] == pytest.approx(22.5, abs=0.1)
    given_back = volts[1] * panel.current_at(volts[1:2], arr(5.4), arr(22.5), knee)
    assert given_back == pytest.approx(45.0, rel=0.02)


@given(st.floats(-200, 150), st.floats(9, 15), st.floats(0.01, 0.5))
def test_battery_current_balances_the_power(net: float, volts: float, ohm: float) -> None:
    amps = charger.battery_current(arr(net), arr(volts), arr(ohm))
    if volts**2 + 4 * ohm * net > 0:
        assert amps * (volts + ohm * amps) == pytest.approx(net, abs=1e-6)


def test_an_lfp_pack_is_flat_where_people_want_to_read_its_charge() -> None:
    low, high = np.interp((0.20, 0.97), *map(np.array, zip(*battery.KINDS["lfp"].ocv, strict=True)))
    assert 4 * (high - low) == pytest.approx(0.24, abs=0.05)  # the domain says 0.22 V on the pack


def test_tables_hold_the_integral_of_their_voltage() -> None:
    tables = battery.tables()
    for n in range(len(battery.ORDER)):
        rows = slice(n * (battery.GRID + 1), (n + 1) * (battery.GRID + 1))
        assert np.all(np.diff(tables.ocv[rows]) >= 0)
        whole = np.trapezoid(tables.ocv[rows], np.linspace(battery.LOWEST, 1, battery.GRID + 1))
        assert tables.energy[rows][-1] == pytest.approx(whole)


def test_capacity_fades_3_to_8_percent_in_the_first_year_then_slower() -> None:
    years = battery.health_of(arr(0, 1, 2, 5), np.zeros(4, dtype=np.int64), arr(1, 1, 1, 1))
    assert years[0] == 1
    assert 0.03 <= 1 - years[1] <= 0.08
    assert 0.015 <= years[1] - years[2] <= 0.025
    assert years[3] == pytest.approx(years[1] - 4 * 0.02)


def test_resistance_doubles_by_70_percent_of_the_capacity() -> None:
    assert battery.resistance(arr(1), arr(0.7), arr(25)) == pytest.approx(2.04, abs=0.01)


def test_a_driver_has_its_nameplate_efficiency_at_full_light_and_less_when_dimmed() -> None:
    fixed, slope = driver_line(arr(30), arr(0.92))
    assert 30 / (fixed + slope * 30) == pytest.approx(0.92)
    assert 0.7 < 9 / (fixed + slope * 9)[0] < 0.85


STANDARD = Profile("standard", (Step(100, 5), Step(30, None), Step(100, 1)))


def test_a_profile_counts_from_dusk_and_back_from_dawn() -> None:
    after = arr(0, 4.9, 5, 10.9, 11.1, 11.9)
    assert command(STANDARD, after, 12 - after).tolist() == [100, 100, 30, 30, 100, 100]


def test_a_profile_stays_as_before_dawn_until_there_is_light() -> None:
    assert command(STANDARD, arr(12.5), arr(-0.5)).tolist() == [100]


def test_a_profile_without_a_rest_ends_when_its_hours_are_over() -> None:
    short = Profile("short", (Step(100, 4), Step(50, 2)))
    assert command(short, arr(3.9, 4.1, 6.1), arr(8, 8, 6)).tolist() == [100, 50, 0]
