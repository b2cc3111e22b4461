"""`trezor provision`, `doctor`, `backup`, `restore`: what whoever runs the service needs besides the service."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from deploy import backup as backups
from deploy.checks.finding import Setup
from deploy.doctor import examine
from deploy.provision import ROTATE, Provisioner, ProvisionError, Step, link_settings
from gateway.fleet import LANGUAGES
from gateway.options import FLEET_FILE, LIVE, WORLD, Decorator, casebook_option, store_option, world_option
from gateway.store import Store, StoreAway
from gateway.stores import open_store
from gateway.stores.backup import BackupDamaged
from gateway.stores.backup import Progress as Passing
from monitor.casebook import Casebook, open_casebook
from monitor.casebook.dump import DumpDamaged, WorldThere

STATES: Final = {"ok": ("✓", "green"), "note": ("i", "yellow"), "wrong": ("✗", "red")}
SIGNS: Final = {"made": "+", "changed": "~", "kept": "=", "note": "i"}
RELOAD: Final = "Tell the broker:  docker compose kill -s HUP mosquitto   (or: sudo systemctl reload mosquitto)"


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  # the command line is where the clock is read


def _folder_option() -> Decorator:
    return click.option(
        "--folder", type=click.Path(file_okay=False, path_type=Path), default="provisioned",
        envvar="TREZOR_PROVISIONED", show_default=True, help="Where everything secret is kept; git ignores it.",
    )  # fmt: skip


def _tell(step: Step) -> None:
    click.echo(f"{SIGNS[step.did]} {step.what}")


@contextmanager
def _remedies() -> Iterator[None]:
    try:
        yield
    except (ProvisionError, backups.NotEmpty, BackupDamaged, DumpDamaged, WorldThere, StoreAway, OSError) as error:
        raise click.ClickException(str(error)) from None


def _fleet_file_option() -> Decorator:
    """The path itself: it is written into .env, and copied into a backup."""
    return click.option(
        "--fleet", "fleet_file", type=click.Path(dir_okay=False, path_type=Path), default="fleet.toml",
        envvar="TREZOR_FLEET", show_default=True, help="The TOML file that says which lamps exist (docs/fleet.md).",
    )  # fmt: skip


@click.group("provision", invoke_without_command=True)
@_fleet_file_option()
@_folder_option()
@click.option("--world", type=WORLD, help="The world of the service. [default: as before, at first trezor]")
@click.option(
    "--host", "hosts", multiple=True, metavar="NAME",
    help="A name or address by which lamps reach the broker; the first is written into the lamps.",
)  # fmt: skip
@click.option(
    "--rotate", multiple=True, type=click.Choice(ROTATE),
    help="Make these secrets anew: everything that uses the old ones is then out.",
)  # fmt: skip
@click.pass_context
def provision(
    ctx: click.Context, fleet_file: Path, folder: Path, world: str | None, hosts: tuple[str, ...],
    rotate: tuple[str, ...],
) -> None:  # fmt: skip
    """Make certificates, passwords, access rules, tokens and .env for the service; again is harmless.

    \b
    trezor provision --host lamps.example.org     everything, for all lamps of the fleet
    trezor provision lamp add fatoma-21           one lamp that is new in the fleet file
    trezor provision lamp revoke fatoma-07        one lamp that was stolen
    """
    here = Path.cwd()
    compose = (here / "docker-compose.yml").exists()
    fleet = FLEET_FILE.convert(fleet_file, None, ctx)
    provisioner = Provisioner(folder.absolute(), fleet, _now(), _tell, for_containers=compose)
    if ctx.invoked_subcommand is not None:
        ctx.obj = provisioner
        return
    with _remedies():
        provisioner.run(
            _from(here, fleet_file), _from(here, folder), world=world, hosts=hosts, rotate=frozenset(rotate)
        )
        step = link_settings(provisioner.place, here) if compose else None
    if step is not None:
        _tell(step)
    click.echo(f"Keep {folder} safe, {provisioner.place.authority_key} best elsewhere. {RELOAD}")


@provision.group("lamp")
def lamp_group() -> None:
    """One lamp's credentials."""


@lamp_group.command("add")
@click.argument("lamp")
@click.option("--rotate", is_flag=True, help="New credentials for a lamp that has some.")
@click.pass_obj
def lamp_add(provisioner: Provisioner, lamp: str, rotate: bool) -> None:
    """Give LAMP, which is in the fleet file, its credentials."""
    with _remedies():
        path = provisioner.add_lamp(lamp, renew=rotate)
    click.echo(f"{path}: write it into the lamp's controller. {RELOAD}")
    click.echo("Restart gateway and monitor, so that they read the fleet file again.")


@lamp_group.command("revoke")
@click.argument("lamp")
@click.pass_obj
def lamp_revoke(provisioner: Provisioner, lamp: str) -> None:
    """Take LAMP's credentials away: stolen, lost, or scrapped. Its history stays."""
    with _remedies():
        provisioner.revoke_lamp(lamp)
    click.echo(f"{lamp} is out as soon as the broker knows, also where it is connected now. {RELOAD}")


def _from(here: Path, path: Path) -> str:
    """As compose wants a path: relative to its file, and beginning with a dot, where that is possible."""
    whole = path.absolute()
    return f"./{whole.relative_to(here)}" if whole.is_relative_to(here) else str(whole)


@click.command("doctor")
@world_option()
@_fleet_file_option()
@store_option()
@casebook_option()
@click.option("--broker", metavar="URL", envvar="TREZOR_BROKER", help="mqtt[s]://user:password@host:port[?ca=FILE]")
@click.option("--page", default="127.0.0.1:8080", envvar="TREZOR_PAGE", show_default=True, metavar="HOST:PORT")
@click.option("--accounts", type=click.Path(path_type=Path), envvar="TREZOR_ACCOUNTS", help="Accounts of the page.")
@click.option("--grafana", metavar="URL", envvar="TREZOR_GRAFANA_URL", help="Grafana, with user:password or --token.")
@click.option("--token", envvar="TREZOR_GRAFANA_TOKEN", help="Of Grafana.")
@click.option(
    "--language", type=click.Choice(LANGUAGES), default="fr", envvar="TREZOR_LANGUAGE", show_default=True,
)  # fmt: skip
def doctor(
    world: str, fleet_file: Path, store_url: str, casebook_url: str, broker: str | None, page: str,
    accounts: Path | None, grafana: str | None, token: str | None, language: str,
) -> None:  # fmt: skip
    """Check every connection and setting, and say what to do. Exit code 1 when anything is wrong."""
    setup = Setup(
        world=world, fleet=fleet_file, store=store_url, casebook=casebook_url, broker=broker, page=page,
        accounts=accounts, grafana=grafana, grafana_token=token, environ=os.environ, now=_now,
    )  # fmt: skip
    console, troubles = Console(highlight=False, markup=False, soft_wrap=True), 0
    for finding in examine(setup):
        sign, colour = STATES[finding.state]
        console.print(f"{sign} {finding.what.of(language)}", style=colour if finding.state != "ok" else "")
        if finding.remedy is not None:
            troubles += 1
            console.print(f"  → {finding.remedy.of(language)}")
    if troubles:
        console.print(f"{troubles} problème(s)." if language == "fr" else f"{troubles} problem(s).")
        sys.exit(1)
    console.print("Tout va bien." if language == "fr" else "All is well.")


@click.command("backup")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@world_option()
@_fleet_file_option()
@store_option()
@casebook_option()
def backup(folder: Path, world: str, fleet_file: Path, store_url: str, casebook_url: str) -> None:
    """Write a world's telemetry, nights, cases, alerts and fleet file into DIR, which must be new.

    The services may go on meanwhile; a station with DuckDB must be stopped. Secrets are not in it: keep a copy of
    provisioned/ as well.
    """
    with _remedies(), _opened(world, store_url, casebook_url) as (store, casebook), _bar() as passing:
        made = backups.back_up(folder, world, store, casebook, fleet_file, _now(), passing)
    click.echo(f"{folder}: {_counted(made.store)}; {_counted(made.casebook)}; {made.fleet.name}")


@click.command("restore")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--world", type=WORLD, envvar="TREZOR_WORLD", help="Into this world. [default: the one in the backup]")
@_fleet_file_option()
@store_option()
@casebook_option()
@click.option("--again", is_flag=True, help="Go on with a restore that was interrupted: the store may hold rows.")
def restore(folder: Path, world: str | None, fleet_file: Path, store_url: str, casebook_url: str, again: bool) -> None:
    """Put the backup in DIR into an empty store and casebook, of whatever kind; nothing is overwritten."""
    with _remedies():
        chosen = world or backups.world_of(folder)
        with _opened(chosen, store_url, casebook_url) as (store, casebook), _bar() as passing:
            done = backups.restore(folder, store, casebook, fleet_file, again=again, progress=passing)
    click.echo(f"world {chosen}: {_counted(done.store)}; {_counted(done.casebook)}; fleet file {done.fleet}")
    for table, count in done.refused.items():
        if count:
            click.echo(f"{table}: {count} rows refused by the store, {next(iter(done.reasons), '')}", err=True)
    if chosen != LIVE and chosen != backups.world_of(folder):
        click.echo("Alerts still owed are told when a monitor judges this world: clear its contacts for a drill.")


@contextmanager
def _opened(world: str, store_url: str, casebook_url: str) -> Iterator[tuple[Store, Casebook]]:
    with ExitStack() as stack:
        try:
            store = open_store(store_url, world)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        stack.callback(store.close)
        casebook = open_casebook(casebook_url, world)
        stack.callback(casebook.close)
        yield store, casebook


@contextmanager
def _bar() -> Iterator[Passing]:
    """A line per table on the screen, while it is a screen."""
    columns = (TextColumn("{task.description:<12}"), BarColumn(), TextColumn("{task.fields[rows]} rows"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def passing(table: str, rows: int, share: float) -> None:
            if table not in tasks:
                tasks[table] = bar.add_task(table, total=1.0, rows=0)
            bar.update(tasks[table], completed=share, rows=rows)

        yield passing


def _counted(rows: dict[str, int]) -> str:
    return ", ".join(f"{count} {table}" for table, count in rows.items())
