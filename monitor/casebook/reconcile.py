"""One reconciliation: what the data say now against what the casebook holds, in a transaction that the caller began."""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, update

from gateway.fleet import Contact, Fleet
from monitor.case import Case, Change
from monitor.casebook.match import TAKEN_UP_AGAIN, Matched, match
from monitor.casebook.owing import FRESH_WORDS, Act, Action, Owed, plan, settled, told_from_the_start
from monitor.casebook.records import ENTRY, Entry, Facts, case_of, facts
from monitor.casebook.schema import ALERTS, CASES, MEMORY
from monitor.fault import Episode
from monitor.sentence import sms

FACTS: Final = tuple(field.name for field in fields(Facts))
RECONCILED: Final = "casebook.reconciled"  # the `now` of the last reconciliation that changed anything
SECOND_MONITOR: Final = timedelta(minutes=10)  # more than a tick can last
AT_ONCE: Final = 500  # values in one IN (…): SQLite allows no more than some tens of thousands in a statement


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reconciliation changed, as the cases are now; `changed` holds the other three as well."""

    opened: tuple[Case, ...] = ()
    closed: tuple[Case, ...] = ()
    withdrawn: tuple[Case, ...] = ()
    changed: tuple[Case, ...] = ()
    owed: int = 0  # alerts newly owed

    def __bool__(self) -> bool:
        return bool(self.changed or self.owed)


class Reconciliation:
    def __init__(self, connection: Connection, world: str, fleet: Fleet, now: datetime, horizon: datetime) -> None:
        self._connection = connection
        self._world = world
        self._fleet = fleet
        self._now = now
        self._horizon = horizon
        self._owed = 0
        self._wrote = False
        self._sentences: dict[tuple[int, Change, str], str] = {}

    def run(self, episodes: Sequence[Episode], remember: Mapping[str, bytes]) -> Changes:
        if self._outdated():
            log.warning(
                "Somebody else has reconciled newer data: is a second monitor running on world %s?", self._world
            )
            return Changes()
        entries = self._load(episodes)
        matched = match(entries, episodes, self._horizon)
        before = {entry.id: (entry.until, entry.withdrawn_at) for entry in entries}
        changed = self._apply(matched)
        created = self._create(matched.new)
        owing = [entry for entry in entries if entry.id in changed or not settled(entry, self._now)] + created
        self._owe(owing, {entry.id for entry in created}, changed)
        self._remember(remember)
        if self._wrote:
            self._remember({RECONCILED: self._now.isoformat().encode()})
        cases = {entry.id: case_of(entry) for entry in (*entries, *created) if entry.id in changed}
        cases |= {entry.id: case_of(entry) for entry in created}
        closed = [
            case for case in cases.values()
            if case.until and not case.withdrawn_at and before.get(case.id, (None, None))[0] is None
        ]  # fmt: skip
        reinstated = [cases[entry.id] for entry, _ in matched.reinstated]
        gone = [*matched.withdrawn, *(entry for entry, _ in matched.merged)]
        return Changes(
            opened=tuple([cases[entry.id] for entry in created] + reinstated),
            closed=tuple(closed),
            withdrawn=tuple(cases[entry.id] for entry in gone),
            changed=tuple(cases.values()),
            owed=self._owed,
        )

    def _outdated(self) -> bool:
        """Whether newer data were reconciled meanwhile: these episodes would withdraw what is true.

        Only so little: a clock that had jumped ahead and was set right must not stop the watch.
        """
        stored = self._recall(RECONCILED)
        behind = datetime.fromisoformat(stored.decode()) - self._now if stored else timedelta(0)
        return timedelta(0) < behind <= SECOND_MONITOR

    def _write(self, statement: Any, *values: Any) -> None:
        self._connection.execute(statement, *values)
        self._wrote = True

    def _load(self, episodes: Sequence[Episode]) -> list[Entry]:
        """Every case that one of the episodes could be, or that should have had one."""
        low = min([self._horizon, *(episode.since for episode in episodes)])
        c = CASES.c
        living = and_(c.withdrawn_at.is_(None), or_(c.until.is_(None), c.until >= low, c.opened_at >= self._horizon))
        gone = and_(c.withdrawn_at.is_not(None), c.since >= low - TAKEN_UP_AGAIN)
        query = select(*(c[name] for name in ENTRY)).where(c.world == self._world, or_(living, gone)).order_by(c.id)
        return [Entry(*row) for row in self._connection.execute(query)]

    def _apply(self, matched: Matched) -> set[int]:
        """Withdrawals first: a case that takes over another's beginning finds its place free. Returns the changed."""
        changed = set()
        for entry in matched.withdrawn:
            entry.withdrawn_at = self._now
            changed.add(entry.id)
        for entry, into in matched.merged:
            entry.withdrawn_at, entry.merged_into = self._now, into.id
            changed.add(entry.id)
        gone = (*matched.withdrawn, *(entry for entry, _ in matched.merged))
        self._update((entry, {"withdrawn_at": entry.withdrawn_at, "merged_into": entry.merged_into}) for entry in gone)
        writes: list[tuple[datetime, Entry, dict[str, Any]]] = []
        again = {entry.id for entry, _ in matched.reinstated}
        for entry, episode in (*matched.same, *matched.reinstated):
            old = entry.since
            values = self._taken_over(entry, facts(episode))
            if entry.id in again:
                entry.withdrawn_at = entry.merged_into = None
                values |= {"withdrawn_at": None, "merged_into": None}
            if values:
                changed.add(entry.id)
                writes.append((old, entry, values))
        # A beginning moves to a place after its holder has left it: earlier ones in order, later ones in reverse.
        earlier = sorted((w for w in writes if w[1].since < w[0]), key=lambda w: w[0])
        later = sorted((w for w in writes if w[1].since >= w[0]), key=lambda w: w[0], reverse=True)
        closing = [w for w in writes if w[2].get("until") is not None]
        self._update((entry, {"until": values["until"]}) for _, entry, values in closing)
        self._update((entry, values) for _, entry, values in (*earlier, *later))
        return changed

    def _taken_over(self, entry: Entry, found: Facts) -> dict[str, Any]:
        """Makes the entry what the episode says; returns what is different. When it was first known stays known."""
        values = {}
        for name in FACTS:
            value = getattr(found, name)
            stored = getattr(entry, name)
            if value == stored:
                continue
            if name == "opened_at" or (name == "since" and entry.opened_at < self._horizon):
                # Of a case from before the horizon the data show only the newer part: it began when it began.
                value = min(value, stored)
                if value == stored:
                    continue
            setattr(entry, name, value)
            values[name] = value
        return values

    def _update(self, changes: Iterable[tuple[Entry, Mapping[str, Any]]]) -> None:
        """One after the other; neighbours that change the same columns are sent together."""
        this = and_(CASES.c.world == self._world, CASES.c.id == bindparam("entry"))
        for _, alike in groupby(changes, key=lambda change: tuple(change[1])):
            self._write(update(CASES).where(this), [{"entry": entry.id, **values} for entry, values in alike])

    def _create(self, episodes: Sequence[Episode]) -> list[Entry]:
        if not episodes:
            return []
        turns = self._turns(episodes)
        newest = self._connection.scalar(select(func.max(CASES.c.id)).where(CASES.c.world == self._world)) or 0
        created = []
        in_order = sorted(episodes, key=lambda episode: (episode.opened_at, episode.subject, episode.kind))
        for number, episode in enumerate(in_order, newest + 1):
            found = facts(episode)
            turn = turns.get((episode.subject, episode.kind.value, found.since), -1) + 1
            created.append(
                Entry(
                    id=number, subject=episode.subject, kind=episode.kind.value,
                    acknowledged_at=None, acknowledged_by=None, withdrawn_at=None, merged_into=None,
                    first_since=found.since, turn=turn, **{name: getattr(found, name) for name in FACTS},
                )
            )  # fmt: skip
        self._write(insert(CASES), [{"world": self._world, **asdict(entry)} for entry in created])
        return created

    def _turns(self, episodes: Sequence[Episode]) -> dict[tuple[str, str, datetime], int]:
        """How often a story with the same first beginning was told already: its alerts' ids are spent."""
        first = [episode.since for episode in episodes]
        c = CASES.c
        query = (
            select(c.subject, c.kind, c.first_since, func.max(c.turn))
            .where(c.world == self._world, c.first_since >= min(first), c.first_since <= max(first))
            .group_by(c.subject, c.kind, c.first_since)
        )
        return {(row[0], row[1], row[2]): row[3] for row in self._connection.execute(query)}

    def _owe(self, entries: Sequence[Entry], created: set[int], changed: set[int]) -> None:
        known: dict[int, list[Owed]] = {}
        for alert in self._owed_before([entry.id for entry in entries if entry.id not in created]):
            known.setdefault(alert.case, []).append(alert)
        new: list[dict[str, Any]] = []
        for entry in entries:
            alerts = known.get(entry.id, [])
            if told_from_the_start(entry, alerts):
                entry.turn += 1
                self._update([(entry, {"turn": entry.turn})])
            contacts = self._fleet.contacts(entry.commune) if entry.commune in self._fleet.communes else ()
            for action in plan(entry, alerts, contacts, self._now):
                if action.act is Act.OWE and action.contact:
                    new.append(self._new_alert(entry, action.change, action.contact))
                elif action.alert:
                    self._change_alert(entry, action, action.alert, changed)
        if new:
            self._write(insert(ALERTS), new)
            self._owed += len(new)

    def _owed_before(self, cases: Sequence[int]) -> list[Owed]:
        c = ALERTS.c
        query = select(
            c.id, c.case, c.turn, c.change, c.contact, c.url, c.text, c.worded_at,
            c.told_at.is_not(None), c.failed_at.is_not(None), c.cancelled_at.is_not(None),
        )  # fmt: skip
        found: list[Owed] = []
        for start in range(0, len(cases), AT_ONCE):
            some = cases[start : start + AT_ONCE]
            rows = self._connection.execute(query.where(c.world == self._world, c.case.in_(some)))
            found += [Owed(row[0], row[1], row[2], Change(row[3]), *row[4:]) for row in rows]
        return found

    def _new_alert(self, entry: Entry, change: Change, contact: Contact) -> dict[str, Any]:
        return {
            "world": self._world,
            "id": alert_id(self._world, entry, change, contact),
            "case": entry.id,
            "turn": entry.turn,
            "change": change.value,
            "contact": contact.role,
            "url": contact.url,
            "language": contact.language,
            "text": self._text(entry, change, contact.language),
            "worded_at": self._now,
            "owed_at": self._now,
            "attempts": 0,
            "why": "",
        }

    def _change_alert(self, entry: Entry, action: Action, alert: Owed, changed: set[int]) -> None:
        values: dict[str, Any]
        if action.act is Act.CANCEL:
            values = {"cancelled_at": self._now}
        elif action.contact is None:
            return
        else:
            reworded = entry.id in changed or self._now - alert.worded_at >= FRESH_WORDS
            if action.act is Act.REFRESH and not reworded:
                return
            text = self._text(entry, action.change, action.contact.language)
            values = {"text": text, "worded_at": self._now}
            if action.act is Act.REVIVE:
                values |= {
                    "worded_at": self._now,
                    "owed_at": self._now,
                    "cancelled_at": None,
                    "failed_at": None,
                    "next_try": None,
                    "attempts": 0,
                }
                self._owed += 1
        this = and_(ALERTS.c.world == self._world, ALERTS.c.id == alert.id)
        self._write(update(ALERTS).where(this).values(**values))

    def _text(self, entry: Entry, change: Change, language: str) -> str:
        key = (entry.id, change, language)
        if key not in self._sentences:
            self._sentences[key] = sms(case_of(entry), change, self._fleet, self._now, language)
        return self._sentences[key]

    def _remember(self, remember: Mapping[str, bytes]) -> None:
        for key, value in remember.items():
            this = and_(MEMORY.c.world == self._world, MEMORY.c.key == key)
            stored = self._recall(key)
            if stored is None:
                self._write(insert(MEMORY).values(world=self._world, key=key, value=value))
            elif stored != value:
                self._write(update(MEMORY).where(this).values(value=value))

    def _recall(self, key: str) -> bytes | None:
        this = and_(MEMORY.c.world == self._world, MEMORY.c.key == key)
        stored = self._connection.scalar(select(MEMORY.c.value).where(this))
        return None if stored is None else bytes(stored)


def alert_id(world: str, entry: Entry, change: Change, contact: Contact) -> str:
    """The same for ever, for the same news of the same case to the same contact."""
    parts = (
        world, entry.subject, entry.kind, entry.first_since.isoformat(), str(entry.turn), change.value,
        contact.role, contact.url,
    )  # fmt: skip
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
