"""Grafana, where one is named: is it there, does it let us in, is it new enough."""

from collections.abc import Iterator

from dashboards.grafana import GrafanaAway, connect
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
