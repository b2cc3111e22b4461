"""Ten days without network in a commune, and a backlog afterwards: the real case of Mopti, July and August 2021."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from monitor.case import Change, State
from monitor.fault import Kind
from tests.story.stage import DAY, HOUR, Stage, World

OUT = timedelta(days=3), timedelta(days=13)  # after the start


@pytest.fixture(scope="module")
def during(blackout: World) -> Stage:
    """As it is known on the ninth day of the silence."""
    return Stage(blackout).play(DAY, until=blackout.start + 12 * DAY)


@pytest.fixture(scope="module")
def afterwards(blackout: World) -> Stage:
    return Stage(blackout).play(12 * HOUR)


def nights(stage: Stage, lamps: pl.Expr, first: datetime, last: datetime) -> pl.DataFrame:
    return stage.ledger().filter(
        lamps & (pl.col("date") > f"{first:%Y-%m-%d}") & (pl.col("date") < f"{last:%Y-%m-%d}")
    )  # fmt: skip


def test_is_exactly_one_incident(blackout: World, during: Stage, afterwards: Stage) -> None:
    for stage, state in ((during, State.OPEN), (afterwards, State.CLOSED)):
        incidents = [case for case in stage.cases(hidden=True) if case.kind is Kind.COMMUNE_SILENT]
        assert [(case.commune, case.lamp, case.state) for case in incidents] == [("konna", None, state)]
    case = afterwards.case("konna", Kind.COMMUNE_SILENT)
    since, until = blackout.start + OUT[0], blackout.start + OUT[1]
    assert since - 6.1 * HOUR <= case.since <= since
    assert case.until is not None
    assert until <= case.until <= until + HOUR


def test_tells_each_contact_once_at_the_start_and_once_at_the_end(blackout: World, afterwards: Stage) -> None:
    news = afterwards.news("konna", Kind.COMMUNE_SILENT)
    assert set(news) == {contact.role for contact in blackout.fleet.contacts("konna")}
    assert list(news.values()) == [[Change.OPENED, Change.CLOSED]] * len(news)


def test_says_nothing_of_its_lamps_silence(during: Stage, afterwards: Stage) -> None:
    for stage in (during, afterwards):
        for lamp in stage.world.fleet.by_commune["konna"]:
            assert stage.news(lamp.id, Kind.SILENT) == {}
            assert Kind.SILENT not in stage.kinds(lamp.id)


def test_no_moment_comes_at_which_a_lamp_is_known_silent_and_its_commune_is_not(afterwards: Stage) -> None:
    """A living monitor looks every half minute: of whoever was heard last, the incident comes first."""
    incident = afterwards.case("konna", Kind.COMMUNE_SILENT)
    silences = [case for case in afterwards.cases(hidden=True) if case.kind is Kind.SILENT]
    assert len(silences) == 8
    for case in silences:
        assert case.opened_at > incident.opened_at
        assert case.hidden_by is Kind.COMMUNE_SILENT


def test_a_monitor_by_the_wall_clock_tells_nobody_of_a_lamp(blackout: World) -> None:
    stage = Stage(blackout).play(1000 * DAY, until=blackout.start + OUT[0] + HOUR)
    moment = blackout.start + OUT[0]
    stage.watch.wall = lambda: moment
    for hours in (2, 8, 14, 15, 15.5, 16, 20, 24, 30):
        moment = blackout.start + OUT[0] + hours * HOUR
        stage.tick()
    assert stage.case("konna", Kind.COMMUNE_SILENT).state is State.OPEN
    lamps = {case.lamp for case in stage.cases(hidden=True) if case.commune == "konna" and case.lamp}
    assert lamps  # kept, but
    assert [alert.case for alert in stage.told if stage.casebook.case(alert.case).lamp in lamps] == []  # type: ignore[union-attr]  # it was told of


def test_its_nights_are_unknown_until_they_are_filled_and_right_afterwards(
    blackout: World, during: Stage, afterwards: Stage
) -> None:
    konna = pl.col("commune") == "konna"
    silent = nights(during, konna, blackout.start + OUT[0], blackout.start + 12 * DAY)
    assert silent.height >= 8 * 7
    assert silent["verdict"].unique().to_list() == ["unknown"]
    assert silent["lit_minutes"].sum() == 0
    filled = nights(afterwards, konna & (pl.col("lamp") != "konna-03"), blackout.start, blackout.start + 14 * DAY)
    assert filled["verdict"].unique().to_list() == ["lit"]


def test_the_ledger_agrees_with_the_truth_night_by_night(blackout: World, afterwards: Stage) -> None:
    true = blackout.simulated.truth.nights.select(
        "lamp", pl.col("time").dt.strftime("%Y-%m-%d").alias("date"), "verdict"
    )
    both = afterwards.ledger().join(true, on=["lamp", "date"], suffix="_true")
    known = both.filter((pl.col("verdict") != "unknown") & (pl.col("date") < f"{blackout.end - DAY:%Y-%m-%d}"))
    assert known.height >= 14 * 14 - 3
    assert known.filter(pl.col("verdict") != pl.col("verdict_true")).height == 0


def test_a_lamp_that_died_meanwhile_is_found_in_the_backlog(blackout: World, during: Stage, afterwards: Stage) -> None:
    died = blackout.start + timedelta(days=6, hours=6)
    assert during.kinds("konna-03") == set()
    case = afterwards.case("konna-03", Kind.DARK)
    assert died <= case.since <= died + 2 * HOUR
    assert case.state is State.OPEN
    assert list(afterwards.news("konna-03", Kind.DARK).values()) == [[Change.OPENED]] * 2


def test_the_other_commune_is_watched_as_ever(blackout: World, during: Stage) -> None:
    repaired = blackout.start + 11 * DAY
    case = during.case("fatoma-03", Kind.DARK)
    assert case.until is not None
    assert repaired <= case.until <= repaired + 9 * HOUR
    assert {case.subject for case in during.cases() if case.commune == "fatoma"} == {"fatoma-03"}
