"""What many nights show of a battery: its capacity by their depth or by its own cut-off, steps of voltage and ohm."""

from typing import Final

import numpy as np

from monitor.day import Day
from monitor.past import FEWEST_DATES, LEARNING_DATES, Bools, Floats, Past, deviation, median
from monitor.peers import MIN_PEERS
from monitor.to_cut import TO_CUT

# Open-circuit voltage of one cell at rest by state of charge (0…1): LFP as measured on three real nodes, lead gel and
# NiMH as published by makers. Only its shape is used: each lamp's own first weeks set its scale.
OCV: Final[dict[str, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    "lfp": (
        (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0),
        (3.00, 3.21, 3.24, 3.28, 3.283, 3.29, 3.305, 3.327, 3.333, 3.35),
    ),
    "gel": ((0.0, 0.25, 0.5, 0.75, 1.0), (1.94, 2.00, 2.05, 2.10, 2.14)),
    "nimh": ((0.0, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 1.0), (1.10, 1.18, 1.21, 1.24, 1.27, 1.30, 1.33, 1.38)),
}
# A worn battery's curve is steeper than a new one's read at the same depth. Fitted on two plants' open worlds: without
# it a battery at 0.50 of its capacity reads 0.33.
SHAPE: Final = 0.65
AT_FIRST: Final = 0.95  # of nameplate: what a battery in service holds in the weeks by which it is measured [K]
SAGGING: Final = 0.5  # of a cell's voltage, below the lamp's usual dusk
LEAST_DRAWN: Final = 0.05  # of the nameplate: what is cut off earlier was not full, or is no matter of capacity
REFUSED: Final = 2  # samples: the panel held above its best point, in high sun
SAME_NIGHT: Final = 0.15  # of the usual Ah: another depth is another part of the curve
RESISTANCE_DATES: Final = 9
LEAPED: Final = 2.5  # times the steady one: no error of reading
TAKEN: Final = 0.6  # of what the night took, before the charger refused more: both sensors err
RETURNED: Final = 0.85  # of what the night took: less, and a controller that says full is wrong
RECOVERED_SHARE: Final = 0.1  # of the nominal voltage above the cut-off, at rest after it
CAPACITY_DATES: Final = 7
FADING_NIGHTS: Final = 14  # that tell the capacity, between the two levels that show how fast it fades
REMEMBERED_DATES: Final = 10  # a lamp that goes out at once shows its resistance on the first night only
FEWEST_ALIKE: Final = 4  # nights of one kind of battery, for what a date does to all of them
CAPACITIES: Final = np.linspace(1.15, 0.15, 101)  # share of nameplate, candidates


def battery(day: Day, past: Past) -> dict[str, Floats]:
    """capacity (share of nameplate), its spread capacity_pm, and steps of voltage and resistance against the usual."""
    lamps = day.lamps
    resistance = day["resistance"]
    # One night's resistance is a few steps of a coarse voltage; its error must not pass for depth.
    steady = past.filled("steady", median(past.window("rest_ohm", day["rest_ohm"], RESISTANCE_DATES)))
    steadied = np.where(day.filled("rest_ohm") < LEAPED * steady, day.filled("rest_ohm") - steady, np.nan)
    dusk_v, dawn_v = (
        day[volts] + np.nan_to_num(day[amps] * steadied)
        for volts, amps in (("rest_dusk_v", "dusk_a"), ("rest_dawn_v", "dawn_a"))
    )
    usual_v = past.usual("rest_dusk_v", dusk_v)
    # A fall that the commune's batteries of the same kind share is a dull day or a long night, no battery's fault.
    step = dusk_v - usual_v
    dusk_step_v = step - np.fmin(lamps.alike.median(step, MIN_PEERS, otherwise=0.0), 0.0)
    taken = past.before("discharge_ah", day["discharge_ah"])
    began_full = _began_full(day, taken)
    # The summit of days that ended full: in the rains others do not reach it.
    max_v_change = day["bat_max_v"] - past.usual("bat_max_v", np.where(day["full_n"] > 0, day["bat_max_v"], np.nan))
    # Cut off on a night that began full: the battery itself has measured what it holds.
    # One that recovers high above its cut-off was not empty: its resistance pulled it down.
    recovered = day["idle_night_v"] > lamps.cut_off + RECOVERED_SHARE * lamps.nominal_v
    # Nor one that sags at dusk already, with nothing drawn: a cell is missing.
    sagging = (dusk_step_v < -SAGGING * lamps.nominal_v / lamps.cells) | (
        day["cut_ah"] < LEAST_DRAWN * lamps.nominal_ah
    )
    cut = day.known("cut_ah") & (day["full_n"] > 0) & ~recovered & ~sagging
    # Another depth, or another end of charge, than in the first weeks is another part of the curve: not comparable.
    usual_ah = past.usual("drawn_ah", np.where(began_full, day["drawn_ah"], np.nan))
    # Dusk varies with the hour at which the battery was full; dawn tells the depth.
    fall_v = usual_v - dawn_v
    enough = (
        (day["drawn_ah"] > 0.08 * lamps.nominal_ah)
        & ~(np.abs(day["drawn_ah"] / usual_ah - 1.0) >= SAME_NIGHT)
        & ~(np.abs(max_v_change) >= 0.02 * lamps.nominal_v)
    )
    fit = began_full & ((enough & ~np.isnan(fall_v)) | cut)
    found = _capacity(day, past, fit, cut, fall_v)
    return found | {
        "dusk_step_v": dusk_step_v,
        "resistance_ratio": past.filled(
            "resistance_ratio", resistance / past.usual("resistance", resistance), REMEMBERED_DATES
        ),
        "sag_v": past.filled("last resistance", resistance, REMEMBERED_DATES) * lamps.luminaire_w / lamps.nominal_v,
        "began_full": began_full.astype(np.float64),
        "max_v_change": max_v_change,
        # What the day brought of what the night before took; of a night of which a part was lost, it is not known.
        "fed": np.where(past.before("seen", day.seen) > 0, day["charge_ah"] / taken, np.nan),
    }


def _began_full(day: Day, taken: Floats) -> Bools:
    """Only a night that began full tells the depth. taken: Ah, by the night before."""
    # A charger that refuses the sun has a full battery, if it had charged it before.
    refused = (day["refused_n"] >= REFUSED) & (day["charge_ah"] >= TAKEN * taken)
    # The controller's own estimate counts only where the voltage never says full (NiMH).
    unsaid = np.isnan(day["charge_ah"] + taken)
    estimated = (day["soc_max"] >= 97) & ((day["charge_ah"] >= RETURNED * taken) | unsaid)
    return np.asarray((day["full_n"] > 0) | refused | ((day.lamps.chemistry == "nimh") & estimated))


def _capacity(day: Day, past: Past, fit: Bools, cut: Bools, fall_v: Floats) -> dict[str, Floats]:
    lamps = day.lamps
    until_cut = np.where(cut, day["cut_ah"] / (lamps.nominal_ah * lamps.by_chemistry(TO_CUT)), np.nan)
    depth = _by_depth(day, past, fit, fall_v)
    # A long night, a feast's lighting profile or a cold week sinks every battery of a commune alike: that is no wear.
    together = lamps.alike.median(depth, FEWEST_ALIKE, otherwise=1.0)
    by_depth = AT_FIRST * (depth / np.minimum(together, 1.1)) ** SHAPE
    once = np.where(fit, np.where(np.isnan(until_cut), by_depth, until_cut), np.nan)
    nights = past.window("capacity", once, CAPACITY_DATES, fit)
    # How much one night's estimate of this lamp scatters, from night to night: a step counts once. A cut-off is wrong,
    # and counts not at all. Of a normal distribution the median step is 0.954 times the deviation.
    pair = past.window("depths", np.where(cut, np.nan, once), 2, fit)
    steps = past.window("depth steps", np.abs(pair[:, -1] - pair[:, -2]), LEARNING_DATES, fit)
    noise = np.where(fit, median(steps, FEWEST_DATES) / 0.954, np.nan)
    capacity = median(nights)
    levels = past.window("capacity levels", capacity, FADING_NIGHTS + 1, fit)
    dates = past.window("capacity dates", np.full(len(lamps), day.number), FADING_NIGHTS + 1, fit)
    found = {
        "capacity": capacity,
        "capacity_pm": deviation(nights),
        "capacity_slope": (levels[:, -1] - levels[:, 0]) / (dates[:, -1] - dates[:, 0]),
        "capacity_n": past.count("capacities", ~np.isnan(once)),
        "capacity_noise": past.filled("capacity_noise", noise),
    }
    found = {name: np.where(fit, values, np.nan) for name, values in found.items()}
    return found | {"capacity_once": once, "capacity_last": past.filled("capacity_once", once)}


def _by_depth(day: Day, past: Past, fit: Bools, fall_v: Floats) -> Floats:
    """The capacity at which drawing `drawn_ah` lowers the resting voltage by `fall_v`, for the lamps that are fit."""
    drawn, measured = day["drawn_ah"] / day.lamps.nominal_ah, fall_v / day.lamps.cells
    scale, curves = np.full(len(drawn), np.nan), []
    for chemistry in day.lamps.chemistries:
        some = np.flatnonzero(fit & (day.lamps.chemistry == chemistry))
        socs, volts = OCV[chemistry]
        # Of the curve, V per cell, by what was drawn as a share of the capacity; the first reading is not at 100 %.
        # Straight between the points where either end passes a point of the curve.
        points = np.unique(np.concatenate([[0.0], (1.0 - np.array(socs)) / 0.97, (1.0 - np.array(socs)) / 0.12]))
        falls = np.interp(1.0 - 0.12 * points, socs, volts) - np.interp(1.0 - 0.97 * points, socs, volts)
        scale[some] = measured[some] / np.maximum(np.interp(drawn[some], points, falls), 1e-4)
        curves.append((some, points, falls))
    usual = np.clip(past.usual("depth scale", scale), 0.5, 2.5)
    found = np.full(len(drawn), np.nan)
    for some, points, falls in curves:
        candidates = np.interp(drawn[some, None] / CAPACITIES, points, falls)  # [lamps, candidates]
        target = (measured / usual)[some]
        once = CAPACITIES[np.abs(candidates - target[:, None]).argmin(axis=1)]
        found[some] = np.where(np.isnan(target), np.nan, once)
    return found
