"""The lamps as built: nameplates from the fleet file, and how each one differs from its nameplate. Arrays [lamps]."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from firmware_sim import battery
from firmware_sim.charger import MPPT_EFFICIENCY
from firmware_sim.controller import DUSK_SHARE
from firmware_sim.luminaire import driver_line
from firmware_sim.scenario import Habits
from gateway.fleet import Fleet, Lamp, Profile

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

FIRMWARES: Final = ("2.4.1", "2.5.0", "2.5.2")
# Controllers count charge cautiously and are set right when the battery is full: 84 → 100 % in one step was seen.
RECOUNT: Final = 0.75
AGE_IF_UNKNOWN: Final = 1.5  # years


@dataclass(frozen=True, slots=True)
class Errors:
    """Gain and offset of each measured channel (about 1…2 %, as cheap shunts and dividers have)."""

    pv_v: Floats
    pv_a: Floats
    pv_a0: Floats  # A
    bat_v: Floats
    bat_a: Floats
    bat_a0: Floats  # A
    led_w: Floats
    bat_c0: Floats  # K


@dataclass(frozen=True, slots=True)
class Hardware:
    ids: tuple[str, ...]
    communes: tuple[str, ...]  # of each lamp
    plane: Ints  # which tilted plane of which commune
    plane_commune: Ints  # [planes]
    plane_tilt: Floats  # [planes], degrees
    plane_azimuth: Floats  # [planes], degrees
    commune: Ints  # index of each lamp's commune
    watts: Floats  # Wp, this panel's own
    gamma: Floats  # 1/K
    voc: Floats
    vmp_share: Floats  # Vmp / Voc
    isc: Floats
    panel_cells: Floats
    knee: Floats  # V, of the panel's curve
    chemistry: Ints  # index in battery.ORDER
    cells: Floats
    amp_hours: Floats  # nameplate
    lot: Floats  # this battery's capacity when new / nameplate
    usable: Floats
    charge_end: Floats  # V
    cut_off: Floats  # V
    reconnect: Floats  # V
    ohm: Floats  # Ω when new
    age: Floats  # years at the start
    haste: Floats  # how much faster than others it ages
    efficiency: Floats  # of the charger
    pwm: Bools
    led_w: Floats  # this luminaire at full light
    driver_fixed: Floats  # W
    driver_slope: Floats
    idle_w: Floats
    threshold: Floats  # V of the panel: below it is night
    profiles: tuple[Profile, ...]
    profile: Ints
    motion: Bools
    saving: Bools
    dirt: Floats  # factor on the season's soiling
    wash: Floats  # factor on the days between washings
    box_sun: Floats  # factor on the sun's heat
    rssi: Floats  # dBm
    firmware: Ints
    recount: Floats  # share of the charging current that its charge count believes
    clock_s: Floats  # by how much its clock is usually off
    errors: Errors

    def of(self, key: str) -> Floats:
        """A per-cell constant of battery.Kind for each lamp."""
        return np.array([float(getattr(battery.KINDS[name], key)) for name in battery.ORDER])[self.chemistry]


def build(fleet: Fleet, habits: Habits, start: datetime, seed: int) -> Hardware:
    lamps = tuple(fleet.lamps.values())
    n = len(lamps)
    rng = np.random.default_rng((seed, 3))
    s = habits.spread

    def around(sd: float) -> Floats:
        return 1 + s * sd * np.clip(rng.standard_normal(n), -2.5, 2.5)

    def offset(sd: float) -> Floats:
        return s * sd * np.clip(rng.standard_normal(n), -2.5, 2.5)

    def get(read: str, part: str) -> Floats:
        return np.array([float(getattr(getattr(lamp.model, part), read)) for lamp in lamps])

    names = tuple(fleet.communes)
    commune = np.array([names.index(lamp.commune) for lamp in lamps], dtype=np.int64)
    plane, planes = _planes(lamps, commune)
    profiles = tuple(dict.fromkeys(lamp.profile for lamp in lamps))
    chemistry = np.array([battery.ORDER.index(lamp.model.battery.chemistry) for lamp in lamps], dtype=np.int64)
    watts = get("watts", "luminaire") * around(0.02)
    fixed, slope = driver_line(watts, get("driver", "luminaire"))
    voc, vmp = get("voc", "panel") * around(0.008), get("vmp", "panel")
    isc, imp = get("isc", "panel"), get("imp", "panel")
    amp_hours = get("amp_hours", "battery")
    ohm_ah = np.array([battery.KINDS[name].ohm_ah for name in battery.ORDER])[chemistry]
    cells = get("cells", "battery")
    strength = around(0.025)
    return Hardware(
        ids=tuple(lamp.id for lamp in lamps),
        communes=tuple(lamp.commune for lamp in lamps),
        plane=plane,
        plane_commune=np.array([c for c, _, _ in planes], dtype=np.int64),
        plane_tilt=np.array([tilt for _, tilt, _ in planes], dtype=np.float64),
        plane_azimuth=np.array([azimuth for _, _, azimuth in planes], dtype=np.float64),
        commune=commune,
        watts=get("watts", "panel") * strength,
        gamma=get("temperature", "panel") / 100,
        voc=voc,
        vmp_share=vmp / get("voc", "panel"),
        isc=isc * strength,
        panel_cells=get("cells", "panel"),
        knee=(get("voc", "panel") - vmp) / -np.log(np.clip(1 - imp / isc, 1e-3, 0.9)),
        chemistry=chemistry,
        cells=cells,
        amp_hours=amp_hours,
        lot=around(0.02),
        usable=get("usable", "battery"),
        charge_end=get("charge_end", "battery"),
        cut_off=get("cut_off", "battery"),
        reconnect=get("reconnect", "battery"),
        ohm=ohm_ah * cells / amp_hours * np.clip(around(0.12), 0.5, None),
        age=np.array([_age(lamp, start) for lamp in lamps]),
        haste=np.exp(offset(0.15)),
        efficiency=np.clip(MPPT_EFFICIENCY + offset(0.006), 0.5, 0.995),
        pwm=np.array([lamp.model.charging == "pwm" for lamp in lamps]),
        led_w=watts,
        driver_fixed=fixed,
        driver_slope=slope,
        idle_w=np.array([lamp.model.idle_watts for lamp in lamps]) * around(0.05),
        threshold=get("voc", "panel") * DUSK_SHARE * around(0.1),
        profiles=profiles,
        profile=np.array([profiles.index(lamp.profile) for lamp in lamps], dtype=np.int64),
        motion=rng.random(n) < habits.motion,
        saving=rng.random(n) < habits.saving,
        dirt=habits.soiling * np.exp(offset(0.3)),
        wash=np.exp(offset(0.3)),
        box_sun=np.clip(around(0.25), 0.2, None),
        rssi=-80 + offset(9.0),
        firmware=rng.integers(0, len(FIRMWARES), n),
        recount=np.clip(RECOUNT + offset(0.1), 0.3, 1.0),
        clock_s=4 * np.abs(offset(1.0)),
        errors=Errors(
            pv_v=around(0.008), pv_a=around(0.015), pv_a0=offset(0.006), bat_v=around(0.004), bat_a=around(0.015),
            bat_a0=offset(0.008), led_w=around(0.015), bat_c0=offset(0.8),
        ),
    )  # fmt: skip


def _planes(lamps: tuple[Lamp, ...], commune: Ints) -> tuple[Ints, list[tuple[int, float, float]]]:
    """Lamps of one commune whose panels look the same way share their sun."""
    keys = [(int(c), lamp.model.panel.tilt, lamp.model.panel.azimuth) for c, lamp in zip(commune, lamps, strict=True)]
    planes = list(dict.fromkeys(keys))
    place = {key: n for n, key in enumerate(planes)}
    return np.array([place[key] for key in keys], dtype=np.int64), planes


def _age(lamp: Lamp, start: datetime) -> float:
    if lamp.installed is None:
        return AGE_IF_UNKNOWN
    return max(0.0, (start.date() - lamp.installed).days / 365.25)
