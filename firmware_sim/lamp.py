"""One day in the life of every lamp at once: panel → charger → battery → load, step by step. Start reading here.

day.py     what the sky and the mishaps impose on each lamp, [steps, lamps]
lamp.py    what the lamps make of it: this loop over time, numpy over lamps
plant.py   day after day: sky, dirt, wear and learning around it; samples, events and truth out of it
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from firmware_sim import battery, charger
from firmware_sim.controller import SAVE_BELOW, SAVE_TO
from firmware_sim.day import Day
from firmware_sim.hardware import Hardware
from firmware_sim.panel import current_at
from firmware_sim.sky import STEP_S

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

HOURS: Final = STEP_S / 3600
HEAT_K_PER_W: Final = 0.5  # a pack's own heating …
RECONNECT_SHARE: Final = 0.04  # of charge, above the share at which a controller cut off
HEAT_KEEPS: Final = float(np.exp(-STEP_S / 7200))  # … with a lag of two hours (assumptions)


@dataclass(slots=True)
class State:
    """What a lamp carries from one day into the next, [lamps]."""

    charge: Floats  # Ah
    flow: Floats  # Ah that the last step stored
    heat: Floats  # K of the battery's own
    volts: Floats  # V at its terminals, last
    holding: Bools  # charger in float
    at_limit_h: Floats  # hours at the charge limit today
    switched_on: Bools  # the load is not cut off
    powered: Bools  # the controller's supply from the battery is not broken
    estimate: Floats  # 0…1: the controller's own idea of its charge
    at_zero: Bools  # … which stays at 0 after a cut-off until the battery is full


@dataclass(frozen=True, slots=True)
class Battery:
    """Today's batteries: [lamps], those with units of Ω and V [steps, lamps]."""

    capacity: Floats  # Ah
    reserve: Floats  # share that the cut-off leaves
    ohm: Floats  # Ω
    limit_v: Floats  # V, end of charge
    hold_v: Floats  # V, float
    tables: battery.Tables


@dataclass(slots=True)
class Run:
    """What happened, [steps, lamps]: means over each step."""

    bus_w: Floats  # from the charger into battery and load
    load_w: Floats  # luminaire, driver, controller, tap
    led_w: Floats
    amps: Floats  # into the battery
    volts: Floats  # at its terminals
    ocv: Floats  # V
    charge: Floats  # Ah after the step
    estimate: Floats
    saved: Floats  # factor on the level by which the lamp saves
    heat: Floats  # K
    available_w: Floats  # what the charger could have passed
    lit: Bools  # the load is connected and powered
    alive: Bools  # the controller runs
    cut: Bools  # the cut-off acts

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> "Run":
        def zeros() -> Floats:
            return np.zeros(shape)

        def no() -> Bools:
            return np.zeros(shape, dtype=bool)

        return cls(
            zeros(), zeros(), zeros(), zeros(), zeros(), zeros(), zeros(), zeros(), zeros(), zeros(), zeros(),
            no(), no(), no(),
        )  # fmt: skip


def live(hw: Hardware, state: State, pack: Battery, day: Day, led_w: Floats) -> Run:
    """Lives through a day. `led_w` [steps, lamps] is the LED power wanted before saving. Changes `state`."""
    run = Run.empty(led_w.shape)
    kind_at = hw.chemistry * (battery.GRID + 1)
    per_place = battery.GRID / (1 - battery.LOWEST)
    inverse = 1 / (pack.capacity * (1 - pack.reserve))
    empty_at = pack.capacity * pack.reserve
    table = pack.tables
    swing, brown = hw.of("swing") * hw.cells, hw.of("brown_v") * hw.cells
    rebulk = hw.of("rebulk_v") * hw.cells
    closes = hw.of("closes") > 0.5
    headroom = np.where(closes, 0.0, np.inf)
    nimh = hw.chemistry == battery.ORDER.index("nimh")
    leak = hw.of("leak_month") / (30.4 * 24) * HOURS
    tail = pack.capacity * charger.TAIL
    pwm = np.flatnonzero(hw.pwm)
    twelve = hw.cut_off / 11.0  # voltages beyond the limit are told per 12 V
    no_share = ~(day.cut_share > 0).any(axis=0)
    missing = day.shorted * hw.of("short_v")
    counted = HOURS / hw.amp_hours
    led = np.where(day.burning, hw.led_w, led_w) * day.emits
    variable, fixed = led * hw.driver_slope, np.where(led > 0, hw.driver_fixed, 0.0)
    passed = np.where(day.charging, day.power * hw.efficiency, 0.0)
    wakes = day.power > charger.WAKE_W

    for k in range(led.shape[0]):
        # The voltage in the middle of the step, if it goes on as the last one: energies then add up.
        scale = (state.charge + 0.5 * state.flow - empty_at) * inverse
        place = (np.maximum(scale, battery.LOWEST) - battery.LOWEST) * per_place
        whole = np.minimum(place.astype(np.int64), battery.GRID - 1)
        at = kind_at + whole
        low = table.ocv[at]
        e = (low + (table.ocv[at + 1] - low) * (place - whole)) * hw.cells - missing[k]

        # Load: the relay, the saving of light, the controller itself.
        connected = day.connected[k]
        alive = (connected & state.powered) | wakes[k]
        lit = (state.switched_on | day.burning[k]) & alive
        save = np.where(hw.saving & (state.estimate < SAVE_BELOW), SAVE_TO, 1.0)
        load = np.where(alive, hw.idle_w + day.tap_w[k], 0.0) + np.where(lit, variable[k] * save + fixed[k], 0.0)
        available = passed[k].copy()
        if pwm.size:
            v = state.volts[pwm]
            amps = current_at(v + charger.PWM_DROP_V, day.isc[k, pwm], day.voc[k, pwm], hw.knee[pwm])
            available[pwm] = np.where(day.charging[k, pwm], amps * v, 0.0)
        carried = connected | (available >= load)  # without battery the panel carries the load, or nothing does
        alive &= carried
        lit &= carried
        available = np.where(alive, available, 0.0)
        load = np.where(alive, load, 0.0)

        # Battery: the current that balances the power, bounded by the charger's voltage and the pack's protection.
        net = available - load
        ohm = pack.ohm[k]
        ohm = np.where(net > 0, ohm * table.charging[at], ohm)
        inner = e + np.copysign(swing, net)
        balance = charger.battery_current(net, inner, ohm)
        limit_v = np.where(state.holding, pack.hold_v[k], pack.limit_v[k]) + day.over_v[k] * twelve
        efficiency = table.acceptance[at]
        room = np.maximum(pack.capacity - state.charge, headroom) / (HOURS * efficiency)
        most = np.minimum((limit_v - inner) / ohm, room)
        least = -load / inner
        amps = np.where(connected, np.minimum(balance, np.maximum(most, least)), 0.0)
        limited = (balance > most) & (most >= 0) & connected
        volts = np.where(limited, limit_v, e + np.copysign(swing, amps) + amps * ohm)
        bus = np.where(connected, amps * volts + load, load)

        # Bookkeeping of charge; the current that is not stored is heat.
        stored = np.where(amps > 0, amps * efficiency, amps) * HOURS - leak * state.charge
        charge = np.minimum(np.maximum(state.charge + stored, 0.0), pack.capacity)
        state.flow = charge - state.charge
        warmth = amps * (volts - e) + (amps * HOURS - state.flow) * e / HOURS
        state.heat = state.heat * HEAT_KEEPS + warmth * (HEAT_K_PER_W * (1 - HEAT_KEEPS))

        # Charger: bulk, absorption at the limit, then holding until the evening or a real load.
        state.at_limit_h = np.where(limited, state.at_limit_h + HOURS, np.where(available > 0, state.at_limit_h, 0.0))
        full = limited & ((state.at_limit_h > charger.ABSORB_H) | (amps < tail)) | (nimh & (scale > 0.985) & (net > 0))
        full &= ~state.holding
        state.holding = (state.holding | full) & (available > 0) & (volts > rebulk)

        # Controller: cut-off and reconnection, supply, its count of charge with the quirks of real ones.
        was_on = state.switched_on
        enough = state.estimate >= day.cut_share[k] + np.where(was_on, 0.0, RECONNECT_SHARE)
        held = np.where(was_on, volts > hw.cut_off, volts >= hw.reconnect)
        state.switched_on = (held & (enough | no_share)) | ~connected
        state.powered = (volts > brown) & (state.powered | wakes[k])
        cut = was_on & ~state.switched_on
        counts = amps * hw.errors.bat_a + hw.errors.bat_a0
        estimate = state.estimate + np.where(counts > 0, counts * hw.recount, counts) * counted
        state.at_zero = (state.at_zero | (cut & ~held)) & ~full
        estimate = np.where(full, 1.0, np.where(state.at_zero, 0.0, estimate))
        state.estimate = np.minimum(np.maximum(estimate, 0.0), 1.0)
        state.charge, state.volts = charge, volts

        run.bus_w[k], run.load_w[k], run.amps[k], run.volts[k], run.ocv[k] = bus, load, amps, volts, e
        run.charge[k], run.estimate[k], run.saved[k], run.heat[k] = charge, state.estimate, save, state.heat
        run.lit[k], run.alive[k], run.cut[k], run.available_w[k] = lit, alive, cut & alive, available
    run.led_w = np.where(run.lit, led * run.saved, 0.0)
    return run
