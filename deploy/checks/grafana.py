"""Grafana, where one is named: is it there, does it let us in, is it new enough, does it reach the store itself."""

from collections.abc import Iterator

from dashboards.grafana import Grafana, GrafanaAway, connect
from dashboards.view import kept_uid, raw_uid
from deploy.checks.finding import Finding, Setup, ok, wrong


def check_grafana(setup: Setup) -> Iterator[Finding]:
    if not setup.grafana:
        return
    try:
        grafana = connect(setup.grafana, setup.grafana_token)
    except GrafanaAway as error:
        yield wrong(
            f"Grafana : {error}",
            f"Grafana: {error}",
            "vérifier TREZOR_GRAFANA_URL et le jeton, démarrer Grafana (docker compose up -d grafana)",
            "check TREZOR_GRAFANA_URL and the token, start Grafana (docker compose up -d grafana)",
        )
        return
    yield ok(f"Grafana {grafana.said} : {grafana.url}", f"Grafana {grafana.said}: {grafana.url}")
    yield from _sources(grafana, setup.world)


def _sources(grafana: Grafana, world: str) -> Iterator[Finding]:
    """The dashboards' two data sources, asked by Grafana itself: its way to the store and its token are its own."""
    for uid in (raw_uid(world), kept_uid(world)):
        try:
            health = grafana.found(f"try the data source {uid}", grafana.api.datasource.health, uid)
        except GrafanaAway as error:
            yield wrong(
                f"Grafana ne lit pas le stockage : {error}",
                f"Grafana does not read the store: {error}",
                "vérifier adresse et jeton d'InfluxDB vus de Grafana (--influx-url), puis trezor dashboards publish",
                "check InfluxDB's address and token as Grafana sees them (--influx-url), trezor dashboards publish",
            )
            return
        if health is None:
            yield wrong(
                f"Grafana : pas de source de données pour le monde {world}",
                f"Grafana: no data source for the world {world}",
                "publier les tableaux de bord : trezor dashboards publish (docker compose up dashboards)",
                "publish the dashboards: trezor dashboards publish (docker compose up dashboards)",
            )
            return
    yield ok(f"Grafana lit le stockage du monde {world}", f"Grafana reads the store of the world {world}")
