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


@pytest.mark.parametrize("offset", [0, 20, 40])
def test_no_lamp_is_alerted_before_its_commune_whatever_the_minute(blackout: World, offset: int) -> None:
    """A living monitor looks every half minute: no look in the hours in which deadlines pass may see a lamp alone."""
    stage = Stage(blackout, tells=False).play(1000 * DAY, until=blackout.start + OUT[0] + HOUR)
    begin = blackout.start + OUT[0] + timedelta(minutes=offset)
    moment = begin
    stage.watch.wall = lambda: moment
    for hour in range(0, 30):
        moment = begin + hour * HOUR
        stage.tick()
        assert [a for a in stage.casebook.alerts() if a.change is Change.OPENED and lamp_of(stage, a.case)] == []
    assert stage.case("konna", Kind.COMMUNE_SILENT).state is State.OPEN


def lamp_of(stage: Stage, case: int) -> str | None:
    found = stage.casebook.case(case)
    assert found is not None
    return found.lamp if found.commune == "konna" else None


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
