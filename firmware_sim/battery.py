"""Batteries: open-circuit voltage, resistance, coulombic efficiency, wear, by chemistry.

Depth is told on the scale 0 (what the cut-off leaves) to 1 (full): the domain's LFP table is from controllers whose
0 % is their cut-off. A pack ends with its weakest cell: that reserve grows with wear, and makes the early knee.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from gateway.fleet import Chemistry

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kind:
    """Per cell. `ocv`: (scale, V). `ohm_ah`: Ω·Ah when new, cables and protection included (by data sheets)."""

    ocv: tuple[tuple[float, float], ...]
    ohm_ah: float
    polarisation: float  # factor on the resistance that charging meets when full
    swing: float  # V by which charge and discharge differ beyond resistance (hysteresis, half of it)
    coulombic: tuple[tuple[float, float], ...]  # (scale, efficiency)
    closes: bool  # its protection stops the charge when full
    warm_c: float  # capacity is rated here, °C …
    cold: float  # … and loses this share per K below
    leak_month: float  # self-discharge, share a month
    first_year: float  # calendar fade at 34…40 °C, share of the nameplate
    year: float  # of the later ones
    full_cycle: float  # fade per full equivalent cycle
    float_v: float  # V that holds it full
    rebulk_v: float  # V below which charging begins anew
    volts_per_k: float  # temperature compensation of the charger, V/K
    short_v: float  # V lost with one shorted cell
    brown_v: float  # V at which the protection opens or the controller goes down


KINDS: Final[dict[Chemistry, Kind]] = {
    # Open-circuit voltages: three real nodes (5 %: 3.21 … 100 %: 3.35 V); the knee below is to the cut-off's 2.75 V.
    "lfp": Kind(
        ocv=((-0.20, 1.6), (-0.05, 2.35), (0.0, 2.72), (0.02, 3.02), (0.05, 3.21), (0.10, 3.24), (0.20, 3.278),
             (0.30, 3.282), (0.50, 3.29), (0.70, 3.305), (0.80, 3.327), (0.90, 3.333), (0.97, 3.338), (1.0, 3.35)),
        ohm_ah=0.60, polarisation=14.0, swing=0.006, coulombic=((-0.2, 0.995), (1.0, 0.995)), closes=True,
        warm_c=25, cold=0.004, leak_month=0.02, first_year=0.05, year=0.02, full_cycle=2e-5,
        float_v=3.38, rebulk_v=3.30, volts_per_k=0.0, short_v=3.3, brown_v=2.45,
    ),
    "nimh": Kind(
        ocv=((-0.30, 0.70), (-0.05, 0.95), (0.0, 1.05), (0.03, 1.17), (0.10, 1.235), (0.30, 1.28), (0.50, 1.30),
             (0.70, 1.32), (0.90, 1.37), (1.0, 1.41)),
        ohm_ah=0.14, polarisation=2.5, swing=0.01, coulombic=((-0.3, 0.99), (0.8, 0.98), (0.95, 0.8), (1.0, 0.2)),
        closes=False, warm_c=20, cold=0.005, leak_month=0.15, first_year=0.06, year=0.03, full_cycle=3e-5,
        float_v=1.36, rebulk_v=1.34, volts_per_k=0.0, short_v=1.3, brown_v=0.85,
    ),
    "gel": Kind(
        ocv=((-0.20, 1.3), (-0.05, 1.72), (0.0, 1.86), (0.05, 1.92), (0.2, 1.975), (0.5, 2.04), (0.8, 2.10),
             (1.0, 2.14)),
        ohm_ah=0.55, polarisation=30.0, swing=0.01, coulombic=((-0.2, 0.98), (0.8, 0.97), (0.95, 0.85), (1.0, 0.3)),
        closes=False, warm_c=25, cold=0.006, leak_month=0.03, first_year=0.05, year=0.04, full_cycle=1e-4,
        float_v=2.27, rebulk_v=2.12, volts_per_k=-0.004, short_v=2.05, brown_v=1.65,
    ),
}  # fmt: skip
ORDER: Final[tuple[Chemistry, ...]] = tuple(KINDS)
GEL_RESERVE: Final = 0.08  # lead gel gives nearly all at a lamp's low current; its `usable` is a rule for long life
RESERVE_BY_WEAR: Final = 0.18  # share of the nameplate by which an entirely worn pack's cells differ (assumption)

LOWEST: Final = -0.30
GRID: Final = 1300  # points over LOWEST…1
_SCALE: Final = np.linspace(LOWEST, 1.0, GRID + 1)


@dataclass(frozen=True, slots=True)
class Tables:
    """Flat tables of every chemistry, one after the other: index = chemistry · (GRID + 1) + place on the scale."""

    ocv: Floats
    energy: Floats  # ∫ ocv d(scale), V
    acceptance: Floats  # coulombic efficiency
    charging: Floats  # factor on the resistance when charging


def tables() -> Tables:
    rows: list[list[Floats]] = [[], [], [], []]
    for name in ORDER:
        kind = KINDS[name]
        ocv = _along(kind.ocv)
        area = np.concatenate([[0.0], np.cumsum((ocv[1:] + ocv[:-1]) / 2 * np.diff(_SCALE))])
        acceptance = _along(kind.coulombic)
        near_full = np.clip((_SCALE - 0.955) / 0.045, 0, 1)
        for row, values in zip(rows, (ocv, area, acceptance, 1 + (kind.polarisation - 1) * near_full**2), strict=True):
            row.append(values)
    return Tables(*(np.concatenate(row) for row in rows))


def _along(points: tuple[tuple[float, float], ...]) -> Floats:
    return np.asarray(np.interp(_SCALE, np.array([x for x, _ in points]), np.array([y for _, y in points])))


def reserve(usable: Floats, is_gel: npt.NDArray[np.bool_], health: Floats) -> Floats:
    """Share of the present capacity that the cut-off leaves in the pack: more as its cells grow apart with wear."""
    new = np.where(is_gel, GEL_RESERVE, 1 - usable)
    return np.asarray(np.clip(new + RESERVE_BY_WEAR * (1 - health), 0.02, 0.6))


def resistance(new_ohm: Floats, health: Floats, battery_c: Floats) -> Floats:
    """Ω: doubles by the time 70 % of the capacity is left, and by 30 K of cold (assumptions)."""
    return np.asarray(new_ohm * health**-2 * np.exp(-0.02 * np.clip(battery_c - 25, -30, 10)))


def health_of(years: Floats, chemistry: npt.NDArray[np.int64], haste: Floats) -> Floats:
    """Share of the nameplate capacity left after so many years in the heat; `haste`: lamp's own factor."""
    first, later = (np.array([getattr(KINDS[name], key) for name in ORDER]) for key in ("first_year", "year"))
    fade = first[chemistry] * np.minimum(years, 1) + later[chemistry] * np.clip(years - 1, 0, None)
    return np.asarray(np.clip(1 - haste * fade, 0.2, 1))
