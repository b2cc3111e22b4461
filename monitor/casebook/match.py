"""Which episode is which case: pure. Episodes are derived anew at every tick; a case is what people saw of one."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from monitor.casebook.records import Entry
from monitor.fault import Episode

FOREVER: Final = datetime.max.replace(tzinfo=UTC)
# A withdrawn case is taken up again when the same beginning, give or take a night, turns out to be true after all.
TAKEN_UP_AGAIN: Final = timedelta(hours=12)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Matched:
    """`same` and `reinstated` pair a case with its episode; `new` have no case; `withdrawn` and `merged` no episode.

    `merged` are withdrawn because late data joined them with the other case of the pair: something was wrong, so
    nobody is told that nothing was.
    """

    same: list[tuple[Entry, Episode]] = field(default_factory=list)
    reinstated: list[tuple[Entry, Episode]] = field(default_factory=list)
    new: list[Episode] = field(default_factory=list)
    withdrawn: list[Entry] = field(default_factory=list)
    merged: list[tuple[Entry, Entry]] = field(default_factory=list)


def match(entries: Iterable[Entry], episodes: Sequence[Episode], horizon: datetime) -> Matched:
    """Pairs cases with episodes of the same subject and kind: the same beginning first, then the longest overlap.

    An existing case that opened at or after `horizon` and has no episode any more is withdrawn: late data took its
    evidence away. Older cases without an episode are left alone, because nobody looked.
    """
    cases_of: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        cases_of[entry.subject, entry.kind].append(entry)
    episodes_of: dict[tuple[str, str], list[Episode]] = defaultdict(list)
    for episode in episodes:
        episodes_of[episode.subject, episode.kind.value].append(episode)
    matched = Matched()
    for key, found in episodes_of.items():
        _match_one(matched, cases_of.pop(key, []), _disjoint(found), horizon)
    for alone in cases_of.values():
        _match_one(matched, alone, [], horizon)
    return matched


def _match_one(matched: Matched, entries: list[Entry], episodes: list[Episode], horizon: datetime) -> None:
    living = [entry for entry in entries if entry.withdrawn_at is None]
    pairs = _pairs(living, episodes)
    matched.same += pairs
    taken = {id(entry) for entry, _ in pairs}
    left = [entry for entry in living if id(entry) not in taken]
    for entry in left:
        into = next((case for case, episode in pairs if _within(entry, episode)), None)
        if into is not None:
            matched.merged.append((entry, into))
        elif entry.opened_at >= horizon:
            matched.withdrawn.append(entry)
    told = {id(episode) for _, episode in pairs}
    rest = [episode for episode in episodes if id(episode) not in told]
    if not rest:
        return
    gone = [entry for entry in entries if entry.withdrawn_at is not None]
    again = [
        (entry, episode) for entry, episode in _pairs(gone, rest) if abs(entry.since - episode.since) <= TAKEN_UP_AGAIN
    ]
    matched.reinstated += again
    told |= {id(episode) for _, episode in again}
    matched.new += [episode for episode in rest if id(episode) not in told]


def _pairs(entries: list[Entry], episodes: list[Episode]) -> list[tuple[Entry, Episode]]:
    """One to one; the usual tick, where everything begins as it began before, costs one look at each."""
    starts = {entry.since: entry for entry in entries}
    if len(entries) == len(episodes) == len(starts) and all(episode.since in starts for episode in episodes):
        return [(starts[episode.since], episode) for episode in episodes]
    candidates = [
        (entry.since != episode.since, -overlap, abs(entry.since - episode.since), i, j)
        for i, entry in enumerate(entries)
        for j, episode in enumerate(episodes)
        if (overlap := _overlap(entry, episode)) is not None
    ]
    pairs, cases, told = [], set(), set()
    for *_, i, j in sorted(candidates):
        if i not in cases and j not in told:
            cases.add(i)
            told.add(j)
            pairs.append((entries[i], episodes[j]))
    return pairs


def _overlap(entry: Entry, episode: Episode) -> timedelta | None:
    """How long both last; zero when they touch, None when they do not."""
    shared = min(entry.until or FOREVER, episode.until or FOREVER) - max(entry.since, episode.since)
    return shared if shared >= timedelta(0) else None


def _within(entry: Entry, episode: Episode) -> bool:
    return entry.since < (episode.until or FOREVER) and episode.since < (entry.until or FOREVER)


def _disjoint(episodes: list[Episode]) -> list[Episode]:
    """A lamp cannot have the same fault twice at once: where a rule says so, the earlier goes on.

    That is nothing to warn of: a report that comes twice while its lamp is silent ends one silence and begins another,
    and as long as both are remembered every tick derives them again.
    """
    if len(episodes) == 1:
        return episodes
    apart: list[Episode] = []
    for episode in sorted(episodes, key=lambda one: (one.since, one.until or FOREVER)):
        before = apart[-1] if apart else None
        if before is None or (episode.since >= (before.until or FOREVER) and episode.since > before.since):
            apart.append(episode)
            continue
        log.debug("Two episodes at once of %s %s since %s", episode.subject, episode.kind, episode.since)
        later = max(before, episode, key=lambda one: one.until or FOREVER)
        apart[-1] = replace(later, since=before.since, opened_at=min(before.opened_at, episode.opened_at))
    return apart
