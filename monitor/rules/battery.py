"""What the battery's figures show: gone, worn, a cell failing, over-charged or not charged, too hot."""

from typing import Final

import polars as pl

from monitor.beside import before
from monitor.capacity import RECOVERED_SHARE
from monitor.controller import HOT_C
from monitor.fault import Kind
from monitor.rules.rule import Row, Rule, Threshold, Told, View, figure, ranked

IDLE: Final = Threshold(
    0.9, "of the day's samples", "a battery that neither charges nor discharges all day is not there"
)
DRAINED: Final = Threshold(0.95, "of the cut-off", "an empty battery is still a battery; the charger brought nothing")
WORN: Final = Threshold(0.72, "of nameplate", "70 % is the usual end of life; two points for the estimate's error")
FRESH: Final = Threshold(0.85, "of nameplate", "a new battery is far above; hysteresis")
KNEE: Final = Threshold(0.8, "of nameplate", "where a battery fades fast; above, a few odd nights look like it")
KNOWN: Final = Threshold(28, "nights", "while its usual depth is being learnt, an estimate may sink by a sixth")
FADING: Final = Threshold(42, "days ahead", "about what it takes to bring another battery")
SPENT: Final = Threshold(0.5, "of nameplate by then", "half of it no longer lasts every night")
SURE: Final = Threshold(
    2.5, "times one night's scatter", "the median of seven nights is then off by less than one in ten thousand"
)
SCATTER: Final = Threshold(0.13, "of nameplate", "deviation of the last seven nights: estimates that leap tell nothing")
CELL: Final = Threshold(
    0.55, "of one cell's voltage", "a short cell takes its whole voltage away at once, wear does not"
)
SUMMIT: Final = Threshold(
    0.4, "of one cell's voltage", "NiMH: missing at the end of charge too; wear does not show there"
)
BELOW: Final = Threshold(
    0.2, "of one cell's voltage", "at dusk, where it also rests below its cut-off: wear alone sinks less"
)
EMPTY: Final = Threshold(0.3, "of the nameplate missing", "an empty battery sinks as low without losing a cell")
OHM: Final = Threshold(4.0, "times its usual resistance", "wear triples it; a failing cell does more")
BEYOND: Final = Threshold(
    2.0, "times what the lost capacity explains", "resistance grows about as capacity falls, squared; a cell outruns it"
)
SAG: Final = Threshold(0.02, "of the nominal voltage", "below this a risen resistance does no harm")
OVER: Final = Threshold(1.03, "of the charge-end voltage", "a cool gel battery is rightly charged 2 % higher")
RISEN: Final = Threshold(
    0.025, "of the nominal voltage", "against its own first weeks: heat lowers the end of charge, nothing raises it so"
)
FED: Final = Threshold(1.5, "times what the night took", "NiMH, on two days: full after 1.1 times, warm after 1.3")
UNCHARGED: Final = Threshold(
    8, "samples", "two hours at 15 minutes with a panel at open voltage and a battery not full"
)
MISSED: Final = Threshold(90, "min", "of a morning whose reports were lost nobody knows what it brought")
HOT: Final = Threshold(HOT_C, "°C", "above it a lithium iron phosphate battery ages several times faster")


def find_battery_lost(view: View) -> pl.DataFrame:
    idle_share = pl.col("battery_idle_n") / pl.col("day_samples")
    # A battery that was drained to the dregs stands there with a few volts; a lost one follows the sun, or shows none.
    drained = pl.col("bat_day_v").is_between(0.35 * pl.col("nominal_v"), DRAINED.value * pl.col("cut_off"))
    bad = (
        (pl.col("battery_idle_n") >= 4)
        & (idle_share >= IDLE.value)
        & (pl.col("unpowered_minutes_before") > 60)
        & ~drained.fill_null(False)
    )
    good = (pl.col("day_samples") >= 4) & (idle_share < 0.5)
    return (
        view.nights.with_columns(
            unpowered_minutes_before=before("unpowered_minutes"), unpowered_since_before=before("unpowered_since")
        )
        .with_columns(bad=bad)
        .filter(pl.col("bad") | good)
        .with_columns(
            since="unpowered_since_before", bad_at="battery_idle_at",
            good_since="first_time", good_at=pl.when(~pl.col("bad")).then("battery_used_at"),
        )
    )  # fmt: skip


def tell_battery_lost(row: Row) -> Told:
    return Told(
        causes=ranked(theft=0.4, cable=0.35, fuse=0.25),
        figures=figure("unpowered_min", row["unpowered_minutes_before"], "min", at=row["unpowered_since_before"])
        + figure("battery_v", row["bat_day_v"], "V")
        + figure("charge_ah", row["charge_ah"], "Ah"),
        estimate=0.0,
    )


def find_battery_worn(view: View) -> pl.DataFrame:
    sure = (1.0 - pl.col("capacity")) > SURE.value * pl.col("capacity_noise").fill_null(0.1).clip(lower_bound=0.02)
    steady = pl.col("capacity_pm") < SCATTER.value
    # At its knee a battery is below that within weeks: the sooner it is known, the sooner another one is there.
    left = pl.col("capacity") + FADING.value * pl.col("capacity_slope")
    fading = (pl.col("capacity") < KNEE.value) & (left < SPENT.value).fill_null(False)
    fading &= pl.col("capacity_n") >= KNOWN.value
    bad = ((pl.col("capacity") < WORN.value) | fading) & (pl.col("capacity_n") >= 4) & sure & steady
    good = (pl.col("capacity") > FRESH.value) & (pl.col("capacity_n") >= 4)
    return (
        view.nights.filter(pl.col("capacity").is_not_null())
        .with_columns(bad=bad)
        .filter(pl.col("bad") | good)
        .with_columns(
            since="time", bad_at="sent_last", good_since="time", good_at=pl.when(~pl.col("bad")).then("sent_last")
        )
    )


def tell_battery_worn(row: Row) -> Told:
    fading = row["capacity"] >= WORN.value and row["capacity_slope"] is not None
    return Told(
        causes=ranked(wear=0.85, cell=0.15),
        figures=figure("capacity_pct", 100 * row["capacity"], "%", limit=100 * (KNEE.value if fading else WORN.value))
        + figure("capacity_pct_month", -30 * 100 * row["capacity_slope"] if fading else None, "%/month")
        + figure("capacity_ah", row["capacity"] * row["nominal_ah"], "Ah")
        + figure("capacity_pm_ah", row["capacity_pm"] * row["nominal_ah"] if row["capacity_pm"] else None, "Ah")
        + figure("drawn_ah", row["drawn_ah"], "Ah")
        + figure("dusk_v", row["rest_dusk_v"], "V", at=row["night_first"])
        + figure("dawn_v", row["rest_dawn_v"], "V"),
        estimate=round(row["capacity"], 3),
    )


def find_weak_cell(view: View) -> pl.DataFrame:
    cell_v = pl.col("nominal_v") / pl.col("cells")
    # NiMH has no voltage to be charged to: there a lost cell is missing at the day's summit as well, and wear is not.
    summit = (pl.col("chemistry") != "nimh") | (
        (pl.col("max_v_change") < -SUMMIT.value * cell_v) & pl.col("tap_w").is_null()
    )
    # A reading at its rail is a sensor's.
    real = pl.col("rest_dusk_v") > 0.5 * pl.col("nominal_v")
    stepped = (pl.col("dusk_step_v") < -CELL.value * cell_v) & pl.col("began_full") & summit & real
    lacking = pl.when(pl.col("chemistry") == "lfp").then(1.75 * BELOW.value).otherwise(BELOW.value)
    # An empty battery recovers above its cut-off once the load is gone; one that lost a cell rests below it, charged.
    # What three cells take of a charge for four is little, and their voltage stands high: by day only.
    stands = (pl.col("bat_day_v") > 1.03 * pl.col("nominal_v")) & (pl.col("charge_ah") < 0.05 * pl.col("nominal_ah"))
    below = (
        (pl.col("idle_night_v") < pl.col("cut_off") + 0.02 * pl.col("nominal_v"))
        & ((pl.col("charge_ah") > 0.015 * pl.col("nominal_ah")) | (pl.col("bat_day_v") > pl.col("nominal_v")))
        & (pl.col("dusk_step_v").fill_null(-99.0) < -cell_v * lacking)
        & pl.col("cut_at").is_not_null()
        & ((pl.col("missing") < EMPTY.value * pl.col("nominal_ah")) | stands)
        & pl.col("tap_w").is_null()
        & summit
    )
    short = stepped.fill_null(False) | below.fill_null(False)
    sag = (pl.col("resistance_ratio") > OHM.value) & (pl.col("sag_v") > SAG.value * pl.col("nominal_v"))
    # Wear raises the resistance as well: it is a cell where the battery was not empty, or where wear explains less.
    held = pl.col("idle_night_v") > pl.col("cut_off") + RECOVERED_SHARE * pl.col("nominal_v")
    left = pl.col("capacity_last").fill_null(1.0).clip(0.3, 1.0)
    beyond = pl.col("began_full") & (pl.col("resistance_ratio") > BEYOND.value / left.pow(2))
    bad = pl.col("short") | (sag & pl.when(pl.col("cut_at").is_not_null()).then(held | beyond).otherwise(beyond))
    good = (pl.col("dusk_step_v") > -0.5 * CELL.value * cell_v) & (pl.col("resistance_ratio").fill_null(1.0) < 1.6)
    return (
        view.nights.with_columns(short=short)
        .with_columns(bad=bad, since="night_first", bad_at="night_end", good_since="night_first")
        .filter(pl.col("bad") | good)
        .with_columns(good_at=pl.when(~pl.col("bad")).then("night_end"))
    )


def tell_weak_cell(row: Row) -> Told:
    return Told(
        causes=ranked(cell=0.8, cable=0.2 if not row["short"] else 0.05, wear=0.1),
        figures=figure("step_v", row["dusk_step_v"] if row["short"] else None, "V", at=row["night_first"])
        + figure("dusk_v", row["rest_dusk_v"] or row["idle_night_v"], "V")
        + figure("resistance_mohm", 1000 * row["resistance"] if row["resistance"] and not row["short"] else None, "mΩ")
        + figure("sag_v", row["sag_v"] if not row["short"] else None, "V"),
    )


def find_charger_stuck(view: View) -> pl.DataFrame:
    present = (pl.col("battery_idle_n") / pl.col("day_samples")).fill_null(0.0) < IDLE.value
    higher = (pl.col("max_v_change") > RISEN.value * pl.col("nominal_v")) & (
        pl.col("bat_max_v") > pl.col("charge_end") * 1.004
    )
    # NiMH has no voltage to stop at: a charger that does not stop goes on all day.
    gorged = (pl.col("fed") > FED.value) & pl.col("began_full") & before("began_full")
    gorged &= (pl.col("chemistry") == "nimh") & (pl.col("tap_w").is_null())
    twice = (pl.col("gorged") & before("gorged")).fill_null(False)
    over = ((pl.col("over_n") >= 3) | (pl.col("higher") & (pl.col("full_n") >= 3)) | pl.col("gorged")) & present
    # A full battery's panel stands at its open voltage too: what tells is that the battery was empty enough to take.
    # Of a lamp first heard at noon nobody knows what the morning brought.
    known = before("discharge_ah").is_not_null()
    known &= pl.col("day_gap_min").fill_null(0.0) <= MISSED.value
    hungry = known & (pl.col("full_n").fill_null(0) == 0) & (pl.col("bat_max_v") < pl.col("charge_end") * 0.955)
    uncharged = (
        (pl.col("open_n") >= UNCHARGED.value) & hungry & (pl.col("alive_n") <= 2) & (pl.col("peers_pv_share") > 0.06)
    )
    charging = (pl.col("alive_n") >= 4) & (pl.col("over_n") == 0) & ~pl.col("higher").fill_null(False)
    return (
        view.nights.with_columns(higher=higher, gorged=gorged)
        .with_columns(gorged=twice)
        .with_columns(over=over)
        .with_columns(bad=pl.col("over") | uncharged)
        .filter(pl.col("bad") | (charging & ~pl.col("gorged")))
        .drop("higher", "gorged")
        .with_columns(
            since=pl.when("over").then(pl.coalesce("over_since", "full_since", "time")).otherwise("open_since"),
            bad_at=pl.when("over").then(pl.coalesce("over_at", "full_at", "evening_at")).otherwise("open_at"),
            good_since="alive_since", good_at=pl.when(~pl.col("bad")).then("alive_at"),
        )
    )  # fmt: skip


def tell_charger_stuck(row: Row) -> Told:
    if row["over"]:
        return Told(
            causes=ranked(controller=0.85, sensor_faulty=0.15),
            figures=figure(
                "battery_v", row["bat_max_v"], "V", at=row["over_since"] or row["full_since"], limit=row["charge_end"]
            )
            + figure("charge_ah", row["charge_ah"], "Ah"),
        )
    return Told(
        causes=ranked(controller=0.8, fuse=0.2),
        figures=figure("pv_v", row["open_pv_v"], "V", at=row["open_since"])
        + figure("charge_ah", row["charge_ah"], "Ah")
        + figure("battery_v", row["bat_day_v"], "V")
        + figure("peers_charge_w", row["peers_pv_share"] * row["panel_w"], "W"),
    )


def find_hot(view: View) -> pl.DataFrame:
    bad = pl.col("hot_at").is_not_null()
    good = ~bad & pl.col("cool_at").is_not_null()
    return view.nights.filter(bad | good).with_columns(
        bad=bad, since="hot_since", bad_at="hot_at", good_since="first_time", good_at=pl.when(~bad).then("cool_at")
    )


def tell_hot(row: Row) -> Told:
    return Told(
        causes=ranked(shade=0.5, charger_stuck=0.3 if (row["over_n"] or 0) else 0.1, battery_weak_cell=0.2),
        figures=figure("temperature_c", row["max_good_c"], "°C", at=row["hot_since"], limit=HOT.value),
    )


RULES: Final = (
    Rule(
        Kind.BATTERY_LOST,
        "no battery current all day, and the controller had no power in the night before",
        find_battery_lost,
        tell_battery_lost,
        thresholds={"idle": IDLE, "drained": DRAINED},
    ),
    Rule(
        Kind.BATTERY_WORN,
        "capacity by the depth of its nights from a full charge, against its own first weeks; or Ah until cut-off",
        find_battery_worn,
        tell_battery_worn,
        confirm=7,
        clear=3,
        thresholds={
            "worn": WORN,
            "knee": KNEE,
            "known": KNOWN,
            "fading": FADING,
            "spent": SPENT,
            "fresh": FRESH,
            "sure": SURE,
            "scatter": SCATTER,
        },
    ),
    Rule(
        Kind.BATTERY_WEAK_CELL,
        "voltage at rest down by most of a cell, or a sag under load that its resistance did not have before",
        find_weak_cell,
        tell_weak_cell,
        confirm=2,
        clear=2,
        thresholds={
            "cell": CELL,
            "summit": SUMMIT,
            "below": BELOW,
            "empty": EMPTY,
            "ohm": OHM,
            "beyond": BEYOND,
            "sag": SAG,
        },
    ),
    Rule(
        Kind.CHARGER_STUCK,
        "battery above its charge-end voltage, or sun on a panel at open voltage and a battery that is not full",
        find_charger_stuck,
        tell_charger_stuck,
        thresholds={"over": OVER, "risen": RISEN, "fed": FED, "uncharged": UNCHARGED, "missed": MISSED},
    ),
    Rule(
        Kind.HOT,
        "three samples above the limit from a believable sensor",
        find_hot,
        tell_hot,
        clear=2,
        thresholds={"hot": HOT},
    ),
)
