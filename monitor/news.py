"""What there is beside the nights: events, refused reports, reported repairs, cases from before the memory.

Kept from tick to tick, so that a tick reads only what may be new, and knows whose communes it concerns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from gateway.store import EVENTS, QUARANTINE, Store
from monitor.case import Repair
from monitor.fault import Episode
from monitor.rules.controller import QUIET

LATE: Final = timedelta(days=2)  # events are told at once or with the backlog; all are read again when a day begins
REFUSED: Final = ("commune", "lamp", "time", "reason")


@dataclass
class News:
    events: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=EVENTS.schema))
    refused: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUARANTINE.schema).select(REFUSED))
    repairs: tuple[Repair, ...] = ()
    standing: Mapping[str, Sequence[Episode]] = field(default_factory=dict)  # open since before the memory, by commune
    _read_at: datetime | None = None

    def read(self, store: Store, since: datetime, oldest: datetime | None, clock: datetime) -> set[str]:
        """Events and refusals from `since` on; communes of which something is new, or no longer in memory.

        oldest: the first sample of the reports that have just come: events of that time may have come with them.
        """
        anew = self._read_at is None or self._read_at.date() != clock.date()
        begin = since if anew else max(since, min(oldest or clock, clock) - LATE)
        events = store.read("events", since=begin)
        refused = store.read("quarantine", since=begin, columns=REFUSED)
        self.events, heard = _merged(self.events, events, since, [*EVENTS.key, "time"])
        self.refused, found = _merged(self.refused, refused, since, ["commune", "lamp", "time"])
        self._read_at = clock
        return heard | found

    def quiet(self, before: datetime | None, clock: datetime) -> set[str]:
        """Communes where an event's day of grace has passed between two ticks: nothing came, and that is news."""
        until = pl.col("time") + QUIET
        passed = self.events.filter((until > pl.lit(before)) & (until <= pl.lit(clock))) if before else self.events
        return set(passed["commune"])

    def note(self, repairs: Sequence[Repair], standing: Sequence[Episode], communes: Mapping[str, str]) -> set[str]:
        """What the casebook says; communes for which it says something else than before. communes: by lamp."""
        changed = {communes[repair.lamp] for repair in {*repairs} ^ {*self.repairs} if repair.lamp in communes}
        by_commune: dict[str, list[Episode]] = {}
        for episode in standing:
            by_commune.setdefault(episode.commune, []).append(episode)
        changed |= {
            name for name in {*by_commune, *self.standing} if by_commune.get(name, []) != self.standing.get(name, [])
        }
        self.repairs, self.standing = tuple(repairs), by_commune
        return changed


def _merged(known: pl.DataFrame, new: pl.DataFrame, since: datetime, key: list[str]) -> tuple[pl.DataFrame, set[str]]:
    """The rows known and new from `since` on, and the communes where that makes a difference."""
    gone = known.filter(pl.col("time") < since)
    unheard = new.join(known, on=new.columns, how="anti", nulls_equal=True)
    if gone.is_empty() and unheard.is_empty():
        return known, set()
    rows = pl.concat([known, unheard]).filter(pl.col("time") >= since)
    rows = rows.unique(key, keep="last", maintain_order=True).sort("time", *key)
    return rows, {*gone["commune"], *unheard["commune"]}
