"""TREZOR's watch over its lamps: the command line, and all wiring in straight lines.

`trezor station` is everything in one process; `trezor gateway` and `trezor monitor` are the same parts on their own.
"""

import logging
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click
from click.core import ParameterSource
from rich.console import Console

import trezor_demo
from dashboards.commands import dashboards
from deploy.commands import backup, doctor, provision, restore
from firmware_sim.commands import lamps, record, replay, scenarios, simulate
from gateway.broker import BrokerFailed, EmbeddedBroker
from gateway.fleet import Fleet
from gateway.options import (
    FLEET_FILE,
    WORLD,
    Broker,
    broker_option,
    casebook_option,
    fleet_option,
    store_option,
    world_option,
)
from gateway.replica import NoSlot, replica, sign
from gateway.store import TABLES, StoreAway
from monitor.casebook import CasebookError
from monitor.commands import account, cases, explain, nights, opened, opened_store
from monitor.rules_doc import rules
from monitor.web.accounts import AccountsError
from monitor.web.serve import PortTaken
from scorecard.commands import scorecard
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
    utc_now,
    wait_idle,
)

log = logging.getLogger("trezor")


def main() -> None:
    """The command `trezor`: expected trouble ends in one sentence, not in a traceback."""
    try:
        cli(prog_name="trezor")
    except (BrokerFailed, NoSlot, StoreAway, CasebookError, AccountsError, PortTaken) as error:
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


@cli.command("gateway")
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
            show_page(stack, watching, address, accounts, None, store_url, casebook_url)
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


@cli.command()
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
    show = trezor_demo.Show(console, fleet, language)
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
        trezor_demo.run(
            stack, fleet=fleet, world=world, broker=embedded.address, folder=folder, language=language, once=once,
            url=url, watching=watching, gateway=gateway, told=told, now=utc_now(), console=console, show=show,
        )  # fmt: skip


@cli.command("reference", hidden=True)
def reference() -> None:
    """Every command, option and environment variable, as Markdown: docs/commands.md."""
    click.echo("# Commands\n\nWritten by `trezor reference`; every option may also be set by its environment variable.")
    click.echo("\n`trezor -v …` (`--verbose`) says what happens, `-vv` everything.")
    walk(cli, "trezor")


def walk(group: click.Group, path: str) -> None:
    for name, command in sorted(group.commands.items()):
        if command.hidden:
            continue
        click.echo(f"\n## `{path} {name}`\n\n{(command.help or '').strip()}")
        options = [option for option in command.params if isinstance(option, click.Option)]
        if options:
            click.echo("")
        for option in options:
            variable = f" (`{option.envvar}`)" if option.envvar else ""
            click.echo(f"- `{', '.join([*option.opts, *option.secondary_opts])}`{variable}: {option.help or ''}")
        if isinstance(command, click.Group):
            walk(command, f"{path} {name}")


COMMANDS = (
    provision, doctor, backup, restore, cases, nights, explain, rules, account, dashboards, scenarios, simulate, record,
    replay, lamps, scorecard,
)  # fmt: skip
for command in COMMANDS:
    cli.add_command(command)

if __name__ == "__main__":
    main()
