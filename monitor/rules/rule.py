"""What a rule is: a pure question asked of every lamp and night at once, and how its answers become words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import polars as pl

from gateway.telemetry import TIME
from monitor.fault import Cause, Figure, Kind

# What every rule's `find` gives, one row per lamp (or commune, then lamp is null) and date that it can say something
# about. `bad` null: not known. `bad_at`/`good_at`: when the data sufficed to say so. Further columns are evidence, but
# for `sure` (Boolean): so bad that no other date needs to confirm it.
FINDING: Final[dict[str, pl.DataType]] = {
    "commune": pl.String(),
    "lamp": pl.String(),
    "time": TIME,
    "bad": pl.Boolean(),
    "since": TIME,
    "bad_at": TIME,
    "good_since": TIME,
    "good_at": TIME,
}


@dataclass(frozen=True, slots=True)
class View:
    """All that a rule may look at; everything is data that was stored, nothing is the clock."""

    nights: pl.DataFrame  # rows of the ledger, ordered by lamp and time, with nameplates joined
    events: pl.DataFrame  # rows of the table `events`
    refused: pl.DataFrame  # rows of the table `quarantine`, without payload
    now: datetime  # the world's clock


@dataclass(frozen=True, slots=True)
class Told:
    """An episode in words and numbers."""

    causes: tuple[Cause, ...] = ()
    figures: tuple[Figure, ...] = ()
    estimate: float | None = None


Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Threshold:
    """One number that decides, with its unit and the reason why it is that number."""

    value: float
    unit: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault kind's judgement. `confirm` bad dates open an episode, `clear` good ones close it."""

    kind: Kind
    says: str  # the rule in one sentence, for docs and `explain`
    find: Callable[[View], pl.DataFrame]
    tell: Callable[[Row], Told]
    confirm: int = 1
    clear: int = 1
    sunny: bool = False  # whether only dates with enough sun count for `confirm`
    whole: bool = False  # whether it reads events or refusals, which are shown to it from first to last
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)


def figure(name: str, value: object, unit: str = "", **more: Any) -> tuple[Figure, ...]:
    """A one-tuple of the figure, or () when there is no value: evidence that was not measured is not mentioned."""
    if value is None:
        return ()
    if isinstance(value, datetime):
        return (Figure(name, value.isoformat(), unit, **more),)
    return (Figure(name, value if isinstance(value, str) else float(value), unit, **more),)  # type: ignore[arg-type]  # polars gives numbers as object


def ranked(**weights: float) -> tuple[Cause, ...]:
    """Causes from weights, likeliest first, likelihoods summing to one; weights of zero or less are left out."""
    total = sum(weight for weight in weights.values() if weight > 0)
    causes = [Cause(name, round(weight / total, 3)) for name, weight in weights.items() if weight > 0]
    return tuple(sorted(causes, key=lambda cause: -cause.likelihood))
