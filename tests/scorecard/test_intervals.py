"""Intervals against values worked out by hand or printed in textbooks."""

import math

import pytest

from scorecard.intervals import median_interval, poisson, quantile, wilson


def test_wilson_of_nine_in_ten() -> None:
    # (0.9 + 1.92073/10 ± 1.959964·√(0.9·0.1/10 + 3.84146/400)) / (1 + 3.84146/10) = (1.09207 ± 0.26737) / 1.384146
    assert wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)


def test_wilson_of_none_and_of_all_stays_within_its_bounds() -> None:
    # All of n: the lower bound is n / (n + z²).
    assert wilson(20, 20) == pytest.approx((20 / (20 + 3.841459), 1.0), abs=1e-6)
    assert wilson(0, 20) == pytest.approx((0.0, 3.841459 / (20 + 3.841459)), abs=1e-6)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("events", "low", "high"),
    [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (3, 0.6187, 8.7673), (10, 4.7954, 18.3904), (100, 81.3640, 121.6268)],
)
def test_poisson_limits_as_in_garwoods_table(events: int, low: float, high: float) -> None:
    assert poisson(events, 1.0) == pytest.approx((low, high), abs=2e-4)


def test_a_rate_is_divided_by_its_exposure() -> None:
    low, high = poisson(10, 200.0)
    assert (low, high) == pytest.approx((4.7954 / 200, 18.3904 / 200), abs=1e-6)
    assert poisson(0, 0.0) == (0.0, math.inf)


def test_thousands_of_events_still_work() -> None:
    low, high = poisson(6400, 1.0)
    assert (low, high) == pytest.approx((6400 - 1.96 * 80, 6400 + 1.96 * 80), abs=3)


def test_median_interval_of_ten_is_the_second_to_the_ninth() -> None:
    # P(Binomial(10, 1/2) ≤ 1) = 11/1024 = 0.0107 ≤ 0.025 < 56/1024 = P(≤ 2).
    assert median_interval([float(n) for n in range(1, 11)]) == (2.0, 9.0)


def test_median_interval_of_few_is_all_there_is() -> None:
    assert median_interval([3.0, 1.0, 2.0]) == (1.0, 3.0)
    assert median_interval([]) is None


def test_quantile_lies_between_its_neighbours() -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.5
    assert quantile([], 0.5) is None
