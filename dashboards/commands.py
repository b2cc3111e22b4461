"""`trezor dashboards`: Grafana's dashboards, published to a server or written as files."""

from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import click

from dashboards.catalogue import dashboards as all_dashboards
from dashboards.desk import Change
from dashboards.export import MOUNTED, export
from dashboards.grafana import GrafanaAway, connect
from dashboards.publish import Home, Wish, publish
from dashboards.sources import Influx
from dashboards.view import Language, View
from gateway.fleet import LANGUAGES, Fleet
from gateway.options import LIVE, WORLD, Decorator, fleet_option, store_option
from gateway.store import StoreAway
from gateway.stores.influx_http import SCHEMES, Address, without_secrets
from gateway.stores.influx_reader import reading_token

SIGNS: Final = {"create": "+", "update": "~", "same": "=", "refuse": "!", "note": "i"}
WOULD: Final = {"create": "would be made", "update": "would be changed", "same": "is as it should be"}
DID: Final = {"create": "made", "update": "changed", "same": "is as it should be"}


@click.group()
def dashboards() -> None:
    """Grafana for the technicians: five dashboards, their data sources, who may look.

    Grafana's open edition cannot confine a viewer to one commune's data: give communes the monitor's own page.
    """


def _worlds_option() -> Decorator:
    return click.option(
        "--world", "worlds", type=WORLD, multiple=True, default=(LIVE,), envvar="TREZOR_WORLD", show_default=True,
        help="A world to show; give it several times for several. The first is shown first.",
    )  # fmt: skip


def _language_option() -> Decorator:
    return click.option(
        "--language", type=click.Choice(LANGUAGES), default="fr", envvar="TREZOR_LANGUAGE", show_default=True,
        help="Of titles and descriptions.",
    )  # fmt: skip


def _page_option() -> Decorator:
    return click.option(
        "--page", metavar="URL", envvar="TREZOR_PAGE_URL",
        help="Where people reach the monitor's page: the dashboards link to its communes, lamps and cases.",
    )  # fmt: skip


def _influx_option() -> Decorator:
    return click.option(
        "--influx-url", metavar="URL", envvar="TREZOR_GRAFANA_INFLUX_URL",
        help="Where Grafana reaches InfluxDB, if not where --store does: http[s]://HOST:PORT.",
    )  # fmt: skip


@dashboards.command("publish")
@click.option(
    "--url", required=True, envvar="TREZOR_GRAFANA_URL", help="Grafana: http[s]://[USER:PASSWORD@]host[:port]"
)
@click.option("--token", envvar="TREZOR_GRAFANA_TOKEN", help="Of a service account with the role Admin.")
@_worlds_option()
@store_option()
@_influx_option()
@fleet_option()
@_page_option()
@_language_option()
@click.option(
    "--technician", "technicians", multiple=True, metavar="LOGIN",
    help="Puts this person into the technicians' team (may be given several times).",
)  # fmt: skip
@click.option(
    "--home", type=click.Choice(["everyone", "team", "none"]), default="everyone", show_default=True,
    help="Who sees the fleet first; what the organisation has chosen already stays.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Also replace dashboards of ours that somebody changed in Grafana.")
@click.option("--dry-run", is_flag=True, help="Change nothing; show what would change, with differences.")
def publish_command(
    url: str,
    token: str | None,
    worlds: tuple[str, ...],
    store_url: str,
    influx_url: str | None,
    fleet: Fleet,
    page: str | None,
    language: str,
    technicians: tuple[str, ...],
    home: str,
    overwrite: bool,
    dry_run: bool,
) -> None:
    """Put data sources, folder, dashboards and the technicians' team into Grafana (9.3 or newer).

    Running it again changes only what has changed; what was not made here is never touched.
    """
    address = _address(store_url, worlds[0])
    wish = Wish(
        influx=_influx(address, influx_url),
        worlds=tuple(dict.fromkeys(worlds)),
        language=cast(Language, language),
        page=page.rstrip("/") if page else None,
        fleet=fleet,
        technicians=technicians,
        home=cast(Home, home),
        overwrite=overwrite,
    )
    refused = 0

    def tell(change: Change) -> None:
        nonlocal refused
        refused += change.action == "refuse"
        did = (WOULD if dry_run else DID).get(change.action, "")
        click.echo(" ".join(filter(None, (SIGNS[change.action], change.what, did and f"– {did}", change.why))))
        if dry_run and change.diff:
            click.echo("\n".join(f"    {line}" for line in change.diff.splitlines()))

    try:
        grafana = connect(url, token)
        click.echo(f"Grafana {grafana.said} at {grafana.url}")
        publish(grafana, replace(wish, influx=_only_reading(wish.influx, address, dry_run)), tell, dry_run=dry_run)
    except GrafanaAway as error:
        raise click.ClickException(str(error)) from None
    if refused:
        raise click.ClickException(f"{refused} could not be done (marked '!' above); the rest is done")


@dashboards.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@_worlds_option()
@store_option()
@_influx_option()
@fleet_option()
@_page_option()
@_language_option()
@click.option("--mounted", default=MOUNTED, show_default=True, help="Where Grafana will find DIR/dashboards.")
def export_command(
    folder: Path,
    worlds: tuple[str, ...],
    store_url: str,
    influx_url: str | None,
    fleet: Fleet,
    page: str | None,
    language: str,
    mounted: str,
) -> None:
    """Write dashboards as JSON and file provisioning to DIR, without secrets."""
    influx = _influx(_address(store_url, worlds[0]), influx_url)
    console = page.rstrip("/") if page else None
    view = View(tuple(dict.fromkeys(worlds)), cast(Language, language), console, fleet)
    for path in export(folder, view, influx, mounted):
        click.echo(str(path))
    click.echo(
        f"{len(all_dashboards(view))} dashboards. Mount DIR/dashboards at {mounted}, DIR/provisioning at Grafana's."
    )


def _address(store_url: str, world: str) -> Address:
    """Where the store's URL leads, which must be an InfluxDB. Raises UsageError."""
    filled = store_url.replace("{world}", world)
    if filled.partition("://")[0] not in SCHEMES:
        raise click.UsageError(
            f"--store {without_secrets(filled)}: Grafana reads InfluxDB, not {filled.partition(':')[0]}. Give "
            "--store influxdb://TOKEN@HOST:PORT/ORG (a token that may read is enough)."
        )
    try:
        return Address.parse(filled)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _influx(address: Address, influx_url: str | None) -> Influx:
    """How Grafana reaches it."""
    return Influx(influx_url.rstrip("/") if influx_url else address.url, address.token, address.user, address.password)


def _only_reading(influx: Influx, address: Address, dry_run: bool) -> Influx:
    """With a token that may only read in the place of the given one, where the server has and gives such."""
    try:
        token = reading_token(address, make=not dry_run)
    except StoreAway as error:
        click.echo(f"{SIGNS['note']} Grafana gets the token of --store as it is: {error}")
        return influx
    return replace(influx, token=token) if token else influx
