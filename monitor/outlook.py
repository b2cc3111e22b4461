"""What the battery will last: Ah missing from a full charge, what a night takes, what a day brings; and the odds.

Counted in Ah from the lamp's last full charge, or from its last cut-off, which both say where the battery stands. No
state of charge from a voltage, which on LFP tells nothing, nor from the controller, which is wrong on worn batteries.
"""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Share of a full charge that flows before the load is cut off. The cells of a pack end one after the other, and the
# load pulls the voltage down: less than the chemistry holds. [K], until the lamp's own cut-offs have shown it.
TO_CUT: Final = {"lfp": 0.80, "nimh": 0.73, "gel": 0.78}
TO_CUT_ERROR: Final = 0.08  # of the nameplate, of that share before the first cut-off …
TO_CUT_LEARNT: Final = 0.05  # … and after it
COULOMBIC: Final = 0.96  # of the charge comes out again, as long as the battery is not full [K]
# LFP shows its own share from full to full, its sensors' errors included; what others take when full is gassed away.
SHOWS_ITS_OWN: Final = "lfp"
LEARNT_CYCLES: Final = 3  # full charges, before a lamp's own balance can be trusted for a forecast
SURE_OF_ONE: Final = 0.97  # of what one night took from a full battery: so much it holds
SURE_OF: Final = 0.85  # of what was counted as given over days
REFUTED: Final = 0.95  # of what the cut-offs showed: who gives more holds more
DAY_MIN: Final = 1440.0
SEEN: Final = 0.93  # of a date's minutes with samples: less, and its Ah are not all counted
PLENTY: Final = 1.15  # of what a night takes; a healthy panel brings twice as much
FILLED: Final = 0.5  # of what the night took: less charge than this fills no battery
SURELY_FULL: Final = 3  # samples at the end of charge
FADING: Final = 0.985  # a day: what was learnt of a battery that changes, or is changed
NIGHTS: Final = 3  # ahead that dark_risk speaks of
FOREVER: Final = 30.0  # nights of autonomy; more is not told
USUAL_SWING: Final = 0.12  # of a day's charge from one day to the next, where the commune's sun is not known [K]
LEAST_SWING: Final = 0.06
CLOUDY_SPELL: Final = 0.4  # of a day's difference from the usual sun, left on the next one [K]


def with_outlook(table: pl.DataFrame) -> pl.DataFrame:
    """autonomy: nights until the cut-off if days and nights go on as they were; dark_risk: probability that the night
    of the date or one of the next two ends early; both as known at its dusk. `missing`: Ah below full before the
    night. Needs what monitor.trends adds before."""
    one = "life"
    took = pl.col("discharge_ah").fill_null(0.0)
    full = pl.col("began_full")
    # From full to full, what was charged is what was drawn and its losses: each lamp's own, its sensors' errors too.
    cycle = full & full.shift(1).over(one) & (pl.col("charge_ah") > 0)
    own = pl.when(cycle).then(took.shift(1).over(one) / pl.col("charge_ah")).rolling_median(14, min_samples=2)
    # A night that the battery ended took less than the lamp would have.
    night = pl.when(pl.col("cut_ah").is_null() & (took > 0)).then(took)
    sun = pl.col("clearness")
    swing = sun.rolling_std(14, min_samples=5) / sun.rolling_mean(14, min_samples=5)
    table = table.with_columns(
        own=pl.when(pl.col("chemistry") == SHOWS_ITS_OWN)
        .then(own.over(one).forward_fill().over(one))
        .fill_null(COULOMBIC)
        .clip(0.75, 1.15),
        night_ah=night.forward_fill().over(one).shift(1).over(one),
        usual_sun=sun.rolling_mean(10, min_samples=1).over(one),
        swing=swing.over(one).forward_fill().over(one).fill_null(USUAL_SWING).clip(lower_bound=LEAST_SWING),
        holds=pl.col("nominal_ah") * pl.col("capacity").forward_fill().over(one).fill_null(1.0).clip(0.1, 1.05),
        share=pl.col("chemistry").replace_strict(TO_CUT, return_dtype=pl.Float64),
        fulls=full.cum_sum().over(one),
        heard=(pl.col("samples") * pl.col("spacing_min") >= SEEN * DAY_MIN) & pl.col("discharge_ah").is_not_null(),
    )
    missing, autonomy, risk = _walk(table)
    known = pl.col("discharge_ah").is_not_null() & (pl.col("fulls") >= LEARNT_CYCLES)
    added = ("own", "night_ah", "usual_sun", "swing", "holds", "share", "fulls", "heard")
    return table.with_columns(
        missing=missing,
        autonomy=pl.when(known).then(autonomy).cast(pl.Float32),
        dark_risk=pl.when(known).then(risk).cast(pl.Float32),
    ).drop(*added)


def _walk(table: pl.DataFrame) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Date after date, all lives at once: what is missing, what a day brings, and what that means for the nights."""
    lives = table["life"].to_numpy()
    begins = np.ones(len(lives), dtype=np.bool_)
    begins[1:] = lives[1:] != lives[:-1]
    row = np.cumsum(begins) - 1
    at = np.arange(len(lives))
    column = at - np.maximum.accumulate(np.where(begins, at, 0))
    shape = (int(row[-1]) + 1, int(column.max()) + 1) if len(lives) else (0, 0)

    def grid(name: str, fill: float = 0.0) -> Floats:
        values = np.full(shape, np.nan, order="F")  # read date after date
        values[row, column] = table[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return np.where(np.isnan(values), fill, values)

    said_full, full_n = grid("began_full") > 0, grid("full_n")
    heard, dead = grid("heard") > 0, grid("dead_n") >= 4
    took, cut = grid("discharge_ah"), grid("cut_ah", np.nan)
    gain = grid("charge_ah") * grid("own", COULOMBIC)
    sun, usual = grid("clearness", np.nan), grid("usual_sun", np.nan)
    night, swing = grid("night_ah"), grid("swing", USUAL_SWING)
    nominal, share = grid("nominal_ah", 1.0), grid("share", 0.8)
    capacity = grid("holds", 1.0)
    missing, autonomy, risk = (np.full(shape, most, order="F") for most in (0.0, FOREVER, 0.0))
    lives_n = shape[0]
    last_night = np.zeros(lives_n)
    below = np.zeros(lives_n)  # Ah below full, after the night
    since_full = np.zeros(lives_n, dtype=np.bool_)  # whether `below` is counted from a full charge
    learnt = np.full(lives_n, np.nan)  # Ah that flowed from full until the lamp's own cut-offs
    least = np.zeros(lives_n)  # Ah that flowed without one
    yields = np.full((lives_n, 3), np.nan)  # Ah per clearness, of the last days that did not end full
    for j in range(shape[1]):
        # Where hours of a day are missing, what it brought is not known: as much as the night took, most likely.
        gained = np.where(heard[:, j], gain[:, j], np.maximum(gain[:, j], night[:, j]))
        # One high reading is no full battery where what it lacked was not charged.
        full = said_full[:, j] & ((gained >= FILLED * last_night) | (full_n[:, j] >= SURELY_FULL))
        now = np.where(full, 0.0, np.maximum(below - gained, 0.0))
        since_full |= full
        missing[:, j] = now
        # What a day brings to a battery that takes all of it, by the commune's sun.
        clear = np.where(sun[:, j] > 0, sun[:, j], usual[:, j])
        clear = np.where(clear > 0, clear, 1.0)
        hungry = heard[:, j] & ~full
        fresh = np.column_stack([gain[:, j] / clear, yields[:, :-1]])
        yields = np.where((hungry & ~dead[:, j])[:, None], fresh, yields)
        lately = _mean(yields, np.array([0.5, 0.3, 0.2]))
        toward = np.where(usual[:, j] > 0, usual[:, j], clear)
        # A day that ended full could have brought more than it did.
        plenty = np.where(full, np.maximum(gained, PLENTY * night[:, j]), gained)
        brings = [
            np.where(hungry & ~np.isnan(lately), lately * (toward + (clear - toward) * CLOUDY_SPELL**n), plenty)
            for n in range(1, NIGHTS)
        ]
        # A panel that is gone brings nothing, whatever it brought before.
        brings = [np.where(hungry & dead[:, j], 0.0, day) for day in brings]
        prior = capacity[:, j] * share[:, j]
        holds = np.where(np.isnan(learnt), prior, learnt)
        error = np.where(np.isnan(learnt), TO_CUT_ERROR, TO_CUT_LEARNT) * nominal[:, j]
        risk[:, j] = _odds(now + night[:, j], holds, night[:, j], brings, swing[:, j], error, least)
        autonomy[:, j] = _nights_left(
            now + night[:, j], np.maximum(holds, least), night[:, j], brings[-1], nominal[:, j]
        )
        yields = np.where(full[:, None], np.nan, yields)
        # The night itself, once it is over.
        was_cut = ~np.isnan(cut[:, j])
        # What flowed from full to its own cut-off is what the lamp has measured …
        seen = np.clip(now + cut[:, j], 0.2 * nominal[:, j], 1.1 * nominal[:, j])
        learns = was_cut & since_full
        learnt = np.where(learns, np.where(np.isnan(learnt), seen, 0.5 * (learnt + seen)), learnt)
        # … and what a night took without being cut off is the least that it holds.
        gave = np.where(heard[:, j] & ~was_cut & since_full, np.minimum(now + took[:, j], 1.1 * nominal[:, j]), 0.0)
        # Counted in one night from full it is sure; summed over days, errors are summed as well.
        gave_surely = np.where(full, SURE_OF_ONE, SURE_OF) * gave
        least = np.maximum(least * FADING, gave_surely)
        learnt = np.where(gave > REFUTED * learnt, np.nan, learnt)  # a new battery, or it was no battery's cut-off
        holds = np.maximum(np.where(np.isnan(learnt), prior, learnt), least)
        learnt = np.where(np.isnan(learnt), learnt, prior + (learnt - prior) * FADING)
        after = np.minimum(now + took[:, j], np.maximum(holds * 0.98, now))
        below = np.where(was_cut, holds, after)
        last_night = took[:, j]
        since_full &= ~was_cut
    return tuple(pl.Series(values[row, column]) for values in (missing, autonomy, risk))  # type: ignore[return-value]  # three


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
