"""The data sources of a world, as Grafana's HTTP API and its provisioning files want them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboards.queries import TYPE
from dashboards.view import kept_name, kept_uid, raw_name, raw_uid

MADE_BY: Final = "trezor"  # the mark in jsonData of every data source that is ours
TOKEN_VARIABLE: Final = "TREZOR_INFLUX_TOKEN"  # what an exported file says instead of the secret
PASSWORD_VARIABLE: Final = "TREZOR_INFLUX_PASSWORD"
SHORTEST_STEP: Final = "5m"  # no lamp samples more often than this in service: a shorter step would draw gaps


@dataclass(frozen=True)
class Influx:
    """InfluxDB as Grafana's server reaches it. A token for 2.x and 3, user and password for 1.x, or none of them."""

    url: str
    token: str | None = None
    user: str | None = None
    password: str | None = None

    def without_secrets(self) -> "Influx":
        """The same, with names of environment variables in the places of the secrets."""
        return Influx(
            self.url,
            f"${{{TOKEN_VARIABLE}}}" if self.token else None,
            self.user,
            f"${{{PASSWORD_VARIABLE}}}" if self.password else None,
        )


def data_sources(influx: Influx, worlds: Sequence[str]) -> list[dict[str, Any]]:
    """Two per world: the database of what expires and the one of what stays (`WORLD_kept`)."""
    made = []
    for world in worlds:
        made.append(_source(influx, raw_uid(world), raw_name(world), world))
        made.append(_source(influx, kept_uid(world), kept_name(world), f"{world}_kept"))
    return made


def _source(influx: Influx, uid: str, name: str, database: str) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "version": "InfluxQL",
        "httpMode": "POST",  # the map asks 13 KB; web servers take 8 KB in an address
        "dbName": database,
        "timeInterval": SHORTEST_STEP,
        "madeBy": MADE_BY,
    }
    secrets: dict[str, str] = {}
    if influx.token:
        settings["httpHeaderName1"] = "Authorization"
        secrets["httpHeaderValue1"] = f"Token {influx.token}"
    if influx.password:
        secrets["password"] = influx.password
    return {
        "uid": uid,
        "name": name,
        "type": TYPE,
        "access": "proxy",
        "url": influx.url,
        "database": database,  # Grafana 9.3 reads this one, newer ones dbName
        "user": influx.user or "",
        "basicAuth": False,
        "isDefault": False,
        "jsonData": settings,
        "secureJsonData": secrets,
    }
