"""All worlds' scores put together, one detector at a time: shares, rates and medians, each with its interval."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from scorecard.intervals import Interval, median_interval, poisson, quantile, wilson
from scorecard.matching import Judged, Verdict
from scorecard.outcome import Outcome
from scorecard.world import Scored, World

HARD: Final = ("dark", "day_burning", "panel_lost", "battery_lost", "charger_stuck")
# In these nobody breaks much on purpose: what they are full of is dust, cloud, long nights and lost network.
FRIENDLY: Final = ("clean", "harmattan", "rains", "blackout")
SKY_OR_NETWORK: Final = ("dust", "cloud", "outage", "rain")


@dataclass(frozen=True, slots=True)
class Share:
    hits: int
    trials: int

    @property
    def value(self) -> float | None:
        return self.hits / self.trials if self.trials else None

    @property
    def interval(self) -> Interval:
        return wilson(self.hits, self.trials)


@dataclass(frozen=True, slots=True)
class Rate:
    """Events per lamp-year."""

    events: int
    lamp_years: float

    @property
    def value(self) -> float | None:
        return self.events / self.lamp_years if self.lamp_years else None

    @property
    def interval(self) -> Interval:
        return poisson(self.events, self.lamp_years)


@dataclass(frozen=True, slots=True)
class Spread:
    """Of some measured values: how many, median with its interval, nine tenths."""

    n: int
    median: float | None
    interval: Interval | None
    tenth: float | None  # the 90 % quantile

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(len(values), quantile(values, 0.5), median_interval(values), quantile(values, 0.9))


@dataclass(frozen=True, slots=True)
class Group:
    """Faults of one kind or one severity class, those that count."""

    found: Share  # by their own kind, or as the likeliest cause of a symptom
    named: Share  # by their own kind
    hours: Spread  # from the true onset
    hours_shown: Spread  # from the first dusk or noon that could show it
    sunny_days: Spread
    doubles: int

    @classmethod
    def of(cls, some: Sequence[Outcome]) -> "Group":
        return cls(
            Share(sum(one.found for one in some), len(some)),
            Share(sum(one.how == Verdict.RIGHT for one in some), len(some)),
            Spread.of([one.hours for one in some if one.hours is not None]),
            Spread.of([one.hours_shown for one in some if one.hours_shown is not None]),
            Spread.of([float(one.sunny_days) for one in some if one.sunny_days is not None]),
            sum(one.doubles for one in some),
        )


@dataclass(frozen=True, slots=True)
class Alarm:
    """A case that somebody would have acted on in vain."""

    world: str
    subject: str
    kind: str
    since: str
    known_at: str
    until: str
    cause: str
    friend: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Miss:
    world: str
    subject: str
    kind: str
    size: str
    severity: float
    since: str
    until: str
    said: str  # under which other kinds it showed, if any


@dataclass(slots=True)
class Figures:
    """One detector over all worlds."""

    lamp_years: float
    kinds: dict[str, Group]
    sizes: dict[str, dict[str, Group]]
    skipped: dict[str, dict[str, int]]  # by kind and reason: what does not count
    hard: Group
    all_kinds: Group
    kind_right: Share  # of what was detected
    false_friendly: Rate  # on the worlds of FRIENDLY
    strict_friendly: Rate  # the same with true cases that nobody's mishap is behind: dirt of the season, age, weather
    false_all: Rate
    false_sky_or_network: int  # on the friendly worlds
    false_by: dict[str, int]  # kind and friend
    false_by_scenario: dict[str, Rate]
    confused: Rate  # a wrong kind beside a true fault
    doubles: int
    true_without_mishap: dict[str, int]  # by kind: dirt, age, cloudy weeks that really put a lamp out
    hidden: int
    withdrawn: int
    confusion: dict[str, dict[str, int]]  # true kind → kind said first
    outages: list[int]  # visible incidents of each commune outage of a day or more
    warned: Share  # of the dark nights that could be foretold: by a case, or under the commune's note of low sun
    warned_by_dusk: Share  # the same, by the dusk of the night itself
    warned_of_faults: Share  # a day before, by a case, where a fault was behind the night, not the weather
    known: Share
    came_true: Share
    averted: int
    soiled: Spread  # |error| of the estimated loss at 10–30 %, points, beyond the neighbours
    soiled_total: Spread  # the same against all dirt
    partial: Spread
    worn: Spread
    lead: Spread  # days
    lead_none: int  # worn batteries that were found and never put their lamp out
    alarms: list[Alarm] = field(default_factory=list)
    strays: list[Alarm] = field(default_factory=list)  # the confused ones
    misses: list[Miss] = field(default_factory=list)


Pick = Callable[[World], Scored]


def figures(worlds: Sequence[World], pick: Pick) -> Figures:
    every = [(world, one) for world in worlds for one in pick(world).outcomes]
    counted = [(world, one) for world, one in every if one.fault.counted]
    outs = [one for _, one in counted]
    friendly = [world for world in worlds if world.scenario in FRIENDLY]
    false = _with(worlds, pick, Verdict.FALSE)
    confused = _with(worlds, pick, Verdict.CONFUSED)
    in_friendly = [(world, one) for world, one in false if world.scenario in FRIENDLY]
    natural = len(_with(friendly, pick, Verdict.NATURAL))
    warned = [one for world in worlds for one in pick(world).surprises]
    of_faults = [one for one in warned if one.why != "weather"]
    true, wrong, averted = (sum(pick(world).warnings[n] for world in worlds) for n in range(3))
    detected = [one for one in outs if one.detected]
    worn = [one for one in outs if one.fault.kind == "battery_worn"]
    dirty = [one for one in outs if one.fault.kind == "panel_soiled" and one.fault.size.endswith("10–30 %")]
    partial = [one for one in outs if one.fault.kind == "panel_partial"]
    years = sum(world.lamp_years for world in worlds)
    return Figures(
        lamp_years=years,
        kinds={kind: Group.of(some) for kind, some in _grouped(outs, lambda one: one.fault.kind).items()},
        sizes={
            kind: {size: Group.of(those) for size, those in _grouped(some, lambda one: one.fault.size).items()}
            for kind, some in _grouped(outs, lambda one: one.fault.kind).items()
        },
        skipped=_skipped(one for _, one in every),
        hard=Group.of([one for one in outs if one.fault.kind in HARD]),
        all_kinds=Group.of(outs),
        kind_right=Share(sum(one.how == Verdict.RIGHT for one in detected), len(detected)),
        false_friendly=Rate(len(in_friendly), sum(world.lamp_years for world in friendly)),
        strict_friendly=Rate(len(in_friendly) + natural, sum(world.lamp_years for world in friendly)),
        false_all=Rate(len(false), years),
        false_sky_or_network=sum(any(word in one.friend for word in SKY_OR_NETWORK) for _, one in in_friendly),
        false_by=dict(Counter(f"{one.said.kind}: {one.friend}" for _, one in false).most_common()),
        false_by_scenario=_by_scenario(worlds, false),
        confused=Rate(len(confused), years),
        doubles=sum(one.doubles for _, one in every),
        true_without_mishap=dict(Counter(one.said.kind for _, one in _with(worlds, pick, Verdict.NATURAL))),
        hidden=len(_with(worlds, pick, Verdict.HIDDEN)),
        withdrawn=len(_with(worlds, pick, Verdict.WITHDRAWN)),
        confusion=_confusion(outs),
        outages=[one.incidents for one in outs if one.fault.kind == "commune_silent"],
        warned=Share(sum(one.warned or one.noted for one in warned), len(warned)),
        warned_by_dusk=Share(sum(one.by_dusk for one in warned), len(warned)),
        warned_of_faults=Share(sum(one.warned for one in of_faults), len(of_faults)),
        known=Share(sum(one.known for one in warned), len(warned)),
        came_true=Share(true, true + wrong),
        averted=averted,
        soiled=_points(one.error for one in dirty),
        soiled_total=_points(one.error_total for one in dirty),
        partial=_points(one.error for one in partial),
        worn=_points(one.error for one in worn),
        lead=Spread.of([one.lead_days for one in worn if one.found and one.lead_days is not None]),
        lead_none=sum(one.found and not one.went_dark for one in worn),
        alarms=[_alarm(world, one) for world, one in false],
        strays=[_alarm(world, one) for world, one in confused],
        misses=[_miss(world, one) for world, one in counted if not one.found],
    )


def _with(worlds: Sequence[World], pick: Pick, verdict: Verdict) -> list[tuple[World, Judged]]:
    return [(world, one) for world in worlds for one in pick(world).judged if one.verdict is verdict]


def _grouped(some: Iterable[Outcome], key: Callable[[Outcome], str]) -> dict[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = {}
    for one in sorted(some, key=key):
        groups.setdefault(key(one), []).append(one)
    return groups


def _skipped(some: Iterable[Outcome]) -> dict[str, dict[str, int]]:
    reasons: dict[str, dict[str, int]] = {}
    for one in some:
        if one.fault.skipped:
            mine = reasons.setdefault(one.fault.kind, {})
            mine[one.fault.skipped] = mine.get(one.fault.skipped, 0) + 1
    return dict(sorted(reasons.items()))


def _by_scenario(worlds: Sequence[World], false: Sequence[tuple[World, Judged]]) -> dict[str, Rate]:
    names = dict.fromkeys(world.scenario for world in worlds)
    return {
        name: Rate(
            sum(world.scenario == name for world, _ in false),
            sum(world.lamp_years for world in worlds if world.scenario == name),
        )
        for name in names
    }  # fmt: skip


def _confusion(some: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for one in some:
        said = one.kinds[0] if one.kinds else "nothing"
        if one.how == Verdict.CAUSE:
            said = f"{said}, cause right"
        mine = table.setdefault(one.fault.kind, {})
        mine[said] = mine.get(said, 0) + 1
    return dict(sorted(table.items()))


def _points(errors: Iterable[float | None]) -> Spread:
    return Spread.of([abs(error) * 100 for error in errors if error is not None])


def _alarm(world: World, one: Judged) -> Alarm:
    said = one.said
    friend = one.friend or (f"beside {_beside(world, one)}" if one.fault is not None else "")
    friend = f"{friend}; {one.measured}" if one.measured else friend
    return Alarm(
        world.name, said.subject, said.kind, f"{said.since:%Y-%m-%d %H:%M}", f"{said.known_at:%Y-%m-%d %H:%M}",
        f"{said.until:%Y-%m-%d}" if said.until else "open", said.cause, friend, said.evidence,
    )  # fmt: skip


def _beside(world: World, one: Judged) -> str:
    assert one.fault is not None
    fault = world.ours.outcomes[one.fault].fault
    return f"{fault.kind} {fault.mode}".strip() + f" since {fault.began:%Y-%m-%d}"


def _miss(world: World, one: Outcome) -> Miss:
    fault = one.fault
    until = f"{fault.until:%Y-%m-%d}" if fault.until.year < 2035 else "end"
    return Miss(
        world.name, fault.subject, fault.kind, fault.size, round(fault.severity, 2), f"{fault.since:%Y-%m-%d %H:%M}",
        until, ", ".join(one.kinds),
    )  # fmt: skip
