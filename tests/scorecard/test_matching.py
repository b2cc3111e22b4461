"""What is a hit, what follows from something else, what is a false alarm and what misled it."""

import pytest

from scorecard.matching import Verdict, judge_cases
from scorecard.said import Said
from tests.scorecard.truths import mishap, said, truth, world


def verdict(case: Said, *mishaps: tuple[object, ...], **more: object) -> Verdict:
    return judge_cases([case], world(truth(*mishaps, **more)))[0].verdict  # type: ignore[arg-type]  # passed on


def test_the_same_kind_in_the_same_place_and_time_is_right() -> None:
    assert verdict(said("dark", 20.5), mishap("dark", 20.2, 25)) is Verdict.RIGHT


def test_a_case_may_open_one_report_interval_early_but_not_more() -> None:
    assert verdict(said("dark", 20.0, 30), mishap("dark", 20.2, 25)) is Verdict.RIGHT
    assert verdict(said("dark", 19.5, 30), mishap("dark", 20.2, 25)) is Verdict.FALSE


def test_after_the_repair_there_are_two_days_of_grace() -> None:
    assert verdict(said("dark", 26.5), mishap("dark", 20.2, 25)) is Verdict.RIGHT
    assert verdict(said("dark", 27.5), mishap("dark", 20.2, 25)) is Verdict.FALSE


def test_another_lamp_is_another_matter() -> None:
    assert verdict(said("dark", 20.5, lamp="fatoma-02"), mishap("dark", 20.2, 25)) is Verdict.FALSE


def test_a_symptom_that_names_the_cause_is_found_but_not_right() -> None:
    assert verdict(said("early_off", 22, cause="panel_lost"), mishap("panel_lost", 20.2, 30)) is Verdict.CAUSE


def test_what_follows_physically_is_neither_hit_nor_false() -> None:
    assert verdict(said("dark", 23), mishap("panel_lost", 20.2, 30)) is Verdict.FOLLOWS


def test_a_kind_that_cannot_follow_is_confused() -> None:
    assert verdict(said("hot", 23), mishap("panel_lost", 20.2, 30)) is Verdict.CONFUSED


def test_hidden_withdrawn_and_notes_are_no_alarms() -> None:
    assert verdict(said("dark", 23, hidden_by="battery_lost")) is Verdict.HIDDEN
    assert verdict(said("dark", 23, withdrawn=True)) is Verdict.WITHDRAWN
    assert verdict(said("low_sun", 23, lamp=None)) is Verdict.NOTE


def test_lamps_of_a_silent_commune_are_told_apart_from_false_silences() -> None:
    outage = mishap("commune_silent", 20, 22, lamp=None)
    assert verdict(said("silent", 20.6), outage) is Verdict.OUTAGE
    assert verdict(said("commune_silent", 20.6, lamp=None), outage) is Verdict.RIGHT
    assert verdict(said("silent", 30), outage) is Verdict.FALSE


def test_dirt_and_age_are_true_without_anybodys_mishap() -> None:
    assert verdict(said("panel_soiled", 30), soiling=0.15) is Verdict.NATURAL
    assert verdict(said("panel_soiled", 30), soiling=0.05) is Verdict.FALSE
    assert verdict(said("battery_worn", 30), capacity=0.72) is Verdict.NATURAL
    assert verdict(said("battery_worn", 30), capacity=0.8) is Verdict.FALSE


def test_a_battery_that_was_measured_hot_is_hot() -> None:
    assert judge_cases([said("hot", 30)], world(truth(), hot=(29.5,)))[0].verdict is Verdict.NATURAL
    assert judge_cases([said("hot", 30)], world(truth(), hot=(20.0,)))[0].verdict is Verdict.FALSE


def test_a_lamp_that_did_go_out_was_not_invented() -> None:
    assert verdict(said("early_off", 30.5), unlit=(30,)) is Verdict.NATURAL
    assert verdict(said("early_off", 30.5), unlit=(30,), relearning=(30,)) is Verdict.FALSE


def test_a_warning_is_true_when_one_of_three_nights_is_dark() -> None:
    assert verdict(said("dark_risk", 30), unlit=(32,)) is Verdict.NATURAL
    assert verdict(said("dark_risk", 30), unlit=(34,)) is Verdict.FALSE


@pytest.mark.parametrize(
    ("more", "friend"),
    [
        ({"dust": 0.3}, "dust"),
        ({"clearness": 0.5}, "cloud"),
        ({"relearning": (29,)}, "relearning"),
        ({}, "none"),
    ],
)
def test_the_false_friend_that_was_about_is_named(more: dict[str, object], friend: str) -> None:
    lived = world(truth(**more))  # type: ignore[arg-type]  # passed on
    assert judge_cases([said("panel_partial", 30)], lived)[0].friend == friend


def test_an_outage_and_a_repair_are_named_too() -> None:
    lived = world(truth(mishap("commune_silent", 26, 28, lamp=None), mishap("dark", 10, 15)))
    assert judge_cases([said("panel_partial", 30)], lived)[0].friend == "outage + after a repair"
