"""What has not come is asked for: the tracker against a model that remembers every single report."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.resend import GapTracker, Missing, Patience, Run, runs
from gateway.store import ARRIVALS

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)


def run(first: int, last: int | None = None, *, lamp: str = "a", boot: int = 1, at: datetime | None = None) -> Run:
    """Report n is sampled and received at noon plus n quarters of an hour."""
    last = first if last is None else last
    return Run(lamp, boot, first, last, NOON + first * QUARTER, at or NOON + last * QUARTER)


def seqs(missing: list[Missing]) -> set[int]:
    return {seq for gap in missing for seq in range(gap.first, gap.last + 1)}


def after(seq: int, wait: timedelta) -> datetime:
    return NOON + seq * QUARTER + wait


def test_a_hole_is_asked_for_after_ten_minutes_and_not_before() -> None:
    tracker = GapTracker()
    tracker.came(run(0, 4))
    tracker.came(run(7))
    assert tracker.due(after(7, 9 * MINUTE), most=10) == []
    assert tracker.due(after(7, 10 * MINUTE), most=10) == [Missing("a", 1, 5, 6)]


def test_what_has_come_meanwhile_is_not_asked_for() -> None:
    tracker = GapTracker()
    tracker.came(run(0))
    tracker.came(run(4))
    tracker.came(run(2))
    assert seqs(tracker.missing()) == {1, 3}
    tracker.came(run(1, 3))
    assert tracker.missing() == []


def test_nothing_is_missed_of_a_lamp_that_is_new_to_us() -> None:
    tracker = GapTracker()
    tracker.came(run(3000, boot=7))
    assert tracker.missing() == []


def test_the_first_reports_of_a_lamp_that_has_just_started_are_missed() -> None:
    tracker = GapTracker()
    tracker.came(run(5))
    assert tracker.missing() == [Missing("a", 1, 0, 4)]


def test_the_first_reports_after_a_restart_that_we_witness_are_missed() -> None:
    tracker = GapTracker()
    tracker.came(run(3000, boot=7))
    tracker.came(run(2, boot=8))
    assert tracker.missing() == [Missing("a", 8, 0, 1)]


def test_the_newest_night_is_asked_for_first_and_one_lamp_once_a_minute() -> None:
    tracker = GapTracker()
    for lamp in ("a", "b"):
        tracker.came(run(0, lamp=lamp))
    tracker.came(run(5, lamp="a"))
    tracker.came(run(9, lamp="b"))
    tracker.came(run(20, lamp="a"))
    now = after(20, 11 * MINUTE)
    assert tracker.due(now, most=10) == [Missing("a", 1, 6, 19), Missing("b", 1, 1, 8)]
    assert tracker.due(now + timedelta(seconds=59), most=10) == []
    assert tracker.due(now + MINUTE, most=10) == [Missing("a", 1, 1, 4)]


def test_requests_in_all_are_bounded() -> None:
    tracker = GapTracker()
    for n in range(30):
        tracker.came(run(0, lamp=f"lamp-{n}"))
        tracker.came(run(2, lamp=f"lamp-{n}"))
    assert len(tracker.due(after(2, 11 * MINUTE), most=7)) == 7


def test_a_wide_hole_is_asked_for_in_pieces_from_its_newest_end() -> None:
    tracker = GapTracker()
    tracker.came(run(0))
    tracker.came(run(1201))
    now = after(1201, 11 * MINUTE)
    asked = [ask for n in range(3) for ask in tracker.due(now + n * MINUTE, most=10)]
    assert asked == [Missing("a", 1, 701, 1200), Missing("a", 1, 201, 700), Missing("a", 1, 1, 200)]


def test_it_is_asked_again_after_growing_pauses_but_only_of_a_lamp_that_spoke_since() -> None:
    tracker = GapTracker()
    tracker.came(run(0))
    tracker.came(run(2))
    first = after(2, 10 * MINUTE)
    assert tracker.due(first, most=1)
    assert tracker.due(first + timedelta(days=2), most=1) == []  # silent since
    tracker.came(run(3, at=first + MINUTE))
    assert tracker.due(first + 9 * MINUTE, most=1) == []
    assert tracker.due(first + 10 * MINUTE, most=1)
    tracker.came(run(4, at=first + 11 * MINUTE))
    assert tracker.due(first + 39 * MINUTE, most=1) == []
    assert tracker.due(first + 40 * MINUTE, most=1)


def test_a_lamp_that_speaks_and_never_answers_does_not_have_it() -> None:
    patience = Patience(tries=3)
    tracker = GapTracker(patience)
    tracker.came(run(0))
    tracker.came(run(2))
    asked, now, seq = 0, after(2, timedelta()), 3
    while not tracker.hopeless(now):
        now += QUARTER
        tracker.came(run(seq, at=now))
        asked += len(tracker.due(now, most=1))
        seq += 1
        assert seq < 1000
    assert asked == 3
    assert tracker.hopeless(now) == [Missing("a", 1, 1, 1)]
    tracker.forget(Missing("a", 1, 1, 1))
    assert tracker.hopeless(now) == []
    assert tracker.missing() == []


def test_what_is_older_than_the_lamps_memory_is_lost_unasked() -> None:
    tracker = GapTracker()
    tracker.came(run(0))
    tracker.came(run(2))
    now = NOON + timedelta(days=31)
    assert tracker.due(now, most=10) == []
    assert tracker.hopeless(now) == [Missing("a", 1, 1, 1)]


def test_a_mad_number_is_a_new_numbering_and_not_two_thousand_million_losses() -> None:
    tracker = GapTracker()
    tracker.came(run(0))
    tracker.came(Run("a", 1, 2**31 - 1, 2**31 - 1, NOON, NOON))
    assert tracker.missing() == []


def test_memory_is_bounded_when_every_other_report_is_lost() -> None:
    tracker = GapTracker(Patience(gaps=50))
    for seq in range(0, 4000, 2):
        tracker.came(run(seq))
    missing = tracker.missing()
    assert len(missing) == 50
    assert seqs(missing) >= set(range(1, 3999, 2))  # joined neighbours: more is asked for, never less


def test_old_boots_are_forgotten() -> None:
    tracker = GapTracker(Patience(boots=10))
    for boot in range(100):
        tracker.came(run(1, boot=boot, at=NOON))
    assert len(tracker.missing()) <= 10


@settings(max_examples=300, deadline=None)
@given(
    came=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60), st.integers(0, 4)), min_size=1, max_size=60),
)
def test_what_is_missing_is_exactly_what_lies_between_and_never_came(came: list[tuple[int, int, int]]) -> None:
    tracker = GapTracker(Patience(range=7, newcomer=5))
    seen: dict[int, set[int]] = {}
    base: dict[int, int] = {}
    for boot, first, more in came:
        if boot not in seen:
            base[boot] = 0 if first < 5 or any(b < boot for b in seen) else first
        seen.setdefault(boot, set()).update(range(first, first + more + 1))
        tracker.came(run(first, first + more, boot=boot, at=NOON))
        for b, have in seen.items():
            expected = set(range(base[b], max(have) + 1)) - have
            gaps = [gap for gap in tracker.missing() if gap.boot == b]
            assert seqs(gaps) == expected
            assert sum(gap.last - gap.first + 1 for gap in gaps) == len(expected)  # no overlaps
            assert all(gap.last - gap.first < 7 for gap in gaps)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_lamp_that_answers_loses_nothing_whatever_the_radio_does(data: st.DataObject) -> None:
    """Lost, late and doubled reports; the lamp answers each request for what it is asked. All must have come."""
    total = 120
    dropped = data.draw(st.sets(st.integers(1, total - 2)))
    tracker = GapTracker(Patience(range=20, gaps=30))
    have: set[int] = set()
    for seq in range(total):
        if seq not in dropped:
            have.add(seq)
            tracker.came(run(seq))
    now = after(total, timedelta())
    for _ in range(400):
        now += QUARTER
        for ask in tracker.due(now, most=1):
            for seq in range(ask.first, ask.last + 1):
                if data.draw(st.integers(0, 9)) > 1:  # the radio loses answers too
                    have.add(seq)
                    tracker.came(run(seq, at=now))
        tracker.came(run(total - 1, at=now))
        if not tracker.missing():
            break
    given_up = seqs(tracker.hopeless(now))
    assert have | given_up == set(range(total))  # nothing is left waiting for ever
    assert seqs(tracker.missing()) == given_up


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.integers(0, 30)), max_size=80))
def test_arrivals_become_runs_that_hold_the_same_reports(rows: list[tuple[str, int, int]]) -> None:
    frame = pl.DataFrame(
        [
            ("x", lamp, NOON, NOON, NOON + seq * QUARTER, NOON + seq * QUARTER, 900, boot, seq, 1, 100)
            for lamp, boot, seq in rows
        ],
        schema=dict(ARRIVALS.schema),
        orient="row",
    )
    found = list(runs(frame))
    held = [(r.lamp, r.boot, seq) for r in found for seq in range(r.first, r.last + 1)]
    assert sorted(held) == sorted(set(rows))
    assert all(r.time == NOON + r.first * QUARTER for r in found)
    assert not any((r.lamp, r.boot, r.last + 1) in set(held) for r in found)  # as long as can be
