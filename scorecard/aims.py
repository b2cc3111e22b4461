"""The table of figures to beat: each row with what is good, what is aimed at, and what the detectors reached."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from scorecard.figures import Figures, Group, Rate, Share, Spread

Reached = str  # "aim", "good", "below", or "–" where nothing was measured
NONE: Final = "–"


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    good: str
    aim: str
    ours: str
    naive: str
    reached: Reached


@dataclass(frozen=True, slots=True)
class Aim:
    """One measured value: its words with the 95 % interval, and whether it is good enough."""

    what: str
    good: float
    aim: float
    unit: str
    value: Callable[[Figures], float | None]
    words: Callable[[Figures], str]
    more_is_better: bool = True

    def row(self, ours: Figures, naive: Figures) -> Row:
        sign = "≥" if self.more_is_better else "≤"
        return Row(
            self.what, f"{sign} {self.good:g}{self.unit}", f"{sign} {self.aim:g}{self.unit}", self.words(ours),
            self.words(naive), self.reached(ours),
        )  # fmt: skip

    def reached(self, figures: Figures) -> Reached:
        value = self.value(figures)
        if value is None:
            return NONE
        for name, bound in (("aim", self.aim), ("good", self.good)):
            if value >= bound if self.more_is_better else value <= bound:
                return name
        return "below"


def share(one: Share) -> str:
    if one.value is None:
        return NONE
    low, high = one.interval
    return f"{one.value:.3f} ({low:.3f}–{high:.3f}), {one.hits} of {one.trials}"


def rate(one: Rate) -> str:
    if one.value is None:
        return NONE
    low, high = one.interval
    return f"{one.value:.3f} ({low:.3f}–{high:.3f}), {one.events} in {one.lamp_years:.0f} lamp-years"


def spread(one: Spread, unit: str, scale: float = 1.0) -> str:
    if one.median is None or one.interval is None or one.tenth is None:
        return NONE
    low, high = (bound / scale for bound in one.interval)
    return (
        f"{one.median / scale:.1f}{unit} ({low:.1f}–{high:.1f}), 90 % below {one.tenth / scale:.1f}{unit}, n = {one.n}"
    )


def _group(figures: Figures, kind: str) -> Group | None:
    return figures.kinds.get(kind)


def _found(kind: str) -> Callable[[Figures], float | None]:
    return lambda figures: group.found.value if (group := _group(figures, kind)) else None


def _found_words(kind: str) -> Callable[[Figures], str]:
    return lambda figures: share(group.found) if (group := _group(figures, kind)) else NONE


def _median(kind: str, scale: float) -> Callable[[Figures], float | None]:
    def value(figures: Figures) -> float | None:
        group = _group(figures, kind)
        return None if group is None or group.hours.median is None else group.hours.median / scale

    return value


def _days_words(kind: str) -> Callable[[Figures], str]:
    return lambda figures: spread(group.hours, " d", 24) if (group := _group(figures, kind)) else NONE


def _sunny(figures: Figures) -> float | None:
    group = _group(figures, "panel_partial")
    return group.sunny_days.median if group else None


def _sunny_words(figures: Figures) -> str:
    group = _group(figures, "panel_partial")
    if group is None:
        return NONE
    return f"{spread(group.sunny_days, '')}; on the calendar {spread(group.hours, ' d', 24)}"


def _soiled_words(figures: Figures) -> str:
    return f"{spread(figures.soiled, ' pt')}; against all dirt {spread(figures.soiled_total, ' pt')}"


def _lead_words(figures: Figures) -> str:
    words = spread(figures.lead, " d")
    return f"{words}; {figures.lead_none} more never went dark" if figures.lead_none else words


def _outages_words(figures: Figures) -> str:
    if not figures.outages:
        return NONE
    one = sum(count == 1 for count in figures.outages)
    mean = sum(figures.outages) / len(figures.outages)
    return f"{mean:.1f} incidents each; exactly one in {share(Share(one, len(figures.outages)))}"


def _warned_words(figures: Figures) -> str:
    return f"{share(figures.warned)}; with a fault behind {share(figures.warned_of_faults)}"


def _exactly_one(figures: Figures) -> float | None:
    return sum(n == 1 for n in figures.outages) / len(figures.outages) if figures.outages else None


def _false_words(figures: Figures) -> str:
    return (
        f"{rate(figures.false_friendly)}; {figures.false_sky_or_network} with dust, cloud, rain or outage about; "
        f"counting true cases without a mishap (season's dirt, age, weather) as well {rate(figures.strict_friendly)}"
    )


HARD: Final = "hard faults (`dark`, `day_burning`, `panel_lost`, `battery_lost`, `charger_stuck`)"
AIMS: Final[Sequence[Aim]] = (
    Aim(f"{HARD}: recall", 0.97, 0.995, "", lambda f: f.hard.found.value, lambda f: share(f.hard.found)),
    Aim(
        "hard faults: median time to detect, from the true onset", 24, 12, " h",
        lambda f: f.hard.hours.median, lambda f: spread(f.hard.hours, " h"), False,
    ),
    Aim(
        "hard faults: the same from the first dusk or noon that could show it", 24, 12, " h",
        lambda f: f.hard.hours_shown.median, lambda f: spread(f.hard.hours_shown, " h"), False,
    ),
    Aim("`panel_partial` ≥ 25 %: recall", 0.90, 0.98, "", _found("panel_partial"), _found_words("panel_partial")),
    Aim("`panel_partial` ≥ 25 %: median sunny days to detect", 5, 2, "", _sunny, _sunny_words, False),
    Aim(
        "`panel_soiled`: recall from 10 % beyond the neighbours", 0.90, 0.98, "",
        _found("panel_soiled"), _found_words("panel_soiled"),
    ),
    Aim(
        "`panel_soiled` 10–30 %: median error of the estimated loss", 5, 2, " pt",
        lambda f: f.soiled.median, _soiled_words, False,
    ),
    Aim("`battery_worn` ≤ 70 %: recall", 0.85, 0.95, "", _found("battery_worn"), _found_words("battery_worn")),
    Aim(
        "`battery_worn`: median error of the capacity", 8, 4, " pt",
        lambda f: f.worn.median, lambda f: spread(f.worn, " pt"), False,
    ),
    Aim(
        "`battery_worn` (knees; a step gives no notice): median lead before the first dark night", 30, 56, " d",
        lambda f: f.lead.median, _lead_words,
    ),
    Aim("`battery_weak_cell`: recall", 0.85, 0.95, "", _found("battery_weak_cell"), _found_words("battery_weak_cell")),
    Aim(
        "`battery_weak_cell`: median time to detect", 7, 3, " d",
        _median("battery_weak_cell", 24), _days_words("battery_weak_cell"), False,
    ),
    Aim(
        "false alarms per lamp-year (clean, harmattan, rains, blackout)", 0.5, 0.05, "",
        lambda f: f.false_friendly.value, _false_words, False,
    ),
    Aim("kind right, given detected", 0.8, 0.95, "", lambda f: f.kind_right.value, lambda f: share(f.kind_right)),
    Aim("a commune outage is exactly one incident", 0.95, 1.0, "", _exactly_one, _outages_words),
    Aim(
        "`dark_risk` of the night to come, by its dusk: recall", 0.8, 0.95, "",
        lambda f: f.warned_by_dusk.value, lambda f: share(f.warned_by_dusk),
    ),
    Aim("`dark_risk` 24 h before that dusk: recall", 0.8, 0.95, "", lambda f: f.warned.value, _warned_words),
    Aim("`dark_risk`: precision", 0.6, 0.85, "", lambda f: f.came_true.value, lambda f: share(f.came_true)),
)  # fmt: skip


def rows(ours: Figures, naive: Figures) -> list[Row]:
    return [aim.row(ours, naive) for aim in AIMS]
