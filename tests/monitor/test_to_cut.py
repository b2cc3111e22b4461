"""What flows from full to the cut-off: what the nights say beforehand, and what each of them shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.day import Lamps
from monitor.past import Floats, Past
from monitor.to_cut import BY_DEPTH, ToCut
from tests.monitor.samples import PLATES

LAMPS = Lamps(PLATES)
NOMINAL = LAMPS.nominal_ah[0]
EVERYBODY = np.ones(len(LAMPS), dtype=bool)
ONE_NIGHT = np.full(len(LAMPS), 0.02 * NOMINAL)
UNKNOWN = np.full(len(LAMPS), np.nan)


def ah(share: float) -> Floats:
    return np.full(len(LAMPS), share * NOMINAL)


def expected(to_cut: ToCut, capacity: Floats = UNKNOWN) -> float:
    """Of the first lamp, as a share of the nameplate."""
    return float((to_cut.weights(capacity) * to_cut.ah).sum(axis=1)[0] / NOMINAL)


@pytest.fixture
def to_cut() -> ToCut:
    return ToCut(LAMPS, Past(len(LAMPS)))


@pytest.mark.parametrize("capacity", [1.0, 0.7, 0.4])
def test_beforehand_it_is_what_the_depth_of_nights_says(to_cut: ToCut, capacity: float) -> None:
    assert expected(to_cut, ah(capacity) / NOMINAL) == pytest.approx(capacity * BY_DEPTH["lfp"], abs=0.02)


def test_a_battery_that_nothing_is_known_of_holds_its_nameplate(to_cut: ToCut) -> None:
    assert expected(to_cut) == expected(to_cut, ah(1.0) / NOMINAL)


def test_two_cut_offs_outweigh_the_depth_of_nights(to_cut: ToCut) -> None:
    for _ in range(2):
        to_cut.exactly(EVERYBODY, ah(0.45), ONE_NIGHT)
    assert expected(to_cut) < 0.6
    assert expected(to_cut, ah(0.6) / NOMINAL) == pytest.approx(0.45, abs=0.03)


def test_a_night_that_was_lasted_through_excludes_less(to_cut: ToCut) -> None:
    before = to_cut.weights(ah(0.5) / NOMINAL)
    to_cut.at_least(EVERYBODY, ah(0.4), ONE_NIGHT)
    after = to_cut.weights(ah(0.5) / NOMINAL)
    below = to_cut.ah[0] < 0.35 * NOMINAL
    assert after[0, below].sum() < 0.1 * before[0, below].sum()
    assert after[0, below].sum() > 0.0


def test_the_oftener_a_night_is_lasted_through_the_surer_is_the_next(to_cut: ToCut) -> None:
    short = []
    for _ in range(6):
        below = to_cut.ah[0] < 0.4 * NOMINAL
        short.append(to_cut.weights(ah(0.5) / NOMINAL)[0, below].sum())
        to_cut.fade()
        to_cut.at_least(EVERYBODY, ah(0.4), ONE_NIGHT)
    assert short == sorted(short, reverse=True)
    assert short[-1] < 0.15 * short[0]


def test_an_exchanged_battery_is_known_by_what_it_takes(to_cut: ToCut) -> None:
    for _ in range(20):
        to_cut.exactly(EVERYBODY, ah(0.3), ONE_NIGHT)
    assert expected(to_cut) < 0.45
    for _ in range(2):
        to_cut.takes(EVERYBODY, ah(0.6), ONE_NIGHT)
    assert expected(to_cut) > 0.6


def test_what_was_shown_fades(to_cut: ToCut) -> None:
    to_cut.exactly(EVERYBODY, ah(0.4), ONE_NIGHT)
    to_cut.exactly(EVERYBODY, ah(0.4), ONE_NIGHT)
    for _ in range(300):
        to_cut.fade()
    assert expected(to_cut) == pytest.approx(BY_DEPTH["lfp"], abs=0.02)


def test_only_the_lamps_that_are_meant_are_told(to_cut: ToCut) -> None:
    before = to_cut.weights(UNKNOWN)
    to_cut.exactly(np.arange(len(LAMPS)) == 2, ah(0.4), ONE_NIGHT)
    after = to_cut.weights(UNKNOWN)
    assert np.array_equal(np.delete(before, 2, axis=0), np.delete(after, 2, axis=0))
    assert not np.array_equal(before[2], after[2])
    to_cut.at_most(~EVERYBODY, ah(0.4), ONE_NIGHT)
    assert np.array_equal(to_cut.weights(UNKNOWN), after)


@given(
    st.lists(
        st.tuples(st.sampled_from(["at_least", "takes", "at_most", "exactly", "fade"]), st.floats(-0.5, 2.0)),
        max_size=30,
    ),
    st.floats(0.0, 2.0) | st.just(np.nan),
)
def test_whatever_is_shown_the_answers_stay_probabilities(shown: list[tuple[str, float]], capacity: float) -> None:
    to_cut = ToCut(LAMPS, Past(len(LAMPS)))
    for what, share in shown:
        if what == "fade":
            to_cut.fade()
        else:
            getattr(to_cut, what)(EVERYBODY, ah(share), ONE_NIGHT)
    weights = to_cut.weights(np.full(len(LAMPS), capacity))
    assert np.all(weights > 0.0)
    assert weights.sum(axis=1) == pytest.approx(1.0)
