"""Who has stopped talking, read from made-up arrivals of six communicative lamps."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.store import ARRIVALS
from monitor.fault import Episode, Kind
from monitor.silence import Hearing, silences

H, D, M = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
PLACES = {"fatoma": (14.6, -4.1)}
LAMPS = [f"fatoma-{n:02}" for n in range(1, 7)]
LONG_AGO = START - 1000 * D


def word(lamp: str, at: datetime, every: timedelta = 6 * H, last: datetime | None = None) -> dict[str, object]:
    """A report that spans `every` and comes a minute after its last sample."""
    end = last or at - M
    return {
        "commune": "fatoma", "lamp": lamp, "time": at, "received": at, "first": end - every + 15 * M, "last": end,
        "dt": 900, "boot": 1, "seq": 0, "samples": round(every / (15 * M)), "bytes": 500,
    }  # fmt: skip


def talk(lamp: str, since: datetime, until: datetime, every: timedelta = 6 * H) -> list[dict[str, object]]:
    """Regular reports from `since` on, the last one not after `until`."""
    return [word(lamp, since + n * every, every) for n in range(int((until - since) / every) + 1)]


def arrivals(words: Iterable[dict[str, object]]) -> pl.DataFrame:
    rows = sorted(words, key=lambda one: (one["received"], one["lamp"]))  # type: ignore[arg-type,return-value]  # datetimes
    return pl.DataFrame(rows, schema=dict(ARRIVALS.schema))


def heard(words: Iterable[dict[str, object]], every: int = 10**9) -> Hearing:
    """Told in portions of so many reports."""
    frame, hearing = arrivals(words), Hearing.nothing()
    for begin in range(0, frame.height, every):
        hearing = hearing.hear(frame.slice(begin, every), LONG_AGO)
    return hearing


def found(hearing: Hearing, now: datetime, lamps: int = 6) -> list[tuple[Kind, str, bool]]:
    """(kind, subject, whether it goes on)."""
    return [(e.kind, e.subject, e.until is None) for e in episodes(hearing, now, lamps)]


def episodes(hearing: Hearing, now: datetime, lamps: int = 6) -> list[Episode]:
    return silences(hearing, PLACES, {"fatoma": lamps}, now)


def everybody(until: datetime, but: Sequence[str] = (), every: timedelta = 6 * H) -> list[dict[str, object]]:
    lamps = [lamp for lamp in LAMPS if lamp not in but]
    return [one for n, lamp in enumerate(lamps) for one in talk(lamp, START + n * M, until, every)]


class TestALamp:
    def test_that_talks_is_not_silent(self) -> None:
        assert episodes(heard(everybody(START + 5 * D)), START + 5 * D + 6 * H) == []

    @pytest.mark.parametrize("every", [15 * M, H, 6 * H])
    def test_that_stops_is_silent_after_some_intervals_and_hours(self, every: timedelta) -> None:
        stop = START + 3 * D + 9 * H  # a morning
        hearing = heard(everybody(START + 6 * D, LAMPS[:1], every) + talk(LAMPS[0], START, stop, every))
        assert episodes(hearing, stop + 2 * every) == []
        (silent,) = episodes(hearing, START + 6 * D)
        assert (silent.kind, silent.subject, silent.until) == (Kind.SILENT, LAMPS[0], None)
        assert 6 * H <= silent.opened_at - stop <= 6 * H + 4 * every + H
        assert stop - every - 2 * M <= silent.since < stop

    def test_may_miss_a_report(self) -> None:
        words = [one for one in talk(LAMPS[0], START, START + 6 * D) if one["received"] != START + 3 * D]
        assert episodes(heard([*everybody(START + 6 * D, LAMPS[:1]), *words]), START + 6 * D) == []

    def test_that_talks_again_was_silent_until_then(self) -> None:
        stop, again = START + 2 * D, START + 5 * D
        hearing = heard(
            [*everybody(START + 6 * D, LAMPS[:1]), *talk(LAMPS[0], START, stop), *talk(LAMPS[0], again, START + 6 * D)]
        )
        (silent,) = episodes(hearing, START + 6 * D)
        assert (silent.until, silent.closed_at) == (again, again)
        assert silent.since == stop - M

    def test_that_fell_silent_at_night_has_until_the_morning(self) -> None:
        """Without a battery it is silent from dusk on, and tells so when the sun wakes it."""
        stop = START + 3 * D + 18 * H
        words = everybody(START + 6 * D, LAMPS[:1], 15 * M) + talk(LAMPS[0], START, stop, 15 * M)
        assert episodes(heard(words), START + 4 * D + 7 * H) == []
        assert found(heard(words), START + 4 * D + 10 * H) == [(Kind.SILENT, LAMPS[0], True)]

    def test_with_a_backlog_on_the_way_was_silent_all_the_same(self) -> None:
        """Its old samples come later: the nights are filled, the silence stays what it was."""
        stop, again = START + 2 * D, START + 4 * D
        backlog = [word(LAMPS[0], again + n * timedelta(seconds=1), last=stop + n * 6 * H) for n in range(1, 8)]
        hearing = heard([*everybody(START + 6 * D, LAMPS[:1]), *talk(LAMPS[0], START, stop), *backlog,
                         *talk(LAMPS[0], again + 6 * H, START + 6 * D)])  # fmt: skip
        (silent,) = episodes(hearing, START + 6 * D)
        assert (silent.since, silent.until) == (stop - M, again + timedelta(seconds=1))

    def test_that_sends_one_short_report_is_given_no_shorter_deadline(self) -> None:
        """A clock was set, or a controller began anew: its next report comes after six hours as ever."""
        stop = START + 3 * D + 9 * H
        usual = heard([*everybody(START + 6 * D, LAMPS[:1]), *talk(LAMPS[0], START + 3 * H, stop)])
        short = word(LAMPS[0], stop, 15 * M)
        odd = heard([*everybody(START + 6 * D, LAMPS[:1]), *talk(LAMPS[0], START + 3 * H, stop)[:-1], short])
        assert episodes(odd, START + 6 * D)[0].opened_at == episodes(usual, START + 6 * D)[0].opened_at

    def test_that_comes_back_with_a_longer_report_was_silent_all_the_same(self) -> None:
        """What came after the gap must not move the deadline that passed before."""
        stop = START + 3 * D + 9 * H
        words = [*talk(LAMPS[0], START, stop, 15 * M), word(LAMPS[0], stop + 9 * H, 6 * H)]
        hearing = heard(everybody(START + 6 * D, LAMPS[:1], 15 * M) + words)
        silent = episodes(hearing, START + 6 * D)[0]
        assert (silent.since, silent.until) == (stop - M, stop + 9 * H)

    def test_that_changes_to_another_interval_is_judged_by_it_in_time(self) -> None:
        change, stop = START + 2 * D, START + 4 * D + 9 * H
        words = [*talk(LAMPS[0], START, change), *talk(LAMPS[0], change + 15 * M, stop, 15 * M)]
        (silent,) = episodes(heard([*everybody(START + 6 * D, LAMPS[:1]), *words]), START + 6 * D)
        assert silent.opened_at - stop < 8 * H

    def test_that_was_never_heard_is_nobodys_silence(self) -> None:
        assert episodes(heard(everybody(START + 5 * D, LAMPS[:1])), START + 5 * D) == []


class TestACommune:
    stop = START + 3 * D + 9 * H

    def incident(self, words: list[dict[str, object]], now: datetime) -> list[Episode]:
        return [e for e in episodes(heard(words), now) if e.kind is Kind.COMMUNE_SILENT]

    def test_that_falls_silent_together_is_one_incident(self) -> None:
        (incident,) = self.incident(everybody(self.stop), START + 6 * D)
        assert (incident.commune, incident.lamp, incident.until) == ("fatoma", None, None)
        assert self.stop - 7 * H < incident.since < self.stop

    @pytest.mark.parametrize("early", range(1, 4))
    @pytest.mark.parametrize("hours", [0, 3, 6, 9, 12, 15, 18, 21])
    def test_is_stated_before_any_of_its_lamps(self, hours: int, early: int) -> None:
        """Some had just reported, some were about to: those heard an interval ago must not come first."""
        outage = START + 3 * D + hours * H
        words = [one for n, lamp in enumerate(LAMPS) for one in talk(lamp, START + n * M, outage + 10 * M)]
        words = [
            one
            for one in words
            if one["received"] < outage or one["lamp"] not in LAMPS[:early]  # type: ignore[operator]  # a datetime
        ]
        all_of_them = episodes(heard(words), START + 8 * D)
        assert [one.kind for one in all_of_them] == [Kind.COMMUNE_SILENT, *[Kind.SILENT] * 6]

    def test_is_over_when_most_are_heard_again(self) -> None:
        back = START + 5 * D
        words = everybody(self.stop) + [
            one for n, lamp in enumerate(LAMPS) for one in talk(lamp, back + n * H, back + 2 * D)
        ]
        (incident,) = self.incident(words, back + 2 * D)
        assert incident.until == back + 3 * H  # four of six
        (incident,) = self.incident(words, back + 2 * H)
        assert incident.until is None

    def test_is_not_silent_while_half_of_it_talks(self) -> None:
        words = [one for lamp in LAMPS[:3] for one in talk(lamp, START, START + 6 * D)]
        words += [one for lamp in LAMPS[3:] for one in talk(lamp, START, self.stop)]
        assert self.incident(words, START + 6 * D) == []

    def test_whose_lamps_died_one_by_one_is_no_incident(self) -> None:
        words = [one for n, lamp in enumerate(LAMPS) for one in talk(lamp, START, START + (3 + 8 * n) * D)]
        assert self.incident(words, START + 60 * D) == []

    def test_lamps_long_gone_are_no_witnesses_against_it(self) -> None:
        """Three of six are dead for weeks; the other three talk, then fall silent together: an incident."""
        dead = [one for n, lamp in enumerate(LAMPS[:3]) for one in talk(lamp, START, START + (1 + 4 * n) * D)]
        outage = START + 40 * D
        living = [one for lamp in LAMPS[3:] for one in talk(lamp, START, outage)]
        (incident,) = self.incident(dead + living, outage + 3 * D)
        assert incident.since > outage - 7 * H

    def test_two_outages_are_two_incidents(self) -> None:
        words = everybody(START + 2 * D)
        for begin, end in ((4, 6), (9, 12)):
            words += [
                one for n, lamp in enumerate(LAMPS) for one in talk(lamp, START + begin * D + n * M, START + end * D)
            ]
        incidents = self.incident(words, START + 12 * D)
        assert len(incidents) == 2
        assert all(one.until for one in incidents)

    def test_of_two_lamps_is_judged_lamp_by_lamp(self) -> None:
        hearing = heard([*talk(LAMPS[0], START, self.stop), *talk(LAMPS[1], START, self.stop)])
        assert {e.kind for e in episodes(hearing, START + 6 * D, lamps=2)} == {Kind.SILENT}


class TestWhatIsRemembered:
    words = everybody(START + 2 * D) + [
        one
        for n, lamp in enumerate(LAMPS)
        for every in (6 * H, 2 * H, 15 * M)  # one after the other: the usual interval is always in the making
        for one in talk(lamp, START + 4 * D + n * H + every * 8, START + 4 * D + n * H + every * 11, every)
    ]

    @settings(max_examples=20, deadline=None)
    @given(st.integers(1, 60))
    def test_does_not_depend_on_how_many_came_at_a_time(self, every: int) -> None:
        assert self.same(heard(self.words, every), heard(self.words))

    @settings(max_examples=10, deadline=None)
    @given(st.integers(1, 40), st.integers(1, 40))
    def test_hearing_the_same_again_changes_nothing(self, every: int, again: int) -> None:
        """After a restart the last minutes are read once more."""
        frame, hearing = arrivals(self.words), Hearing.nothing()
        for begin in range(0, frame.height, every):
            old = max(0, begin - again)
            hearing = hearing.hear(frame.slice(old, begin - old + every), LONG_AGO)
        assert self.same(hearing, heard(self.words))

    def test_long_ago_is_forgotten_and_the_last_word_is_not(self) -> None:
        frame = arrivals(self.words)
        hearing = Hearing.nothing().hear(frame, START + 30 * D)
        assert hearing.gaps.is_empty()
        assert hearing.last.height == len(LAMPS)

    def test_nothing_heard_is_nothing_known(self) -> None:
        assert episodes(Hearing.nothing(), START) == []
        assert Hearing.nothing().hear(arrivals([]), START).last.is_empty()

    def same(self, ours: Hearing, theirs: Hearing) -> bool:
        return ours.last.sort("lamp").equals(theirs.last.sort("lamp")) and ours.gaps.equals(theirs.gaps)


def test_episodes_of_a_lamp_follow_each_other() -> None:
    words = [one for n in range(4) for one in talk(LAMPS[0], START + 4 * n * D, START + (4 * n + 1) * D)]
    words += everybody(START + 20 * D, LAMPS[:1])
    silent = episodes(heard(words), START + 20 * D)
    assert len(silent) == 4
    for earlier, later in pairwise(silent):
        assert earlier.until is not None
        assert earlier.until <= later.since
