"""Late, doubled, reordered, all at once: how reports come changes neither the cases nor the ledger."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from monitor.fault import Kind
from tests.story.stage import DAY, HOUR, Ending, Stage, World

SILENCES = (str(Kind.SILENT), str(Kind.COMMUNE_SILENT))  # of these the end is a receipt, and moves with it


@pytest.fixture(scope="module")
def in_order(small: World) -> Stage:
    return Stage(small).play(12 * HOUR)


@pytest.mark.parametrize("every", [2 * HOUR, 2 * DAY, 1000 * DAY], ids=["often", "every other day", "all at once"])
def test_how_often_the_monitor_looks_does_not_matter(small: World, in_order: Stage, every: timedelta) -> None:
    stage = Stage(small).play(every)
    assert stage.endings() == in_order.endings()
    assert stage.ledger().equals(in_order.ledger())


def test_what_is_kept_of_each_night_does_not_depend_on_how_it_came(small: World, in_order: Stage) -> None:
    """Every column of the ledger that the rules look at, not only the verdict."""
    stage = Stage(small).play(1000 * DAY)
    columns = [name for name, dtype in in_order.watch.ledger.schema.items() if not dtype.is_float()]
    ours, theirs = (one.watch.ledger.sort("lamp", "time") for one in (stage, in_order))
    assert ours.select(columns).equals(theirs.select(columns))
    numbers = [name for name in ours.columns if name not in columns]
    np.testing.assert_allclose(ours.select(numbers).to_numpy(), theirs.select(numbers).to_numpy(), rtol=1e-4, atol=1e-5)


def test_days_with_many_communes_and_kinds_do_not_depend_on_it_either(hard: World) -> None:
    daily, at_once = Stage(hard).play(DAY), Stage(hard).play(1000 * DAY)
    assert daily.endings() == at_once.endings()
    assert daily.ledger().equals(at_once.ledger())


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_delayed_and_doubled_reports(small: World, in_order: Stage, seed: int) -> None:
    """Each report up to two hours late, overtaken by others; every fifth comes again within half a day."""
    rng = np.random.default_rng(seed)
    arrivals = delayed(small.arrivals, rng, 2 * HOUR)
    again = delayed(arrivals.sample(fraction=0.2, seed=seed), rng, DAY / 2)
    stage = Stage(small).play(12 * HOUR, pl.concat([arrivals, again]))
    assert without_ends(stage.endings()) == without_ends(in_order.endings())
    assert stage.ledger().equals(in_order.ledger())
    for kind, subject, until in ends_of_silences(stage):
        assert timedelta(0) <= until - ends(in_order)[kind, subject] <= 2 * HOUR
    assert {key: news_of(stage, *key) for key in subjects(stage)} == {
        key: news_of(in_order, *key) for key in subjects(in_order)
    }


def delayed(arrivals: pl.DataFrame, rng: np.random.Generator, most: timedelta) -> pl.DataFrame:
    later = pl.Series(rng.uniform(0, most / timedelta(microseconds=1), arrivals.height).astype(np.int64))
    late = later.cast(pl.Duration("us"))
    return arrivals.with_columns(pl.col("time") + late, pl.col("received") + late)


def without_ends(endings: set[Ending]) -> set[Ending]:
    return {(kind, who, since, None if kind in SILENCES else until) for kind, who, since, until in endings}


def ends(stage: Stage) -> dict[tuple[str, str], datetime]:
    return {(kind, who): until for kind, who, _, until in stage.endings() if until is not None}


def ends_of_silences(stage: Stage) -> list[tuple[str, str, datetime]]:
    return [(kind, who, until) for (kind, who), until in ends(stage).items() if kind in SILENCES]


def subjects(stage: Stage) -> set[tuple[str, Kind]]:
    return {(case.subject, case.kind) for case in stage.cases()}


def news_of(stage: Stage, subject: str, kind: Kind) -> object:
    return stage.news(subject, kind)
