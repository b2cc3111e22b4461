"""The solar panel: heat, power, voltage, dirt. Pure functions of arrays; single-diode curves are too slow here."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pvlib

Floats = npt.NDArray[np.float64]

ISC_PER_K: Final = 0.0005  # 1/K
VOC_PER_K: Final = -0.0031  # 1/K, crystalline silicon
DIODE_V: Final = 0.033  # V per cell: n·kT/q at 50 °C, n = 1.2
SHUNT_WM2: Final = 0.30  # below this light the panel's own leak pulls its voltage down (an assumption)
WIRING: Final = 0.95  # mismatch, cable, connectors, reflection off the glass (an assumption)

RAIN_WASHES_MM: Final = 6.0
RAIN_LEAVES: Final = 0.15  # share of the dirt that stays after such a rain (an assumption)
WASH_LEAVES: Final = 0.05  # after a wash by hand
# Loss a day, January to December. 0.66 %/d was measured at Niamey over 23 dry days (doi 10.4236/sgre.2017.812025);
# a year's mean must be lower for cleaning every 3 to 5 weeks (doi 10.1515/geo-2022-0449) to suffice.
SOILING_A_DAY: Final = tuple(x / 100 for x in (0.50, 0.50, 0.50, 0.45, 0.35, 0.22, 0.15, 0.12, 0.15, 0.25, 0.40, 0.45))
SOILING_MOST: Final = 0.7
LOOKS_DIRTY: Final = 0.14  # loss at which people wash before it is time (an assumption)
WASHED_EVERY_D: Final = (21, 21, 21, 21, 21, 35, 35, 35, 35, 21, 21, 21)


def cell_temperature(irradiance: Floats, air: Floats, wind: float) -> Floats:
    """°C (Faiman 2008, by pvlib: u0 25, u1 6.84)."""
    return np.asarray(pvlib.temperature.faiman(irradiance, air, wind), dtype=np.float64)


def peak_power(irradiance: Floats, cell_c: Floats, watts: Floats, gamma: Floats) -> Floats:
    """Power at the maximum power point, W (PVWatts, by pvlib). `gamma`: 1/K, negative."""
    power = pvlib.pvsystem.pvwatts_dc(irradiance, cell_c, watts, gamma)
    return np.asarray(np.clip(power, 0, None) * WIRING, dtype=np.float64)


def short_circuit(irradiance: Floats, cell_c: Floats, isc: Floats) -> Floats:
    """A."""
    return np.asarray(isc * irradiance / 1000 * (1 + ISC_PER_K * (cell_c - 25)) * WIRING)


def open_voltage(light: Floats, cell_c: Floats, voc: Floats, cells: Floats) -> Floats:
    """V: logarithmic in the light, pulled down by the shunt in twilight: a fifth of nameplate at sun zenith 94°."""
    dim = np.maximum(light, 1e-6)
    ideal = voc * (1 + VOC_PER_K * (cell_c - 25)) + cells * DIODE_V * np.log(dim / 1000)
    return np.asarray(np.clip(ideal, 0, None) * dim / (dim + SHUNT_WM2))


def current_at(volts: Floats, isc: Floats, voc: Floats, knee: Floats) -> Floats:
    """A: I = Isc·(1 − exp((V − Voc)/a)), the single-diode curve without its resistances; `knee` a in V."""
    return np.asarray(np.clip(isc * -np.expm1(np.minimum((volts - voc) / knee, 0)), 0, None))


def voltage_above_peak(power: Floats, isc: Floats, voc: Floats, knee: Floats) -> Floats:
    """V at which less than the peak power is drawn, on the side towards open circuit: P = V·I(V), by iteration."""
    volts = voc
    for _ in range(4):
        share = np.clip(power / np.maximum(volts * isc, 1e-9), 0, 0.999)
        volts = voc + knee * np.log1p(-share)
    return np.asarray(np.maximum(volts, 0))
