"""What the battery will last: Ah missing from a full charge, what a night takes, what a day brings; and the odds.

Counted in Ah from the lamp's last full charge, or from its last cut-off, which both say where the battery stands. No
state of charge from a voltage, which on LFP tells nothing, nor from the controller, which is wrong on worn batteries.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from scipy.special import log_ndtr, ndtr

from monitor.day import Day
from monitor.past import Bools, Floats, Past, mean, median, quantiles
from monitor.to_cut import ToCut

COULOMBIC: Final = 0.96  # of the charge comes out again, as long as the battery is not full [K]
# LFP shows its own share from full to full, its sensors' errors included; what others take when full is gassed away.
SHOWS_ITS_OWN: Final = "lfp"
OWN_DATES: Final = 14  # by which its own losses are known
LEARNT_CYCLES: Final = 3  # full charges, before a lamp's own balance can be trusted for a forecast
COUNTED: Final = 0.02  # of the nameplate: error of what one night's current adds up to …
MISCOUNTED: Final = 0.02  # … and of what was charged since the battery was surely full or cut off
OTHER_NIGHT: Final = 0.04  # of what a night takes, from one to the next
PLENTY: Final = 1.15  # of what a night takes; a healthy panel brings twice as much
FILLED: Final = 0.5  # of what the night took: less charge than this fills no battery
WEAK: Final = 2.0  # times the resistance that its wear explains: a cell is failing
RETURNED: Final = 0.85  # of what was missing: a battery with such a cell that got less is not full, its charger stopped
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
    nominal = lamps.nominal_ah
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
    dead = day["dead_n"] >= 4
    # Where hours of a day are missing, what it brought is not known: as much as the night took, most likely.
    gained = day.filled("charge_ah") * own
    gained = np.where(heard, gained, np.maximum(gained, night))

    to_cut = ToCut(lamps, past)
    below = past.array("below", begin=0.0)  # Ah below full, after the night before …
    left = past.array("left", begin=0.0)  # … or Ah above the cut-off, where that came last
    from_cut = past.array("from cut", begin=0.0)  # whether it did
    flowed = past.array("flowed", begin=0.0)  # Ah charged since that moment …
    guessed = past.array("guessed", begin=0.0)  # … and whether some of them were not reported
    since_full = past.array("since full", begin=0.0)  # whether there was a full charge at all
    # One high reading is no full battery where what it lacked was not charged.
    full = said_full & ((gained >= FILLED * took_before) | (day.filled("full_n") >= SURELY_FULL))
    # At a weak cell's voltage the charger stops early, and says full: what it did not give back is missing still.
    owed = full & weak & (since_full > 0) & heard & (gained < RETURNED * below)
    sure = full & ~owed
    left += gained
    flowed += gained
    guessed[~heard] = 1.0
    # What flowed in since a cut-off the battery holds at least; once it is full, that is what it holds.
    spread = _spread(nominal, flowed)
    fills = (from_cut > 0) & (guessed == 0) & (gained > 0)
    keeps = lamps.chemistry == SHOWS_ITS_OWN
    to_cut.at_least(fills & ~sure, left, spread)
    to_cut.exactly(fills & sure & keeps, left, spread)
    to_cut.at_most(fills & sure & ~keeps, left, spread)
    for kept in (from_cut, guessed, flowed):
        kept[sure] = 0.0
    since_full[full] = 1.0
    below[:] = np.where(sure, 0.0, np.maximum(below - gained, 0.0))

    weights = to_cut.weights(capacity)
    holds = (weights * to_cut.ah).sum(axis=1)
    after_cut = from_cut > 0
    left[:] = np.minimum(left, holds)
    missing = np.where(after_cut, holds - left, below)
    # After a cut-off what is left is known, whatever the battery holds.
    spare = np.where(after_cut[:, None], left[:, None], to_cut.ah - below[:, None])
    doubt = _spread(nominal, flowed) ** 2 + (OTHER_NIGHT * night) ** 2
    brings = _brings(day, past, gained, full, np.where(full, np.maximum(gained, PLENTY * night), gained))
    brings[heard & ~full & dead] = 0.0  # a panel that is gone brings nothing, whatever it brought before
    risk = _odds(spare, weights, night, brings, doubt)
    autonomy = _nights_left(missing + night, holds, night, brings.mean(axis=1), nominal)

    # The night itself, once it is over.
    was_cut = ~np.isnan(cut)
    flow = below + np.where(was_cut, cut, took)
    tells = (since_full > 0) & ~after_cut
    spread = _spread(nominal, flowed)
    to_cut.fade()
    to_cut.exactly(tells & was_cut, flow, spread)
    to_cut.at_least(tells & ~was_cut & heard & (took > 0), flow, spread)
    # That a night was lasted through tells of the count as well: each of the two takes its share of what it was wrong.
    doubt = spread**2 + (weights * (to_cut.ah - holds[:, None]) ** 2).sum(axis=1)
    reserve = holds - below - took
    wrong = np.where(heard, _lasted(reserve, np.sqrt(doubt)) - reserve, 0.0)
    below[:] = np.clip(below + took - wrong * spread**2 / doubt, 0.0, holds)
    left[:] = np.where(was_cut, 0.0, _lasted(left - took, spread))
    from_cut[was_cut] = 1.0
    for kept in (guessed, flowed):
        kept[was_cut] = 0.0
    known = day.known("discharge_ah") & (past.count("fulls", said_full) >= LEARNT_CYCLES)
    return {
        "missing": missing,
        "autonomy": np.where(known, autonomy, np.nan),
        "dark_risk": np.where(known, risk, np.nan),
    }


def _lasted(reserve: Floats, spread: Floats) -> Floats:
    """What was left in the morning, Ah, given that something was: the mean of a normal variable that is above zero."""
    z = np.maximum(reserve / spread, -5.0)
    return np.asarray(
        np.maximum(reserve, -5.0 * spread) + spread * np.exp(-0.5 * z**2 - log_ndtr(z)) / np.sqrt(2 * np.pi)
    )


def _spread(nominal: Floats, flowed: Floats) -> Floats:
    return np.asarray(np.hypot(COUNTED * nominal, MISCOUNTED * flowed))


def _brings(day: Day, past: Past, gained: Floats, full: Bools, otherwise: Floats) -> Floats:
    """Ah that the next days may bring, [lamps, skies]: by the commune's last suns, from a dull one to a bright one."""
    clearness = day["clearness"]
    suns = past.window("suns", clearness, SUNS)
    usual = mean(suns, FEWEST_SUNS)
    skies = quantiles(suns, SKIES, FEWEST_SUNS) / usual[:, None]
    # Ah per clearness, of the last days that did not end full; what a full battery could have taken is not known.
    yields = past.array("yields", 3)
    hungry = day.seen & day.known("discharge_ah") & ~full
    sun = np.where(clearness > 0, clearness, np.where(usual > 0, usual, 1.0))
    fresh = np.column_stack([gained / sun, yields[:, :-1]])
    yields[:] = np.where((hungry & (day.filled("dead_n") < 4))[:, None], fresh, yields)
    lately = _mean(yields, np.array([0.5, 0.3, 0.2])) * np.where(usual > 0, usual, sun)
    yields[full] = np.nan
    return np.where(hungry & ~np.isnan(lately), lately, otherwise)[:, None] * np.where(np.isnan(skies), 1.0, skies)


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
    trusted = (day.lamps.chemistry == SHOWS_ITS_OWN) & ~np.isnan(own)
    return np.asarray(np.clip(np.where(trusted, own, COULOMBIC), 0.75, 1.15))


def _mean(values: Floats, weights: Floats) -> Floats:
    """Of each row, of those that are known; NaN where none is."""
    known = np.where(np.isnan(values), 0.0, weights)
    total = known.sum(axis=1)
    return np.where(total > 0, (np.nan_to_num(values) * known).sum(axis=1) / np.maximum(total, 1e-9), np.nan)


def _odds(spare: Floats, weights: Floats, night: Floats, brings: Floats, doubt: Floats) -> Floats:
    """Probability that the battery is cut off in one of the next nights, by the worst of them.

    spare: Ah left at dusk, [lamps, answers of ToCut], with their `weights`; brings: Ah a day, [lamps, skies]; doubt:
    variance of what is counted, Ah².
    """
    usual = brings.mean(axis=1)
    tonight = _short(spare, night, doubt)
    total = np.zeros_like(spare)
    for bring in brings.T:
        worst = tonight
        for days in range(1, NIGHTS):
            # The sum of several days is nearer their mean than one of them.
            brought = days * np.maximum(usual + (bring - usual) / np.sqrt(days), 0.0)
            worst = np.maximum(
                worst, _short(spare, (days + 1) * night - brought, doubt + days * (OWN_SWING * usual) ** 2)
            )
        total += worst
    return np.asarray((weights * total).sum(axis=1) / brings.shape[1])


def _short(spare: Floats, needed: Floats, doubt: Floats) -> Floats:
    return np.asarray(ndtr((needed[:, None] - spare) / np.sqrt(doubt)[:, None]))


def _nights_left(needed: Floats, holds: Floats, night: Floats, brings: Floats, nominal: Floats) -> Floats:
    """Whole and part nights that the battery lasts, the one that begins included."""
    tonight = (holds - (needed - night)) / np.maximum(night, 0.005 * nominal)
    loses = np.maximum(night - brings, 0.0)
    later = 1.0 + (holds - needed) / np.maximum(loses, 0.005 * nominal)
    return np.clip(np.where(needed > holds, tonight, later), 0.0, FOREVER)
