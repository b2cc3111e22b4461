"""The mirror of the casebook in the store's table `faults`, for dashboards: one row a case."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import polars as pl

from gateway.fleet import Fleet
from gateway.store import FAULTS, Store
from monitor.case import HIDDEN, Case, State
from monitor.sentence import evidence


def rows(cases: Iterable[Case], fleet: Fleet, now: datetime) -> pl.DataFrame:
    """The cases as rows of the table `faults`."""
    records = [
        {
            "commune": case.commune,
            "lamp": case.lamp or "",
            "kind": str(case.kind),
            "time": case.since,
            "since": case.since,
            "case": case.id,
            "until": case.until,
            "opened_at": case.opened_at,
            "closed_at": case.closed_at,
            "acknowledged_at": case.acknowledged_at,
            "state": HIDDEN if case.hidden_by and not case.withdrawn_at else str(case.state),
            "cause": case.causes[0].cause if case.causes else None,
            "likelihood": case.causes[0].likelihood if case.causes else None,
            "estimate": case.estimate,
            "sentence_fr": evidence(case, fleet, now, "fr"),
            "sentence_en": evidence(case, fleet, now, "en"),
        }
        for case in cases
    ]
    return pl.DataFrame(records, schema={name: FAULTS.schema[name] for name in FAULTS.schema})


def _name(case: Case) -> tuple[str, str, str, datetime]:
    """What names its row."""
    return case.commune, case.lamp or "", str(case.kind), case.since


class Mirror:
    """Copies changed cases into the store; what could not be copied waits for the next time."""

    def __init__(self, store: Store, fleet: Fleet, cases: Iterable[Case]) -> None:
        """`cases`: what may have changed while nobody mirrored."""
        self._store = store
        self._fleet = fleet
        self._waiting = {case.id: case for case in cases}
        self._since: dict[int, set[datetime]] | None = None  # of each case's rows that stand in the store

    def copy(self, changed: Iterable[Case], now: datetime) -> None:
        """Raises StoreAway; then the cases wait."""
        self._waiting |= {case.id: case for case in changed}
        if not self._waiting:
            return
        if self._since is None:
            self._since = self._standing()
        cases = list(self._waiting.values())
        # A row is named by its since: where late data moved it, the old row must not stand beside the new one.
        moved = [
            replace(case, since=since, withdrawn_at=now)
            for case in cases
            for since in sorted(self._since.get(case.id, set()) - {case.since})
        ]
        taken = {_name(case) for case in cases}
        moved = [case for case in moved if _name(case) not in taken]  # another case's now
        self._store.append("faults", rows([*moved, *cases], self._fleet, now))
        self._since |= {case.id: {case.since} for case in cases}
        self._waiting.clear()

    def _standing(self) -> dict[int, set[datetime]]:
        """What an earlier process has left: it may have ended between a change of the casebook and its copy."""
        there = self._store.read("faults", columns=["case", "since", "state"])
        standing: dict[int, set[datetime]] = {}
        for case, since in there.filter(there["state"] != State.WITHDRAWN).select("case", "since").iter_rows():
            standing.setdefault(case, set()).add(since)
        return standing
