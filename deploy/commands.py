"""`trezor provision`, `doctor`, `backup`, `restore`: what whoever runs the service needs besides the service."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from deploy.provision import ROTATE, Provisioner, ProvisionError, Step, link_settings
from gateway.options import FLEET_FILE, WORLD, Decorator

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
    except (ProvisionError, OSError) as error:
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
    provisioner = Provisioner(folder.absolute(), FLEET_FILE.convert(fleet_file, None, ctx), _now(), _tell)
    if ctx.invoked_subcommand is not None:
        ctx.obj = provisioner
        return
    here = Path.cwd()
    with _remedies():
        provisioner.run(
            _from(here, fleet_file), _from(here, folder), world=world, hosts=hosts, rotate=frozenset(rotate)
        )
        step = link_settings(provisioner.place, here) if (here / "docker-compose.yml").exists() else None
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
