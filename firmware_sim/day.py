"""What one day, noon to noon, imposes on every lamp: light, heat, and what mishaps do. Arrays [steps, lamps]."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class SensorFlaw:
    """One lamp's channel that lies: `mode` as in mishaps.SENSOR_MODES, over these steps."""

    lamp: int
    span: slice
    mode: str
    severity: float
    rng: np.random.Generator  # of its own, so that one lamp's mishap changes nothing on the others


@dataclass(slots=True)
class Morning:
    """What mishaps change slowly, [lamps]; asked once a day, before the panels are reckoned."""

    dirt: Floats  # loss a day on top of the season's
    dirt_limit: Floats  # loss at which that extra dirt stops; 0: none
    dirt_floor: Floats  # loss that nobody has washed off yet
    unwashed: Bools  # nobody washes this lamp
    capacity: Floats  # factor on the battery's capacity


@dataclass(slots=True)
class Day:
    """Power in W, voltages in V; neutral values until a mishap changes them."""

    begin: datetime  # true time of the first step
    elevation: Floats  # of the sun, degrees
    power: Floats  # what the panel could give at its best point
    isc: Floats  # A
    voc: Floats  # V, open circuit
    battery_c: Floats  # °C without the battery's own heat
    light: Floats  # W/m² outside: what an unhurt panel would see
    emits: Floats  # share of the commanded LED power that comes out: 0 driver dead, 2/3 a string gone
    burning: Bools  # LED on whatever is commanded
    tap_w: Floats  # taken from the battery by somebody else
    ohm: Floats  # factor on the battery's resistance
    shorted: Floats  # cells whose voltage is missing from the pack
    connected: Bools  # battery there
    charging: Bools  # the charger passes the panel's power
    over_v: Floats  # V added to the charger's limit
    cut_share: Floats  # share of charge, as the controller reckons it, below which it cuts the load off as well
    reboots: Bools  # the controller starts anew at this step
    skew_s: Ints  # lamp's clock minus true time, s
    sensors: list[SensorFlaw] = field(default_factory=list)
    events: list[tuple[int, int, str]] = field(default_factory=list)  # lamp, step, event

    @classmethod
    def quiet(
        cls,
        begin: datetime,
        elevation: Floats,
        power: Floats,
        isc: Floats,
        voc: Floats,
        battery_c: Floats,
        light: Floats,
    ) -> "Day":
        shape = power.shape
        return cls(
            begin, elevation, power, isc, voc, battery_c, light,
            emits=np.ones(shape), burning=np.zeros(shape, dtype=bool), tap_w=np.zeros(shape), ohm=np.ones(shape),
            shorted=np.zeros(shape), connected=np.ones(shape, dtype=bool), charging=np.ones(shape, dtype=bool),
            over_v=np.zeros(shape), cut_share=np.zeros(shape), reboots=np.zeros(shape, dtype=bool),
            skew_s=np.zeros(shape, dtype=np.int64),
        )  # fmt: skip
