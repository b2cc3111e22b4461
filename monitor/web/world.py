"""What a page is made from: one world's store and casebook, and who is who in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gateway.fleet import Fleet
from gateway.store import Store
from monitor.case import Alert, Case, Repair
from monitor.casebook import Moment
from monitor.fault import Kind


class Book(Protocol):
    """What the pages ask of the casebook; `monitor.casebook.Casebook` is the real one and says what each verb does."""

    def cases(
        self,
        *,
        open_only: bool = False,
        commune: str | None = None,
        subject: str | None = None,
        kind: Kind | None = None,
        since: datetime | None = None,
        hidden: bool = True,
        withdrawn: bool = False,
        limit: int | None = None,
    ) -> Sequence[Case]: ...

    def case(self, case: int, /) -> Case | None: ...

    def alerts(self, case: int | None = None, limit: int | None = None) -> Sequence[Alert]: ...

    def timeline(self, case: int, /) -> Sequence[Moment]: ...

    def acknowledge(self, case: int, /, by: str, now: datetime) -> Case | None: ...

    def report_repair(self, lamp: str, what: str, by: str, at: datetime, case: int | None = None) -> Repair: ...

    def repairs(self, lamp: str | None = None) -> Sequence[Repair]: ...


@dataclass(frozen=True)
class World:
    """One world as the pages see it. `fleet` and `clock` are set where they differ from the application's own.

    A replay's clock is its newest event time; `last_tick` says when the monitor last went round (None: unknown);
    `learned` gives what was learnt of one lamp, by name (names and units: monitor/web/learned.py, which reads it from
    the stored nights where this is None).
    """

    name: str
    store: Store
    casebook: Book
    learned: Callable[[str], Mapping[str, Any]] | None = None
    last_tick: Callable[[], datetime | None] | None = None
    clock: Callable[[], datetime] | None = None
    fleet: Fleet | None = None


class NoSuchWorld(LookupError):
    """Raised by whoever opens worlds by name, when there is none of that name."""
