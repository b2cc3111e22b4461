"""What the casebook hands out beside Case, Alert and Repair, and how a row becomes one of them."""

import math
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Row

from monitor.case import Alert, Case, Change, Repair
from monitor.fault import Cause, Episode, Figure, Kind


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote beside a case."""

    id: int
    case: int
    at: datetime
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a case's timeline.

    `what` is one of: began, opened, told, failed, acknowledged, note, repair, ended, closed, withdrawn.
    """

    at: datetime
    what: str
    who: str = ""
    text: str = ""


@dataclass(slots=True)
class Entry:
    """A row of `cases` while it is being reconciled: its JSON stays text, because most rows are only compared."""

    id: int
    subject: str
    commune: str
    lamp: str | None
    kind: str
    since: datetime
    until: datetime | None
    opened_at: datetime
    closed_at: datetime | None
    causes: str
    figures: str
    estimate: float | None
    hidden_by: str | None
    trace: str
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    withdrawn_at: datetime | None
    merged_into: int | None
    first_since: datetime
    turn: int


ENTRY: Final = tuple(field.name for field in fields(Entry))
_encode: Final = msgspec.json.Encoder(enc_hook=lambda value: value.item() if hasattr(value, "item") else str(value))
_causes: Final = msgspec.json.Decoder(tuple[Cause, ...])
_figures: Final = msgspec.json.Decoder(tuple[Figure, ...])


@dataclass(frozen=True, slots=True)
class Facts:
    """What an episode says, in the form in which it is stored."""

    commune: str
    lamp: str | None
    since: datetime
    until: datetime | None
    opened_at: datetime
    closed_at: datetime | None
    causes: str
    figures: str
    estimate: float | None
    hidden_by: str | None
    trace: str


def facts(episode: Episode) -> Facts:
    """A figure that is not a number says nothing and JSON cannot hold it: it is left out here."""
    until = episode.until if episode.until is None else max(episode.until, episode.since)
    return Facts(
        commune=episode.commune,
        lamp=episode.lamp,
        since=episode.since,
        until=until,
        opened_at=episode.opened_at,
        closed_at=(episode.closed_at or until) if until else None,
        causes=_encode.encode(episode.causes).decode(),
        figures=_encode.encode([_finite(figure) for figure in episode.figures if _says_something(figure)]).decode(),
        estimate=episode.estimate if episode.estimate is not None and math.isfinite(episode.estimate) else None,
        hidden_by=episode.hidden_by.value if episode.hidden_by else None,
        trace=_encode.encode(episode.trace).decode(),
    )


def _says_something(figure: Figure) -> bool:
    return isinstance(figure.value, str) or math.isfinite(figure.value)


def _finite(figure: Figure) -> Figure:
    peers, limit = (None if x is None or not math.isfinite(x) else x for x in (figure.peers, figure.limit))
    return figure if (peers, limit) == (figure.peers, figure.limit) else replace(figure, peers=peers, limit=limit)


def case_of(row: Row[Any] | Entry) -> Case:
    return Case(
        id=row.id,
        commune=row.commune,
        lamp=row.lamp,
        kind=Kind(row.kind),
        since=row.since,
        opened_at=row.opened_at,
        until=row.until,
        closed_at=row.closed_at,
        causes=_causes.decode(row.causes),
        figures=_figures.decode(row.figures),
        estimate=row.estimate,
        hidden_by=Kind(row.hidden_by) if row.hidden_by else None,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        withdrawn_at=row.withdrawn_at,
        trace=msgspec.json.decode(row.trace),
    )


def alert_of(row: Row[Any]) -> Alert:
    return Alert(
        id=row.id,
        case=row.case,
        change=Change(row.change),
        contact=row.contact,
        url=row.url,
        language=row.language,
        text=row.text,
        owed_at=row.owed_at,
        told_at=row.told_at,
        attempts=row.attempts,
        next_try=row.next_try,
        failed_at=row.failed_at,
        cancelled_at=row.cancelled_at,
        why=row.why,
    )


def repair_of(row: Row[Any]) -> Repair:
    return Repair(id=row.id, lamp=row.lamp, at=row.at, what=row.what, by=row.by, case=row.case)


def note_of(row: Row[Any]) -> Note:
    return Note(id=row.id, case=row.case, at=row.at, by=row.by, text=row.text)
