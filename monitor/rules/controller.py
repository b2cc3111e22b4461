"""What the controller's own figures show: a wrong clock, a sensor nobody can believe, restarts, a moved pole."""

from datetime import timedelta
from typing import Final

import polars as pl

from gateway.telemetry import TIME
from monitor.beside import before
from monitor.fault import Kind
from monitor.rules.rule import Row, Rule, Threshold, Told, View, figure, ranked

CLOCK: Final = Threshold(
    10, "min", "the wire contract's limit; the panel shows the sun's middle to about three minutes"
)
CLOCK_AT_ONCE: Final = Threshold(
    40, "min", "wrong from the first day on: more than a horizon can do to the sun's middle"
)
CLOCK_SPACING: Final = Threshold(0.9, "of the samples' spacing", "an edge between two samples cannot be placed better")
RESTARTS: Final = Threshold(5, "starts a day", "one after a repair, one at sunrise; five are a loop")
RAIL: Final = Threshold(8, "samples", "a loose wire gives one or two impossible readings, a broken sensor all")
FROZEN: Final = Threshold(24, "samples alike", "six hours at 15 minutes without a flicker: no living channel does that")
BALANCE: Final = Threshold(0.18, "of the power", "sensors are good to 2 % each, the charger's losses to 10 %")
LEAPS: Final = Threshold(
    5, "leaps of 20 % a day more than usual", "a charge that comes and goes without Ah; full and empty are left out"
)
LIGHT_MOVED: Final = Threshold(0.12, "of its usual power", "drivers drift by 5 %; the battery's current did not move")
QUIET: Final = timedelta(hours=24)


def find_clock(view: View) -> pl.DataFrame:
    known = view.nights.filter(pl.col("offset_min").is_not_null())
    # Trees, tilt and the spacing of samples move a lamp's own middle by minutes, always the same: its usual one counts.
    change = pl.col("offset_change_min").fill_null(0.0)
    # An edge between two samples is known to a part of their spacing.
    limit = pl.max_horizontal(pl.lit(CLOCK.value), pl.col("spacing_min") * CLOCK_SPACING.value)
    wrong = (change.abs() > limit) | (pl.col("offset_min").abs() > CLOCK_AT_ONCE.value)
    # A small error must show twice; one of an hour cannot be a cloud at dusk.
    twice = pl.col("wrong") & before("wrong") & (pl.col("sign") == before("sign"))
    bad = twice | (pl.col("offset_min").abs() > 60)
    good = (change.abs() < 0.7 * limit) & (pl.col("offset_min").abs() < CLOCK_AT_ONCE.value)
    by_sun = (
        known.with_columns(wrong=wrong, sign=change.sign())
        .with_columns(bad=bad)
        .filter(pl.col("bad") | good)
        .drop("wrong", "sign")
        .with_columns(
            since=pl.coalesce("night_first", "time"), bad_at="offset_at", good_since="time",
            good_at=pl.when(~pl.col("bad")).then("offset_at"),
        )
    )  # fmt: skip
    refused = view.refused.filter(pl.col("reason").str.starts_with("clock:") & (pl.col("lamp") != ""))
    by_refusal = refused.select(
        "commune", "lamp", "time", bad=pl.lit(True), since="time", bad_at="time",
        good_since=pl.lit(None, dtype=TIME), good_at=pl.lit(None, dtype=TIME),
        said="reason",
    )  # fmt: skip
    return pl.concat([by_sun, by_refusal], how="diagonal")


def tell_clock(row: Row) -> Told:
    return Told(
        causes=ranked(controller=0.7, modem=0.3),
        figures=figure("offset_min", row.get("offset_min"), "min", limit=CLOCK.value) + figure("said", row.get("said")),
    )


def find_restarts(view: View) -> pl.DataFrame:
    starts = pl.col("boot_last") - pl.col("boot_first")
    bad = pl.col("starts") >= RESTARTS.value
    good = (pl.col("starts") <= 1) & (pl.col("samples") > 20)
    return view.nights.with_columns(starts=starts).filter(bad | good).with_columns(
        bad=bad, since="first_time", bad_at="restarts_at", good_since="first_time",
        good_at=pl.when(~bad).then("last_sent"),
    )  # fmt: skip


def tell_restarts(row: Row) -> Told:
    return Told(
        causes=ranked(controller=0.5, cable=0.35, battery_weak_cell=0.15),
        figures=figure("restarts", row["starts"], "", at=row["time"], limit=RESTARTS.value),
    )


def find_sensor(view: View) -> pl.DataFrame:
    # A dark lamp with a full battery rightly draws the same trickle all day: something must have flowed.
    moving = (pl.col("samples") >= 40) & (
        (pl.col("pv_wh") > 0.4 * pl.col("panel_w")) | (pl.col("led_wh") > pl.col("luminaire_w"))
    )
    frozen = {
        "bat_mv": (pl.col("bat_mv_same_n") >= FROZEN.value) & (pl.col("bat_mv_same_share") > 0.9),
        "bat_ma": (pl.col("bat_ma_same_n") >= FROZEN.value) & (pl.col("bat_ma_same_share") > 0.9),
        "pv_ma": (pl.col("pv_ma_same_share") > 0.9) & (pl.col("pv_wh") > 0.4 * pl.col("panel_w")),
    }
    rails = {
        "bat_dc": pl.col("bad_c_n") >= RAIL.value,
        "bat_mv": pl.col("bad_v_n") >= RAIL.value,
        "pv_ma": pl.col("bad_pv_n") >= RAIL.value,
    }
    tapped = pl.col("tap_w").is_not_null()
    off_charge = ~tapped & ((pl.col("charge_balance_ratio") - 1.0).abs() > BALANCE.value)
    off_led = ~tapped & ((pl.col("led_balance_ratio") - 1.0).abs() > BALANCE.value)
    off = {
        # Both balances off: the battery's current is what they share; unless the light's own figure moved alone, as far
        # as the balance did. One off: the panel's.
        "led_mw": off_led & pl.col("led_lies"),
        "bat_ma": off_led & ((pl.col("led_level_ratio") - 1.0).abs() < LIGHT_MOVED.value).fill_null(True),
        "soc": pl.col("soc_leaps_more") >= LEAPS.value,
        "pv_ma": off_charge & ~off_led.fill_null(False) & (pl.col("balance_n") >= 4),
    }
    channel = pl.coalesce(
        *[pl.when(moving & when).then(pl.lit(name)) for name, when in frozen.items()],
        *[pl.when(when).then(pl.lit(name)) for name, when in rails.items()],
        *[pl.when(when).then(pl.lit(name)) for name, when in off.items()],
    )
    return (
        view.nights.filter(pl.col("samples").fill_null(0) >= 20)
        .with_columns(channel=channel)
        .with_columns(
            bad=pl.col("channel").is_not_null(), since="first_time", bad_at="last_sent", good_since="first_time",
            good_at=pl.when(pl.col("channel").is_null()).then("last_sent"),
        )
    )  # fmt: skip


def tell_sensor(row: Row) -> Told:
    return Told(
        causes=ranked(controller=0.6, cable=0.4),
        figures=figure("channel", row["channel"])
        + figure("temperature_c", row["bat_max_c"] if row["channel"] == "bat_dc" else None, "°C"),
    )


def find_moved(view: View) -> pl.DataFrame:
    """An event opens; a quiet day after the last one closes."""
    events = view.events.filter(pl.col("event").is_in(["tilt", "door_open"])).sort("lamp", "time")
    at = pl.col("time")
    known = pl.max_horizontal("time", "received")
    bad = events.select("commune", "lamp", "time", "event", bad=pl.lit(True), since=at, bad_at=known)
    last = events.with_columns(gap=at.shift(-1).over("lamp") - at).filter(
        pl.col("gap").is_null() | (pl.col("gap") > QUIET)
    )
    good = last.filter(at + QUIET <= pl.lit(view.now)).select(
        "commune", "lamp", time=at + QUIET, bad=pl.lit(False), good_since=at + timedelta(hours=1), good_at=at + QUIET
    )
    return pl.concat([bad, good], how="diagonal").with_columns(
        good_since=pl.col("good_since"), good_at=pl.col("good_at")
    )


def tell_moved(row: Row) -> Told:
    return Told(
        causes=ranked(theft=0.5, tilt=0.5) if row["event"] == "tilt" else ranked(door=0.6, theft=0.4),
        figures=figure("event", row["event"], at=row["time"]),
    )


RULES: Final = (
    Rule(
        Kind.CLOCK_WRONG,
        "half-way between the panel's dusk and dawn is not solar midnight, two nights; or a report of another year",
        find_clock,
        tell_clock,
        clear=2,
        whole=True,
        thresholds={"clock": CLOCK, "at once": CLOCK_AT_ONCE, "spacing": CLOCK_SPACING},
    ),
    Rule(
        Kind.RESTART_LOOP,
        "the controller starts again and again",
        find_restarts,
        tell_restarts,
        thresholds={"starts": RESTARTS},
    ),
    Rule(
        Kind.SENSOR_FAULTY,
        "a channel frozen or at its rail, or power that enters and does not come out, unlike this lamp's first weeks",
        find_sensor,
        tell_sensor,
        confirm=2,
        clear=2,
        thresholds={"rail": RAIL, "frozen": FROZEN, "balance": BALANCE, "leaps": LEAPS, "light moved": LIGHT_MOVED},
    ),
    Rule(Kind.MOVED, "the pole's own word: tilted, or its door opened", find_moved, tell_moved, whole=True),
)
