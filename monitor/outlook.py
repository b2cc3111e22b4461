"""What the battery will last: what it has at dusk, what a night takes, what a day may bring; and the odds."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from scipy.special import ndtr

from monitor.charge import KEEPS_ITS_CHARGE, Charge, Reserve
from monitor.day import Day
from monitor.past import Bools, Floats, Past, mean, median, quantiles

COULOMBIC: Final = 0.96  # of the charge comes out again, as long as the battery is not full [K]
OWN_DATES: Final = 14  # by which its own losses are known
LEARNT_CYCLES: Final = 3  # full charges, before a lamp's own balance can be trusted for a forecast
OTHER_NIGHT: Final = 0.04  # of what a night takes, from one to the next
PLENTY: Final = 1.15  # of what a night takes; a healthy panel brings twice as much
FILLED: Final = 0.5  # of what the night took: less charge than this fills no battery
WEAK: Final = 2.0  # times the resistance that its wear explains: a cell is failing
DEAD: Final = 4  # samples in full sun without any current
SURELY_FULL: Final = 3  # samples at the end of charge
NIGHTS: Final = 3  # ahead that dark_risk speaks of
FOREVER: Final = 30.0  # nights of autonomy; more is not told
SUNS: Final = 30  # dates whose sun is what a day may bring: cloud comes and goes, the next day is like any of them
FEWEST_SUNS: Final = 5
SKIES: Final = (0.1, 0.3, 0.5, 0.7, 0.9)  # quantiles: from a dull day to a bright one
OWN_SWING: Final = 0.15  # of what a day brings, beside the commune's sun: the lamp's own, and what no month has shown


def outlook(day: Day, past: Past, battery: Mapping[str, Floats]) -> dict[str, Floats]:
    """autonomy: nights until the cut-off if days and nights go on as they were; dark_risk: probability that the battery
    is cut off in the night of the date or in one of the next two; both as known at its dusk. `missing`: Ah below full
    before the night. battery: what monitor.capacity says of the date."""
    lamps = day.lamps
    said_full = battery["began_full"] > 0
    took, cut = day.filled("discharge_ah"), day["cut_ah"]
    weak = _weak(past, battery)
    took_before = past.before("took", took)
    own = _own_losses(day, past, said_full & ~weak, took_before)
    # A night that the battery ended took less than the lamp would have.
    whole = past.filled("night_ah", np.where(np.isnan(cut) & (took > 0), took, np.nan))
    night = np.nan_to_num(past.before("whole night", whole))
    # A failing cell sinks the voltage as wear does; what the battery held before is nearer the truth.
    capacity = past.filled("sound capacity", np.where(weak, np.nan, battery["capacity"]))
    heard = day.seen & day.known("discharge_ah")
    # Where hours of a day are missing, what it brought is not known: as much as the night took, most likely.
    gained = day.filled("charge_ah") * own
    gained = np.where(heard, gained, np.maximum(gained, night))

    # One high reading is no full battery where what it lacked was not charged.
    full = said_full & ((gained >= FILLED * took_before) | (day.filled("full_n") >= SURELY_FULL))
    charge = Charge(lamps, past)
    charge.take(gained, heard, full, weak)
    dusk = charge.reserve(capacity)
    brings = _brings(day, past, gained, night, heard, full)
    risk = _odds(dusk, night, brings)
    autonomy = _nights_left(dusk.missing + night, dusk.holds, night, brings.mean(axis=1), lamps.nominal_ah)
    charge.give(took, cut, heard, dusk)
    known = day.known("discharge_ah") & (past.count("fulls", said_full) >= LEARNT_CYCLES)
    return {
        "missing": dusk.missing,
        "autonomy": np.where(known, autonomy, np.nan),
        "dark_risk": np.where(known, risk, np.nan),
    }


def _brings(day: Day, past: Past, gained: Floats, night: Floats, heard: Bools, full: Bools) -> Floats:
    """Ah that the next days may bring, [lamps, skies]: by the commune's last suns, from a dull one to a bright one."""
    clearness = day["clearness"]
    suns = past.window("suns", clearness, SUNS)
    usual = mean(suns, FEWEST_SUNS)
    skies = quantiles(suns, SKIES, FEWEST_SUNS) / usual[:, None]
    # Ah per clearness, of the last days that did not end full; what a full battery could have taken is not known.
    yields = past.array("yields", 3)
    hungry, dead = heard & ~full, day["dead_n"] >= DEAD
    sun = np.where(clearness > 0, clearness, np.where(usual > 0, usual, 1.0))
    fresh = np.column_stack([gained / sun, yields[:, :-1]])
    yields[:] = np.where((hungry & ~dead)[:, None], fresh, yields)
    lately = _mean(yields, np.array([0.5, 0.3, 0.2])) * np.where(usual > 0, usual, sun)
    yields[full] = np.nan
    usually = np.where(full, np.maximum(gained, PLENTY * night), gained)
    usually = np.where(hungry & ~np.isnan(lately), lately, usually)
    usually[hungry & dead] = 0.0  # a panel that is gone, whatever it brought before
    return usually[:, None] * np.where(np.isnan(skies), 1.0, skies)


def _weak(past: Past, battery: Mapping[str, Floats]) -> Bools:
    """Whether the resistance rose by more than wear explains: it grows about as the capacity falls, squared."""
    capacity = past.filled("known capacity", battery["capacity"])
    return np.asarray(battery["resistance_ratio"] * np.where(np.isnan(capacity), 1.0, capacity) ** 2 >= WEAK)


def _own_losses(day: Day, past: Past, full: Bools, took_before: Floats) -> Floats:
    """Which share of what is charged comes out again. From full to full, what was charged is what was drawn and its
    losses: each lamp's own, its sensors' errors too."""
    full_before = past.before("began full", full.astype(np.float64)) > 0
    cycle = full & full_before & (day["charge_ah"] > 0)
    shares = past.window("own shares", np.where(cycle, took_before / day["charge_ah"], np.nan), OWN_DATES)
    own = past.filled("own losses", median(shares, 2))
    trusted = (day.lamps.chemistry == KEEPS_ITS_CHARGE) & ~np.isnan(own)
    return np.asarray(np.clip(np.where(trusted, own, COULOMBIC), 0.75, 1.15))


def _mean(values: Floats, weights: Floats) -> Floats:
    """Of each row, of those that are known; NaN where none is."""
    known = np.where(np.isnan(values), 0.0, weights)
    total = known.sum(axis=1)
    return np.where(total > 0, (np.nan_to_num(values) * known).sum(axis=1) / np.maximum(total, 1e-9), np.nan)


def _odds(dusk: Reserve, night: Floats, brings: Floats) -> Floats:
    """Probability that the battery is cut off in one of the next nights, by the worst of them. night: Ah that it takes;
    brings: Ah a day, [lamps, skies]."""
    usual = brings.mean(axis=1)
    doubt = dusk.spread**2 + (OTHER_NIGHT * night) ** 2
    tonight = _short(dusk.spare, night, doubt)
    total = np.zeros_like(tonight)
    for bring in brings.T:
        worst = tonight
        for days in range(1, NIGHTS):
            # The sum of several days is nearer their mean than one of them.
            brought = days * np.maximum(usual + (bring - usual) / np.sqrt(days), 0.0)
            later = doubt + days * (OWN_SWING * usual) ** 2
            worst = np.maximum(worst, _short(dusk.spare, (days + 1) * night - brought, later))
        total += worst
    return np.asarray((dusk.weights * total).sum(axis=1) / brings.shape[1])


def _short(spare: Floats, needed: Floats, doubt: Floats) -> Floats:
    return np.asarray(ndtr((needed[:, None] - spare) / np.sqrt(doubt)[:, None]))


def _nights_left(needed: Floats, holds: Floats, night: Floats, brings: Floats, nominal: Floats) -> Floats:
    """Whole and part nights that the battery lasts, the one that begins included."""
    tonight = (holds - (needed - night)) / np.maximum(night, 0.005 * nominal)
    loses = np.maximum(night - brings, 0.0)
    later = 1.0 + (holds - needed) / np.maximum(loses, 0.005 * nominal)
    return np.clip(np.where(needed > holds, tonight, later), 0.0, FOREVER)
