"""Energy is conserved: what the panel gave is in the load, the losses or the battery, for each lamp to 0.1 %."""

import numpy as np
import polars as pl
import pytest

from firmware_sim.truth import Truth
from tests.firmware_sim.worlds import lived, mishap, scenario, village

HARD = "".join(
    mishap(kind, since="+3d", lamp=f"fatoma-{nth:02d}", **more)
    for nth, (kind, more) in enumerate(
        [
            ("panel_lost", {}), ("battery_worn", {"severity": 0.45, "mode": "step"}), ("day_burning", {}),
            ("dark_risk", {"severity": 12.0}), ("battery_weak_cell", {"mode": "short"}),
            ("battery_weak_cell", {"mode": "resistance", "severity": 7.0}), ("flicker", {"severity": 0.5}),
            ("charger_stuck", {"mode": "over", "severity": 1.2}), ("battery_lost", {}),
        ],
        start=2,
    )
)  # fmt: skip


def unaccounted(truth: Truth) -> np.ndarray:
    """Share of the panel's energy that is nowhere, per lamp."""
    e = truth.energy
    rest = e["pv_wh"] - e["load_wh"] - e["charger_wh"] - e["battery_wh"] - e["worn_wh"]
    rest -= e["stored_wh"] - e["stored_at_start_wh"]
    return (rest / e["pv_wh"]).to_numpy()


@pytest.mark.parametrize("model", ["lfp-100", "nimh-85", "gel-80"])
def test_energy_of_well_and_of_sick_lamps_adds_up(model: str) -> None:
    _, _, truth = lived(village(12, model), scenario(HARD, nights=15, start="2026-08-01"))
    assert np.abs(unaccounted(truth)).max() < 0.001


@pytest.mark.parametrize("model", ["lfp-100", "nimh-85", "gel-80"])
def test_no_part_of_a_lamp_makes_energy(model: str) -> None:
    _, _, truth = lived(village(12, model), scenario(HARD, nights=10))
    for column in ("pv_wh", "load_wh", "led_wh", "charger_wh", "battery_wh", "curtailed_wh", "stored_wh"):
        assert truth.energy[column].min() >= 0, column
    assert (truth.energy["led_wh"] <= truth.energy["load_wh"]).all()


def test_the_account_notices_a_leak() -> None:
    """The check above can fail: half a percent taken from the load's book is found."""
    _, _, truth = lived(village(2), scenario(nights=4))
    energy = truth.energy.with_columns(pl.col("load_wh") * 0.995)
    assert np.abs(unaccounted(Truth(truth.mishaps, truth.nights, truth.sky, energy))).min() > 0.003


def test_what_the_samples_tell_is_what_happened() -> None:
    """With perfect sensors and means, power times time in the samples is the ledger's energy."""
    habits = '[lamps]\nspread = 0\nmotion = 0\nsaving = 0\n[samples]\nreading = "mean"\n'
    samples, _, truth = lived(village(3), scenario(nights=5, habits=habits))
    told = samples.group_by("lamp", maintain_order=True).agg(
        led_wh=(pl.col("led_mw") / 1000 * pl.col("dt") / 3600).sum(),
        pv_wh=(pl.col("pv_mv") / 1000 * pl.col("pv_ma") / 1000 * pl.col("dt") / 3600).sum(),
    )
    assert told["led_wh"].to_numpy() == pytest.approx(truth.energy["led_wh"].to_numpy(), rel=0.002)
    assert told["pv_wh"].to_numpy() == pytest.approx(truth.energy["pv_wh"].to_numpy(), rel=0.02)
