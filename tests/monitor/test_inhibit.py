"""What hides what: kept, but nobody is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.fault import COMMUNE_KINDS, Cause, Episode, Kind
from monitor.inhibit import INHIBITIONS, Hides, inhibit

D = timedelta(days=1)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def episode(kind: Kind, lamp: str = "fatoma-01", since: datetime = NOON, **more: Any) -> Episode:
    of_commune = kind in COMMUNE_KINDS
    return Episode("fatoma", None if of_commune else lamp, kind, since, more.pop("opened_at", since), **more)


def hidden(*episodes: Episode) -> list[Kind | None]:
    return [one.hidden_by for one in inhibit(episodes, NOON + D / 2)]


PAIRS = [(rule.hider, rule.hidden) for rule in INHIBITIONS]
MUTUAL = [pair for nth, pair in enumerate(PAIRS) if pair[::-1] in PAIRS[nth + 1 :]]  # the earlier line holds


@pytest.mark.parametrize(
    "rule",
    [rule for rule in INHIBITIONS if (rule.hidden, rule.hider) not in MUTUAL],
    ids=lambda rule: f"{rule.hider} hides {rule.hidden}",
)
class TestEachInhibition:
    def test_hides_what_opens_while_the_hider_lasts(self, rule: Hides) -> None:
        one = episode(rule.hidden, since=NOON + D / 4)
        assert rule.hider in hidden(one, episode(rule.hider, until=NOON + D))
        assert rule.hider in hidden(one, episode(rule.hider))

    def test_hides_nothing_long_before_or_long_after(self, rule: Hides) -> None:
        hider = episode(rule.hider, until=NOON + D)
        early = episode(rule.hidden, since=NOON - rule.before - D / 24)
        late = episode(rule.hidden, since=NOON + D + rule.after + D / 24)
        assert hidden(early, hider)[0] is not rule.hider
        assert hidden(late, hider)[0] is not rule.hider

    def test_hides_on_the_same_lamp_or_in_the_whole_commune_but_nowhere_else(self, rule: Hides) -> None:
        neighbour = episode(rule.hidden, "fatoma-02")
        assert (hidden(neighbour, episode(rule.hider))[0] is rule.hider) == (
            rule.whole_commune or rule.hidden in COMMUNE_KINDS
        )
        elsewhere = Episode("konna", "konna-01", rule.hidden, NOON, NOON)
        assert hidden(elsewhere, episode(rule.hider))[0] is None

    def test_has_a_reason_that_people_can_read(self, rule: Hides) -> None:
        assert len(rule.reason.split()) >= 3


def test_of_two_that_would_hide_each_other_the_earlier_line_holds() -> None:
    """Or a lamp with both would be told of neither."""
    assert MUTUAL  # a controller that restarts and one without power look alike
    for hider, second in MUTUAL:
        assert hidden(episode(hider), episode(second)) == [None, hider]
        assert hidden(episode(second), episode(hider)) == [hider, None]


@given(st.lists(st.tuples(st.sampled_from(sorted(Kind)), st.integers(0, 4)), min_size=1, max_size=8, unique=True))
def test_of_what_is_wrong_something_is_always_told(found: list[tuple[Kind, int]]) -> None:
    """Whatever comes together: what hides a case is itself told, or hidden by something that is."""
    shown = inhibit((episode(Kind(kind), since=NOON + n * D / 4) for kind, n in found), NOON + D)
    assert any(one.hidden_by is None for one in shown)
    told = {one.kind for one in shown if one.hidden_by is None}
    above = {one.kind: one.hidden_by for one in shown if one.hidden_by is not None}
    for kind in above:
        steps = 0
        while kind not in told:
            kind, steps = above[kind], steps + 1
            assert steps <= len(shown), f"{kind} is hidden in a circle"


@pytest.mark.parametrize(
    "rule", [rule for rule in INHIBITIONS if rule.unless], ids=lambda rule: f"{rule.hider} hides {rule.hidden}"
)
def test_a_cause_of_its_own_is_not_hidden(rule: Hides) -> None:
    for cause in rule.unless:
        one = episode(rule.hidden, causes=(Cause(cause, 0.7), Cause("cable", 0.3)))
        assert hidden(one, episode(rule.hider))[0] is None
        second = episode(rule.hidden, causes=(Cause("cable", 0.7), Cause(cause, 0.3)))
        assert hidden(second, episode(rule.hider))[0] is rule.hider


class TestASilenceThatOutlivesItsOutage:
    OUTAGE = episode(Kind.COMMUNE_SILENT, until=NOON + D)

    def silent(self, now: datetime, **more: Any) -> Kind | None:
        return inhibit([episode(Kind.SILENT, **more), self.OUTAGE], now)[0].hidden_by

    def test_stays_hidden_while_the_backlogs_come_in(self) -> None:
        assert self.silent(NOON + 2 * D) is Kind.COMMUNE_SILENT
        assert self.silent(NOON + 9 * D, closed_at=NOON + 2 * D) is Kind.COMMUNE_SILENT

    def test_comes_forward_afterwards_and_stays_there(self) -> None:
        """Or a lamp whose modem died in the outage would never be told of."""
        assert self.silent(NOON + 4 * D) is None
        assert self.silent(NOON + 9 * D, closed_at=NOON + 5 * D) is None


def test_nothing_hides_what_stands_alone() -> None:
    alone = [episode(kind, f"fatoma-{n:02}") for n, kind in enumerate(set(Kind) - COMMUNE_KINDS)]
    assert set(hidden(*alone)) == {None}


def test_everything_else_of_the_episodes_stays() -> None:
    pair = [episode(Kind.DARK), episode(Kind.DIM, estimate=0.5)]
    found = inhibit(pair, NOON)
    assert [(one.kind, one.since, one.estimate) for one in found] == [(o.kind, o.since, o.estimate) for o in pair]


def test_no_hard_symptom_is_hidden_by_a_slow_suspicion() -> None:
    """A lamp that gives no light is told of, whatever else is thought of its panel or its sensors."""
    slow = {Kind.PANEL_SOILED, Kind.PANEL_PARTIAL, Kind.BATTERY_WORN, Kind.SENSOR_FAULTY, Kind.DARK_RISK}
    assert [r for r in INHIBITIONS if r.hider in slow and r.hidden in (Kind.DARK, Kind.EARLY_OFF, Kind.SILENT)] == []
