"""Who has stopped talking: a lamp past its deadline, or a whole commune at once.

Silence is read from the arrivals (when reports came), not from the samples: a backlog that comes later fills the
ledger of nights, and the silence still was. What is kept of months of arrivals is little: each lamp's last word, its
usual interval, and the gaps that were long.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from gateway.telemetry import TIME
from monitor.beside import before
from monitor.fault import Cause, Episode, Figure, Kind
from monitor.sun import dusk_and_dawn

FIRST_INTERVAL_S: Final = 6 * 3600.0  # between reports, until a lamp has shown its own: the cheap data plan
LEARNING: Final = 0.3  # weight of the newest report in a lamp's usual interval
LATE_INTERVALS: Final = 2.5  # a lamp may miss two reports
COMMUNE_GRACE: Final = timedelta(minutes=20)
LAMP_GRACE: Final = timedelta(hours=6)
COMMUNE_FIRST: Final = timedelta(hours=1)
MORNING_GRACE: Final = timedelta(hours=2)  # a lamp without power wakes with the sun and tells then
COMMUNE_SHARE: Final = 0.6  # of a commune's talking lamps silent at once: one incident, not twenty
RECOVERED_SHARE: Final = 0.4  # fewer than this silent: it is over
FORGOTTEN: Final = timedelta(days=3)  # a lamp silent for longer is no witness to a commune's silence
MIN_LAMPS: Final = 3

LAST: Final[dict[str, pl.DataType]] = {
    "commune": pl.String(),
    "lamp": pl.String(),
    "received": TIME,
    "last": TIME,
    "interval_s": pl.Float64(),
    "span_s": pl.Float64(),
}
GAPS: Final[dict[str, pl.DataType]] = {
    "commune": pl.String(),
    "lamp": pl.String(),
    "since": TIME,
    "heard": TIME,
    "again": TIME,
    "interval_s": pl.Float64(),
}


@dataclass(frozen=True, slots=True)
class Hearing:
    """`last`: each lamp's last word, its usual interval, and the time that its last report spans. `gaps`: silences that
    ended; since = its last sample, heard = last receipt before."""

    last: pl.DataFrame
    gaps: pl.DataFrame

    @classmethod
    def nothing(cls) -> "Hearing":
        return cls(pl.DataFrame(schema=LAST), pl.DataFrame(schema=GAPS))

    def hear(self, arrivals: pl.DataFrame, forget_before: datetime) -> "Hearing":
        """With newer rows of the table `arrivals`; hearing the same twice changes nothing."""
        if arrivals.is_empty():
            return self
        new = arrivals.select(
            "commune", "lamp", "received", "last", interval_s=(pl.col("samples") * pl.col("dt")).cast(pl.Float64)
        ).with_columns(span_s="interval_s")
        furthest = pl.concat([self.last.select("lamp", "last"), new.select("lamp", "last")])
        furthest = furthest.group_by("lamp").agg(pl.col("last").max())
        # What was heard before must not count twice, or the usual interval would depend on how often somebody looked.
        known = self.last.select("lamp", pl.col("received").alias("known"))
        new = new.join(known, on="lamp", how="left").filter(
            pl.col("known").is_null() | (pl.col("received") > pl.col("known"))
        ).drop("known")  # fmt: skip
        words = pl.concat([self.last, new]).unique(["lamp", "received", "last"]).sort("lamp", "received", "last")
        # A new lamp is given the longest usual interval until it has shown its own. A short report alone, where a clock
        # was set or a controller began anew, says nothing of the next one: the longer of two counts.
        words = words.with_columns(
            met=pl.col("lamp").is_in(self.last["lamp"].implode()), first=before("lamp").is_null()
        )
        longer = pl.max_horizontal("interval_s", before("span_s"))
        guessed = pl.when(~pl.col("first")).then(longer).when("met").then("interval_s").otherwise(FIRST_INTERVAL_S)
        # One after the other: within a group every name would be looked for among all lamps.
        words = words.with_columns(guessed=guessed).with_columns(
            interval_s=pl.col("guessed").ewm_mean(alpha=LEARNING, adjust=False).over("lamp"),
            since=before(pl.col("last").cum_max().over("lamp")),
            heard=before("received"),
        )
        # The interval that was usual before the gap: what came after it must not move the deadline of a silence.
        gaps = words.with_columns(before("interval_s")).filter(
            (pl.col("received") - pl.col("heard")).dt.total_seconds() > deadline_s(COMMUNE_GRACE)
        )
        gaps = gaps.select("commune", "lamp", "since", "heard", pl.col("received").alias("again"), "interval_s")
        last = (
            words.group_by("lamp", maintain_order=True)
            .agg(pl.col("commune", "received", "interval_s", "span_s").last())
            .join(furthest, on="lamp")
        )
        return Hearing(
            last.select(list(LAST)),
            pl.concat([self.gaps, gaps])
            .unique(["lamp", "heard"])
            .filter(pl.col("again") >= forget_before)
            .sort("heard", "lamp")
            .select(list(GAPS)),
        )


def deadline_s(grace: timedelta) -> pl.Expr:
    return pl.col("interval_s") * LATE_INTERVALS + grace.total_seconds()


def silences(
    hearing: Hearing, places: dict[str, tuple[float, float]], counts: dict[str, int], now: datetime
) -> list[Episode]:
    """Episodes of `silent` and `commune_silent` as of `now`. places: latitude, longitude; counts: lamps, by commune."""
    going_on = hearing.last.select(
        "commune", "lamp", pl.col("last").alias("since"), pl.col("received").alias("heard"),
        pl.lit(None, dtype=TIME).alias("again"), "interval_s",
    ).filter((pl.lit(now) - pl.col("heard")).dt.total_seconds() > deadline_s(COMMUNE_GRACE))  # fmt: skip
    gaps = pl.concat([hearing.gaps, going_on])
    if gaps.is_empty():
        return []
    episodes: list[Episode] = []
    for (commune,), rows in gaps.group_by("commune"):
        name = str(commune)
        incidents = _incidents(name, rows, hearing, counts.get(name, 0), now)
        episodes += incidents
        episodes += _lamps(rows, places[name], now)
    return sorted(episodes, key=lambda episode: (episode.opened_at, episode.subject))


def _lamps(rows: pl.DataFrame, place: tuple[float, float], now: datetime) -> list[Episode]:
    episodes = []
    for row in rows.iter_rows(named=True):
        # Of lamps that fall silent together some were heard an interval ago: their commune's incident must come first.
        interval = timedelta(seconds=row["interval_s"])
        deadline = row["heard"] + interval * LATE_INTERVALS + max(LAMP_GRACE, interval + COMMUNE_FIRST)
        deadline = max(deadline, _after_morning(row["heard"], place, deadline))
        end = row["again"]
        if (end or now) <= deadline:
            continue
        episodes.append(
            Episode(
                commune=row["commune"], lamp=row["lamp"], kind=Kind.SILENT, since=row["since"], opened_at=deadline,
                until=end, closed_at=end,
                causes=(Cause("modem", 0.5), Cause("cable", 0.2), Cause("operator", 0.15), Cause("controller", 0.15)),
                figures=(
                    Figure("last_heard", row["since"].isoformat()),
                ),
                trace={
                    "rule": "no report past the deadline: 2.5 usual intervals and 6 h (or one more interval), "
                    "at night until 2 h after dawn",
                    "inputs": {"usual_interval_s": row["interval_s"], "heard": row["heard"].isoformat()},
                    "verdict": "bad",
                },
            )
        )  # fmt: skip
    return episodes


def _after_morning(heard: datetime, place: tuple[float, float], deadline: datetime) -> datetime:
    """Silent from some hour of a night: wait for the sun, a lamp whose battery is gone tells in the morning."""
    for days_back in (1, 0):
        date = heard.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_back)
        dusk, dawn = dusk_and_dawn(date, *place)
        if dusk - timedelta(hours=1) <= heard < dawn:
            return max(deadline, dawn + MORNING_GRACE)
    return deadline


def _incidents(commune: str, rows: pl.DataFrame, hearing: Hearing, lamps: int, now: datetime) -> list[Episode]:
    """Sweeps over the moments when a lamp falls silent (its deadline passes) or is heard again."""
    falls = rows.with_columns(
        at=pl.col("heard") + pl.duration(seconds=deadline_s(COMMUNE_GRACE)),
        long_gone=pl.col("heard") + FORGOTTEN,
    )
    changes: list[tuple[datetime, int, str, datetime]] = []
    for row in falls.iter_rows(named=True):
        changes.append((row["at"], 1, row["lamp"], row["since"]))
        if row["again"] is not None:
            changes.append((row["again"], -1, row["lamp"], row["since"]))
    talking = max(lamps, hearing.last.filter(pl.col("commune") == commune).height)
    if talking < MIN_LAMPS:
        return []
    silent: dict[str, datetime] = {}
    gone: dict[str, datetime] = {}
    opened: tuple[datetime, datetime, int] | None = None
    episodes: list[Episode] = []
    for at, step, lamp, since in sorted(changes):
        if at > now:
            break
        if step > 0:
            silent[lamp], gone[lamp] = since, at
        else:
            silent.pop(lamp, None)
            gone.pop(lamp, None)
        # Lamps long silent on their own are no witnesses, unless they fell in the incident that is going on.
        fresh = [
            name for name, when in gone.items() if at - when < FORGOTTEN or (opened and when >= opened[1] - FORGOTTEN)
        ]
        witnesses = max(talking - (len(silent) - len(fresh)), 1)
        if opened is None and witnesses >= MIN_LAMPS and len(fresh) >= COMMUNE_SHARE * witnesses:
            since_all = sorted(silent[name] for name in fresh)
            opened = (since_all[len(since_all) // 2], at, len(fresh))
        elif opened is not None and len(fresh) <= RECOVERED_SHARE * witnesses:
            episodes.append(_incident(commune, opened, at, talking))
            opened = None
    if opened is not None:
        episodes.append(_incident(commune, opened, None, talking))
    return episodes


def _incident(commune: str, opened: tuple[datetime, datetime, int], end: datetime | None, lamps: int) -> Episode:
    since, at, count = opened
    return Episode(
        commune=commune, lamp=None, kind=Kind.COMMUNE_SILENT, since=since, opened_at=at, until=end, closed_at=end,
        causes=(Cause("operator", 0.8), Cause("gateway", 0.2)),
        figures=(Figure("silent_lamps", count), Figure("lamps", lamps), Figure("last_heard", since.isoformat())),
        trace={
            "rule": "60 % of the commune's talking lamps past their deadline at once; over when under 40 % are",
            "inputs": {"silent_lamps": count, "lamps": lamps},
            "verdict": "bad",
        },
    )  # fmt: skip
