"""Late data that shows what really was: cases are corrected or withdrawn, and only who was told hears of it."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from monitor.case import Change, State
from monitor.fault import Kind
from tests.story.stage import DAY, HOUR, Stage, World, world

LAMP = "fatoma-03"


@pytest.fixture(scope="module")
def dimmed() -> World:
    """On two evenings the lamp is off for two hours, and on again for the rest of the night: three switchings."""
    calm = world("", nights=8, lamps={"fatoma": 6}, habits="[network]\nloss = 0\n[lamps]\nmotion = 0\n")
    hour = pl.col("time").dt.hour()
    off = (pl.col("lamp") == LAMP) & hour.is_between(22, 23) & pl.col("time").dt.day().is_in([13, 14])
    telemetry = calm.simulated.telemetry.with_columns(
        pl.when(off).then(0).otherwise(pl.col(name)).cast(pl.Int32).alias(name) for name in ("led_mw", "level")
    )
    return replace(calm, simulated=replace(calm.simulated, telemetry=telemetry))


def held_back(story: World) -> pl.DataFrame:
    """The lamp's reports of those nights' second halves, and of the mornings after, come on the 16th."""
    second_half = (pl.col("lamp") == LAMP) & pl.col("last").dt.hour().is_between(5, 12)
    late = second_half & pl.col("last").dt.day().is_in([14, 15])
    delay = pl.when(late).then(pl.lit(timedelta(days=2))).otherwise(pl.lit(timedelta(0)))
    return story.arrivals.with_columns(pl.col("time") + delay, pl.col("received") + delay)


def early_off(stage: Stage) -> list[State]:
    found = stage.casebook.cases(subject=LAMP, kind=Kind.EARLY_OFF, withdrawn=True)
    return [case.state for case in found]


def test_seen_in_time_it_is_no_case(dimmed: World) -> None:
    stage = Stage(dimmed).play(12 * HOUR)
    assert early_off(stage) == []


def test_a_case_that_never_was_is_withdrawn_and_told_so_shortly(dimmed: World) -> None:
    stage = Stage(dimmed)
    stage.play(6 * HOUR, held_back(dimmed), until=dimmed.start + 5 * DAY)
    assert early_off(stage) == [State.OPEN]
    stage.play(6 * HOUR, held_back(dimmed), since=dimmed.start + 5 * DAY)
    assert early_off(stage) == [State.WITHDRAWN]
    assert stage.cases(hidden=True) == []
    news = stage.news(LAMP, Kind.EARLY_OFF)
    assert list(news.values()) == [[Change.OPENED, Change.WITHDRAWN]] * 2
    correction = next(alert for alert in stage.told if alert.change is Change.WITHDRAWN)
    assert len(correction.text) <= 160


def test_whoever_was_not_told_of_it_hears_no_correction(dimmed: World) -> None:
    stage = Stage(dimmed, tells=False).play(6 * HOUR, held_back(dimmed))
    assert early_off(stage) == [State.WITHDRAWN]
    assert stage.casebook.owed(dimmed.end + DAY) == ()
    assert {alert.change for alert in stage.casebook.alerts()} <= {Change.OPENED}
    assert all(alert.cancelled_at for alert in stage.casebook.alerts())


def test_the_withdrawn_case_leaves_the_same_ledger(dimmed: World) -> None:
    in_time, late = Stage(dimmed).play(DAY), Stage(dimmed).play(DAY, held_back(dimmed))
    assert late.ledger().equals(in_time.ledger())
    assert late.endings() == in_time.endings()


def test_a_repair_that_is_learnt_late_closes_the_case_where_it_was_made(small: World) -> None:
    """The lamp was repaired at noon of the 15th; its reports since then come two days later."""
    repaired = small.start + 5 * DAY
    late = (pl.col("lamp") == "fatoma-02") & (pl.col("last") >= repaired) & (pl.col("last") < repaired + DAY)
    delay = pl.when(late).then(pl.lit(timedelta(hours=36))).otherwise(pl.lit(timedelta(0)))
    delayed = small.arrivals.with_columns(pl.col("time") + delay, pl.col("received") + delay)
    stage = Stage(small).play(6 * HOUR, delayed)
    punctual = Stage(small).play(12 * HOUR).case("fatoma-02", Kind.DARK)
    case = stage.case("fatoma-02", Kind.DARK)
    assert (case.since, case.until) == (punctual.since, punctual.until)
    assert list(stage.news("fatoma-02", Kind.DARK).values()) == [[Change.OPENED, Change.CLOSED]] * 2
