"""A stage for stories in virtual time: simulated lamps, the real Watch, the real casebook, no broker and no waiting."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from firmware_sim.simulate import Simulated, simulate_telemetry
from gateway.fleet import Contact, Fleet
from gateway.store import Store
from gateway.stores.memory import MemoryStore
from monitor.case import Alert, Case, Change
from monitor.casebook import Casebook, open_casebook
from monitor.fault import Kind
from monitor.listing import nights_frame
from monitor.watch import Tick, Watch
from tests.firmware_sim.worlds import scenario, village

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NAME = "story"  # of every world: the ids of alerts contain it

TECHNICIAN = Contact("technicien régional", "${TECHNICIAN}", "en")

Ending = tuple[str, str, datetime, datetime | None]  # kind, subject, since, until


@dataclass(frozen=True)
class World:
    """What the lamps lived through, and what of it arrived when."""

    fleet: Fleet
    start: datetime
    end: datetime
    simulated: Simulated

    @property
    def arrivals(self) -> pl.DataFrame:
        return self.simulated.arrivals.sort("time", "lamp", "seq")

    def samples(self, lamp: str, since: datetime, until: datetime) -> pl.DataFrame:
        table = self.simulated.telemetry
        return table.filter((pl.col("lamp") == lamp) & pl.col("time").is_between(pl.lit(since), pl.lit(until)))


def world(text: str, *, nights: int, lamps: Mapping[str, int] | None = None, seed: int = 1, habits: str = "") -> World:
    """Scenario text as in docs/simulator.md, from noon of 2026-01-10 on, in the clear and dusty season.

    `lamps`: how many of each commune's. A technician is told of every commune, beside its own contacts.
    """
    counts = lamps or {"fatoma": 20}
    whole = village(max(counts.values()), communes=10)
    chosen = {lamp.id: lamp for name, few in counts.items() for lamp in whole.by_commune[name][:few]}
    fleet = Fleet({name: whole.communes[name] for name in counts}, chosen, (TECHNICIAN,))
    what = scenario(text, nights=nights, habits=habits)
    return World(fleet, what.start, what.end, simulate_telemetry(fleet, what, seed))


@dataclass
class Stage:
    """A store, a casebook and a monitor on them. Alerts are taken out and marked told after every tick."""

    world: World
    store: Store = field(default_factory=MemoryStore)
    casebook: Casebook = field(default_factory=lambda: open_casebook("sqlite://", NAME))
    tells: bool = True
    told: list[Alert] = field(default_factory=list)
    ticks: int = 0
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new process: everything that the monitor kept in memory is gone."""
        self.watch = Watch(self.store, self.casebook, self.world.fleet)

    def arrive(self, arrivals: pl.DataFrame) -> None:
        """The gateway writes these reports: samples first, then the rows of `arrivals`, as it really does."""
        if arrivals.is_empty():
            return
        reports = arrivals.select("lamp", "boot", "seq").unique()
        self.store.append("telemetry", self.world.simulated.telemetry.join(reports, on=reports.columns, how="semi"))
        self.store.append("arrivals", arrivals)
        events = self.world.simulated.events
        self.store.append("events", events.filter(pl.col("received") <= arrivals["time"].max()))

    def tick(self) -> Tick:
        tick = self.watch.tick()
        self.ticks += 1
        if self.tells and tick.clock is not None:
            for alert in self.casebook.owed(tick.clock):
                self.casebook.told(alert.id, tick.clock)
                self.told.append(alert)
        return tick

    def play(
        self,
        every: timedelta = 6 * HOUR,
        arrivals: pl.DataFrame | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        before_tick: Callable[["Stage"], object] = lambda _: None,
    ) -> "Stage":
        """The reports that were written from `since` to before `until`, and a tick after each `every` with news."""
        table = self.world.arrivals if arrivals is None else arrivals
        began, ended = since or self.world.start, until or self.world.end + 30 * DAY
        for batch in batches(table.filter((pl.col("time") >= began) & (pl.col("time") < ended)), every):
            self.arrive(batch)
            before_tick(self)
            self.tick()
        return self

    def cases(self, *, hidden: bool = False) -> list[Case]:
        """Oldest first, without the withdrawn ones."""
        return self.casebook.cases(hidden=hidden)[::-1]

    def endings(self) -> set[Ending]:
        """All cases, hidden ones too, as far as they must not depend on how the data came."""
        return {(str(case.kind), case.subject, case.since, case.until) for case in self.cases(hidden=True)}

    def kinds(self, subject: str) -> set[Kind]:
        """What people see of it: without what another case hides."""
        return {case.kind for case in self.cases() if case.subject == subject}

    def case(self, subject: str, kind: Kind) -> Case:
        found = [case for case in self.cases() if case.subject == subject and case.kind is kind]
        assert len(found) == 1, f"{subject} should have one case of {kind}, has {found}"
        return found[0]

    def ledger(self) -> pl.DataFrame:
        return nights_frame(self.store).sort("date", "lamp")

    def verdict(self, lamp: str, night: datetime) -> str:
        row = self.ledger().filter((pl.col("lamp") == lamp) & (pl.col("date") == f"{night:%Y-%m-%d}"))
        return str(row["verdict"].item()) if row.height else "no row"

    def news(self, subject: str, kind: Kind) -> dict[str, list[Change]]:
        """By contact: what was told of this lamp's or commune's cases of this kind, in order."""
        cases = {case.id for case in self.casebook.cases(withdrawn=True, subject=subject, kind=kind)}
        found: dict[str, list[Change]] = {}
        for alert in self.told:
            if alert.case in cases:
                found.setdefault(alert.contact, []).append(alert.change)
        return found

    def alert_ids(self) -> set[tuple[str, str]]:
        """Every alert that was ever owed: its id, which contains no time of owing, and the change."""
        return {(alert.id, str(alert.change)) for alert in self.casebook.alerts()}


def batches(arrivals: pl.DataFrame, every: timedelta) -> Iterable[pl.DataFrame]:
    """The rows in the order of their writing, cut at multiples of `every`."""
    ordered = arrivals.sort("time", maintain_order=True)
    slots = ordered["time"].dt.epoch("us") // (every // timedelta(microseconds=1))
    for _, batch in ordered.with_columns(slot=slots).group_by("slot", maintain_order=True):
        yield batch.drop("slot")
