"""Whatever late data make of the episodes, tick after tick: the casebook ends with what they say, each once."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.case import Change
from monitor.casebook import open_casebook
from monitor.fault import Episode, Kind
from tests.monitor.cases import NOW, TECHNICIAN, episode, fleet

FLEET = fleet(technicians=(TECHNICIAN,))
START = NOW - timedelta(days=10)
HORIZON = START - timedelta(days=5)


@st.composite
def stays(draw: st.DrawFn, now_h: int) -> list[Episode]:
    """Episodes of one kind at one lamp that follow each other, the last one perhaps still open."""
    times = sorted(draw(st.sets(st.integers(0, now_h - 1), max_size=6)))
    made = []
    for since, until in zip(times[::2], [*times[1::2], None], strict=False):
        hidden = Kind.COMMUNE_SILENT if draw(st.booleans()) else None
        at = START + timedelta(hours=since)
        end = None if until is None else START + timedelta(hours=until)
        made.append(episode(since=at, opened_at=at, until=end, hidden_by=hidden))
    return made


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, list[Episode], bool]]:
    hours = sorted(draw(st.sets(st.integers(10, 240), min_size=2, max_size=7)))
    return [(hour, draw(stays(hour)), draw(st.booleans())) for hour in hours]


@settings(max_examples=150, deadline=None)
@given(histories())
def test_the_casebook_says_what_the_last_episodes_say(history):
    book = open_casebook("sqlite://", "trezor")
    before = []
    for hour, episodes, tells in history:
        now = START + timedelta(hours=hour)
        book.reconcile(episodes, now, HORIZON, FLEET)
        assert not book.reconcile(episodes, now, HORIZON, FLEET)
        kept = sorted((case.since, case.until, case.hidden_by) for case in book.cases())
        assert kept == sorted((e.since, e.until, e.hidden_by) for e in episodes)
        for old in before:  # what people saw of a case is never younger than they saw it
            new = book.case(old.id)
            assert new.opened_at <= old.opened_at
            assert new.acknowledged_at == old.acknowledged_at
        owed = book.owed(now)
        by_contact = [(alert.case, alert.contact) for alert in owed]
        assert len(by_contact) == len(set(by_contact))  # never two messages at once about one case
        for alert in owed:
            case = book.case(alert.case)
            assert (alert.change is Change.WITHDRAWN) == (case.withdrawn_at is not None)
            if tells:
                book.told(alert.id, now)
        told = [a for a in book.alerts() if a.told_at]
        for alert in told:
            if alert.change is Change.WITHDRAWN:
                first = [a for a in told if (a.case, a.contact) == (alert.case, alert.contact)]
                assert any(a.change is not Change.WITHDRAWN and a.told_at <= alert.told_at for a in first)
        for case in book.cases()[:1]:
            book.acknowledge(case.id, "technicien", now)
        before = book.cases(withdrawn=True)
    book.close()


@settings(max_examples=40, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_and_doubling_of_episodes_change_nothing(history, random):
    kept = []
    for shuffled in (False, True):
        book = open_casebook("sqlite://", "trezor")
        for hour, episodes, _ in history:
            told = [*episodes, *(replace(one, commune="konna", lamp="konna-01") for one in episodes)]
            if shuffled:
                told = [*told, *told]
                random.shuffle(told)
            book.reconcile(told, START + timedelta(hours=hour), HORIZON, FLEET)
        kept.append((book.cases(withdrawn=True), book.alerts()))
        book.close()
    assert kept[0] == kept[1]
