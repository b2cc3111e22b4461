"""Samples made ready for judgement: nameplate and sun beside every row, volts and watts instead of scaled integers."""

from typing import Final

import polars as pl

from gateway.fleet import Fleet
from monitor.beside import after, before
from monitor.sun import with_sun

# A luminaire that takes less than this share of its nameplate gives no light to speak of; drivers idle at 1 %. [K]
LIT_SHARE: Final = 0.04
# A panel current below this share of its nameplate (and below an absolute floor) is a current sensor's zero. [K]
DEAD_CURRENT_SHARE: Final = 0.012
DEAD_CURRENT_A: Final = 0.06


# Lead is charged to a lower voltage in the heat: the nameplate's is for 25 °C.
VOLTS_PER_K: Final = -0.004  # per cell (domain: 14.2 V −24 mV/K); the other chemistries are not compensated
USUAL_C: Final = 35.0  # of a battery whose temperature is not told


def nameplates(fleet: Fleet) -> pl.DataFrame:
    """One row per lamp: its commune, position and nameplate, as the rules need them."""
    lamps = list(fleet.lamps.values())
    return pl.DataFrame(
        {
            "lamp": [lamp.id for lamp in lamps],
            "commune": [lamp.commune for lamp in lamps],
            "latitude": [lamp.latitude for lamp in lamps],
            "longitude": [lamp.longitude for lamp in lamps],
            "panel_w": [lamp.model.panel.watts for lamp in lamps],
            "vmp": [lamp.model.panel.vmp for lamp in lamps],
            "voc": [lamp.model.panel.voc for lamp in lamps],
            "imp": [lamp.model.panel.imp for lamp in lamps],
            "panel_cells": [lamp.model.panel.cells for lamp in lamps],
            "pwm": [lamp.model.charging == "pwm" for lamp in lamps],
            "chemistry": [lamp.model.battery.chemistry for lamp in lamps],
            "cells": [lamp.model.battery.cells for lamp in lamps],
            "nominal_v": [lamp.model.battery.volts for lamp in lamps],
            "nominal_ah": [lamp.model.battery.amp_hours for lamp in lamps],
            "usable": [lamp.model.battery.usable for lamp in lamps],
            "charge_end": [lamp.model.battery.charge_end for lamp in lamps],
            "cut_off": [lamp.model.battery.cut_off for lamp in lamps],
            "reconnect": [lamp.model.battery.reconnect for lamp in lamps],
            "luminaire_w": [lamp.model.luminaire.watts for lamp in lamps],
            "idle_w": [lamp.model.idle_watts for lamp in lamps],
            "profile_on": [_share_on(lamp.profile.steps) for lamp in lamps],
        },
        schema_overrides={"pwm": pl.Boolean, "cells": pl.Int32, "panel_cells": pl.Int32},
    )


def _share_on(steps: tuple) -> float:  # type: ignore[type-arg]  # Step; only `percent` and `hours` are read
    """About which share of the night a profile commands any light."""
    off = sum(step.hours or 0.0 for step in steps if step.percent == 0)
    if any(step.percent == 0 and step.hours is None for step in steps):
        return max(0.1, sum(step.hours or 0.0 for step in steps if step.percent > 0) / 12.0)
    return max(0.1, 1.0 - off / 12.0)


def _warmth() -> pl.Expr:
    """°C, as far as a sensor can be believed."""
    told = (pl.col("bat_dc") / 10.0).forward_fill(8).over("lamp_no")
    return pl.when(told.is_between(0.0, 65.0)).then(told).otherwise(USUAL_C)


def prepared(telemetry: pl.DataFrame, plates: pl.DataFrame) -> pl.DataFrame:
    """Telemetry rows of known lamps with units people use, the sun, and the flags that many rules share.

    Ordered by lamp and time. Adds: lamp_no and row, which number the lamps, and each lamp's dates, as they come (whole
    numbers in order are grouped several times faster than names); elevation, date, night; pv_v, pv_a, pv_w, bat_v,
    bat_a (positive charging), bat_c, led_w, minutes (that the sample stands for), gap_before (min, since the sample
    before); `on` (gives light), `commanded`
    (should); `end_v` (V at which charging ends, at this temperature); `dead` (no panel current); `ragged` (an unlit
    sample at an edge of the command).
    """
    # Stores give rows in order of time; then only the lamps have to be put in order.
    plates = plates.drop("commune").sort("lamp").with_row_index("lamp_no")
    samples = telemetry.join(plates.select("lamp", "lamp_no"), on="lamp", how="inner", maintain_order="left")
    ordered = telemetry["time"].is_sorted()
    samples = samples.sort(["lamp_no"] if ordered else ["lamp_no", "time"], maintain_order=True)
    samples = with_sun(samples.hstack(plates.drop("lamp", "lamp_no")[samples["lamp_no"]])).with_columns(
        pl.col("lamp_no").set_sorted(), row=pl.struct("lamp_no", "date").rle_id().set_sorted()
    )
    pv_v, pv_a = pl.col("pv_mv") / 1000.0, pl.col("pv_ma") / 1000.0
    dead_below = (pl.col("imp") * DEAD_CURRENT_SHARE).clip(lower_bound=DEAD_CURRENT_A)
    # A sample stands for its spacing; a lamp that changes its spacing must not count minutes twice.
    gap_min = (after("time", "lamp_no") - pl.col("time")).dt.total_seconds() / 60.0
    return (
        samples.with_columns(
            pv_v=pv_v,
            pv_a=pv_a,
            pv_w=pv_v * pv_a,
            bat_v=pl.col("bat_mv") / 1000.0,
            bat_a=pl.col("bat_ma") / 1000.0,
            bat_c=pl.col("bat_dc") / 10.0,
            # A reading missed between two others does not make a lamp unknown for a quarter of an hour.
            led_w=pl.col("led_mw").forward_fill(1).over("lamp_no") / 1000.0,
            level=pl.col("level").forward_fill(2).over("lamp_no"),
            target=pl.col("target").forward_fill(8).over("lamp_no"),
            minutes=pl.min_horizontal(pl.col("dt") / 60.0, gap_min.fill_null(1e9)),
            gap_before=before(gap_min, "lamp_no"),
            dead=pv_a < dead_below,
            end_v=pl.col("charge_end")
            + pl.when(pl.col("chemistry") == "gel")
            .then(VOLTS_PER_K * pl.col("cells") * (_warmth() - 25.0))
            .otherwise(0.0),
        )
        .with_columns(
            on=pl.col("led_w") > pl.col("luminaire_w") * LIT_SHARE,
            commanded=pl.coalesce(pl.col("target") > 0, pl.col("night")),
        )
        .with_columns(
            # Where the command begins or ends within a sample, one unlit sample proves nothing.
            ragged=pl.col("commanded")
            & ~pl.col("on")
            & ~(before("commanded", "lamp_no").fill_null(True) & after("commanded", "lamp_no").fill_null(True)),
        )
    )
