"""Small truths by hand: one lamp of one commune, its nights, its sky."""

from datetime import UTC, datetime, timedelta

import polars as pl

from firmware_sim.truth import ENERGY, MISHAPS, NIGHTS, SKY, Truth
from scorecard.known import Lived, lived
from scorecard.said import Said
from tests.firmware_sim.worlds import scenario, village

START = datetime(2026, 1, 10, 12, tzinfo=UTC)
NIGHTS_LIVED = 60
LAMP, PEERS = "fatoma-01", ("fatoma-02", "fatoma-03")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def day(n: float) -> datetime:
    """So many days after the first noon."""
    return START + n * DAY


def mishap(
    kind: str, since: float, until: float | None, *, severity: float = 1.0, mode: str = "", lamp: str | None = LAMP
) -> tuple[object, ...]:
    return kind, "fatoma", lamp, day(since), None if until is None else day(until), severity, mode


def truth(
    *mishaps: tuple[object, ...], unlit: tuple[int, ...] = (), relearning: tuple[int, ...] = (), soiling: float = 0.0,
    capacity: float = 1.0, dust: float = 0.0, clearness: float = 1.0,
) -> Truth:  # fmt: skip
    """`unlit`, `relearning`: nights of LAMP by number; `soiling`, `capacity`: of LAMP, all the time."""
    nights, sky = [], []
    for n in range(NIGHTS_LIVED):
        date = (START + n * DAY).replace(hour=0)
        sky.append(("fatoma", date, 5.6, clearness, dust, 0.0))
        for lamp in (LAMP, *PEERS):
            mine = lamp == LAMP
            out = mine and n in unlit
            nights.append(
                ("fatoma", lamp, date, 700.0, 0.0 if out else 700.0, "dark" if out else "lit", int(out),
                 soiling if mine else 0.0, capacity if mine else 1.0, True, mine and n in relearning)
            )  # fmt: skip
    return Truth(
        pl.DataFrame(list(mishaps), schema=MISHAPS, orient="row"),
        pl.DataFrame(nights, schema=NIGHTS, orient="row"),
        pl.DataFrame(sky, schema=SKY, orient="row"),
        pl.DataFrame(schema=ENERGY),
    )


def world(what: Truth, hot: tuple[float, ...] = ()) -> Lived:
    """`hot`: days on which LAMP's battery was measured above 55 °C."""
    times = pl.DataFrame(
        {"lamp": [LAMP] * len(hot), "time": [day(n) for n in hot]},
        schema={"lamp": pl.String, "time": pl.Datetime("us", "UTC")},
    )
    return lived(what, village(3), scenario(nights=NIGHTS_LIVED), times)


def said(
    kind: str, at: float, until: float | None = None, *, lamp: str | None = LAMP, cause: str = "",
    estimate: float | None = None, hidden_by: str = "", withdrawn: bool = False, shown: bool = True,
) -> Said:  # fmt: skip
    return Said(
        kind, "fatoma", lamp, day(at), day(at), None if until is None else day(until), cause=cause, estimate=estimate,
        hidden_by=hidden_by, withdrawn=withdrawn, shown=shown,
    )  # fmt: skip
