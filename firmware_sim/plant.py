"""Day after day, noon to noon: sky, mishaps, dirt, wear and learning around the lamps; samples, events, truth out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from firmware_sim import battery, panel
from firmware_sim.controller import BOOST_CHANCE, USUAL_DAWN, USUAL_DUSK, Memory, forget, schedule
from firmware_sim.day import Day, Morning
from firmware_sim.hardware import build
from firmware_sim.lamp import Battery, Run, State, live
from firmware_sim.ledger import Ledger
from firmware_sim.mishaps import FLAWS, Mishap
from firmware_sim.network import Outage
from firmware_sim.plan import make_plan
from firmware_sim.scenario import Scenario
from firmware_sim.sensors import Lights, Sampler, Starts
from firmware_sim.sky import STEP_S, STEPS, WIND_MS, Sky, SkyDay, local_midnight, on_plane
from firmware_sim.truth import MISHAPS, Truth
from gateway.fleet import Fleet
from gateway.telemetry import TIME

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]  # nights done, nights in all

HALF: Final = STEPS // 2
UNPOWERED_STEPS: Final = 6  # half an hour without power and the controller has forgotten its nights
DUSTY: Final = 0.10  # dust in the air above which panels get dirty faster …
DUSTY_FACTOR: Final = 2.0  # … by this factor (assumption)
EVENTS_SCHEMA: Final = {
    "commune": pl.String(), "lamp": pl.String(), "time": TIME, "event": pl.String(), "true_time": TIME,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chunk:
    """One day. `samples`: commune, lamp, time (lamp's clock), dt, boot, the columns of the contract, rssi, up, fw,
    true_time; sorted by lamp, then true time. `events`: commune, lamp, time, event, true_time. It is complete
    up to `until`."""

    samples: pl.DataFrame
    events: pl.DataFrame
    since: datetime
    until: datetime


class Plant:
    """A fleet's lamps in a scenario. The same fleet, scenario and seed give the same bytes."""

    def __init__(self, fleet: Fleet, scenario: Scenario, seed: int) -> None:
        """Raises ScenarioError where the scenario names what the fleet does not have."""
        self.scenario = scenario
        self._seed = seed
        longitude = float(np.mean([commune.longitude for commune in fleet.communes.values()]))
        midnight = local_midnight(scenario.start, longitude)
        self.begin = midnight + timedelta(hours=12)
        self._plan = make_plan(fleet, scenario, seed)
        self._hw = build(fleet, scenario.habits, scenario.start, seed)
        self._place = {lamp: i for i, lamp in enumerate(self._hw.ids)}
        self._sky = Sky(tuple(fleet.communes.values()), scenario.weather, midnight, seed).days()
        self._today = next(self._sky)
        self._tables = battery.tables()
        self._sampler = Sampler(self._hw, scenario.sample_s, scenario.reading == "mean", scenario.habits.spread)
        self._ledger = Ledger(self._hw, tuple(fleet.communes), self._tables)
        self._ended: dict[Mishap, datetime] = {}
        self._nights = 0
        self._first_state()

    @property
    def outages(self) -> tuple[Outage, ...]:
        """When whom the network does not reach, for the radio."""
        return self._plan.outages

    @property
    def mishaps(self) -> tuple[Mishap, ...]:
        return self._plan.mishaps

    def nights(self, progress: Progress | None = None, nights: int | None = None) -> Iterator[Chunk]:
        """The days of the scenario, one chunk each, computed as they are taken. `nights`: so many instead, for living
        on after the scenario's end. A second call goes on where the first one stopped."""
        total = self.scenario.nights if nights is None else nights
        for done in range(total):
            chunk = self._day()
            if progress is not None:
                progress(done + 1, total)
            yield chunk

    def truth(self) -> Truth:
        rows = [
            (m.kind, m.commune, m.lamp, m.since, self._ended.get(m, m.until), m.severity, m.mode)
            for m in self._plan.mishaps
        ]
        mishaps = pl.DataFrame(rows, schema=MISHAPS, orient="row")
        return Truth(mishaps, *self._ledger.frames())

    def _first_state(self) -> None:
        hw, n = self._hw, len(self._hw.ids)
        rng = np.random.default_rng((self._seed, 4))
        self._age = hw.age.copy()
        self._cycled = np.zeros(n)  # full equivalent cycles since the start
        self._capacity = hw.amp_hours * hw.lot * battery.health_of(self._age, hw.chemistry, hw.haste)
        self._since_wash = np.floor(rng.random(n) * 21 * hw.wash)
        rate = panel.SOILING_A_DAY[self._today.month] * hw.dirt
        self._dirt = np.minimum(self._since_wash * rate, panel.LOOKS_DIRTY)
        self._state = State(
            charge=self._capacity * 0.97, flow=np.zeros(n), heat=np.zeros(n), volts=hw.of("float_v") * hw.cells,
            holding=np.ones(n, dtype=bool), at_limit_h=np.zeros(n), switched_on=np.ones(n, dtype=bool),
            powered=np.ones(n, dtype=bool), estimate=np.ones(n), at_zero=np.zeros(n, dtype=bool),
        )  # fmt: skip
        self._memory = Memory(
            np.full(n, USUAL_DUSK), np.full(n, USUAL_DAWN), np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n)
        )
        self._taught = False
        self._boot = rng.integers(1, 9, n)
        self._up_s = rng.integers(3600, 120 * 86_400, n)
        self._was_alive = np.ones(n, dtype=bool)
        self._sync = rng.integers(0, 7, n)

    def _day(self) -> Chunk:
        n = self._nights
        begin = self.begin + timedelta(days=n)
        end = begin + timedelta(days=1)
        rng = np.random.default_rng((self._seed, 5, n))
        tomorrow = next(self._sky)
        sky = across_midnight(self._today, tomorrow)
        mishaps = [m for m in self._plan.mishaps if m.active(begin, end) and m not in self._ended]
        morning = self._morning(mishaps, begin)
        day = self._impose(sky, begin, rng)
        for mishap in mishaps:
            self._apply(day, mishap, begin)
        self._lay_flat(day, begin)
        pack = self._pack(morning, day)
        lights, ideal = self._lights(day, begin, rng)
        start_charge = self._state.charge.copy()
        run = live(self._hw, self._state, pack, day, lights.wanted / 100 * self._hw.led_w)
        starts = self._starts(run, day)
        samples = self._sampler.sample(day, run, pack, lights, starts, rng)
        events = self._events(day, run, starts)
        self._ledger.close_day(day, run, pack, start_charge, ideal, sky, self._dirt, self._memory.relearn > 0)
        self._evening(run, sky, mishaps, morning, end, rng)
        self._today = tomorrow
        self._nights += 1
        return Chunk(samples, events, begin, end)

    def _morning(self, mishaps: list[Mishap], begin: datetime) -> Morning:
        n = len(self._hw.ids)
        morning = Morning(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n, dtype=bool), np.ones(n))
        for mishap in mishaps:
            slow = FLAWS[mishap.kind].slow
            if slow is not None and mishap.lamp is not None and mishap.since <= begin:
                slow(morning, self._place[mishap.lamp], mishap, begin)
        self._dirt = np.maximum(self._dirt, morning.dirt_floor)
        return morning

    def _impose(self, sky: SkyDay, begin: datetime, rng: np.random.Generator) -> Day:
        hw = self._hw
        shape = (STEPS, len(hw.ids))
        plane = on_plane(sky, hw.plane_commune, hw.plane_tilt, hw.plane_azimuth)
        air = sky.air[:, hw.plane_commune]
        cell = panel.cell_temperature(plane, air, WIND_MS)[:, hw.plane]
        # Clouds have edges: two lamps of a village do not see quite the same sky.
        patchy = (0.008 + 0.05 * sky.patchy[:, hw.commune]) * self.scenario.habits.spread
        own = np.clip(1 + patchy * rng.standard_normal(shape), 0.3, 1.7)
        light = plane[:, hw.plane] * own * (1 - self._dirt)
        volts_light = np.maximum(sky.light[:, hw.commune] * (1 - self._dirt), light)
        return Day.quiet(
            begin,
            90 - sky.zenith[:, hw.commune],
            power=panel.peak_power(light, cell, hw.watts, hw.gamma),
            isc=panel.short_circuit(light, cell, hw.isc),
            voc=panel.open_voltage(volts_light, cell, hw.voc, hw.panel_cells),
            battery_c=sky.box[:, hw.commune] + sky.box_sun[:, hw.commune] * hw.box_sun,
            light=sky.light[:, hw.commune],
        )

    def _apply(self, day: Day, mishap: Mishap, begin: datetime) -> None:
        apply = FLAWS[mishap.kind].apply
        if apply is None or mishap.lamp is None:
            return
        first = max(0, (mishap.since - begin) // timedelta(seconds=STEP_S))
        last = STEPS if mishap.until is None else min(STEPS, (mishap.until - begin) // timedelta(seconds=STEP_S))
        if first < last:
            rng = np.random.default_rng((mishap.key, self._nights))
            apply(day, self._place[mishap.lamp], slice(first, last), mishap, rng)

    def _lay_flat(self, day: Day, begin: datetime) -> None:
        for lamp, at in self._plan.flats:
            first = (at - begin) // timedelta(seconds=STEP_S)
            if 0 <= first < STEPS:
                hour = slice(first, min(first + 3600 // STEP_S, STEPS))
                i = self._place[lamp]
                day.connected[hour, i] = False
                day.power[hour, i] = day.isc[hour, i] = 0

    def _pack(self, morning: Morning, day: Day) -> Battery:
        """Today's batteries; the charge keeps its share of a capacity that shrank over night."""
        hw = self._hw
        fade = self._cycled * hw.of("full_cycle") * hw.haste
        health = np.clip(battery.health_of(self._age, hw.chemistry, hw.haste) - fade, 0.1, 1) * morning.capacity
        capacity = hw.amp_hours * hw.lot * health
        self._state.charge = self._state.charge * capacity / self._capacity
        self._capacity = capacity
        cold = hw.of("cold") * np.clip(hw.of("warm_c") - day.battery_c.mean(axis=0), 0, None)
        reserve = battery.reserve(hw.usable, hw.chemistry == battery.ORDER.index("gel"), health) + cold
        compensation = hw.of("volts_per_k") * hw.cells * (day.battery_c - 25)
        return Battery(
            capacity=capacity,
            reserve=reserve,
            ohm=battery.resistance(hw.ohm, health, day.battery_c) * day.ohm,
            limit_v=hw.charge_end + compensation,
            hold_v=hw.of("float_v") * hw.cells + compensation,
            tables=self._tables,
        )

    def _lights(self, day: Day, begin: datetime, rng: np.random.Generator) -> tuple[Lights, Floats]:
        hw = self._hw
        profiles, which = hw.profiles, hw.profile
        for change in self.scenario.profiles:
            if change.since <= begin + timedelta(hours=12) < change.until:
                profiles, which = (change.profile,), np.zeros_like(hw.profile)
        if not self._taught:  # lamps that have hung for long know their nights
            schedule(self._memory, day.voc, hw.threshold, day.elevation, profiles, which)
            known = np.full_like(self._memory.relearn, 5)
            self._memory = replace(self._memory, relearn=known)
            for _ in range(6):
                schedule(self._memory, day.voc, hw.threshold, day.elevation, profiles, which)
            self._memory = replace(self._memory, relearn=np.zeros_like(known))
            self._taught = True
        plan = schedule(self._memory, day.voc, hw.threshold, day.elevation, profiles, which)
        passing = hw.motion & (rng.random(plan.target.shape) < BOOST_CHANCE)
        wanted = np.where(passing & (plan.target > 0), 100.0, plan.target)
        return Lights(plan.target, wanted), plan.ideal

    def _starts(self, run: Run, day: Day) -> Starts:
        before = np.vstack([self._was_alive[None], run.alive[:-1]])
        starting = run.alive & (~before | day.reboots)
        boot = self._boot + np.cumsum(starting, axis=0)
        steps = np.arange(STEPS)[:, None]
        since = np.maximum.accumulate(np.where(starting, steps, -1), axis=0)
        up = np.where(since >= 0, (steps - since) * STEP_S, self._up_s + (steps + 1) * STEP_S)
        self._was_alive, self._boot, self._up_s = run.alive[-1].copy(), boot[-1], up[-1]
        day.skew_s += self._clock()
        return Starts(boot, up, starting)

    def _clock(self) -> Ints:
        """What each lamp's clock is off, s: the network sets it once a week, at noon, as well as it can."""
        week = (self._nights + self._sync) // 7
        errors = np.stack(
            [
                np.random.default_rng((self._seed, 6, w)).standard_normal(week.size)
                for w in range(week.min(), week.max() + 1)
            ]
        )
        off = np.rint(self._hw.clock_s * errors[week - week.min(), np.arange(week.size)])
        return np.asarray(off, dtype=np.int64)

    def _events(self, day: Day, run: Run, starts: Starts) -> pl.DataFrame:
        found = [(int(i), int(k), "restart") for k, i in np.argwhere(starts.starting)]
        found += [(int(i), int(k), "cutoff") for k, i in np.argwhere(run.cut)]
        found += day.events
        rows = []
        for i, k, event in sorted(found, key=lambda f: (f[1], f[0], f[2])):
            true = day.begin + timedelta(seconds=k * STEP_S)
            told = true + timedelta(seconds=int(day.skew_s[k, i]))
            rows.append((self._hw.communes[i], self._hw.ids[i], told, event, true))
        return pl.DataFrame(rows, schema=EVENTS_SCHEMA, orient="row")

    def _evening(
        self, run: Run, sky: SkyDay, mishaps: list[Mishap], morning: Morning, end: datetime, rng: np.random.Generator
    ) -> None:
        """Dirt, rain, washing, ageing, learning, repairs: what is different tomorrow."""
        hw, habits = self._hw, self.scenario.habits
        forget(self._memory, (~run.alive).sum(axis=0) >= UNPOWERED_STEPS, rng)
        self._age += 1 / 365.25
        self._cycled += np.clip(run.amps, 0, None).sum(axis=0) * STEP_S / 3600 / hw.amp_hours
        season = panel.SOILING_A_DAY[sky.month] * hw.dirt * (DUSTY_FACTOR if sky.dust > DUSTY else 1.0)
        extra = np.where(self._dirt < morning.dirt_limit, morning.dirt, 0.0)
        self._dirt = np.minimum(self._dirt + season + extra, panel.SOILING_MOST)
        self._since_wash += 1
        rained = sky.rain_mm[hw.commune] >= panel.RAIN_WASHES_MM
        self._dirt = np.where(rained, self._dirt * panel.RAIN_LEAVES, self._dirt)
        if habits.washing > 0:
            every = panel.WASHED_EVERY_D[sky.month] * hw.wash / habits.washing
            due = (self._since_wash >= every) | (self._dirt > panel.LOOKS_DIRTY)
            self._wash(due & ~morning.unwashed)
        for mishap in mishaps:
            if mishap.lamp is None:
                continue
            i = self._place[mishap.lamp]
            if mishap.until is not None and mishap.until <= end:
                self._repair(mishap, i)
            elif mishap.kind == "panel_soiled" and mishap.mode == "dust" and rained[i] and mishap.since < end:
                self._ended[mishap] = end

    def _wash(self, lamps: Bools) -> None:
        self._dirt = np.where(lamps, self._dirt * panel.WASH_LEAVES, self._dirt)
        self._since_wash = np.where(lamps, 0, self._since_wash)

    def _repair(self, mishap: Mishap, i: int) -> None:
        n = len(self._hw.ids)
        if mishap.kind in ("panel_soiled", "panel_lost"):  # washed, or a new one
            self._wash(np.arange(n) == i)
        if mishap.kind in ("battery_worn", "battery_weak_cell", "battery_lost"):  # a new one, as delivered half full
            self._age[i] = self._cycled[i] = 0
            self._state.charge[i] = 0.6 * self._capacity[i]
            self._state.powered[i] = self._state.switched_on[i] = True
            self._state.at_zero[i] = False
            self._state.estimate[i] = 0.6


def across_midnight(first: SkyDay, second: SkyDay) -> SkyDay:
    """Noon to noon out of two days; the figures of a day are the first one's."""

    def join(afternoon: Floats, forenoon: Floats) -> Floats:
        return np.concatenate([afternoon[HALF:], forenoon[:HALF]])

    return replace(
        first,
        zenith=join(first.zenith, second.zenith),
        azimuth=join(first.azimuth, second.azimuth),
        ghi=join(first.ghi, second.ghi),
        dni=join(first.dni, second.dni),
        dhi=join(first.dhi, second.dhi),
        light=join(first.light, second.light),
        air=join(first.air, second.air),
        box=join(first.box, second.box),
        box_sun=join(first.box_sun, second.box_sun),
        patchy=join(first.patchy, second.patchy),
    )
