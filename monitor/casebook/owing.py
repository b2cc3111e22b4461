"""Who is owed which news of a case: pure. Told news is never taken back, only corrected; stale news is never told.

For each contact, of the case as it stands now:

| the case is | owed |
|---|---|
| open | OPENED, at whatever age: it is still true |
| hidden by another case, or only a note | nothing |
| closed, and OPENED was told | CLOSED, for a week |
| closed, and OPENED was owed but not told yet | CLOSED alone, which tells the whole story, for 48 hours |
| closed before anybody was owed anything | the same, if it closed within 24 hours and opened within 7 days |
| withdrawn, and something was told | WITHDRAWN, a short correction, for a week |
| withdrawn before anything was told, or joined with another case | nothing |

What is owed, untold and no longer in this table is cancelled; its text is kept fresh until it is told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from gateway.fleet import Contact
from monitor.case import Change
from monitor.casebook.records import Entry
from monitor.fault import NOTES

WORTH_CORRECTING: Final = timedelta(days=7)
WORTH_CLOSING: Final = timedelta(hours=48)
JUST_CLOSED: Final = timedelta(hours=24)
RECENTLY_OPENED: Final = timedelta(days=7)
FRESH_WORDS: Final = timedelta(minutes=10)  # "depuis 2 nuits" may be said wrongly for so long
SETTLED: Final = WORTH_CORRECTING + timedelta(days=1)  # after so long, nothing new is owed of a case that is over


@dataclass(frozen=True, slots=True)
class Owed:
    """What is stored of an alert, as far as it decides what else is owed."""

    id: str
    case: int
    turn: int
    change: Change
    contact: str
    url: str
    text: str
    worded_at: datetime
    told: bool
    failed: bool
    cancelled: bool

    @property
    def waiting(self) -> bool:
        return not (self.told or self.failed or self.cancelled)


class Act(Enum):
    OWE = "owe"
    REVIVE = "revive"
    CANCEL = "cancel"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class Action:
    act: Act
    change: Change
    contact: Contact | None = None
    alert: Owed | None = None


def told_from_the_start(entry: Entry, alerts: Iterable[Owed]) -> bool:
    """Whether people believe that this case is over while it is not: then the story begins anew for them."""
    if entry.withdrawn_at is not None:
        return False
    believed = {alert.change for alert in alerts if alert.turn == entry.turn and alert.told}
    return Change.WITHDRAWN in believed or (Change.CLOSED in believed and entry.until is None)


def settled(entry: Entry, now: datetime) -> bool:
    """Over for so long that no news of it can be owed any more."""
    over = entry.withdrawn_at or entry.closed_at
    return over is not None and now - over > SETTLED


def plan(entry: Entry, alerts: Iterable[Owed], contacts: Iterable[Contact], now: datetime) -> list[Action]:
    """What to do so that what is owed of this case is what the table above says."""
    actions: list[Action] = []
    known: dict[tuple[str, str], dict[Change, Owed]] = {}
    for alert in alerts:
        if alert.turn == entry.turn:
            known.setdefault((alert.contact, alert.url), {})[alert.change] = alert
        elif alert.waiting:
            actions.append(Action(Act.CANCEL, alert.change, alert=alert))
    people = {(contact.role, contact.url): contact for contact in contacts}
    for key, contact in people.items():
        mine = known.pop(key, {})
        wanted = _wanted(entry, mine, now)
        actions += [
            Action(Act.CANCEL, change, contact, alert)
            for change, alert in mine.items()
            if alert.waiting and change is not wanted
        ]
        if wanted is None:
            continue
        present = mine.get(wanted)
        if present is None:
            actions.append(Action(Act.OWE, wanted, contact))
        elif present.cancelled and not present.told:
            actions.append(Action(Act.REVIVE, wanted, contact, present))
        elif present.waiting:
            actions.append(Action(Act.REFRESH, wanted, contact, present))
    for gone in known.values():  # no longer a contact of this commune
        actions += [Action(Act.CANCEL, change, alert=alert) for change, alert in gone.items() if alert.waiting]
    return actions


def _wanted(entry: Entry, alerts: Mapping[Change, Owed], now: datetime) -> Change | None:
    """The one change that this contact should hear of, if not heard already."""
    opened, closed = alerts.get(Change.OPENED), alerts.get(Change.CLOSED)
    if entry.kind in NOTES:
        return None
    if entry.withdrawn_at is not None:
        told = any(alert is not None and alert.told for alert in (opened, closed))
        fresh = now - entry.withdrawn_at <= WORTH_CORRECTING
        return Change.WITHDRAWN if told and fresh and entry.merged_into is None else None
    if entry.closed_at is None:
        return None if entry.hidden_by else Change.OPENED
    age = now - entry.closed_at
    if opened is not None and opened.told:
        return Change.CLOSED if age <= WORTH_CORRECTING else None
    if entry.hidden_by:
        return None
    if (opened is not None and not opened.cancelled) or (closed is not None and not closed.cancelled):
        return Change.CLOSED if age <= WORTH_CLOSING else None
    recent = age <= JUST_CLOSED and now - entry.opened_at <= RECENTLY_OPENED
    return Change.CLOSED if recent else None
