"""What a detector said, whichever detector it was: the product's cases and the plain thresholds' in the same words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.fleet import Fleet
from monitor.case import Case
from monitor.sentence import evidence

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Said:
    """One case. `known_at` is the earliest moment at which a person could have seen it."""

    kind: str
    commune: str
    lamp: str | None
    since: datetime
    known_at: datetime
    until: datetime | None = None
    cause: str = ""  # the likeliest
    estimate: float | None = None  # share of panel output lost, or of nameplate capacity left
    estimated_for: datetime | None = None  # 00:00 UTC of the date that the estimate speaks of
    hidden_by: str = ""  # the kind that explains it; nobody is told
    withdrawn: bool = False
    shown: bool = True  # stood for people to see at some time, whatever became of it
    alerts: int = 0  # told to people
    evidence: str = ""

    @property
    def subject(self) -> str:
        return self.lamp or self.commune

    @property
    def visible(self) -> bool:
        """Whether somebody would act on it."""
        return not (self.hidden_by or self.withdrawn)


def said_of(case: Case, fleet: Fleet, known_at: datetime, alerts: int, shown: bool) -> Said:
    top = max(case.causes, key=lambda cause: cause.likelihood, default=None)
    return Said(
        kind=str(case.kind),
        commune=case.commune,
        lamp=case.lamp,
        since=case.since,
        known_at=known_at,
        until=case.closed_at or case.until or case.withdrawn_at,
        cause=top.cause if top else "",
        estimate=case.estimate,
        estimated_for=_date(case),
        hidden_by=str(case.hidden_by) if case.hidden_by else "",
        withdrawn=case.withdrawn_at is not None,
        shown=shown,
        alerts=alerts,
        evidence=evidence(case, fleet, case.closed_at or case.opened_at, "en"),
    )


def _date(case: Case) -> datetime | None:
    """The date whose figures the case shows, as its trace names it."""
    named = (case.trace or {}).get("date")
    return datetime.fromisoformat(f"{named}T00:00:00+00:00") if named else None
