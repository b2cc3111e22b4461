"""Times to detect, estimates, doubles, leads, warnings: each against a value worked out by hand."""

from dataclasses import replace

import polars as pl
import pytest

from scorecard.figures import figures
from scorecard.known import shows
from scorecard.ledger import Agreement, agreement
from scorecard.matching import comes_true, judge_cases
from scorecard.outcome import outcomes, surprises, warnings
from scorecard.world import World, compare
from tests.scorecard.truths import HOUR, LAMP, day, mishap, said, truth, world


def test_hours_run_from_the_true_onset_and_from_the_first_dusk() -> None:
    lived = world(truth(mishap("dark", 20, 25)))  # at noon
    out = outcomes(judge_cases([said("dark", 20.5)], lived), lived)[0]
    assert out.hours == 12.0
    dusk = shows("dark", day(20), 14.6, -4.1)
    assert 5 < (dusk - day(20)) / HOUR < 7  # January: about 18:10
    assert out.hours_shown == pytest.approx(12 - (dusk - day(20)) / HOUR, abs=0.05)


def test_a_panel_lost_at_night_shows_in_the_morning_and_a_dead_radio_at_once() -> None:
    assert 18 < (shows("panel_lost", day(20.5), 14.6, -4.1) - day(20)) / HOUR < 20.5
    assert shows("silent", day(20.5), 14.6, -4.1) == day(20.5)


def test_early_cases_take_no_negative_time_and_doubles_are_counted() -> None:
    lived = world(truth(mishap("dark", 20.2, 40)))
    out = outcomes(judge_cases([said("dark", 20.0, 22), said("dark", 30, 35)], lived), lived)[0]
    assert (out.hours, out.doubles, out.how) == (0.0, 1, "right")


def test_the_estimate_is_held_against_the_truth_of_its_date() -> None:
    lived = world(truth(mishap("panel_soiled", 20, 50, severity=0.2, mode="dust"), soiling=0.2))
    out = outcomes(judge_cases([said("panel_soiled", 30, estimate=0.17)], lived), lived)[0]
    assert out.error == pytest.approx(-0.03)
    assert out.fault.counted
    assert out.fault.size == "dust 10–30 %"


def test_wear_counts_from_seventy_percent_and_leads_to_the_first_dark_night() -> None:
    lived = world(truth(mishap("battery_worn", 20, None, severity=0.5, mode="knee"), capacity=0.5, unlit=(55,)))
    out = outcomes(judge_cases([said("battery_worn", 30, estimate=0.46)], lived), lived)[0]
    assert out.error == pytest.approx(-0.04)
    # Night 55 begins at 18:00 of its date; known at noon of day 30.
    assert out.lead_days == pytest.approx(25.25)


def test_a_battery_that_fails_at_once_gives_no_lead() -> None:
    lived = world(truth(mishap("battery_worn", 20, None, severity=0.5, mode="step"), capacity=0.5, unlit=(55,)))
    out = outcomes(judge_cases([said("battery_worn", 30, estimate=0.46)], lived), lived)[0]
    assert out.found
    assert out.lead_days is None


def test_what_nobody_could_have_noticed_does_not_count() -> None:
    short = world(truth(mishap("dark", 20, 21)))
    assert short.faults[0].skipped == "lasted less than 1.5 days"
    mild = world(truth(mishap("battery_worn", 20, None, severity=0.8, mode="step"), capacity=0.8))
    assert mild.faults[0].skipped == "never below 70 %"
    early = world(truth(mishap("panel_partial", 5, 40, severity=0.4, mode="diode")))
    assert early.faults[0].skipped == "began in the first 14 nights"
    small = world(truth(mishap("panel_partial", 20, 40, severity=0.2, mode="connector")))
    assert small.faults[0].skipped == "under 25 %"


def test_a_dark_night_is_foretold_by_a_case_that_stands_a_day_before() -> None:
    lived = world(truth(mishap("battery_worn", 20, None, severity=0.5, mode="step"), capacity=0.5, unlit=(40, 41, 50)))
    told = surprises([said("dark_risk", 39, 41)], lived)
    # Night 41 follows a dark one and night 50 follows 41 by nine days: two surprises, the first was foretold.
    assert [(one.date.day, one.warned, one.why) for one in told] == [
        (19, True, "battery_worn"),
        (1, False, "battery_worn"),
    ]
    late = surprises([said("dark_risk", 40.2)], lived)
    assert not late[0].warned
    assert late[0].by_dusk
    assert told[0].by_dusk
    assert not surprises([said("dark_risk", 41)], lived)[0].by_dusk
    happened = surprises([said("dark_risk", 39, hidden_by="early_off")], lived)
    assert happened[0].warned  # hidden by the very night that it foretold
    folded = surprises([said("dark_risk", 39, hidden_by="low_sun", shown=False)], lived)
    assert (folded[0].warned, folded[0].noted, folded[0].known) == (False, True, False)
    withdrawn = surprises([said("dark_risk", 36, 38, withdrawn=True)], lived)
    assert (withdrawn[0].warned, withdrawn[0].noted) == (False, False)


def test_an_estimate_from_after_the_repair_is_held_against_the_last_day_of_the_fault() -> None:
    lived = world(truth(mishap("panel_soiled", 20, 35, severity=0.2, mode="dust"), soiling=0.2))
    late = replace(said("panel_soiled", 30, estimate=0.25), estimated_for=day(45).replace(hour=0))
    out = outcomes(judge_cases([late], lived), lived)[0]
    assert out.error == pytest.approx(0.05)


def test_what_comes_suddenly_or_from_the_driver_is_not_to_be_foretold() -> None:
    assert surprises([], world(truth(mishap("panel_lost", 39, 50), unlit=(40,)))) == []
    assert surprises([], world(truth(mishap("dark", 30, 50), unlit=(40,)))) == []
    assert [one.why for one in surprises([], world(truth(unlit=(40,))))] == ["weather"]


def test_warnings_come_true_or_not_or_are_averted_by_a_repair() -> None:
    lived = world(truth(mishap("dark_risk", 28, 31.5, severity=10), unlit=(40,)))
    judged = judge_cases([said("dark_risk", 38.5), said("dark_risk", 30), said("dark_risk", 20)], lived)
    assert warnings(judged, lived) == (1, 1, 1)
    hidden = judge_cases([said("dark_risk", 38.5, hidden_by="early_off"), said("dark_risk", 20, shown=False)], lived)
    assert warnings(hidden, lived) == (1, 0, 0)


@pytest.mark.parametrize(
    ("at", "true"),
    [
        (37.24, False),  # at dusk: of the nights 37, 38 and 39
        (38.24, True),
        (40.24, True),
        (40.7, True),  # after midnight: night 40 is going on
        (41.24, False),
    ],
)
def test_a_warning_speaks_of_three_nights_and_the_first_is_the_one_that_is_going_on(at: float, true: bool) -> None:
    lived = world(truth(unlit=(40,)))
    assert comes_true(said("dark_risk", at), lived) is true


def test_a_night_that_the_battery_ended_minutes_before_dawn_is_not_fully_served() -> None:
    what = truth()
    cut = pl.when((pl.col("lamp") == LAMP) & (pl.col("time") == day(40).replace(hour=0))).then(1).otherwise(0)
    lived = world(replace(what, nights=what.nights.with_columns(cut_offs=cut.cast(pl.Int32))))
    assert comes_true(said("dark_risk", 39.24), lived)
    assert [one.date for one in surprises([], lived)] == [day(40).replace(hour=0)]


def test_the_ledger_is_compared_night_by_night_with_relearning_apart() -> None:
    lived = world(truth(unlit=(3, 4), relearning=(10,)))
    nights = lived.nights.select("lamp", "time", "verdict", "lit_minutes").with_row_index("n")
    wrong = nights.with_columns(verdict=nights["verdict"].replace("dark", "lit")).drop("n")
    found = agreement(wrong.head(wrong.height - 5), lived)
    assert found.table["plain"] == {"dark": {"lit": 2}, "lit": {"lit": 172, "missing": 5}}
    assert found.table["relearning"] == {"lit": {"lit": 1}}
    assert found.minutes == {0: 174}
    assert len(found.wrong) == 2
    assert found.wrong[0].startswith(f"2026-01-13 {LAMP}: true dark 0 min, said lit")


def test_figures_put_worlds_together() -> None:
    lived = world(truth(mishap("dark", 20, 25), mishap("panel_lost", 40, 50)))
    cases = [said("dark", 20.5), said("hot", 41), said("flicker", 55)]
    one = compare(cases, lived)
    scored = World("clean", 101, 60, 3, one, compare([], lived), Agreement(), alerts=0)
    ours, naive = figures([scored], lambda w: w.ours), figures([scored], lambda w: w.naive)
    assert (ours.hard.found.hits, ours.hard.found.trials) == (1, 2)
    assert (naive.hard.found.hits, naive.hard.found.trials) == (0, 2)
    assert ours.confusion == {"dark": {"dark": 1}, "panel_lost": {"hot": 1}}
    assert (ours.kind_right.hits, ours.kind_right.trials) == (1, 2)
    assert ours.false_friendly.events == 1  # the flicker; the heat stands beside a true fault
    assert ours.confused.events == 1
    assert ours.false_friendly.lamp_years == pytest.approx(3 * 60 / 365.25)
    assert [miss.kind for miss in ours.misses] == ["panel_lost"]
