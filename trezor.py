"""TREZOR's watch over its lamps: the command line. The commands themselves are where their work is done."""

import importlib
import logging
import sys
from typing import Final

import click

from gateway.fleet import Fleet
from gateway.options import FLEET_FILE
from gateway.trouble import Trouble

# Each command, where it is (module:name), and what the list of commands says of it.
LATER: Final = {
    "account": ("monitor.commands:account", "Who may look at the page."),
    "backup": ("deploy.commands:backup", "Write all that a world holds into a folder."),
    "cases": ("monitor.commands:cases", "List the cases of a world."),
    "dashboards": ("dashboards.commands:dashboards", "Grafana for the technicians."),
    "demo": ("trezor_demo:demo", "Two hundred simulated lamps and a station, here and now."),
    "doctor": ("deploy.commands:doctor", "Check every connection and setting, and say what to do."),
    "explain": ("monitor.commands:explain", "Why a case was opened."),
    "gateway": ("trezor_run:gateway_command", "Hear lamps over MQTT and keep what they say."),
    "lamps": ("firmware_sim.commands:lamps", "Let a simulated fleet live."),
    "monitor": ("trezor_run:monitor_command", "Judge the lamps, tell the people, show the page."),
    "nights": ("monitor.nights_command:nights", "The ledger of nights."),
    "provision": ("deploy.commands:provision", "Make certificates, passwords, access rules and settings."),
    "record": ("firmware_sim.commands:record", "Record a world's traffic as it comes."),
    "replay": ("firmware_sim.commands:replay", "Play a recording into a world of its own."),
    "restore": ("deploy.commands:restore", "Put a backup into an empty store and casebook."),
    "rules": ("monitor.rules_doc:rules", "How each kind of fault is judged."),
    "scenarios": ("firmware_sim.commands:scenarios", "List the ready scenarios."),
    "scorecard": ("scorecard.commands:scorecard", "Measure how good the monitor is."),
    "simulate": ("firmware_sim.commands:simulate", "Write a scenario's telemetry as a recording."),
    "station": ("trezor_run:station", "Broker, gateway, store, monitor and page in one process."),
    "world": ("trezor_run:world_group", "Worlds: the living one, and replays beside it."),
}


def main() -> None:
    """The command `trezor`: expected trouble ends in one sentence, not in a traceback."""
    try:
        cli(prog_name="trezor")
    except Trouble as trouble:
        click.echo(f"trezor: {trouble}", err=True)
        sys.exit(1)


class Commands(click.Group):
    """Imports a command when it is used: pvlib and scipy alone take longer than most questions to a casebook."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*LATER, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in LATER and cmd_name not in self.commands:
            module, _, name = LATER[cmd_name][0].partition(":")
            self.add_command(getattr(importlib.import_module(module), name), cmd_name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        here = {name: command.get_short_help_str() for name, command in self.commands.items() if not command.hidden}
        with formatter.section("Commands"):
            formatter.write_dl(sorted((here | {name: says for name, (_, says) in LATER.items()}).items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
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


@cli.command("reference", hidden=True)
def reference() -> None:
    """Every command, option and environment variable, as Markdown: docs/commands.md."""
    click.echo("# Commands\n\nWritten by `trezor reference`; every option may also be set by its environment variable.")
    click.echo("\n`trezor -v …` (`--verbose`) says what happens, `-vv` everything.")
    walk(cli, "trezor")


def walk(group: click.Group, path: str) -> None:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
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


if __name__ == "__main__":
    main()
