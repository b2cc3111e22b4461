"""A case: an episode with what people did about it. An alert: one message owed to one contact about one change."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from monitor.fault import Cause, Figure, Kind


class State(StrEnum):
    """Derived from the intervals, never stored."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"  # still open; somebody has taken it on
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"  # late data showed that it never was


# What the mirror for dashboards says instead of the state: part of another case, which tells of it.
HIDDEN: Final = "hidden"


class Change(StrEnum):
    """What an alert tells of a case."""

    OPENED = "opened"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Case:
    id: int
    commune: str
    lamp: str | None
    kind: Kind
    since: datetime
    opened_at: datetime
    until: datetime | None = None
    closed_at: datetime | None = None
    causes: tuple[Cause, ...] = ()
    figures: tuple[Figure, ...] = ()
    estimate: float | None = None
    hidden_by: Kind | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    withdrawn_at: datetime | None = None
    trace: dict[str, Any] | None = None

    @property
    def subject(self) -> str:
        return self.lamp or self.commune

    @property
    def state(self) -> State:
        if self.withdrawn_at:
            return State.WITHDRAWN
        if self.until:
            return State.CLOSED
        return State.ACKNOWLEDGED if self.acknowledged_at else State.OPEN


@dataclass(frozen=True, slots=True)
class Alert:
    """Owed from the moment of the change; told once a transport has taken it, never before."""

    id: str  # the same at every retry: a receiver can drop doubles by it
    case: int
    change: Change
    contact: str  # role
    url: str
    language: str
    text: str  # one SMS segment
    owed_at: datetime
    told_at: datetime | None = None
    attempts: int = 0
    next_try: datetime | None = None
    failed_at: datetime | None = None  # given up: the transport said it will never work
    why: str = ""  # the transport's last words
    cancelled_at: datetime | None = None  # overtaken by events before it was told: nobody will be


@dataclass(frozen=True, slots=True)
class Repair:
    """What somebody did at a lamp: learning starts anew from here."""

    id: int
    lamp: str
    at: datetime
    what: str
    by: str
    case: int | None = None
