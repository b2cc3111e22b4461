"""What really happened, for the scorecard alone: nothing of it is in the samples."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from gateway.telemetry import TIME

MISHAPS: Final = {
    "kind": pl.String(), "commune": pl.String(), "lamp": pl.String(), "since": TIME, "until": TIME,
    "severity": pl.Float64(), "mode": pl.String(),
}  # fmt: skip
# `time` is 00:00 UTC of the date of the dusk. Verdict: lit (≥ 99 % of the scheduled time), dark (≤ 1 %), partly.
# soiling: share of light lost to dirt; capacity: share of the nameplate left; full: the charger reached its end.
NIGHTS: Final = {
    "commune": pl.String(), "lamp": pl.String(), "time": TIME, "scheduled_minutes": pl.Float32(),
    "lit_minutes": pl.Float32(), "verdict": pl.String(), "cut_offs": pl.Int32(), "soiling": pl.Float32(),
    "capacity": pl.Float32(), "full": pl.Boolean(), "relearning": pl.Boolean(),
}  # fmt: skip
SKY: Final = {
    "commune": pl.String(), "time": TIME, "ghi_kwh": pl.Float32(), "clearness": pl.Float32(), "dust": pl.Float32(),
    "rain_mm": pl.Float32(),
}  # fmt: skip
# Wh since the start. pv = load + charger + battery + worn + (stored now − stored at the start).
ENERGY: Final = {
    "commune": pl.String(), "lamp": pl.String(), "pv_wh": pl.Float64(), "load_wh": pl.Float64(),
    "led_wh": pl.Float64(), "charger_wh": pl.Float64(), "battery_wh": pl.Float64(), "worn_wh": pl.Float64(),
    "stored_wh": pl.Float64(), "stored_at_start_wh": pl.Float64(), "curtailed_wh": pl.Float64(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Truth:
    """Frames with the columns above, of the nights lived so far; `mishaps` has all that are planned."""

    mishaps: pl.DataFrame
    nights: pl.DataFrame
    sky: pl.DataFrame
    energy: pl.DataFrame
