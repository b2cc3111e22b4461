"""Fault by fault: found or not, after how long, under which name, how well measured; and warned of or not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from scorecard.known import Known, Lived
from scorecard.matching import FORECAST, Judged, Verdict, comes_true
from scorecard.said import DAY, Said

SUNNY: Final = 0.8  # clearness of a day that lets a panel show what it can do
STEP: Final = "step"  # mode of a battery that fails at once: nobody can tell it weeks ahead
AHEAD: Final = DAY  # a warning helps if it comes so long before the dusk
SUDDEN: Final = 2 * DAY  # what began later than this before such a night nobody could foretell
APART: Final = 7 * DAY  # between two nights of one lamp that were not served and count as two surprises
# A lamp that goes out by these goes out with a full battery: no forecast of reserve can see it.
UNFORESEEN: Final = frozenset({"dark", "early_off", "flicker", "clock_wrong", "restart_loop"})
ENERGY: Final = frozenset(
    {
        "panel_lost", "panel_partial", "panel_soiled", "battery_worn", "battery_weak_cell", "battery_lost",
        "charger_stuck", "day_burning", "early_off", "dark_risk",
    }
)  # fmt: skip
HITS: Final = frozenset({Verdict.RIGHT, Verdict.CAUSE})


@dataclass(slots=True)
class Outcome:
    """Hours are from the true onset (of slow faults: from crossing the threshold), never below 0."""

    fault: Known
    how: str = ""  # the best verdict any case got for it; '' when nothing was said
    kinds: list[str] = field(default_factory=list)  # of the visible cases it caused, its own first
    hours: float | None = None
    hours_shown: float | None = None  # from the first dusk or noon that could show it
    sunny_days: int | None = None
    doubles: int = 0  # second and further cases of its own kind
    incidents: int = 0  # of a commune's outage: everything said about it
    error: float | None = None  # estimate minus truth: share of output lost, or of capacity left
    error_total: float | None = None  # of dirt: against all dirt, not only that beyond the neighbours'
    lead_days: float | None = None  # from being known to the first night not fully lit
    went_dark: bool = False

    @property
    def found(self) -> bool:
        return self.how in HITS

    @property
    def detected(self) -> bool:
        """Something was said about it, under whatever name, that does not merely follow from it."""
        return self.found or self.how == Verdict.CONFUSED


_BEST: Final = (Verdict.RIGHT, Verdict.CAUSE, Verdict.CONFUSED, Verdict.FOLLOWS, Verdict.OUTAGE)


def outcomes(judged: Sequence[Judged], world: Lived) -> list[Outcome]:
    mine: list[list[Judged]] = [[] for _ in world.faults]
    for one in judged:
        if one.fault is not None:
            mine[one.fault].append(one)
    return [_outcome(fault, cases, world) for fault, cases in zip(world.faults, mine, strict=True)]


def _outcome(fault: Known, cases: Sequence[Judged], world: Lived) -> Outcome:
    out = Outcome(fault)
    ranked = sorted(cases, key=lambda one: (_BEST.index(one.verdict), one.said.known_at))
    if not ranked:
        return out
    out.how = str(ranked[0].verdict)
    out.kinds = list(dict.fromkeys(one.said.kind for one in ranked))
    own = [one.said for one in cases if one.verdict is Verdict.RIGHT]
    out.doubles = max(0, len(own) - 1)
    out.incidents = len(cases) if fault.kind == "commune_silent" else 0
    hits = [one.said for one in cases if one.verdict in HITS]
    if hits:
        known_at = min(said.known_at for said in hits)
        out.hours = max(0.0, (known_at - fault.since) / timedelta(hours=1))
        out.hours_shown = max(0.0, (known_at - fault.shows) / timedelta(hours=1))
        out.sunny_days = _sunny_days(fault, known_at, world)
        _lead(out, known_at, world)
    if own:
        _errors(out, own, world)
    return out


def _sunny_days(fault: Known, known_at: datetime, world: Lived) -> int:
    days = world.sky.filter((pl.col("commune") == fault.commune) & (pl.col("clearness") >= SUNNY))["time"]
    # The plant's day is noon to noon; its sun is counted with the date on which most of it shone.
    return int(days.is_between(fault.since - DAY, known_at, closed="none").sum())


def _lead(out: Outcome, known_at: datetime, world: Lived) -> None:
    if out.fault.lamp is None or out.fault.mode == STEP:
        return
    nights = world.of(out.fault.lamp).filter((pl.col("verdict") != "lit") & ~pl.col("relearning"))["time"]
    bad = nights.filter(nights.is_between(out.fault.since - timedelta(hours=18), out.fault.until))
    first = bad.min() if len(bad) else None
    if isinstance(first, datetime):
        out.went_dark = True
        out.lead_days = (first + timedelta(hours=18) - known_at) / DAY


def _errors(out: Outcome, own: Sequence[Said], world: Lived) -> None:
    """Of the last estimate, against the truth of the date it speaks of, while the fault still was."""
    last = max((said for said in own if said.estimate is not None), key=lambda said: said.known_at, default=None)
    if last is None or last.estimate is None or out.fault.lamp is None:
        return
    latest = min(out.fault.until, world.end) - timedelta(hours=30)
    date = min(last.estimated_for or last.known_at, latest).replace(hour=0, minute=0, second=0, microsecond=0)
    night = world.of(out.fault.lamp).filter(pl.col("time") == date)
    if out.fault.kind == "panel_partial" and out.fault.mode != "shade":
        out.error = last.estimate - out.fault.severity
    elif night.is_empty():
        return
    elif out.fault.kind == "panel_soiled":
        out.error = last.estimate - float(night["excess"][0])
        out.error_total = last.estimate - float(night["soiling"][0])
    elif out.fault.kind == "battery_worn":
        out.error = last.estimate - float(night["capacity"][0])


@dataclass(frozen=True, slots=True)
class Surprise:
    """A night not fully served, after a week of served ones, that somebody could have foretold."""

    lamp: str
    date: datetime
    warned: bool  # a dark_risk case stood a day before
    noted: bool  # one that was never shown, because the commune's note of low sun stood for it
    by_dusk: bool  # either of them stood by the dusk of the night itself: hours before the lamp went out
    known: bool  # any visible case about its energy a day before
    why: str  # the fault behind it, 'weather' where there is none


def surprises(cases: Sequence[Said], world: Lived) -> list[Surprise]:
    found = []
    bad = world.nights.filter(~pl.col("served"))
    for (lamp,), rows in bad.group_by("lamp", maintain_order=True):
        faults = [fault for fault in world.faults if fault.lamp == lamp]
        mine = [said for said in cases if said.lamp == lamp]
        before: datetime | None = None
        for date, relearning in rows.select("time", "relearning").iter_rows():
            fresh = before is None or date - before > APART
            before = date
            if fresh and not relearning and (one := _surprise(str(lamp), date, faults, mine, world)) is not None:
                found.append(one)
    return found


def _surprise(
    lamp: str, date: datetime, faults: Sequence[Known], cases: Sequence[Said], world: Lived
) -> Surprise | None:
    dusk = date + timedelta(hours=18)
    behind = [fault for fault in faults if fault.began <= dusk + DAY / 2 and fault.until + 5 * DAY >= dusk]
    sudden = any(dusk - fault.began < SUDDEN for fault in behind)
    if sudden or any(fault.kind in UNFORESEEN for fault in behind) or dusk < world.start + 2 * DAY:
        return None
    in_time = [
        said for said in cases
        if said.known_at <= dusk - AHEAD and (said.until is None or said.until >= dusk - AHEAD)
    ]  # fmt: skip
    visible = {said.kind for said in in_time if said.visible}
    last_day = [
        said for said in cases
        if said.kind == "dark_risk" and said.known_at <= dusk and (said.until is None or said.until >= dusk - AHEAD)
    ]  # fmt: skip
    return Surprise(
        lamp, date, warned=any(said.kind == "dark_risk" and said.shown for said in in_time),
        noted=any(said.kind == "dark_risk" and said.hidden_by == "low_sun" for said in in_time),
        by_dusk=any(said.shown or said.hidden_by == "low_sun" for said in last_day),
        known=bool(ENERGY & visible), why=behind[-1].kind if behind else "weather",
    )  # fmt: skip


def warnings(judged: Sequence[Judged], world: Lived) -> tuple[int, int, int]:
    """dark_risk cases that were shown: how many came true within three nights, did not, were averted by a repair.

    What became of them afterwards does not matter: a warning that came true is hidden by the dark night itself.
    """
    true = wrong = averted = 0
    for one in judged:
        said = one.said
        if said.kind != "dark_risk" or not said.shown:
            continue
        ended = [
            fault for fault in world.faults
            if fault.lamp == said.lamp and said.known_at < fault.until <= said.known_at + FORECAST
        ]  # fmt: skip
        if comes_true(said, world):
            true += 1
        elif ended or said.known_at > world.end - FORECAST:
            averted += 1
        else:
            wrong += 1
    return true, wrong, averted
