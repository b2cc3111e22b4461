"""What the battery will last: Ah missing from a full charge, what a night takes, what a day brings; and the odds.

Counted in Ah from the lamp's last full charge, or from its last cut-off, which both say where the battery stands. No
state of charge from a voltage, which on LFP tells nothing, nor from the controller, which is wrong on worn batteries.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from scipy.special import ndtr

from monitor.day import Day
from monitor.past import Bools, Floats, Past, deviation, mean, median

# Share of a full charge that flows before the load is cut off. The cells of a pack end one after the other, and the
# load pulls the voltage down: less than the chemistry holds. [K], until the lamp's own cut-offs have shown it.
TO_CUT: Final = {"lfp": 0.80, "nimh": 0.73, "gel": 0.78}
TO_CUT_ERROR: Final = 0.08  # of the nameplate, of that share before the first cut-off …
TO_CUT_LEARNT: Final = 0.05  # … and after it
COULOMBIC: Final = 0.96  # of the charge comes out again, as long as the battery is not full [K]
# LFP shows its own share from full to full, its sensors' errors included; what others take when full is gassed away.
SHOWS_ITS_OWN: Final = "lfp"
OWN_DATES: Final = 14  # by which its own losses are known
LEARNT_CYCLES: Final = 3  # full charges, before a lamp's own balance can be trusted for a forecast
SURE_OF_ONE: Final = 0.97  # of what one night took from a full battery: so much it holds
SURE_OF: Final = 0.85  # of what was counted as given over days
REFUTED: Final = 0.95  # of what the cut-offs showed: who gives more holds more
CUT_SHORT: Final = 0.95  # of what flowed until a cut-off: so much the battery will give again
PLENTY: Final = 1.15  # of what a night takes; a healthy panel brings twice as much
FILLED: Final = 0.5  # of what the night took: less charge than this fills no battery
WEAK: Final = 2.0  # times the resistance that its wear explains: a cell is failing
RETURNED: Final = 0.85  # of what was missing: a battery with such a cell that got less is not full, its charger stopped
SURELY_FULL: Final = 3  # samples at the end of charge
FADING: Final = 0.985  # a day: what was learnt of a battery that changes, or is changed
NIGHTS: Final = 3  # ahead that dark_risk speaks of
FOREVER: Final = 30.0  # nights of autonomy; more is not told
USUAL_SWING: Final = 0.12  # of a day's charge from one day to the next, where the commune's sun is not known [K]
LEAST_SWING: Final = 0.06
# Of a day's difference from the usual sun, left on the next one: measured 0.2…0.3 in the dry months, none in the rains.
CLOUDY_SPELL: Final = 0.2


def outlook(day: Day, past: Past, battery: Mapping[str, Floats]) -> dict[str, Floats]:
    """autonomy: nights until the cut-off if days and nights go on as they were; dark_risk: probability that the night
    of the date or one of the next two ends early; both as known at its dusk. `missing`: Ah below full before the
    night. battery: what monitor.capacity says of the date."""
    lamps = day.lamps
    said_full = battery["began_full"] > 0
    took, cut = day.filled("discharge_ah"), day["cut_ah"]
    weak = _weak(past, battery)
    took_before = past.before("took", took)
    own = _own_losses(day, past, said_full & ~weak, took_before)
    # A night that the battery ended took less than the lamp would have.
    whole = past.filled("night_ah", np.where(np.isnan(cut) & (took > 0), took, np.nan))
    night = np.nan_to_num(past.before("whole night", whole))
    clearness = day["clearness"]
    suns = past.window("sun", clearness, 14)
    usual = mean(suns[:, -10:])
    swing = past.filled("swing", deviation(suns, 5) / mean(suns, 5))
    swing = np.maximum(np.where(np.isnan(swing), USUAL_SWING, swing), LEAST_SWING)
    # A failing cell sinks the voltage as wear does; what the battery held before is nearer the truth.
    capacity = past.filled("sound capacity", np.where(weak, np.nan, battery["capacity"]))
    nominal = lamps.nominal_ah
    prior = nominal * np.clip(np.where(np.isnan(capacity), 1.0, capacity), 0.1, 1.05) * lamps.by_chemistry(TO_CUT)
    heard = day.seen & day.known("discharge_ah")
    dead = day["dead_n"] >= 4
    gain = day.filled("charge_ah") * own

    below = past.array("below", begin=0.0)  # Ah below full, after the night before
    since_full = past.array("since full", begin=0.0)  # whether `below` is counted from a full charge
    learnt = past.array("learnt to cut")  # Ah that flowed from full until the lamp's own cut-offs
    least = past.array("least to cut", begin=0.0)  # Ah that flowed without one
    yields = past.array("yields", 3)  # Ah per clearness, of the last days that did not end full
    # Where hours of a day are missing, what it brought is not known: as much as the night took, most likely.
    gained = np.where(heard, gain, np.maximum(gain, night))
    # One high reading is no full battery where what it lacked was not charged.
    full = said_full & ((gained >= FILLED * took_before) | (day.filled("full_n") >= SURELY_FULL))
    # At a weak cell's voltage the charger stops early, and says full: what it did not give back is missing still.
    owed = full & weak & (since_full > 0) & heard & (gained < RETURNED * below)
    now = np.where(full & ~owed, 0.0, np.maximum(below - gained, 0.0))
    since_full[full] = 1.0
    # What a day brings to a battery that takes all of it, by the commune's sun.
    clear = np.where(clearness > 0, clearness, usual)
    clear = np.where(clear > 0, clear, 1.0)
    hungry = heard & ~full
    fresh = np.column_stack([gain / clear, yields[:, :-1]])
    yields[:] = np.where((hungry & ~dead)[:, None], fresh, yields)
    lately = _mean(yields, np.array([0.5, 0.3, 0.2]))
    toward = np.where(usual > 0, usual, clear)
    # A day that ended full could have brought more than it did.
    plenty = np.where(full, np.maximum(gained, PLENTY * night), gained)
    brings = [
        np.where(hungry & ~np.isnan(lately), lately * (toward + (clear - toward) * CLOUDY_SPELL**n), plenty)
        for n in range(1, NIGHTS)
    ]
    # A panel that is gone brings nothing, whatever it brought before.
    brings = [np.where(hungry & dead, 0.0, day_brings) for day_brings in brings]
    holds = np.where(np.isnan(learnt), prior, learnt)
    error = np.where(np.isnan(learnt), TO_CUT_ERROR, TO_CUT_LEARNT) * nominal
    risk = _odds(now + night, holds, night, brings, swing, error, least)
    autonomy = _nights_left(now + night, np.maximum(holds, least), night, brings[-1], nominal)
    yields[full] = np.nan
    # The night itself, once it is over.
    was_cut = ~np.isnan(cut)
    # What flowed from full to its own cut-off is what the lamp has measured …
    seen = np.clip(now + np.where(was_cut, cut, 0.0), 0.2 * nominal, 1.1 * nominal)
    learns = was_cut & (since_full > 0)
    learnt[learns] = np.where(np.isnan(learnt), seen, 0.5 * (learnt + seen))[learns]
    # … and what a night took without being cut off is the least that it holds.
    gave = np.where(heard & ~was_cut & (since_full > 0), np.minimum(now + took, 1.1 * nominal), 0.0)
    # A cut-off has shown that it was not so much after all.
    least[learns] = np.minimum(least, CUT_SHORT * seen)[learns]
    # Counted in one night from full it is sure; summed over days, errors are summed as well.
    least[:] = np.maximum(least * FADING, np.where(full, SURE_OF_ONE, SURE_OF) * gave)
    learnt[gave > REFUTED * learnt] = np.nan  # a new battery, or it was no battery's cut-off
    holds = np.maximum(np.where(np.isnan(learnt), prior, learnt), least)
    learnt[:] = prior + (learnt - prior) * FADING
    after = np.minimum(now + took, np.maximum(holds * 0.98, now))
    below[:] = np.where(was_cut, holds, after)
    since_full[was_cut] = 0.0
    known = day.known("discharge_ah") & (past.count("fulls", said_full) >= LEARNT_CYCLES)
    return {
        "missing": now,
        "autonomy": np.where(known, autonomy, np.nan),
        "dark_risk": np.where(known, risk, np.nan),
    }


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


def _odds(
    needed: Floats, holds: Floats, night: Floats, brings: list[Floats], swing: Floats, error: Floats, least: Floats
) -> Floats:
    """Probability that the battery is cut off in one of the next nights: the worst of them. `needed`: Ah below full at
    the end of the first night, if it lasts. `least`: what it has given already; it holds at least so much."""
    doubt = error**2
    worst = _less(needed, holds, doubt, least)
    for day in brings:
        needed = np.maximum(needed - day, 0.0) + night
        doubt = doubt + (swing * day) ** 2
        worst = np.maximum(worst, _less(needed, holds, doubt, least))
    return worst


def _less(needed: Floats, holds: Floats, doubt: Floats, least: Floats) -> Floats:
    """How likely a normal variable (mean `holds`, variance `doubt`) that is at least `least` is less than `needed`."""
    spread = np.sqrt(doubt)
    excluded = np.minimum(ndtr((least - holds) / spread), 0.999)
    return np.asarray(np.clip((ndtr((needed - holds) / spread) - excluded) / (1.0 - excluded), 0.0, 1.0))


def _nights_left(needed: Floats, holds: Floats, night: Floats, brings: Floats, nominal: Floats) -> Floats:
    """Whole and part nights that the battery lasts, the one that begins included."""
    tonight = (holds - (needed - night)) / np.maximum(night, 0.005 * nominal)
    loses = np.maximum(night - brings, 0.0)
    later = 1.0 + (holds - needed) / np.maximum(loses, 0.005 * nominal)
    return np.clip(np.where(needed > holds, tonight, later), 0.0, FOREVER)
