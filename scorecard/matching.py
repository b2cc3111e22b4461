"""Case by case: right, the right cause of a symptom, what physically follows from something else, or false."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

import polars as pl

from scorecard.known import NEARLY_WORN, Known, Lived
from scorecard.said import DAY, Said

SLACK: Final = timedelta(hours=6)  # a case may open so long before the true onset: one report interval
GRACE: Final = 2 * DAY  # after the true end: what was seen before is still being reported
GRACES: Final = {"panel_soiled": 3 * DAY, "panel_partial": 4 * DAY, "battery_worn": 5 * DAY}
NATURAL_DIRT: Final = 0.10  # share of light lost; a panel reported dirty from here on is dirty, whoever's fault it is
FORECAST: Final = 3 * DAY
OUTAGE_ECHO: Final = 36 * timedelta(hours=1)  # backlogs come one by one
NOTES: Final = frozenset({"low_sun"})

# What a fault rightly shows besides its own name: neither a hit nor a false alarm.
FOLLOWS: Final[dict[str, frozenset[str]]] = {
    kind: frozenset(others.split())
    for kind, others in {
        "dark": "dark_risk",
        "early_off": "flicker dark dark_risk",
        "flicker": "dim early_off dark",
        "dim": "flicker",
        "day_burning": "early_off dark dark_risk silent",
        "panel_soiled": "early_off dark dark_risk",
        "panel_partial": "early_off dark dark_risk",
        "panel_lost": "early_off dark dark_risk silent moved",
        "battery_worn": "early_off dark dark_risk",
        "battery_weak_cell": "early_off dark dark_risk flicker silent battery_worn",
        "battery_lost": "early_off dark dark_risk silent restart_loop moved",
        "charger_stuck": "early_off dark dark_risk silent hot",
        "clock_wrong": "day_burning silent dark early_off",
        "restart_loop": "silent",
        "moved": "panel_partial dark_risk early_off",
        "dark_risk": "early_off dark silent",
    }.items()
}


class Verdict(StrEnum):
    RIGHT = "right"
    CAUSE = "cause named"  # a symptom whose likeliest cause is the fault
    FOLLOWS = "consequence"
    OUTAGE = "lamp of a silent commune"
    NATURAL = "true without a mishap"  # dirt, age, a cloudy week that really put the lamp out
    CONFUSED = "wrong kind"
    FALSE = "false"
    NOTE = "note"
    HIDDEN = "hidden"
    WITHDRAWN = "withdrawn"


@dataclass(slots=True)
class Judged:
    said: Said
    verdict: Verdict
    fault: int | None = None  # which of the world's faults
    friend: str = ""  # of a false one: what misled, as far as can be told
    measured: str = ""  # of a false one: how it truly was


def judge_cases(cases: Sequence[Said], world: Lived) -> list[Judged]:
    return [_judge(said, world) for said in cases]


def _judge(said: Said, world: Lived) -> Judged:
    if said.withdrawn:
        return Judged(said, Verdict.WITHDRAWN)
    if said.hidden_by:
        return Judged(said, Verdict.HIDDEN)
    if said.kind in NOTES:
        return Judged(said, Verdict.NOTE)
    active = [n for n, fault in enumerate(world.faults) if fault.subject == said.subject and overlaps(said, fault)]
    same = [n for n in active if world.faults[n].kind == said.kind]
    if same:
        return Judged(said, Verdict.RIGHT, min(same, key=lambda n: abs(world.faults[n].began - said.known_at)))
    if said.kind in ("silent", "commune_silent"):
        for n, fault in enumerate(world.faults):
            if fault.kind == "commune_silent" and fault.commune == said.commune and overlaps(said, fault):
                return Judged(said, Verdict.OUTAGE, n)
    for n in active:
        if world.faults[n].kind == said.cause:
            return Judged(said, Verdict.CAUSE, n)
    for n in active:
        if said.kind in FOLLOWS.get(world.faults[n].kind, ()):
            return Judged(said, Verdict.FOLLOWS, n)
    if _natural(said, world):
        return Judged(said, Verdict.NATURAL)
    if active:
        return Judged(said, Verdict.CONFUSED, active[-1])
    return Judged(said, Verdict.FALSE, friend=friend(said, world), measured=measured(said, world))


def overlaps(said: Said, fault: Known) -> bool:
    """It opened after the onset less the slack, and its interval meets the fault's with its grace."""
    grace = OUTAGE_ECHO if fault.kind == "commune_silent" else GRACES.get(fault.kind, GRACE)
    return said.known_at >= fault.began - SLACK and said.since <= fault.until + grace


def _natural(said: Said, world: Lived) -> bool:
    if said.lamp is None:
        return False
    if said.kind == "hot":
        return any(said.known_at - 2 * DAY <= at <= said.known_at for at in world.hot.get(said.lamp, ()))
    near = world.of(said.lamp).filter(pl.col("time").is_between(said.known_at - 4 * DAY, said.known_at + DAY))
    if said.kind == "panel_soiled":
        return bool((near["soiling"] >= NATURAL_DIRT).any())
    if said.kind == "battery_worn":
        return bool((near["capacity"] <= NEARLY_WORN).any())
    if said.kind in ("early_off", "dark", "silent"):
        gone_out = near.filter((pl.col("verdict") != "lit") & (pl.col("cut_offs") > 0) & ~pl.col("relearning"))
        return gone_out.height > 0
    if said.kind == "dark_risk":
        return comes_true(said, world)
    return False


def comes_true(said: Said, world: Lived) -> bool:
    """Whether one of the three nights from a warning on was not fully served; the night that is going on is the first.

    A battery that is cut off minutes before dawn has served no full night, though hardly anybody sees it.
    """
    first = (said.known_at - DAY / 2).replace(hour=0, minute=0, second=0, microsecond=0)
    nights = world.of(said.subject).filter(pl.col("time").is_between(first, first + FORECAST, closed="left"))
    return not nights["served"].all()


def friend(said: Said, world: Lived) -> str:
    """The false friend that was active when a false alarm opened; several are joined, "none" if there was none."""
    at = said.known_at
    mine = [fault for fault in world.faults if fault.lamp is not None and fault.lamp == said.lamp]
    outages = [f for f in world.faults if f.kind == "commune_silent" and f.commune == said.commune]
    sky = world.sky.filter((pl.col("commune") == said.commune) & pl.col("time").is_between(at - 4 * DAY, at))
    nights = world.of(said.subject).filter(pl.col("time").is_between(at - 6 * DAY, at))
    found = {
        "outage": any(f.began - SLACK <= at <= f.until + 5 * DAY for f in outages),
        "relearning": bool(nights["relearning"].any()),
        "profile change": any(abs(change - at) <= 4 * DAY for change in world.changes),
        "after a repair": any(f.until < at <= f.until + 30 * DAY for f in mine),
        "cloud": bool((sky["clearness"] < 0.7).any()),
        "dust": bool((sky["dust"] > 0.1).any()),
        "rain": bool((sky["rain_mm"] >= 6).any()),
        "first weeks": at < world.start + 21 * DAY,
    }
    return " + ".join(name for name, active in found.items() if active) or "none"


def measured(said: Said, world: Lived) -> str:
    """How dirty the panel and how large the battery truly were when a case about them opened."""
    night = world.of(said.subject).filter(pl.col("time") <= said.known_at).tail(1)
    if night.is_empty():
        return ""
    if said.kind in ("panel_soiled", "panel_partial"):
        return f"dirt {float(night['soiling'][0]):.0%}, {float(night['excess'][0]):.0%} beyond the neighbours"
    if said.kind in ("battery_worn", "battery_weak_cell"):
        return f"capacity {float(night['capacity'][0]):.0%}"
    return ""
