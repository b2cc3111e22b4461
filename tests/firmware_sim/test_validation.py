"""The simulated year is the domain's: sun by month, nights served, and the cliffs of too little panel or battery."""

import pytest

from firmware_sim.validation import validate
from tests.firmware_sim.worlds import SHIPPED


@pytest.mark.slow
def test_a_year_reproduces_the_published_figures() -> None:
    wrong = [figure for figure in validate(SHIPPED, seeds=(1, 2)) if not figure.holds]
    assert wrong == []
