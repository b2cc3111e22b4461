"""TREZOR's watch over its lamps: the command line, and all wiring in straight lines.

`trezor station` is everything in one process; `trezor gateway` and `trezor monitor` are the same parts on their own.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click
from rich.console import Console

import trezor_demo
from dashboards.commands import dashboards
from firmware_sim.commands import lamps, record, replay, scenarios, simulate
from gateway.broker import SHARED, WINDOW, BrokerFailed, EmbeddedBroker
from gateway.fleet import Fleet
from gateway.listen import Gateway, Limits
from gateway.options import (
    FLEET_FILE,
    WORLD,
    Broker,
    Decorator,
    broker_option,
    casebook_option,
    fleet_option,
    store_option,
    world_option,
)
from gateway.store import Store, StoreAway
from gateway.worldclock import EventClock, LiveClock, WorldClock
from monitor.casebook import Casebook, CasebookError
from monitor.commands import account, cases, explain, nights, opened, opened_store
from monitor.faults_table import Mirror
from monitor.loop import Monitor
from monitor.notify import Notifier
from monitor.watch import Tick, Watch
from monitor.web.accounts import Accounts, AccountsError
from monitor.web.app import create_app
from monitor.web.serve import PortTaken, Site
from monitor.web.world import NoSuchWorld, World

log = logging.getLogger("trezor")


def utc_now() -> datetime:
    """The one clock of the product."""
    return datetime.now(UTC)


def main() -> None:
    """The command `trezor`: expected trouble ends in one sentence, not in a traceback."""
    try:
        cli(prog_name="trezor")
    except (BrokerFailed, StoreAway, CasebookError, AccountsError, PortTaken) as error:
        click.echo(f"trezor: {error}", err=True)
        sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--verbose", "-v", count=True, help="Say more: -v what happens, -vv everything.")
def cli(verbose: int) -> None:
    """Watches off-grid solar street lamps: which lamp is dark, why, with what evidence, who was told.

    \b
    Begin with        trezor demo            two hundred lamps on this machine, thirty nights in a minute
    Everything in one trezor station         broker, gateway, store, monitor and page in one process
    Apart             trezor gateway, trezor monitor
    Ask               trezor cases, trezor nights, trezor explain CASE
    Train and prove   trezor scenarios, trezor simulate, trezor replay, trezor scorecard
    """
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a round that is still going on is no news


# --- the processes -----------------------------------------------------------------------------------------------


class Watching:
    """A world being judged: monitor and page on top of an open store."""

    def __init__(
        self, world: str, fleet: Fleet, store: Store, casebook: Casebook, alerts: Path | None, event_clock: bool,
        tick_s: float, on_tick: Callable[[Tick], None] | None = None,
    ) -> None:  # fmt: skip
        self.world, self.fleet, self.store, self.casebook = world, fleet, store, casebook
        self._event_clock = event_clock
        self._on_tick = on_tick
        self._seen: tuple[datetime, float] | None = None
        self.mirror = Mirror(store, fleet, casebook.cases(withdrawn=True))
        self.watch = Watch(store, casebook, fleet, None if event_clock else utc_now)
        self.monitor = Monitor(
            self.watch, Notifier(casebook, alerts, os.environ, utc_now), self.now, tick_s=tick_s, on_tick=self._after
        )

    def now(self) -> datetime:
        """The world's time: the wall clock, or the newest event time and what has passed here since it was seen."""
        clock = self.monitor.pulse.world_clock if self._event_clock else None
        if clock is None:
            return utc_now()
        if self._seen is None or self._seen[0] != clock:
            self._seen = clock, time.monotonic()
        return clock + timedelta(seconds=time.monotonic() - self._seen[1])

    def _after(self, tick: Tick) -> None:
        if tick.clock is not None:
            self.mirror.copy(tick.changes.changed if tick.changes else (), tick.clock)
        if self._on_tick is not None:
            self._on_tick(tick)


def world_clock(kind: str, fleet: Fleet, store: Store) -> WorldClock:
    if kind == "live":
        return LiveClock(utc_now)
    newest = store.latest("arrivals")["received"].max()
    return EventClock(len(fleet.lamps), newest if isinstance(newest, datetime) else None)


def until_told() -> threading.Event:
    """Set by Ctrl-C and by a service manager's TERM."""
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    return told


def clock_option() -> Decorator:
    return click.option(
        "--clock", type=click.Choice(["live", "event"]), default="live", envvar="TREZOR_CLOCK", show_default=True,
        help="live: judge by the wall clock; event: by the newest time that lamps report (replays).",
    )  # fmt: skip


def page_option() -> Decorator:
    return click.option(
        "--page", default="127.0.0.1:8080", envvar="TREZOR_PAGE", show_default=True, metavar="HOST:PORT",
        help="Where the page listens; wider than this machine only with --accounts. 'off' for none.",
    )  # fmt: skip


def alerts_option() -> Decorator:
    return click.option(
        "--alerts", type=click.Path(file_okay=False, path_type=Path), default="var/alerts", envvar="TREZOR_ALERTS",
        show_default=True, help="Folder in which every alert is also kept as a text file.",
    )  # fmt: skip


def accounts_option() -> Decorator:
    return click.option(
        "--accounts", type=click.Path(dir_okay=False, path_type=Path), envvar="TREZOR_ACCOUNTS",
        help="File of the page's accounts (see `trezor account add --help`).",
    )  # fmt: skip


def page_address(text: str) -> tuple[str, int] | None:
    if text == "off":
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise click.UsageError(f"--page {text!r}: expected HOST:PORT like 127.0.0.1:8080, or off")
    return host, int(port)


def worlds(stack: ExitStack, mine: World, store_url: str, casebook_url: str) -> Callable[[str], World]:
    """Opens other worlds of the same places by name, for the page to show them next to this one."""
    known = {mine.name: mine}

    def find(name: str) -> World:
        if name not in known:
            file = casebook_url.replace("{world}", name).removeprefix("sqlite:///")
            if "{world}" not in casebook_url or not Path(file).exists():
                raise NoSuchWorld(name)
            store, casebook = stack.enter_context(opened(name, store_url, casebook_url))
            known[name] = World(name, store, casebook, clock=lambda: newest(store) or utc_now(), fleet=mine.fleet)
        return known[name]

    return find


def newest(store: Store) -> datetime | None:
    """The world's time where nobody judges it now: the newest receipt."""
    extent = store.extent("arrivals")
    return store.read("arrivals", since=extent[1], columns=["received"])["received"].max() if extent else None  # type: ignore[return-value]  # a column of times has times


def start_page(
    stack: ExitStack, watching: Watching, address: tuple[str, int], accounts_file: Path | None,
    counters: Callable[[], Mapping[str, float]] | None, store_url: str, casebook_url: str,
) -> Site:  # fmt: skip
    accounts = Accounts(accounts_file) if accounts_file else None
    mine = World(
        watching.world, watching.store, watching.casebook, last_tick=lambda: watching.monitor.pulse.last_tick,
        clock=watching.now, fleet=watching.fleet,
    )  # fmt: skip
    app = create_app(
        worlds(stack, mine, store_url, casebook_url), watching.fleet, watching.now, accounts, counters,
        live=watching.world, secret=os.environ.get("TREZOR_SECRET"),
    )  # fmt: skip
    site = Site(app, *address, accounts)
    stack.callback(site.stop)
    site.start()
    return site


def start_gateway(
    stack: ExitStack, broker: Broker, store: Store, fleet: Fleet, world: str, clock: str, suffix: str, embedded: bool
) -> Gateway:
    time_of_world = world_clock(clock, fleet, store)
    gateway = Gateway(
        broker, store, fleet, world, utc_now, time_of_world, suffix=suffix, shared=SHARED if embedded else True,
        limits=Limits(window=WINDOW) if embedded else Limits(),
    )  # fmt: skip
    gateway.start()
    stack.callback(gateway.stop)
    return gateway


def gateway_numbers(gateway: Gateway) -> dict[str, float]:
    """The gateway's counters as numbers, for /metrics."""
    return {name: float(value) for name, value in asdict(gateway.counters()).items() if isinstance(value, int | float)}


@cli.command()
@world_option()
@fleet_option()
@store_option()
@broker_option()
@casebook_option()
@clock_option()
@page_option()
@accounts_option()
@alerts_option()
@click.option("--port", default=1883, envvar="TREZOR_PORT", show_default=True, help="Of the embedded broker.")
@click.option("--tick", "tick_s", default=30.0, show_default=True, help="Seconds between two judgements.")
@click.option(
    "--until-idle", type=float, help="End, all judged and told, when nothing has arrived for so many seconds."
)
def station(
    world: str, fleet: Fleet, store_url: str, broker: Broker | None, casebook_url: str, clock: str, page: str,
    accounts: Path | None, alerts: Path, port: int, tick_s: float, until_idle: float | None,
) -> None:  # fmt: skip
    """Everything in one process: MQTT broker (unless --broker names one), gateway, store, monitor and page.

    For one Raspberry Pi or laptop. `--clock event --until-idle 20` judges a replayed world and ends.
    """
    told = until_told()
    with ExitStack() as stack:
        address = page_address(page)
        store, casebook = stack.enter_context(opened(world, store_url, casebook_url))
        embedded = broker is None
        at = broker or stack.enter_context(EmbeddedBroker(port)).address
        watching = Watching(world, fleet, store, casebook, alerts, clock == "event", tick_s)
        gateway = start_gateway(stack, at, store, fleet, world, clock, "", embedded)
        if address is not None:
            counters = partial(gateway_numbers, gateway)
            site = start_page(stack, watching, address, accounts, counters, store_url, casebook_url)
            click.echo(f"page    {site.url}")
        click.echo(f"broker  {at}")
        click.echo(f"world   {world}, {len(fleet.lamps)} lamps in {len(fleet.communes)} communes")
        watching.monitor.start()
        stack.callback(watching.monitor.stop)
        if until_idle is None:
            told.wait()
        else:
            wait_idle(gateway, until_idle, told)
        finish(gateway, watching)


def wait_idle(gateway: Gateway, quiet_s: float, told: threading.Event) -> None:
    """Until nothing has come for `quiet_s` seconds after the first message, all of it acknowledged; or told to stop."""
    while not told.wait(0.1):
        if gateway.counters().messages and gateway.idle_s() >= quiet_s:
            return


def finish(gateway: Gateway, watching: Watching) -> None:
    """The last judgement, so that what was heard is judged and told before the process ends."""
    watching.monitor.tick()
    watching.monitor.notify()


@cli.command("gateway")
@world_option()
@fleet_option()
@store_option()
@broker_option(required=True)
@clock_option()
@click.option("--suffix", default="", envvar="TREZOR_SUFFIX", help="Tells replicas apart; they share the load.")
def gateway_command(world: str, fleet: Fleet, store_url: str, broker: Broker, clock: str, suffix: str) -> None:
    """Hears lamps over MQTT and keeps what they say; acknowledges only what the store has made durable."""
    told = until_told()
    with ExitStack() as stack:
        store = stack.enter_context(opened_store(world, store_url))
        start_gateway(stack, broker, store, fleet, world, clock, suffix, embedded=False)
        click.echo(f"gateway of world {world}: {broker} -> {store_url.split('@')[-1]}")
        told.wait()


@cli.command("monitor")
@world_option()
@fleet_option()
@store_option()
@casebook_option()
@clock_option()
@page_option()
@accounts_option()
@alerts_option()
@click.option("--tick", "tick_s", default=30.0, show_default=True, help="Seconds between two judgements.")
@click.option("--once", is_flag=True, help="Judge what is there, tell, and end.")
def monitor_command(
    world: str, fleet: Fleet, store_url: str, casebook_url: str, clock: str, page: str, accounts: Path | None,
    alerts: Path, tick_s: float, once: bool,
) -> None:  # fmt: skip
    """Judges the lamps from the store, keeps the cases, tells the people, and shows the page."""
    told = until_told()
    with ExitStack() as stack:
        address = page_address(page)
        store, casebook = stack.enter_context(opened(world, store_url, casebook_url))
        watching = Watching(world, fleet, store, casebook, alerts, clock == "event", tick_s)
        if once:
            if watching.monitor.tick() is None:
                raise click.ClickException(watching.monitor.pulse.trouble)
            watching.monitor.notify()
            return
        if address is not None:
            site = start_page(stack, watching, address, accounts, None, store_url, casebook_url)
            click.echo(f"page    {site.url}")
        watching.monitor.start()
        stack.callback(watching.monitor.stop)
        told.wait()


@cli.group("fleet")
def fleet_group() -> None:
    """The fleet file."""


@fleet_group.command("check")
@click.argument("fleet", type=FLEET_FILE)
def fleet_check(fleet: Fleet) -> None:
    """Reads a fleet file and tells every mistake, or what is in it."""
    click.echo(f"{fleet.title or 'fleet'}: {len(fleet.lamps)} lamps in {len(fleet.communes)} communes")
    for commune, members in fleet.by_commune.items():
        contacts = ", ".join(contact.role for contact in fleet.contacts(commune)) or "nobody is told"
        click.echo(f"  {commune:<20} {len(members):>3} lamps   {contacts}")


@cli.group("world")
def world_group() -> None:
    """Worlds: the living one, and replays beside it."""


@world_group.command("drop")
@click.argument("world", type=WORLD)
@store_option()
@casebook_option()
@click.option("--yes", is_flag=True, help="Do not ask.")
def world_drop(world: str, store_url: str, casebook_url: str, yes: bool) -> None:
    """Removes WORLD, its telemetry, nights, cases and alerts, for ever."""
    if not yes:
        click.confirm(f"Remove world {world} with everything it holds, for ever?", abort=True)
    with opened(world, store_url, casebook_url) as (store, casebook):
        casebook.drop()
        store.drop()
    click.echo(f"world {world} is gone")


@cli.command()
@fleet_option()
@page_option()
@click.option("--port", default=1883, envvar="TREZOR_PORT", show_default=True, help="Of the embedded broker.")
@click.option("--once", is_flag=True, help="End after the time-lapse, with the table.")
@click.option("--language", type=click.Choice(["fr", "en"]), default="fr", show_default=True)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default="var", show_default=True)
def demo(fleet: Fleet, page: str, port: int, once: bool, language: str, folder: Path) -> None:
    """Two hundred simulated lamps and a station on this machine: thirty nights in time-lapse, then live.

    Needs nothing but this package. What happens stays in var/ and goes on when started again; to begin anew:
    trezor world drop demo, or delete var/.
    """
    told = until_told()
    world, console = "demo", Console(highlight=False)
    show = trezor_demo.Show(console, fleet, language)
    with ExitStack() as stack:
        address = page_address(page)
        store_url = f"duckdb:///{folder}/{{world}}.duckdb"
        casebook_url = f"sqlite:///{folder}/{{world}}.casebook.sqlite"
        store, casebook = stack.enter_context(opened(world, store_url, casebook_url))
        embedded = stack.enter_context(EmbeddedBroker(port))
        watching = Watching(world, fleet, store, casebook, folder / "alerts", True, 1.0, show.ticked)
        gateway = start_gateway(stack, embedded.address, store, fleet, world, "event", "", embedded=True)
        url = None
        if address is not None:
            counters = partial(gateway_numbers, gateway)
            url = start_page(stack, watching, address, None, counters, store_url, casebook_url).url
            console.print(f"page  [bold]{url}[/bold]")
        watching.monitor.start()
        stack.callback(watching.monitor.stop)
        trezor_demo.run(
            stack, fleet=fleet, world=world, broker=embedded.address, folder=folder, language=language, once=once,
            url=url, watching=watching, gateway=gateway, told=told, now=utc_now(), console=console, show=show,
        )  # fmt: skip


for command in (cases, nights, explain, account, dashboards, scenarios, simulate, record, replay, lamps):
    cli.add_command(command)

if __name__ == "__main__":
    main()
