"""Which mishaps befall whom and when, in one scenario with one seed: all of it settled before the first night."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from firmware_sim.mishaps import FLAWS, Mishap
from firmware_sim.network import Outage, lamp_key
from firmware_sim.scenario import ANY, Placed, Scenario, ScenarioError
from gateway.fleet import Fleet

QUIET = timedelta(
    days=5
)  # between the repair of one mishap and the next one on the same lamp: who would tell them apart


@dataclass(frozen=True, slots=True)
class Plan:
    mishaps: tuple[Mishap, ...]
    flats: tuple[tuple[str, datetime], ...]  # lamps whose battery is taken off for an hour
    outages: tuple[Outage, ...]


def make_plan(fleet: Fleet, scenario: Scenario, seed: int) -> Plan:
    """Raises ScenarioError when the scenario names lamps or communes that the fleet does not have."""
    _check(fleet, scenario)
    rng = np.random.default_rng((seed, 2))
    planner = _Planner(fleet, scenario, rng)
    # Named lamps first, so that the drawn ones keep off them.
    for placed in sorted(scenario.placed, key=lambda placed: ANY in (placed.lamp, placed.commune)):
        for _ in range(placed.count):
            planner.place(placed)
    for kind, rate in sorted(scenario.rates.items()):
        planner.draw(kind, rate)
    flats = []
    for flat in scenario.flats:
        for _ in range(flat.count):
            flats.append((planner.pick(flat.at, flat.at + QUIET) if flat.lamp == ANY else flat.lamp, flat.at))
    mishaps = tuple(sorted(planner.mishaps, key=lambda m: (m.since, m.kind, m.lamp or m.commune)))
    outages = tuple(
        Outage(m.commune, m.since, m.until, m.lamp) for m in mishaps if m.kind in ("silent", "commune_silent")
    )
    return Plan(mishaps, tuple((lamp, at) for lamp, at in flats if lamp), outages)


def _check(fleet: Fleet, scenario: Scenario) -> None:
    mistakes = []
    named: list[tuple[str, str | None, Mapping[str, object]]] = []
    for nth, placed in enumerate(scenario.placed):
        named.append((f"mishap[{nth}].lamp", placed.lamp, fleet.lamps))
        named.append((f"mishap[{nth}].commune", placed.commune, fleet.communes))
    named += [(f"flat[{nth}].lamp", flat.lamp, fleet.lamps) for nth, flat in enumerate(scenario.flats)]
    named += [("weather.cloud_spell.commune", spell.commune, fleet.communes) for spell in scenario.weather.cloud_spells]
    for where, name, known in named:
        if name not in (None, ANY) and name not in known:
            mistakes.append(f'{where}: found {name!r}, expected "any" or one that is in the fleet file')
    if mistakes:
        raise ScenarioError(mistakes)


class _Planner:
    def __init__(self, fleet: Fleet, scenario: Scenario, rng: np.random.Generator) -> None:
        self.mishaps: list[Mishap] = []
        self._fleet = fleet
        self._scenario = scenario
        self._rng = rng
        self._busy: dict[str, list[tuple[datetime, datetime]]] = {}

    def place(self, placed: Placed) -> None:
        kind = FLAWS[placed.kind]
        until = placed.until
        if until is None and placed.repaired:
            until = placed.since + self._length(placed.kind)
        horizon = until or self._scenario.end + timedelta(days=3650)
        if kind.communal:
            commune = placed.commune if placed.commune != ANY else self.pick(placed.since, horizon, communes=True)
            lamp = None
        else:
            among = placed.commune if placed.commune != ANY else None
            lamp = placed.lamp if placed.lamp != ANY else self.pick(placed.since, horizon, among=among)
            commune = self._fleet.lamps[lamp].commune if lamp else None
        if commune is not None:
            self._add(placed.kind, commune, lamp, placed.since, until, placed.severity, placed.mode)

    def draw(self, kind: str, rate: float) -> None:
        """A Poisson number of this kind over the fleet's lamp-years, at even odds in time and place."""
        communal = FLAWS[kind].communal
        subjects = len(self._fleet.communes if communal else self._fleet.lamps)
        years = self._scenario.nights / 365.25
        for _ in range(int(self._rng.poisson(rate * subjects * years))):
            since = self._scenario.start + timedelta(days=self._scenario.nights * self._rng.random())
            since = since.replace(microsecond=0)
            until = since + self._length(kind)
            who = self.pick(since, until, communes=communal)
            if who is not None:
                commune = who if communal else self._fleet.lamps[who].commune
                self._add(kind, commune, None if communal else who, since, until, None, None)

    def pick(self, since: datetime, until: datetime, communes: bool = False, among: str | None = None) -> str | None:
        """A lamp (or commune) to which nothing else happens around that time; None when there is none left."""
        names = list(self._fleet.communes if communes else self._fleet.lamps)
        if among is not None:
            names = [name for name in names if self._fleet.lamps[name].commune == among]
        for i in self._rng.permutation(len(names)):
            if all(b + QUIET <= since or a >= until + QUIET for a, b in self._busy.get(names[i], [])):
                return str(names[i])
        return None

    def _length(self, kind: str) -> timedelta:
        days = FLAWS[kind].days
        mean = self._scenario.repair_days
        drawn = self._rng.uniform(*days) if days else np.clip(self._rng.exponential(mean), 0.15 * mean, 4 * mean)
        return timedelta(seconds=round(float(drawn) * 86_400))

    def _add(
        self,
        kind: str,
        commune: str,
        lamp: str | None,
        since: datetime,
        until: datetime | None,
        severity: float | None,
        mode: str | None,
    ) -> None:
        flaw = FLAWS[kind]
        mode = mode if mode is not None else flaw.modes[int(self._rng.integers(len(flaw.modes)))]
        drawn = float(self._rng.uniform(*dict(flaw.by_mode).get(mode, flaw.severity)))
        if kind == "clock_wrong" and self._rng.random() < 0.5:
            drawn = -drawn
        who = lamp or commune
        last = until or self._scenario.end + timedelta(days=3650)
        self._busy.setdefault(who, []).append((since, last))
        key = lamp_key(f"{who} {kind} {since:%Y%m%d%H%M}")
        self.mishaps.append(
            Mishap(kind, commune, lamp, since, until, drawn if severity is None else severity, mode, key)
        )
