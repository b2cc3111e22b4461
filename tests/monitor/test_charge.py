"""How full the batteries are: counted from what is certain, corrected by what nights show."""

import numpy as np
import pytest

from monitor.charge import Charge
from monitor.day import Lamps
from monitor.past import Floats, Past
from tests.monitor.samples import PLATES

LAMPS = Lamps(PLATES)
NOMINAL = float(LAMPS.nominal_ah[0])
N = len(LAMPS)
YES, NO = np.ones(N, dtype=bool), np.zeros(N, dtype=bool)
NOT_CUT = np.full(N, np.nan)
NIGHT = 0.33


def ah(share: float) -> Floats:
    return np.full(N, share * NOMINAL)


class Battery:
    """All lamps alike; shares of the nameplate."""

    def __init__(self, capacity: float = 1.0) -> None:
        self.charge, self.capacity = Charge(LAMPS, Past(N)), np.full(N, capacity)

    def day(self, gained: float, full: bool = False, heard: bool = True, weak: bool = False) -> None:
        self.charge.take(ah(gained), YES if heard else NO, YES if full else NO, YES if weak else NO)
        self.dusk = self.charge.reserve(self.capacity)

    def night(self, took: float = NIGHT, cut: float | None = None, heard: bool = True) -> None:
        self.charge.give(ah(took), NOT_CUT if cut is None else ah(cut), YES if heard else NO, self.dusk)

    @property
    def missing(self) -> float:
        return float(self.dusk.missing[0] / NOMINAL)

    @property
    def holds(self) -> float:
        return float(self.dusk.holds[0] / NOMINAL)


def test_what_a_night_took_and_no_day_brought_is_missing() -> None:
    battery = Battery()
    battery.day(NIGHT, full=True)
    assert battery.missing == 0.0
    battery.night()
    battery.day(0.13)
    assert battery.missing == pytest.approx(0.20, abs=0.005)
    battery.night(0.1)
    battery.day(0.3, full=True)
    assert battery.missing == 0.0


def test_a_full_charge_after_a_cut_off_shows_what_the_battery_holds() -> None:
    battery = Battery(capacity=0.9)
    battery.day(NIGHT, full=True)
    assert battery.holds > 0.65
    for _ in range(2):
        battery.night(0.40, cut=0.40)
        battery.day(0.40, full=True)
    assert battery.holds == pytest.approx(0.40, abs=0.03)


def test_an_exchanged_battery_takes_more_than_the_old_one_held() -> None:
    battery = Battery(capacity=0.7)
    battery.day(NIGHT, full=True)
    for _ in range(3):
        battery.night(0.3, cut=0.3)
        battery.day(0.25)
        battery.day(0.1, full=True)
    assert battery.holds < 0.4
    battery.night(0.3, cut=0.3)
    battery.day(0.55)
    battery.night(0.1)
    battery.day(0.2)
    assert battery.holds > 0.6


def test_what_was_not_reported_shows_nothing_of_the_battery() -> None:
    told, untold = Battery(0.45), Battery(0.45)
    for battery, heard in ((told, True), (untold, False)):
        battery.day(NIGHT, full=True)
        battery.night(0.25, cut=0.25)
        battery.day(0.7, heard=heard)
    assert untold.holds < told.holds


def test_nights_that_were_lasted_through_mend_the_count() -> None:
    """A count that drifts by a twentieth of each night would empty the battery within weeks; it does not go out."""
    battery = Battery()
    battery.day(NIGHT, full=True)
    for _ in range(60):
        battery.night()
        battery.day(NIGHT * 0.95)
    assert battery.holds - battery.missing > 0.3 * NIGHT


def test_what_is_missing_is_never_more_than_the_battery_holds() -> None:
    battery = Battery()
    battery.day(NIGHT, full=True)
    for _ in range(10):
        battery.night()
        battery.day(0.0)
        assert 0.0 <= battery.missing <= battery.holds + 1e-9


def test_a_weak_cells_charger_says_full_too_early() -> None:
    battery = Battery()
    battery.day(NIGHT, full=True)
    battery.night()
    battery.day(0.5 * NIGHT, full=True, weak=True)
    assert battery.missing == pytest.approx(0.5 * NIGHT, abs=0.01)
