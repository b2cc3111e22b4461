"""How a world is put together: store, gateway, monitor and page, in straight lines; and the options they share."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click

from gateway.broker import SHARED, WINDOW
from gateway.fleet import Fleet
from gateway.listen import Gateway, Limits
from gateway.options import Broker, Decorator
from gateway.store import Store
from gateway.worldclock import EventClock, LiveClock, WorldClock
from monitor.casebook import Casebook
from monitor.faults_table import Mirror
from monitor.loop import NOTIFY_S, Monitor
from monitor.notify import Notifier, Send
from monitor.opened import opened
from monitor.places import MARK, file_of
from monitor.transport import send
from monitor.watch import Tick, Watch
from monitor.web.accounts import Accounts
from monitor.web.app import create_app
from monitor.web.serve import Site
from monitor.web.world import NoSuchWorld, World

log = logging.getLogger("trezor")


def utc_now() -> datetime:
    """The one clock of the product."""
    return datetime.now(UTC)


class Watching:
    """A world being judged: monitor and page on top of an open store."""

    def __init__(
        self, world: str, fleet: Fleet, store: Store, casebook: Casebook, alerts: Path | None, event_clock: bool,
        tick_s: float, on_tick: Callable[[Tick], None] | None = None, notify_s: float = NOTIFY_S,
        tell: str | None = None,
    ) -> None:  # fmt: skip
        """`tell`: the one address that hears a played world's alerts; else nobody does."""
        self.world, self.fleet, self.store, self.casebook = world, fleet, store, casebook
        self._event_clock = event_clock
        self._on_tick = on_tick
        self._seen: tuple[datetime, float] | None = None
        self.mirror = Mirror(store, fleet, casebook.cases(withdrawn=True))
        self.watch = Watch(store, casebook, fleet, None if event_clock else utc_now)
        self.alerts = played_alerts(alerts, world) if event_clock and alerts else alerts
        if not event_clock:
            notifier = Notifier(casebook, self.alerts, os.environ, utc_now)
        elif tell:
            notifier = Notifier(casebook, self.alerts, OneAddress(tell), utc_now, send=partial(to_one, tell))
        else:
            notifier = Notifier(casebook, self.alerts, {}, utc_now, send=nobody)
        self.monitor = Monitor(
            self.watch, notifier, self.now, tick_s=tick_s, notify_s=notify_s, on_tick=self._after
        )  # fmt: skip

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


def nobody(url: str, title: str, text: str, alert: str) -> None:
    """Sends nothing. A played world's faults are not there: its alerts are written down, and no telephone rings."""


class OneAddress(dict[str, str]):
    """Settings in which every contact's name stands for the same address."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __getitem__(self, _name: str) -> str:
        return self._url

    def get(self, _name: str, _default: object = None) -> str:
        return self._url


def to_one(address: str, url: str, title: str, text: str, alert: str, send: Send = send) -> None:
    """To `address`, whatever the fleet file says: a demonstration rings at no mayor's."""
    send(address, title, text, alert)


def played_alerts(alerts: Path, world: str) -> Path:
    """Where a played world's alerts are written: apart from those of the living one, to be dropped with the world."""
    return alerts / world


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
            file = file_of(casebook_url, name)
            if MARK not in casebook_url or file is None or not file.exists():
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
        broker, store, fleet, world, utc_now, time_of_world, suffix=suffix,
        shared=SHARED or not embedded, limits=Limits(window=WINDOW) if embedded else Limits(),
    )  # fmt: skip
    gateway.start()
    stack.callback(gateway.stop)
    return gateway


def gateway_numbers(gateway: Gateway) -> dict[str, float]:
    """The gateway's counters as numbers, for /metrics."""
    return {name: float(value) for name, value in asdict(gateway.counters()).items() if isinstance(value, int | float)}


def wait_idle(gateway: Gateway, quiet_s: float, told: threading.Event) -> None:
    """Until nothing has come for `quiet_s` seconds after the first message, all of it acknowledged; or told to stop."""
    while not told.wait(0.1):
        if gateway.counters().messages and gateway.idle_s() >= quiet_s:
            return


def finish(gateway: Gateway, watching: Watching) -> None:
    """The last judgement, so that what was heard is judged and told before the process ends."""
    watching.monitor.tick()
    watching.monitor.notify()
