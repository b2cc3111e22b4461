"""One world from its scenario to its score: simulate, judge, then compare with the truth. Runs in any process."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from firmware_sim.scenario import Scenario
from gateway.fleet import Fleet
from gateway.store import Store
from gateway.stores import open_store
from monitor.casebook import open_casebook
from scorecard.known import HOT_DC, Lived, lived
from scorecard.lamps import SimulatedLamps
from scorecard.ledger import Agreement, agreement
from scorecard.matching import Judged, judge_cases
from scorecard.naive import naive_cases
from scorecard.outcome import Outcome, Surprise, outcomes, surprises, warnings
from scorecard.said import DAY, Said
from scorecard.station import through_mqtt
from scorecard.watching import STEP, Watched, live_through

WORLD: Final = "scored"
STORES: Final = ("duckdb", "memory")


@dataclass(frozen=True, slots=True)
class Order:
    """What to judge, and how."""

    scenario: Scenario
    fleet: Fleet
    seed: int
    step: timedelta = STEP
    store: str = STORES[0]
    mqtt: bool = False

    @property
    def name(self) -> str:
        return f"{self.scenario.name}-{self.seed}"


@dataclass(slots=True)
class Scored:
    """One detector on one world."""

    outcomes: list[Outcome]
    judged: list[Judged]
    surprises: list[Surprise]
    warnings: tuple[int, int, int]  # came true, did not, averted


@dataclass(slots=True)
class World:
    scenario: str
    seed: int
    nights: int
    lamps: int
    ours: Scored
    naive: Scored
    ledger: Agreement
    alerts: int
    alerts_of: dict[str, int] = field(default_factory=dict)  # by what became of their case
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.scenario}-{self.seed}"

    @property
    def lamp_years(self) -> float:
        return self.lamps * self.nights / 365.25


def score_world(order: Order, at: Callable[[float], None] = lambda share: None) -> World:
    """`at` is told the share that is done, 0…1. Everything on disk is in a temporary folder, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="trezor-scorecard-") as name:
        folder = Path(name)
        url = "memory:" if order.store == "memory" else f"duckdb:///{folder}/world.duckdb"
        store = open_store(url, WORLD)
        try:
            return _scored(order, store, folder, at)
        finally:
            store.close()


def _scored(order: Order, store: Store, folder: Path, at: Callable[[float], None]) -> World:
    began = time.monotonic()
    lamps = SimulatedLamps(order.fleet, order.scenario, order.seed, WORLD)
    watched = _judge(order, lamps, store, folder, at)
    judged_at = time.monotonic()
    truth = lived(lamps.truth(), order.fleet, order.scenario, _hot(store, order.scenario))
    ours = compare(watched.said, truth)
    naive = compare(naive_cases(store, order.fleet), truth)
    told = Counter({str(one.verdict): 0 for one in ours.judged})
    for one in ours.judged:
        told[str(one.verdict)] += one.said.alerts
    nights = store.read("nights", columns=["lamp", "time", "verdict", "lit_minutes"])
    return World(
        scenario=order.scenario.name, seed=order.seed, nights=order.scenario.nights, lamps=len(order.fleet.lamps),
        ours=ours, naive=naive, ledger=agreement(nights, truth), alerts=sum(told.values()), alerts_of=dict(told),
        seconds={"judged": judged_at - began, "compared": time.monotonic() - judged_at},
    )  # fmt: skip


def _judge(order: Order, lamps: SimulatedLamps, store: Store, folder: Path, at: Callable[[float], None]) -> Watched:
    """Only the lamps' messages go in: what really happened is asked of `lamps` afterwards, by the caller."""
    begin, whole = order.scenario.start, order.scenario.nights * DAY

    def tell(now: datetime) -> None:
        at(min(1.0, (now - begin) / whole))

    casebook = open_casebook(f"sqlite:///{folder}/casebook.sqlite", WORLD)
    try:
        live = through_mqtt if order.mqtt else live_through
        return live(lamps, WORLD, order.fleet, store, casebook, folder / "alerts", order.step, tell)
    finally:
        casebook.close()


def compare(cases: list[Said], truth: Lived) -> Scored:
    judged = judge_cases(cases, truth)
    return Scored(outcomes(judged, truth), judged, surprises(cases, truth), warnings(judged, truth))


def _hot(store: Store, scenario: Scenario) -> pl.DataFrame:
    """Lamp and time of every sample above 55 °C that is no broken sensor's word."""
    found = [pl.DataFrame(schema={"lamp": pl.String, "time": pl.Datetime("us", "UTC")})]
    begin = scenario.start
    while begin < scenario.end:
        rows = store.read("telemetry", begin, begin + 8 * DAY, columns=["lamp", "time", "bat_dc"])
        found.append(rows.filter(pl.col("bat_dc").is_between(HOT_DC, 800)).select("lamp", "time"))
        begin += 8 * DAY
    return pl.concat(found)
