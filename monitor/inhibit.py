"""Which kind hides which: an incident of a commune hides its lamps' silences, a dark lamp hides its own dimness.

A hidden episode is kept and can be seen on demand; nobody is told of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from monitor.fault import Episode, Kind


@dataclass(frozen=True, slots=True)
class Hides:
    """`hider` hides `hidden` on the same lamp, or in the whole commune, from `before` its start to `after` its end."""

    hider: Kind
    hidden: Kind
    whole_commune: bool
    before: timedelta
    after: timedelta
    reason: str
    unless: frozenset[str] = frozenset()  # likeliest causes that have nothing to do with the hider
    outlives: bool = False  # what goes on for longer than `after` comes forward: it was not the hider's doing alone


_H, _D = timedelta(hours=1), timedelta(days=1)

INHIBITIONS: Final[tuple[Hides, ...]] = (
    Hides(
        Kind.COMMUNE_SILENT,
        Kind.SILENT,
        True,
        12 * _H,
        36 * _H,
        "one incident, never twenty; backlogs come one by one",
        outlives=True,
    ),
    Hides(Kind.BATTERY_LOST, Kind.SILENT, False, 24 * _H, 24 * _H, "without a battery no lamp talks at night"),
    Hides(Kind.BATTERY_LOST, Kind.DARK, False, 24 * _H, 24 * _H, "without a battery there is no light", outlives=True),
    Hides(
        Kind.BATTERY_LOST, Kind.EARLY_OFF, False, 24 * _H, 24 * _H, "without a battery there is no light", outlives=True
    ),
    Hides(Kind.RESTART_LOOP, Kind.BATTERY_LOST, False, 2 * _D, _D, "the controller has no power because it restarts"),
    Hides(Kind.BATTERY_LOST, Kind.RESTART_LOOP, False, 24 * _H, 24 * _H, "the controller restarts with every sunrise"),
    Hides(Kind.DARK, Kind.DIM, False, _D, _D, "a dark lamp is not dim"),
    Hides(Kind.FLICKER, Kind.DIM, False, _D, _D, "a lamp that comes and goes is not dim"),
    Hides(
        Kind.LOW_SUN,
        Kind.EARLY_OFF,
        True,
        6 * _H,
        4 * _D,  # two bright days fill what two dark ones emptied, and a last night is cut off before they have
        "the sky, not the lamp: a cloudy week empties every battery",
        frozenset({"profile", "driver"}),
        outlives=True,
    ),
    Hides(
        Kind.LOW_SUN,
        Kind.DARK_RISK,
        True,
        6 * _H,
        2 * _D,
        "the sky, not the lamp",
        frozenset({"tap", "panel_soiled", "battery_worn"}),  # without sun, a panel or charger says nothing
    ),
    Hides(Kind.EARLY_OFF, Kind.DARK_RISK, False, _D, _D, "it happened already"),
    Hides(Kind.BATTERY_LOST, Kind.SENSOR_FAULTY, False, 3 * _D, 2 * _D, "no battery, no current: its zero is no fault"),
    Hides(
        Kind.BATTERY_LOST, Kind.CHARGER_STUCK, False, _D, _D, "without a battery the charger's voltage means nothing"
    ),
    Hides(
        Kind.BATTERY_WEAK_CELL, Kind.CHARGER_STUCK, False, 3 * _D, 2 * _D, "fewer cells are charged to another voltage"
    ),
    Hides(
        Kind.BATTERY_WEAK_CELL,
        Kind.SENSOR_FAULTY,
        False,
        3 * _D,
        2 * _D,
        "a sagging battery upsets the controller's sums",
    ),
    Hides(Kind.BATTERY_WEAK_CELL, Kind.BATTERY_WORN, False, 9 * _D, 2 * _D, "the cell is the wear"),
    Hides(Kind.DAY_BURNING, Kind.BATTERY_WEAK_CELL, False, 2 * _D, 2 * _D, "burning day and night empties any battery"),
    Hides(Kind.DAY_BURNING, Kind.BATTERY_WORN, False, 2 * _D, 9 * _D, "burning day and night empties any battery"),
    Hides(Kind.DAY_BURNING, Kind.DIM, False, 2 * _D, 2 * _D, "a lamp that burns all day is dimmed to save its battery"),
    Hides(
        Kind.BATTERY_WEAK_CELL,
        Kind.PANEL_PARTIAL,
        False,
        3 * _D,
        2 * _D,
        "a battery that takes less idles its panel",
        frozenset({"diode"}),  # voltage that is missing at the panel is the panel's own
    ),
    Hides(
        Kind.BATTERY_WEAK_CELL, Kind.PANEL_SOILED, False, 3 * _D, 2 * _D, "a battery that takes less idles its panel"
    ),
    Hides(Kind.CLOCK_WRONG, Kind.DARK_RISK, False, 3 * _D, _D, "its days and nights are not the sun's"),
    Hides(Kind.SENSOR_FAULTY, Kind.DARK_RISK, False, 3 * _D, _D, "the Ah are not to be believed"),
    Hides(Kind.PANEL_PARTIAL, Kind.PANEL_SOILED, False, 3 * _D, 2 * _D, "the loss is told already"),
    Hides(
        Kind.RESTART_LOOP, Kind.SILENT, False, 2 * _D, 2 * _D, "what restarts every quarter of an hour cannot report"
    ),
    Hides(Kind.DARK, Kind.CHARGER_STUCK, False, 3 * _D, 2 * _D, "a battery that feeds no light floats at its top"),
    Hides(Kind.PANEL_LOST, Kind.BATTERY_WORN, False, 9 * _D, 9 * _D, "a battery that is not filled shows no capacity"),
    Hides(
        Kind.PANEL_PARTIAL, Kind.BATTERY_WORN, False, 20 * _D, 9 * _D, "a battery that is not filled shows no capacity"
    ),
    Hides(
        Kind.CHARGER_STUCK, Kind.BATTERY_WORN, False, 9 * _D, 9 * _D, "a battery that is not filled shows no capacity"
    ),
    Hides(Kind.SENSOR_FAULTY, Kind.PANEL_PARTIAL, False, 3 * _D, 2 * _D, "the reading fell, not the panel"),
    Hides(Kind.SENSOR_FAULTY, Kind.PANEL_SOILED, False, 3 * _D, 2 * _D, "the reading fell, not the panel"),
    Hides(Kind.CLOCK_WRONG, Kind.PANEL_LOST, False, 3 * _D, _D, "by the lamp's own clock the sun was up"),
    Hides(Kind.CLOCK_WRONG, Kind.PANEL_PARTIAL, False, 3 * _D, _D, "its hours are not the neighbours' hours"),
    Hides(Kind.CLOCK_WRONG, Kind.CHARGER_STUCK, False, 3 * _D, _D, "by the lamp's own clock the sun was up"),
    Hides(Kind.CLOCK_WRONG, Kind.DAY_BURNING, False, 3 * _D, _D, "by the lamp's own clock it was night"),
    Hides(Kind.CHARGER_STUCK, Kind.PANEL_LOST, False, _D, _D, "the panel stands at its open voltage: it is there"),
)


def inhibit(episodes: Iterable[Episode], now: datetime) -> list[Episode]:
    """The same episodes, those that another one hides marked with the kind that hides them.

    Where two would hide each other, the earlier line of INHIBITIONS holds: of what is wrong, something is always told.
    """
    found = list(episodes)
    by_kind: dict[Kind, list[int]] = {}
    by_place: dict[tuple[Kind, str], list[int]] = {}
    for nth, episode in enumerate(found):
        by_kind.setdefault(episode.kind, []).append(nth)
        by_place.setdefault((episode.kind, episode.subject), []).append(nth)
    hider_of: dict[int, int] = {}
    for rule in INHIBITIONS:
        for nth in by_kind.get(rule.hidden, ()):
            episode = found[nth]
            if nth in hider_of or (episode.causes and episode.causes[0].cause in rule.unless):
                continue
            place = episode.commune if rule.whole_commune else episode.subject
            for hider in by_place.get((rule.hider, place), ()):
                if _hidden(episode, found[hider], rule, now) and not _hides(nth, hider, hider_of):
                    hider_of[nth] = hider
                    break
    return [
        replace(episode, hidden_by=found[hider_of[nth]].kind if nth in hider_of else None)
        for nth, episode in enumerate(found)
    ]


def _hides(hider: int, hidden: int, hider_of: Mapping[int, int]) -> bool:
    """Whether one hides the other already, itself or through what it hides."""
    above: int | None = hidden
    while above is not None:
        if above == hider:
            return True
        above = hider_of.get(above)
    return False


def _hidden(episode: Episode, hider: Episode, rule: Hides, now: datetime) -> bool:
    if hider.until is None:
        return episode.opened_at >= hider.since - rule.before
    over = hider.until + rule.after
    return hider.since - rule.before <= episode.opened_at <= over and not (
        rule.outlives and (episode.closed_at or now) > over
    )
