"""From findings to episodes, without any real rule: confirmation, hysteresis, unknown dates, first proofs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.fault import Cause, Episode, Figure, Kind
from monitor.judge import CONTEXT_DATES, Forgotten, Judge, judge
from monitor.rules.rule import FINDING, Row, Rule, Threshold, Told, View

D, H = timedelta(days=1), timedelta(hours=1)
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
NOTHING = View(pl.DataFrame(), pl.DataFrame(), pl.DataFrame(), FIRST + 60 * D)


@dataclass(frozen=True)
class Date:
    """What is found of the nth date: + bad, - good, anything else unknown; the proof comes at 20:00, or is missing."""

    sign: str
    lamp: str | None = "fatoma-01"
    proof: bool = True
    sunny: bool = True
    put_right: bool = False  # bad, and good again before the date was over


def findings(dates: Iterable[Date]) -> pl.DataFrame:
    rows = []
    for nth, date in enumerate(dates):
        time = FIRST + nth * D
        bad = {"+": True, "-": False}.get(date.sign)
        at = time + 20 * H if date.proof else None
        good_at = time + 22 * H if date.put_right else at
        rows.append(
            ("fatoma", date.lamp, time, bad, time + 18 * H, at if bad else None, time + 19 * H,
             good_at if date.put_right or not bad else None, date.sunny, float(nth))
        )  # fmt: skip
    schema = {**FINDING, "sunny": pl.Boolean(), "nth": pl.Float64()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def rule(dates: Iterable[Date], **more: Any) -> Rule:
    frame = findings(dates)
    return Rule(Kind.DIM, "it is dim", lambda _: frame, tell, **more)


def tell(row: Row) -> Told:
    return Told((Cause("driver", 1.0),), (Figure("nth", row["nth"]),), row["nth"])


def signs(text: str) -> list[Date]:
    return [Date(sign) for sign in text]


def spans(episodes: Iterable[Episode]) -> list[tuple[int, int | None]]:
    """(nth date of since, nth date of until)."""
    return [((e.since - FIRST).days, (e.until - FIRST).days if e.until else None) for e in episodes]


@pytest.mark.parametrize(
    ("dates", "confirm", "clear", "expected"),
    [
        ("", 1, 1, []),
        ("---", 1, 1, []),
        ("+", 1, 1, [(0, None)]),
        ("-+-", 1, 1, [(1, 2)]),
        ("+-+-", 1, 1, [(0, 1), (2, None)]),  # ill again within a week: one good date is not enough any more
        ("+-+--", 1, 1, [(0, 1), (2, None)]),
        ("+-+---", 1, 1, [(0, 1), (2, 3)]),
        ("+--------+-", 1, 1, [(0, 1), (9, 10)]),  # long after is another story
        ("+.+", 1, 1, [(0, None)]),  # unknown: the episode goes on
        ("+..-", 1, 1, [(0, 3)]),
        ("+-+", 2, 1, []),  # never twice without a good one between
        ("++", 2, 1, [(0, None)]),
        ("+.+", 2, 1, [(0, None)]),  # unknown between: neither confirms nor denies
        ("+.-.+", 2, 1, []),
        ("-++-+-", 2, 1, [(1, 3)]),
        ("++-+-+", 2, 2, [(0, None)]),  # one good date is not enough
        ("++-.-+", 2, 2, [(0, 2)]),
        ("+++--+++--", 3, 2, [(0, 3), (5, None)]),
        ("+++--+++---", 3, 2, [(0, 3), (5, 8)]),
    ],
)
def test_bad_dates_open_and_good_ones_close(
    dates: str, confirm: int, clear: int, expected: list[tuple[int, int | None]]
) -> None:
    assert spans(judge([rule(signs(dates), confirm=confirm, clear=clear)], NOTHING)) == expected


def test_an_episode_is_known_when_its_last_proof_came() -> None:
    (episode,) = judge([rule(signs("+++--"), confirm=3, clear=2)], NOTHING)
    assert episode.since == FIRST + 18 * H
    assert episode.opened_at == FIRST + 2 * D + 20 * H
    assert episode.until == FIRST + 3 * D + 19 * H
    assert episode.closed_at == FIRST + 4 * D + 20 * H


def test_only_sunny_dates_confirm_what_needs_the_sun() -> None:
    cloudy = [Date("+", sunny=False), Date("+"), Date("+", sunny=False), Date("+")]
    (episode,) = judge([rule(cloudy, confirm=2, sunny=True)], NOTHING)
    assert episode.since == FIRST + D + 18 * H
    assert episode.opened_at == FIRST + 3 * D + 20 * H
    assert judge([rule(cloudy[:3], confirm=2, sunny=True)], NOTHING) == []
    assert len(judge([rule(cloudy[:3], confirm=2)], NOTHING)) == 1


def test_what_is_put_right_before_the_date_is_over_is_closed_by_its_first_proof() -> None:
    (episode,) = judge([rule([Date("+"), Date("+", put_right=True)])], NOTHING)
    assert (episode.until, episode.closed_at) == (FIRST + D + 19 * H, FIRST + D + 22 * H)
    assert judge([rule([Date("+"), Date("+", put_right=True)], clear=2)], NOTHING)[0].until is None


def test_a_date_that_looks_bad_before_its_samples_came_is_not_known_yet() -> None:
    assert judge([rule([Date("+", proof=False)])], NOTHING) == []
    assert spans(judge([rule([Date("+"), Date("+", proof=False), Date("-")])], NOTHING)) == [(0, 2)]
    assert spans(judge([rule([Date("+"), Date("-", proof=False)])], NOTHING)) == [(0, None)]


def test_the_words_are_those_of_the_latest_bad_date() -> None:
    (episode,) = judge([rule(signs("+.++-"), thresholds={"dim": Threshold(0.8, "share", "why")})], NOTHING)
    assert episode.estimate == 3.0
    assert episode.figures == (Figure("nth", 3.0),)
    assert episode.trace["date"] == "2026-03-04"
    assert episode.trace["rule"] == "it is dim"
    assert episode.trace["thresholds"] == {"dim": {"value": 0.8, "unit": "share", "reason": "why"}}
    assert episode.trace["inputs"]["nth"] == 3.0


def test_lamps_are_judged_apart_and_communes_too() -> None:
    mixed = [
        Date("+", "fatoma-01"),
        Date("-", "fatoma-02"),
        Date("+", None),
        Date("-", "fatoma-01"),
        Date("+", "fatoma-02"),
    ]
    episodes = judge([rule(mixed)], NOTHING)
    assert sorted((e.subject, e.lamp, e.until is None) for e in episodes) == [
        ("fatoma", None, True), ("fatoma-01", "fatoma-01", False), ("fatoma-02", "fatoma-02", True),
    ]  # fmt: skip


class TestAnEpisodeFromBeforeTheView:
    before = Episode("fatoma", "fatoma-01", Kind.DIM, FIRST - 200 * D, FIRST - 199 * D, estimate=0.4)

    def test_goes_on_while_nothing_is_seen(self) -> None:
        assert judge([rule([])], NOTHING, [self.before]) == [self.before]

    def test_goes_on_with_newer_words_while_it_is_bad(self) -> None:
        (episode,) = judge([rule(signs(".++"))], NOTHING, [self.before])
        assert (episode.since, episode.opened_at) == (self.before.since, self.before.opened_at)
        assert (episode.until, episode.estimate) == (None, 2.0)

    def test_is_closed_by_what_the_view_shows_with_the_words_it_had(self) -> None:
        (episode,) = judge([rule(signs("--"), clear=2)], NOTHING, [self.before])
        assert episode.until == FIRST + 19 * H
        assert episode.estimate == 0.4

    def test_another_one_of_the_same_lamp_may_follow(self) -> None:
        assert [e.since for e in judge([rule(signs("-+"))], NOTHING, [self.before])] == [
            self.before.since,
            FIRST + D + 18 * H,
        ]

    def test_of_another_kind_is_not_this_rules_business(self) -> None:
        assert judge([rule(signs("-"))], NOTHING, [Episode("fatoma", "fatoma-01", Kind.HOT, FIRST, FIRST)]) == []


@given(
    dates=st.lists(st.builds(Date, st.sampled_from("+-."), put_right=st.booleans()), max_size=25),
    confirm=st.integers(1, 3),
    clear=st.integers(1, 3),
)
def test_episodes_of_a_lamp_never_overlap_and_never_end_before_they_begin(
    dates: list[Date], confirm: int, clear: int
) -> None:
    episodes = judge([rule(dates, confirm=confirm, clear=clear)], NOTHING)
    for episode in episodes:
        assert episode.since <= episode.opened_at
        if episode.until is not None:
            assert episode.closed_at is not None
            assert episode.since <= episode.until <= episode.closed_at
            assert episode.opened_at <= episode.closed_at
    for earlier, later in pairwise(episodes):
        assert earlier.until is not None
        assert earlier.until <= later.since


@given(st.lists(st.sampled_from("+-."), max_size=20), st.integers(1, 3), st.integers(1, 3))
def test_more_dates_never_change_what_was_closed(dates: list[str], confirm: int, clear: int) -> None:
    """Judging later gives the same past: a replay at any speed has the same cases."""
    whole = judge([rule(signs("".join(dates)), confirm=confirm, clear=clear)], NOTHING)
    for n in range(len(dates)):
        part = judge([rule(signs("".join(dates[:n])), confirm=confirm, clear=clear)], NOTHING)
        for ours, later in zip(part, whole, strict=False):
            assert (ours.since, ours.opened_at) == (later.since, later.opened_at)
            if ours.until is not None:
                assert (ours.until, ours.closed_at) == (later.until, later.closed_at)


def by_nights(view: View) -> pl.DataFrame:
    """A rule over the ledger: bad where its sign is 1, good where it is 0."""
    at = pl.col("time") + 20 * H
    worse = pl.col("sign") > pl.col("sign").shift(1).over("lamp")  # what the date before says matters as well
    return view.nights.filter(pl.col("sign").is_not_null()).with_columns(
        bad=pl.col("sign") == 1, since="time", bad_at=at, good_since="time", good_at=at, worse=worse
    )


@given(
    ticks=st.lists(
        st.lists(st.tuples(st.sampled_from([None, 0, 1]), st.sampled_from([None, 0, 1])), min_size=1, max_size=4),
        min_size=1,
        max_size=8,
    ),
    confirm=st.integers(1, 3),
    clear=st.integers(1, 2),
)
def test_judging_only_what_changed_gives_what_judging_everything_gives(
    ticks: list[list[tuple[int | None, int | None]]], confirm: int, clear: int
) -> None:
    """Each tick rewrites the last two dates of two lamps, and adds some."""
    rules = [
        Rule(Kind.DIM, "it is dim", by_nights, lambda row: Told(figures=(Figure("worse", float(row["worse"] or 0)),)),
             confirm=confirm, clear=clear)
    ]  # fmt: skip
    judging, dates, schema = Judge(rules), [], {"commune": pl.String, "lamp": pl.String, "time": FINDING["time"]}
    for tick in ticks:
        settled = max(0, len(dates) - 2)
        dates = [*dates[:settled], *tick] if len(tick) >= len(dates) - settled else [*dates[: -len(tick)], *tick]
        rows = [
            ("fatoma", lamp, FIRST + nth * D, both[of], nth)
            for nth, both in enumerate(dates)
            for of, lamp in enumerate(("fatoma-01", "fatoma-02"))
        ]
        nights = pl.DataFrame(rows, schema={**schema, "sign": pl.Int8, "nth": pl.Int64}, orient="row")
        shown = nights.filter(pl.col("time") >= FIRST + (settled - CONTEXT_DATES) * D)
        whole = judge(rules, replace(NOTHING, nights=nights))
        part = judging.judge(
            replace(NOTHING, nights=shown), since=FIRST + settled * D, remember=FIRST + max(0, len(dates) - 2) * D
        )
        assert part == whole


def test_what_is_not_remembered_is_not_made_up() -> None:
    nights = pl.DataFrame(
        [("fatoma", "fatoma-01", FIRST + nth * D, 1) for nth in range(9)],
        schema={"commune": pl.String, "lamp": pl.String, "time": FINDING["time"], "sign": pl.Int8}, orient="row",
    )  # fmt: skip
    judging = Judge([Rule(Kind.DIM, "it is dim", by_nights, lambda row: Told())])
    judging.judge(replace(NOTHING, nights=nights), remember=FIRST + 8 * D)
    good_again = nights.with_columns(sign=pl.lit(None, dtype=pl.Int8))
    with pytest.raises(Forgotten):
        judging.judge(replace(NOTHING, nights=good_again), since=FIRST + 5 * D)


def test_a_date_that_is_sure_needs_no_other_to_confirm_it() -> None:
    frame = findings(signs("-+-+-")).with_columns(sure=pl.col("nth") == 3)
    episodes = judge([Rule(Kind.DIM, "it is dim", lambda _: frame, tell, confirm=3)], NOTHING)
    assert spans(episodes) == [(3, 4)]
