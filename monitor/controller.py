"""What a date says of the controller: its clock, its sensors, its temperature."""

from typing import Final

import polars as pl

from monitor.beside import after, before
from monitor.peers import FULL_MARGIN, taking

DARK_SHARE: Final = 0.35  # of Voc: below it the panel sees no sun; crossed within minutes at dusk and dawn
NIGHT_HOURS: Final = (8.0, 15.5)  # a dark time outside this is no night but a fault or a gap
SHARP_MIN: Final = 45.0  # between the samples around an edge: otherwise the edge is not known
HIGH_SUN: Final = 30.0  # degrees; a controller without power has been woken by its panel long before
HOT_C: Final = 55.0
SOC_LEAP: Final = 20.0  # % between two tellings
SOC_INNER: Final = (2.0, 97.0)  # %; to full and to empty even good controllers leap
SENSOR_C: Final = (-40.0, 84.0)  # outside: the words of a broken sensor (85.0 and -127.0 are a DS18B20's)


def clock_offset(samples: pl.DataFrame) -> pl.DataFrame:
    """Per lamp and date: offset_min, how far the lamp's clock is ahead of the sun's (min), and offset_at.

    The panel itself sees dusk and dawn; half-way between them is solar midnight, whatever the horizon looks like
    to the east and to the west at the same height. A clock that is wrong moves both edges the same way.
    """
    dark = pl.col("pv_v") < pl.col("voc") * DARK_SHARE
    runs = (
        samples.filter(pl.col("pv_v").is_not_null())
        .with_columns(dark=dark)
        .with_columns(
            run=pl.col("dark").rle_id().over("lamp_no"),
            gap_min=(pl.col("time") - before("time", "lamp_no")).dt.total_seconds() / 60.0,
        )
        .group_by("lamp_no", "run", maintain_order=True)
        .agg(
            lamp=pl.col("lamp").first(),
            dark=pl.col("dark").first(), first=pl.col("time").first(), last=pl.col("time").last(),
            gap_before=pl.col("gap_min").first(), widest_gap=pl.col("gap_min").slice(1).max(),
            sent=pl.col("sent").last(), date=pl.col("date").mode().first(), longitude=pl.col("longitude").first(),
            hour_first=pl.col("solar_hour").first(), before_last=pl.col("time").last(),
            edge_v=pl.col("pv_v").first(), end_v=pl.col("pv_v").last(), voc=pl.col("voc").first(),
        )
        .with_columns(
            gap_after=after("gap_before", "lamp_no"),
            v_before=before("end_v", "lamp_no"),
            v_after=after("edge_v", "lamp_no"),
            sent_after=after("sent", "lamp_no"),
        )
        .filter(
            pl.col("dark")
            & (pl.col("gap_before") <= SHARP_MIN)
            & (pl.col("gap_after") <= SHARP_MIN)
            & (pl.col("widest_gap").fill_null(0.0) <= 180.0)
        )
    )  # fmt: skip
    level = pl.col("voc") * DARK_SHARE
    # Where between two samples the voltage crossed the level: linear, which is good to a fifth of their spacing.
    into = ((pl.col("v_before") - level) / (pl.col("v_before") - pl.col("edge_v"))).clip(0, 1)
    out = ((level - pl.col("end_v")) / (pl.col("v_after") - pl.col("end_v"))).clip(0, 1)
    dusk = pl.col("first").dt.epoch("us") / 6e7 - pl.col("gap_before") * (1 - into)
    dawn = pl.col("last").dt.epoch("us") / 6e7 + pl.col("gap_after") * out
    solar_first = pl.col("hour_first") * 60.0
    mid = solar_first + (dusk + dawn) / 2 - pl.col("first").dt.epoch("us") / 6e7
    return (
        runs.with_columns(hours=(dawn - dusk) / 60.0, offset_min=(mid + 720.0) % 1440.0 - 720.0)
        .filter(pl.col("hours").is_between(*NIGHT_HOURS))
        .group_by("lamp", "date")
        .agg(offset_min=pl.col("offset_min").first(), offset_at=pl.col("sent").last())
    )


def body(samples: pl.DataFrame) -> pl.DataFrame:
    """Per lamp and date: temperatures, frozen channels and balances of power; see the columns' names for units.

    led_balance: what the luminaire takes of what the battery gives (1 = all accounted for). charge_balance: what
    the battery and the controller take of what the panel gives, while charging.
    """
    good_c = pl.col("bat_c").is_between(*SENSOR_C)
    hot = good_c & (pl.col("bat_c") > HOT_C)
    battery_w = pl.col("bat_v") * pl.col("bat_a")
    drawing = pl.col("on") & (pl.col("elevation") < -2.0) & (pl.col("level") >= 20) & (battery_w < -1.0)
    charging = (pl.col("elevation") > 20.0) & (battery_w > 0.08 * pl.col("panel_w")) & ~pl.col("on")
    # Near the end of charge power is refused in pulses, and what a mean voltage times a mean current says is not power.
    charging &= (pl.col("bat_v") < pl.col("end_v") * (1 - FULL_MARGIN)) & taking()
    # A PWM charger passes the panel's current on; its panel's voltage is the battery's, or open.
    given = pl.when(pl.col("pwm")).then(pl.col("pv_a") * pl.col("bat_v")).otherwise(pl.col("pv_w"))
    # The longest stretch of equal readings, and its share of the date; a living panel's current is zero at night.
    unexplained = (-battery_w - pl.col("led_w") - pl.col("idle_w")).filter
    # Told now and then: what was told last, on the same date.
    told = samples.with_columns(soc_before=before(pl.col("soc").forward_fill().over("row"), "row"))
    soc, soc_before = pl.col("soc"), pl.col("soc_before")
    leaps = ((soc - soc_before).abs() >= SOC_LEAP) & soc.is_between(*SOC_INNER) & soc_before.is_between(*SOC_INNER)
    alike = {name: pl.col(name).drop_nulls().rle().struct.field("len").max() for name in ("bat_mv", "bat_ma", "pv_ma")}
    found = told.group_by("row").agg(
        pl.col("lamp", "date").first(),
        day_gap_min=pl.col("gap_before").filter(pl.col("elevation") > HIGH_SUN).max(),
        hot_n=hot.sum().cast(pl.Int32),
        hot_since=pl.col("time").filter(hot).first(),
        hot_at=pl.col("sent").filter(hot).slice(2, 1).first(),
        cool_at=pl.col("sent").filter(good_c & ~hot & (pl.col("elevation") > HIGH_SUN)).slice(3, 1).first(),
        max_good_c=pl.col("bat_c").filter(good_c).max(),
        bad_c_n=(~good_c).sum().cast(pl.Int32),
        bad_v_n=((pl.col("bat_v") < 0.35 * pl.col("nominal_v")) | (pl.col("bat_v") > 1.6 * pl.col("nominal_v")))
        .sum()
        .cast(pl.Int32),
        bad_pv_n=(pl.col("pv_a") > 1.8 * pl.col("imp")).sum().cast(pl.Int32),
        led_balance=((pl.col("led_w") + pl.col("idle_w")) / -battery_w).filter(drawing).median(),
        charge_balance=((battery_w + pl.col("idle_w")) / given).filter(charging & (given > 0)).median(),
        unexplained_high_w=unexplained(drawing & (pl.col("level") >= 60)).median(),
        unexplained_low_w=unexplained(drawing & (pl.col("level") < 60)).median(),
        soc_leaps=leaps.sum().cast(pl.Int32),
        balance_n=charging.sum().cast(pl.Int32),
        sent_last=pl.col("sent").last(),
        spacing_min=pl.col("dt").median() / 60.0,
        restarts_at=pl.col("sent").filter(pl.col("boot") >= pl.col("boot").min() + 5).first(),
        **{f"{name}_same_n": length.cast(pl.Int32) for name, length in alike.items()},
        **{f"{name}_count": pl.col(name).count() for name in alike},
    )
    shares = {f"{name}_same_share": pl.col(f"{name}_same_n") / pl.col(f"{name}_count") for name in alike}
    return found.with_columns(**shares).drop(f"{name}_count" for name in alike)
