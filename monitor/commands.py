"""What can be asked of a casebook, and who may look at its page: `trezor cases`, `explain`, `account`."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.fleet import Fleet, parse_fleet
from gateway.options import Decorator, casebook_option, known_fleet_option, world_option
from monitor.case import Case
from monitor.casebook import Casebook, open_casebook
from monitor.listing import cases_json
from monitor.places import MARK, NoWorld, check_file
from monitor.remembered import CURSOR, FLEET, last_clock
from monitor.rules_fr import limit_says, rule_says
from monitor.sentence import evidence
from monitor.speech import number
from monitor.web.accounts import AccountsError, check_role, remove_account, write_account


@contextmanager
def known_casebook(world: str, url: str, language: str) -> Iterator[Casebook]:
    """The casebook of a world that is there. Raises NoWorld, CasebookError."""
    check_file(world, url, language)
    with closing(open_casebook(url, world)) as casebook:
        if (worlds := casebook.worlds()) and world not in worlds and MARK not in url:
            raise NoWorld(world, "--casebook", worlds, language)
        yield casebook


def known_fleet(casebook: Casebook) -> Fleet:
    """The fleet that the world was last judged with; a world that was never judged has no cases to name."""
    text = casebook.recall(FLEET)
    return parse_fleet(text.decode()) if text else Fleet({}, {})


def time_of(casebook: Casebook, cases: Sequence[Case]) -> datetime:
    """The world's time: of its last tick, or the newest of these cases where that is not known."""
    moments = [moment for case in cases for moment in (case.opened_at, case.closed_at) if moment]
    remembered = casebook.recall(CURSOR)
    if remembered is not None:
        moments.append(last_clock(remembered))
    return max(moments, default=datetime(2000, 1, 1, tzinfo=UTC))


@click.command("cases")
@world_option()
@known_fleet_option()
@casebook_option()
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--open", "open_only", is_flag=True, help="Only cases that are still open.")
@click.option(
    "--hidden/--no-hidden", default=False, help="Also cases that another one hides (nobody was told of them)."
)
@click.option("--language", type=click.Choice(["fr", "en"]), default="fr", show_default=True)
def cases(
    world: str, fleet: Fleet | None, casebook_url: str, form: str, open_only: bool, hidden: bool, language: str
) -> None:
    """Lists the cases of a world, newest first: as a table, or as JSON for other programs.

    Each as JSON: id, commune, lamp (null: the whole commune), kind, since, until, opened_at, causes [{cause,
    likelihood}], evidence {fr, en, figures}, estimate (share of panel output lost, or of the battery's nameplate
    capacity left), state; times ISO 8601 in UTC; with --hidden also hidden_by.
    """
    with known_casebook(world, casebook_url, language) as casebook:
        found = casebook.cases(open_only=open_only, hidden=hidden)
        fleet = fleet or known_fleet(casebook)
        now = time_of(casebook, found)
    if form == "json":
        click.echo(cases_json(found, fleet, now, hidden))
    else:
        print_cases(found, fleet, now, language, Console())


def print_cases(found: Sequence[Case], fleet: Fleet, now: datetime, language: str, console: Console) -> None:
    if not found:
        console.print("Aucune panne." if language == "fr" else "No cases.")
        return
    table = Table("", "", box=None, show_header=False, pad_edge=False)
    for case in found:
        over = "" if case.until is None and case.withdrawn_at is None else "[dim]✓[/dim]"
        table.add_row(f"[bold]{case.id}[/bold]{over}", escape(evidence(case, fleet, now, language)))
    console.print(table)


@click.command("explain")
@click.argument("case_id", metavar="CASE", type=int)
@world_option()
@known_fleet_option()
@casebook_option()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--language", type=click.Choice(["fr", "en"]), default="fr", show_default=True)
def explain(case_id: int, world: str, fleet: Fleet | None, casebook_url: str, form: str, language: str) -> None:
    """Why CASE was opened: the rule, its inputs of that night, its thresholds, and what it concluded."""
    with known_casebook(world, casebook_url, language) as casebook:
        case = casebook.case(case_id)
        if case is None:
            raise click.UsageError(f"world {world} has no case {case_id}; see `trezor cases --world {world}`")
        fleet = fleet or known_fleet(casebook)
        now = time_of(casebook, [case])
    trace: dict[str, Any] = case.trace or {}
    if form == "json":
        click.echo(json.dumps(trace, ensure_ascii=False, indent=1, default=str))
        return
    print_trace(case, trace, evidence(case, fleet, now, language), language, Console())


def print_trace(case: Case, trace: dict[str, Any], said: str, language: str, console: Console) -> None:
    fr = language == "fr"
    colon, night = (" :", "Nuit du") if fr else (":", "Night of")
    console.print(f"[bold]{escape(said)}[/bold]\n")
    console.print(f"{'Règle' if fr else 'Rule'}{colon} {escape(rule_says(case.kind, trace.get('rule', ''), language))}")
    for name, told in trace.get("thresholds", {}).items():
        limit = limit_says(case.kind, name, told["unit"], told["reason"], language)
        value = number(told["value"], 4, language).rstrip("0").rstrip(",.")
        console.print(
            f"  {'seuil' if fr else 'limit'} {limit.name}{colon} {value} {limit.unit} – {escape(limit.reason)}"
        )
    table = Table("donnée" if fr else "input", "valeur" if fr else "value", box=None)
    for name, value in sorted(trace.get("inputs", {}).items()):
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    console.print(f"{night} {trace.get('date', '?')}{colon}")
    console.print(table)


@click.group("account")
def account() -> None:
    """Who may look at the page. Without accounts it listens on this machine only."""


def _accounts_file() -> Decorator:
    return click.option(
        "--accounts", "path", type=click.Path(dir_okay=False, path_type=Path), default="var/accounts.toml",
        envvar="TREZOR_ACCOUNTS", show_default=True, help="The accounts file (passwords are kept hashed).",
    )  # fmt: skip


@account.command("add")
@click.argument("name")
@click.option("--role", required=True, help="technician, operator, or commune:ID (sees that commune only).")
@click.option("--password", envvar="TREZOR_NEW_PASSWORD", help="Asked for when not given.")
@_accounts_file()
def account_add(name: str, role: str, password: str | None, path: Path) -> None:
    """Adds NAME, or gives it a new password and role."""
    try:
        check_role(role)
        chosen = password or click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_account(path, name, chosen, role)
    except AccountsError as error:
        raise click.UsageError(str(error)) from None
    click.echo(f"{name} may now look as {role}; start the page with --accounts {path}")


@account.command("remove")
@click.argument("name")
@_accounts_file()
def account_remove(name: str, path: Path) -> None:
    """Removes NAME."""
    if not remove_account(path, name):
        click.echo(f"{path} has no account {name}", err=True)
        sys.exit(1)
    click.echo(f"{name} is removed")
