"""The ledger of nights as a list: `trezor nights`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import polars as pl
import requests
from rich.console import Console
from rich.table import Table

from gateway.options import store_option, world_option
from gateway.store import StoreAway
from monitor.listing import NIGHT_COLUMNS, nights_csv, nights_frame
from monitor.opened import opened_store
from monitor.places import check_file


@click.command("nights")
@world_option()
@store_option()
@click.option("--format", "form", type=click.Choice(["csv", "table"]), default="csv", show_default=True)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="From this date on.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Before this date.")
@click.option(
    "--page", default="127.0.0.1:8080", envvar="TREZOR_PAGE", show_default=True, metavar="HOST:PORT",
    help="Asked instead while a station holds the DuckDB file.",
)  # fmt: skip
def nights(world: str, store_url: str, form: str, since: datetime | None, until: datetime | None, page: str) -> None:
    """The ledger of nights: date, commune, lamp, verdict, lit and scheduled minutes, completeness."""
    check_file(world, store_url, "fr")
    try:
        with opened_store(world, store_url) as store:
            frame = nights_frame(store, _utc(since), _utc(until))
    except StoreAway as away:
        frame = _from_page(world, page, since, until, away)
    if form == "csv":
        click.echo(nights_csv(frame), nl=False)
        return
    counts = (
        frame.group_by("date", "verdict").len().pivot("verdict", index="date", values="len").sort("date").fill_null(0)
    )
    table = Table(*counts.columns)
    for row in counts.iter_rows():
        table.add_row(*map(str, row))
    Console().print(table)


def _from_page(world: str, page: str, since: datetime | None, until: datetime | None, away: StoreAway) -> pl.DataFrame:
    """The same from the station that holds the store. Raises `away` where there is none."""
    first = f"{since or datetime(2015, 1, 1):%Y-%m-%d}"
    last = f"{(until - timedelta(days=1)) if until else datetime(2199, 1, 1):%Y-%m-%d}"
    path: str | None = f"/w/{world}/api/v1/nights?since={first}&until={last}&limit=1000"
    rows: list[dict[str, Any]] = []
    try:
        while path:
            answer = requests.get(f"http://{page}{path}", timeout=30)
            answer.raise_for_status()
            said = answer.json()
            rows += said["nights"]
            path = said["next"]
    except (requests.RequestException, ValueError, KeyError):
        raise away from None
    numbers = {name: pl.Float64() for name in NIGHT_COLUMNS[4:]}
    schema = {name: numbers.get(name, pl.String()) for name in NIGHT_COLUMNS}
    return pl.DataFrame([{name: row[name] for name in NIGHT_COLUMNS} for row in rows], schema=schema)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None
