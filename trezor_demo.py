"""`trezor demo`: a station and two hundred simulated lamps; thirty nights pass before your eyes, then they live on.

The lamps are a process of their own and speak to the station through real MQTT only, as any lamp would.
"""

import json
import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from firmware_sim.life import Life
from firmware_sim.scenario import load_scenario
from gateway.broker import EmbeddedBroker
from gateway.fleet import Fleet
from gateway.options import Broker, fleet_option
from monitor.case import Case
from monitor.fault import WORDS
from monitor.listing import nights_frame
from monitor.opened import opened
from monitor.sentence import headline, urgency
from monitor.watch import Tick
from trezor_wiring import (
    Watching,
    gateway_numbers,
    page_address,
    page_option,
    start_gateway,
    start_page,
    until_told,
    utc_now,
)

SCENARIO: Final = "demo"
SEED: Final = 7
SETTLE_S: Final = 1.5  # nothing more comes: what was published has arrived
LEAD_US: Final = 48 * 3600 * 1_000_000  # how far the nights may run ahead of what is judged
PATIENCE_S: Final = 5.0  # a world that is silent for days has no time to judge by
FOR_EVER_US: Final = 2**62
SHOWN: Final = 12  # cases printed while the nights pass; all of them stand in the table and on the page


@dataclass(frozen=True, slots=True)
class Begun:
    """When a demonstration began: its lamps are the same whenever it goes on."""

    start: datetime
    seed: int

    @classmethod
    def recall(cls, path: Path, now: datetime) -> "Begun":
        """What `path` says, else a beginning thirty nights before `now`, written there."""
        if path.exists():
            known = json.loads(path.read_text(encoding="utf-8"))
            return cls(datetime.fromisoformat(known["start"]), known["seed"])
        begun = cls(load_scenario(SCENARIO, now).start, SEED)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"start": begun.start.isoformat(), "seed": begun.seed}), encoding="utf-8")
        return begun


def live_as_lamps(
    pipe: Connection, fleet: Fleet, begun: Begun, world: str, broker: Broker, now: datetime, heard: datetime | None
) -> None:
    """The lamps' process: tells `pipe` ("lapse", share, time, messages), ("lapsed", messages) or ("failed", why).

    It hears from it how far the watch has come, and does not run far ahead: people are to be told as things happen.
    """
    told_to_stop = threading.Event()
    pace = Pace()
    threading.Thread(target=_listen, args=(pipe, pace, told_to_stop), daemon=True).start()

    def passing(count: int, at: int) -> None:
        pipe.send(("lapse", life.share(at), at, count))
        pace.keep(at)

    try:
        scenario = replace(load_scenario(SCENARIO, now), start=begun.start)
        life = Life(fleet, scenario, begun.seed, world, now=now)
        count = life.lapse(
            broker, stopped=told_to_stop.is_set, since=heard, patience_s=60.0,
            progress=passing,
        )  # fmt: skip
        pipe.send(("lapsed", count))
        if not told_to_stop.is_set():
            life.live(broker, clock=_utc_now, stopped=told_to_stop.is_set)
    except Exception as error:  # the station's process must hear of it, whatever it was
        if not told_to_stop.is_set():
            pipe.send(("failed", f"{type(error).__name__}: {error}"))


def _utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  # the lamps' process is a command of its own


class Pace:
    """Keeps the nights that pass within LEAD of what the watch has judged; lets go after PATIENCE_S all the same."""

    def __init__(self) -> None:
        self._judged_us = 0
        self._moved = threading.Condition()

    def judged(self, at_us: int) -> None:
        """The watch has come so far; for ever far when it is gone."""
        with self._moved:
            self._judged_us = max(self._judged_us, at_us)
            self._moved.notify_all()

    def keep(self, at_us: int, patience_s: float = PATIENCE_S) -> bool:
        """Returns when the watch is near `at_us` (True), or has not come nearer for too long (False)."""
        with self._moved:
            if self._judged_us == 0:
                return True  # it has judged nothing yet: let it hear something first
            return self._moved.wait_for(lambda: at_us - self._judged_us <= LEAD_US, patience_s)


def _listen(pipe: Connection, pace: Pace, told_to_stop: threading.Event) -> None:
    """Until the station's process says stop, or is gone."""
    with suppress(EOFError, OSError):
        while (said := pipe.recv()) != "stop":
            pace.judged(said)
    told_to_stop.set()
    pace.judged(FOR_EVER_US)


class Lamps:
    """The lamps' process, as the station's process sees it."""

    def __init__(self, *args: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, far = context.Pipe()
        self._process = context.Process(target=live_as_lamps, args=(far, *args), daemon=True, name="lamps")
        self._process.start()
        far.close()

    def judged(self, tick: Tick) -> None:
        """Tells the lamps how far the watch has come."""
        if tick.clock is not None:
            with suppress(OSError):  # they have ended already
                self.pipe.send(int(tick.clock.timestamp() * 1e6))

    def stop(self) -> None:
        with suppress(OSError):  # it has ended already
            self.pipe.send("stop")
        self._process.join(10)
        if self._process.is_alive():
            self._process.terminate()


class Show:
    """What the terminal shows while the nights pass: a bar, and each case and alert as it happens."""

    def __init__(self, console: Console, fleet: Fleet, language: str) -> None:
        self.console = console
        self._fleet = fleet
        self._language = language
        self._printed = 0
        self.lamps: Lamps | None = None  # hear how far the watch has come, once they live
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=28), TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[text]}"), TimeElapsedColumn(), console=console, transient=False,
        )  # fmt: skip
        self._task = self.bar.add_task("trente nuits" if language == "fr" else "thirty nights", total=1.0, text="")

    def passing(self, share: float, at_us: int, count: int) -> None:
        when = datetime.fromtimestamp(at_us / 1e6, UTC)
        self.bar.update(self._task, completed=share, text=f"{when:%d.%m.%Y %H:%M}  {count} messages")

    def passed(self) -> None:
        """All nights have passed."""
        self.bar.update(self._task, completed=1.0)

    def ticked(self, tick: Tick) -> None:
        if self.lamps is not None:
            self.lamps.judged(tick)
        if tick.changes is None or tick.clock is None:
            return
        opened = [(case.opened_at, "[red]●[/red]", case) for case in tick.changes.opened]
        closed = [(case.closed_at or case.opened_at, "[green]✓[/green]", case) for case in tick.changes.closed]
        for at, sign, case in sorted(opened + closed, key=lambda change: change[0]):
            if case.hidden_by is None:
                self._say(at, sign, case, tick.clock)

    def _say(self, at: datetime, sign: str, case: Case, now: datetime) -> None:
        self._printed += 1
        if self._printed == SHOWN + 1:
            self.console.print("  …" + (" la suite sur la page" if self._language == "fr" else " the rest on the page"))
        if self._printed <= SHOWN:
            self.console.print(f"{sign} {at:%d.%m. %H:%M}  {escape(headline(case, self._fleet, now, self._language))}")


def summary(cases: Sequence[Case], nights: Any, fleet: Fleet, now: datetime, language: str, console: Console) -> None:
    """The table of communes (last night) and of open cases."""
    french = language == "fr"
    last = nights.filter(nights["verdict"] != "unknown")["date"].max() if nights.height else None
    table = Table(title=("Nuit du " if french else "Night of ") + str(last), title_justify="left")
    for name in ("commune", "éclairées" if french else "lit", "en partie" if french else "partly",
                 "éteintes" if french else "dark", "inconnues" if french else "unknown",
                 "pannes ouvertes" if french else "open cases"):  # fmt: skip
        table.add_column(name, justify="left" if name == "commune" else "right")
    of_last = nights.filter(nights["date"] == last) if last else nights
    for commune in fleet.communes.values():
        mine = of_last.filter(of_last["commune"] == commune.id)["verdict"].to_list()
        counts = [str(mine.count(verdict)) for verdict in ("lit", "partly", "dark", "unknown")]
        counts[0] += f" / {len(fleet.by_commune[commune.id])}"
        table.add_row(commune.name, *counts, str(sum(case.commune == commune.id for case in cases)))
    console.print(table)
    if not cases:
        return
    shown = Table(
        title="Pannes ouvertes" if french else "Open cases", title_justify="left", box=None, show_header=False
    )
    for case in sorted(cases, key=lambda case: (WORDS[case.kind].urgency, case.since)):
        shown.add_row(f"{case.id}", escape(headline(case, fleet, now, language)), escape(urgency(case, language)))
    console.print(shown)


def run(
    stack: ExitStack, *, fleet: Fleet, world: str, broker: Broker, folder: Path, language: str, once: bool,
    url: str | None,
    watching: Any, gateway: Any, told: threading.Event, now: datetime, console: Console, show: Show,
) -> None:  # fmt: skip
    """The time-lapse, the table, and then the living fleet until told to stop."""
    begun = Begun.recall(folder / f"{world}.json", now)
    newest = watching.store.extent("arrivals")
    heard = watching.store.latest("arrivals")["received"].max() if newest else None
    lamps = Lamps(
        fleet, begun, world, broker, now, heard - timedelta(hours=12) if isinstance(heard, datetime) else None
    )
    stack.callback(lamps.stop)
    show.lamps = lamps
    with show.bar:
        if not _lapse(lamps, show, told):
            return
        show.passed()
        settle(gateway, told)
        watching.monitor.tick()
        watching.monitor.notify()
    cases = watching.casebook.cases(open_only=True, hidden=False)
    summary(cases, nights_frame(watching.store), fleet, watching.now(), language, console)
    console.print(f"{'Alertes écrites dans' if language == 'fr' else 'Alerts written to'} {watching.alerts}")
    if once:
        return
    if url:
        console.print(f"\n[bold]{url}[/bold]   " + ("Ctrl-C pour finir" if language == "fr" else "Ctrl-C ends"))
    while not told.wait(1.0):
        if lamps.pipe.poll() and (said := lamps.pipe.recv())[0] == "failed":
            console.print(f"[red]{escape(said[1])}[/red]")
            return


def _lapse(lamps: Lamps, show: Show, told: threading.Event) -> bool:
    """Shows the time-lapse; False when it did not come to its end."""
    while not told.is_set():
        if not lamps.pipe.poll(0.2):
            continue
        try:
            said = lamps.pipe.recv()
        except EOFError:
            said = ("failed", "the lamps' process has ended")
        if said[0] == "lapse":
            show.passing(*said[1:])
        elif said[0] == "lapsed":
            return True
        else:
            show.console.print(f"[red]{escape(said[1])}[/red]")
            return False
    return False


def settle(gateway: Any, told: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
    """Until the gateway has written all that was published."""
    deadline = clock() + 120.0
    while gateway.idle_s() < SETTLE_S and clock() < deadline and not told.wait(0.1):
        pass


@click.command()
@fleet_option()
@page_option()
@click.option("--port", default=1883, envvar="TREZOR_PORT", show_default=True, help="Of the embedded broker.")
@click.option("--once", is_flag=True, help="End after the time-lapse, with the table.")
@click.option("--language", type=click.Choice(["fr", "en"]), default="fr", show_default=True)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default="var", show_default=True)
@click.option("--tell", metavar="URL", envvar="TREZOR_DEMO_URL", help="An Apprise URL that hears every alert, too.")
def demo(fleet: Fleet, page: str, port: int, once: bool, language: str, folder: Path, tell: str | None) -> None:
    """Two hundred simulated lamps and a station on this machine: thirty nights in time-lapse, then live.

    Needs nothing but this package. What happens stays in var/ and goes on when started again; to begin anew:
    trezor world drop demo, or delete var/.
    """
    told = until_told()
    world, console = "demo", Console(highlight=False)
    show = Show(console, fleet, language)
    with ExitStack() as stack:
        address = page_address(page)
        store_url = f"duckdb:///{folder}/{{world}}.duckdb"
        casebook_url = f"sqlite:///{folder}/{{world}}.casebook.sqlite"
        store, casebook = stack.enter_context(opened(world, store_url, casebook_url))
        embedded = stack.enter_context(EmbeddedBroker(port))
        watching = Watching(
            world, fleet, store, casebook, folder / "alerts", True, 0.5, show.ticked, notify_s=0.5, tell=tell
        )
        gateway = start_gateway(stack, embedded.address, store, fleet, world, "event", "", embedded=True)
        url = None
        if address is not None:
            counters = partial(gateway_numbers, gateway)
            url = start_page(stack, watching, address, None, counters, store_url, casebook_url).url
            console.print(f"page  [bold]{url}[/bold]")
        watching.monitor.start()
        stack.callback(watching.monitor.stop)
        run(
            stack, fleet=fleet, world=world, broker=embedded.address, folder=folder, language=language, once=once,
            url=url, watching=watching, gateway=gateway, told=told, now=utc_now(), console=console, show=show,
        )  # fmt: skip
