"""Each thing that goes wrong becomes exactly the case that it is, opens with it and closes with its repair."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from monitor.case import Case, Change, State
from monitor.fault import Kind
from tests.story.stage import DAY, HOUR, Stage, World


@dataclass(frozen=True)
class Expected:
    """`begins`: how far since may be from the truth. `consequences`: what physically follows on that lamp."""

    subject: str
    kind: Kind
    begins: tuple[timedelta, timedelta]
    consequences: frozenset[Kind] = frozenset()


NONE = timedelta(0)
DUSK = (NONE, 9 * HOUR)  # what began at noon or at six shows at the next dusk
REPORT = (6.1 * HOUR, HOUR)  # last heard up to a report before
STARVED = frozenset({Kind.EARLY_OFF, Kind.DARK_RISK})  # a battery that nobody fills goes flat

HARD = (
    Expected("fatoma-02", Kind.DARK, DUSK),
    Expected("fatoma-04", Kind.PANEL_LOST, (HOUR, HOUR), STARVED),
    Expected("fatoma-06", Kind.BATTERY_LOST, DUSK),
    Expected("fatoma-08", Kind.SILENT, REPORT),
    Expected("fatoma-10", Kind.DAY_BURNING, (HOUR, HOUR), STARVED),
    Expected("fatoma-12", Kind.EARLY_OFF, (NONE, 20 * HOUR)),
    Expected("fatoma-14", Kind.CHARGER_STUCK, (NONE, DAY), STARVED),
    Expected("fatoma-16", Kind.HOT, (NONE, 6 * HOUR)),
    Expected("fatoma-18", Kind.MOVED, (NONE, NONE)),
    Expected("fatoma-19", Kind.FLICKER, DUSK),
    Expected("konna", Kind.COMMUNE_SILENT, REPORT),
)
SLOW = (
    Expected("fatoma-02", Kind.BATTERY_WORN, (DAY, 6 * DAY), frozenset({Kind.DARK_RISK})),  # it is soon empty
    Expected("fatoma-03", Kind.PANEL_SOILED, (NONE, 16 * DAY)),  # counts from when the loss is worth a walk
    Expected("fatoma-04", Kind.PANEL_PARTIAL, (DAY, 4 * DAY)),
    # The pack with a cell less is below its cut-off at once.
    Expected("fatoma-05", Kind.BATTERY_WEAK_CELL, (NONE, 2 * DAY), STARVED),
    Expected("fatoma-06", Kind.DIM, (NONE, 2 * DAY)),
    Expected("fatoma-07", Kind.RESTART_LOOP, (DAY, DAY)),
    Expected("fatoma-08", Kind.CLOCK_WRONG, (NONE, 2 * DAY)),
    Expected("fatoma-09", Kind.SENSOR_FAULTY, (DAY, 2 * DAY)),
    Expected("fatoma-10", Kind.CHARGER_STUCK, (HOUR, 2 * DAY)),
)
# What the first proof after the repair needs: a report after the dusk or noon that shows it; the slow ones some days.
PROVEN = {
    Kind.DARK: 15 * HOUR,
    Kind.PANEL_LOST: 9 * HOUR,
    Kind.BATTERY_LOST: 9 * HOUR,
    Kind.SILENT: HOUR,
    Kind.COMMUNE_SILENT: HOUR,
}
NAMES = [f"{one.kind}" for one in (*HARD, *SLOW)]


@pytest.fixture(scope="module")
def hard_told(hard: World) -> Stage:
    return Stage(hard).play(6 * HOUR)


@pytest.fixture(scope="module")
def slow_told(slow: World) -> Stage:
    """Three weeks at once, then day by day."""
    stage = Stage(slow).play(1000 * DAY, until=slow.start + 20 * DAY)
    return stage.play(DAY, since=slow.start + 20 * DAY)


@pytest.fixture
def stage(expected: Expected, request: pytest.FixtureRequest) -> Stage:
    told: Stage = request.getfixturevalue("hard_told" if expected in HARD else "slow_told")
    return told


def truth(stage: Stage, expected: Expected) -> tuple[datetime, datetime | None]:
    rows = stage.world.simulated.truth.mishaps.filter(kind=str(expected.kind))
    rows = rows.filter((rows["lamp"] == expected.subject) | (rows["commune"] == expected.subject))
    since, until = rows.select("since", "until").row(0)
    return since, until


@pytest.mark.parametrize("expected", [*HARD, *SLOW], ids=NAMES)
class TestEachMishap:
    def test_becomes_exactly_one_case_that_begins_with_it(self, stage: Stage, expected: Expected) -> None:
        since, _ = truth(stage, expected)
        case = stage.case(expected.subject, expected.kind)
        before, after = expected.begins
        assert since - before <= case.since <= since + after
        assert case.opened_at >= case.since

    def test_and_nothing_else_but_what_follows_from_it(self, stage: Stage, expected: Expected) -> None:
        assert stage.kinds(expected.subject) - expected.consequences == {expected.kind}

    def test_closes_with_its_repair_and_not_before(self, stage: Stage, expected: Expected) -> None:
        _, repaired = truth(stage, expected)
        case = stage.case(expected.subject, expected.kind)
        if repaired is None:
            assert case.state is State.OPEN
            return
        assert case.until is not None
        assert case.closed_at is not None
        if expected.kind is Kind.MOVED:  # an event, not a state: a quiet day closes it
            assert case.closed_at == case.since + DAY
            return
        assert repaired - DAY <= case.until
        assert repaired - HOUR <= case.closed_at <= repaired + PROVEN.get(expected.kind, 10 * DAY)

    def test_tells_each_contact_once_that_it_opened_and_once_that_it_closed(
        self, stage: Stage, expected: Expected
    ) -> None:
        _, repaired = truth(stage, expected)
        news = stage.news(expected.subject, expected.kind)
        lamps = stage.world.fleet.lamps
        commune = lamps[expected.subject].commune if expected.subject in lamps else expected.subject
        assert set(news) == {contact.role for contact in stage.world.fleet.contacts(commune)}
        for changes in news.values():
            assert changes == ([Change.OPENED, Change.CLOSED] if repaired else [Change.OPENED])


def test_no_healthy_lamp_has_a_case(hard_told: Stage, slow_told: Stage) -> None:
    for stage, listed in ((hard_told, HARD), (slow_told, SLOW)):
        sick = {expected.subject for expected in listed}
        assert [(case.subject, case.kind) for case in stage.cases() if case.subject not in sick] == []


def test_the_lamps_of_the_silent_commune_are_kept_but_hidden(hard_told: Stage) -> None:
    silences = [case for case in hard_told.cases(hidden=True) if case.commune == "konna" and case.lamp]
    assert {case.kind for case in silences} == {Kind.SILENT}
    assert {case.hidden_by for case in silences} == {Kind.COMMUNE_SILENT}


def test_the_estimates_are_near_the_truth(slow_told: Stage) -> None:
    """In points of a hundred: of the nameplate capacity left, and of the panel output lost."""
    worn = slow_told.case("fatoma-02", Kind.BATTERY_WORN)
    partial = slow_told.case("fatoma-04", Kind.PANEL_PARTIAL)
    soiled = slow_told.case("fatoma-03", Kind.PANEL_SOILED)
    nights = slow_told.world.simulated.truth.nights
    capacity = nights.filter(lamp="fatoma-02")["capacity"][-1]
    dirt = nights.filter(lamp="fatoma-03")["soiling"].max()
    for case, true in ((worn, capacity), (partial, 0.4), (soiled, dirt)):
        assert estimate(case) == pytest.approx(true, abs=0.15), case.kind


def estimate(case: Case) -> float:
    assert case.estimate is not None
    return case.estimate


def test_the_first_light_of_a_repaired_lamp_is_told_at_once(hard_told: Stage) -> None:
    """Repaired on the morning of the 18th, lit at dusk, told with the report of that midnight: in words."""
    case = hard_told.case("fatoma-02", Kind.DARK)
    assert case.until is not None
    closed = [a for a in hard_told.told if a.case == case.id and a.change is Change.CLOSED and a.language == "fr"]
    assert closed[0].owed_at - case.until < 6 * HOUR
    assert "rallumé" in closed[0].text
    assert "éteint" in closed[0].text


def test_a_charging_noon_closes_a_lost_panel_and_says_so(hard_told: Stage) -> None:
    case = hard_told.case("fatoma-04", Kind.PANEL_LOST)
    assert case.until is not None
    closed = [a for a in hard_told.told if a.case == case.id and a.change is Change.CLOSED and a.language == "fr"]
    assert closed[0].owed_at - case.until < 6 * HOUR
    assert "charge de nouveau" in closed[0].text
