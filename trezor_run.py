"""What runs, wired in straight lines: `trezor station`, `gateway` and `monitor`; and `world drop`.

`trezor station` is everything in one process; `trezor gateway` and `trezor monitor` are the same parts on their own.
"""

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click
from click.core import ParameterSource

from gateway.broker import EmbeddedBroker
from gateway.fleet import Fleet
from gateway.options import (
    WORLD,
    Broker,
    broker_option,
    casebook_option,
    fleet_option,
    store_option,
    world_option,
)
from gateway.replica import replica, sign
from gateway.store import TABLES
from monitor.opened import opened, opened_store
from monitor.web.serve import PortTaken
from trezor_wiring import (
    Watching,
    accounts_option,
    alerts_option,
    clock_option,
    finish,
    gateway_numbers,
    page_address,
    page_option,
    played_alerts,
    start_gateway,
    start_page,
    until_told,
    wait_idle,
)


@click.command()
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
            show_page(stack, watching, address, accounts, counters, store_url, casebook_url)
        click.echo(f"broker  {at}")
        click.echo(f"world   {world}, {len(fleet.lamps)} lamps in {len(fleet.communes)} communes")
        watching.monitor.start()
        stack.callback(watching.monitor.stop)
        if until_idle is None:
            told.wait()
        else:
            wait_idle(gateway, until_idle, told)
        finish(gateway, watching)


def show_page(
    stack: ExitStack, watching: Watching, address: tuple[str, int], accounts: Path | None,
    counters: Callable[[], Mapping[str, float]] | None, store_url: str, casebook_url: str,
) -> None:  # fmt: skip
    """Says where the page is. A taken port is an error only where that port was asked for: judging goes on without."""
    try:
        site = start_page(stack, watching, address, accounts, counters, store_url, casebook_url)
    except PortTaken as error:
        if click.get_current_context().get_parameter_source("page") is not ParameterSource.DEFAULT:
            raise
        click.echo(f"no page: {error}", err=True)
        return
    click.echo(f"page    {site.url}")


@click.command("gateway")
@world_option()
@fleet_option()
@store_option()
@broker_option(required=True)
@clock_option()
@click.option(
    "--suffix",
    default="",
    envvar="TREZOR_SUFFIX",
    help="Tells replicas apart; they share the load. auto: the first free number.",
)
@click.option(
    "--slots",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="TREZOR_SLOTS",
    help="Folder that replicas on this machine share, for --suffix auto.",
)
@click.option(
    "--alive",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="TREZOR_ALIVE",
    help="File touched every few seconds while the gateway does its work, for health checks.",
)
def gateway_command(
    world: str,
    fleet: Fleet,
    store_url: str,
    broker: Broker,
    clock: str,
    suffix: str,
    slots: Path | None,
    alive: Path | None,
) -> None:
    """Hears lamps over MQTT and keeps what they say; acknowledges only what the store has made durable."""
    told = until_told()
    with ExitStack() as stack:
        store = stack.enter_context(opened_store(world, store_url))
        name = stack.enter_context(replica(suffix, slots))
        gateway = start_gateway(stack, broker, store, fleet, world, clock, name, embedded=False)
        place = store_url.replace("{world}", world).split("@")[-1]
        click.echo(f"gateway{name and f' {name}'} of world {world}: {broker} -> {place}")
        while not told.wait(5.0):
            if alive is not None:
                sign(alive, gateway.counters())


@click.command("monitor")
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
            show_page(stack, watching, address, accounts, None, store_url, casebook_url)
        watching.monitor.start()
        stack.callback(watching.monitor.stop)
        told.wait()


@click.group("world")
def world_group() -> None:
    """Worlds: the living one, and replays beside it."""


@world_group.command("drop")
@click.argument("world", type=WORLD)
@store_option()
@casebook_option()
@alerts_option()
@click.option("--yes", is_flag=True, help="Do not ask.")
def world_drop(world: str, store_url: str, casebook_url: str, alerts: Path, yes: bool) -> None:
    """Removes WORLD, its telemetry, nights, cases and alerts, for ever."""
    with opened(world, store_url, casebook_url) as (store, casebook):
        empty = not casebook.cases(withdrawn=True) and not any(store.extent(table) for table in TABLES)
        if not empty and not yes:
            click.confirm(f"Remove world {world} with everything it holds, for ever?", abort=True)
        casebook.drop()
        store.drop()
    if empty:
        raise click.ClickException(f"there is no world {world}: --store and --casebook hold nothing of it")
    shutil.rmtree(played_alerts(alerts, world), ignore_errors=True)
    click.echo(f"world {world} is gone")
