"""Every figure to beat has its reason ready for the day on which it is not at its aim, and no reason is left over."""

from scorecard.aims import AIMS
from scorecard.reasons import REASONS


def test_each_figure_has_one() -> None:
    assert set(REASONS) == {aim.what for aim in AIMS}


def test_each_is_a_sentence() -> None:
    assert all(reason.endswith(".") and reason[0].isupper() for reason in REASONS.values())
