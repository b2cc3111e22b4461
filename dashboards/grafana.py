"""Grafana's HTTP API through grafana-client, and its failures in words that say what to do."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import niquests
from grafana_client import GrafanaApi
from grafana_client.client import GrafanaException

from dashboards.view import NEWEST, OLDEST

SECONDS: Final = 20.0


class GrafanaAway(Exception):
    """Grafana cannot be used like this; the message says why, and what to do."""


@dataclass(frozen=True)
class Grafana:
    """A Grafana that answered, let us in and is new enough."""

    api: Any
    url: str  # without secrets
    version: tuple[int, int]
    said: str  # the version in its own words
    basic: bool  # user and password instead of a token: may be the server's administrator

    def ask(self, what: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """What the call answers. Raises GrafanaAway that says what could not be done and why."""
        return ask(self.url, what, call, *arguments)

    def found(self, what: str, call: Callable[..., Any], *arguments: Any) -> Any | None:
        """The same; None when Grafana says that there is no such thing (404)."""
        try:
            return ask(self.url, what, call, *arguments)
        except GrafanaAway as error:
            if isinstance(error.__cause__, GrafanaException) and error.__cause__.status_code == 404:
                return None
            raise


def connect(url: str, token: str | None) -> Grafana:
    """Looks who is there, which version, and whether it lets us in. Raises GrafanaAway."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise GrafanaAway(f"--url {_plain(url)}: the port is not a number") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise GrafanaAway(f"--url {_plain(url)}: expected http[s]://host[:port][/path]")
    basic = (unquote(parts.username), unquote(parts.password)) if parts.username and parts.password else None
    if not token and not basic:
        raise GrafanaAway(
            "Grafana wants to know who asks: --token TOKEN (Administration > Service accounts > Add token, role Admin) "
            "or user and password in --url http://USER:PASSWORD@host"
        )
    prefix = parts.path.strip("/")
    api = GrafanaApi(
        auth=token or basic,
        host=f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname,
        port=port,
        url_path_prefix=f"{prefix}/" if prefix else "",
        protocol=parts.scheme,
        timeout=SECONDS,
    )
    plain = _plain(url)
    health = ask(plain, "look who is there", api.client.GET, "/health")
    if not isinstance(health, dict) or "database" not in health:
        raise GrafanaAway(f"{plain} answers, but not as Grafana does: is the address, with its path, right?")
    # The probe comes before the version: a Grafana may hide its version from strangers.
    ask(plain, "ask for the organisation", api.organization.get_current_organization)
    said = str(health.get("version") or _told_to_friends(plain, api))
    version = _version(said)
    if version < OLDEST:
        raise GrafanaAway(
            f"{plain} is Grafana {said}; these dashboards need {OLDEST[0]}.{OLDEST[1]} or newer. Upgrade Grafana, or "
            "use the communes' page, which needs none."
        )
    return Grafana(api, plain, version, said, basic is not None and not token)


def _told_to_friends(plain: str, api: Any) -> str:
    settings = ask(plain, "ask for the version", api.client.GET, "/frontend/settings")
    return str(settings.get("buildInfo", {}).get("version", "")) if isinstance(settings, dict) else ""


def _version(said: str) -> tuple[int, int]:
    """An unknown version is taken for the newest: it is more likely new than old."""
    found = re.match(r"v?(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else NEWEST


def ask(where: str, what: str, call: Callable[..., Any], *arguments: Any) -> Any:
    """What the call answers. Raises GrafanaAway."""
    try:
        return call(*arguments)
    except GrafanaException as error:
        raise GrafanaAway(_explain(where, what, error)) from error
    except (niquests.exceptions.JSONDecodeError, json.JSONDecodeError) as error:
        raise GrafanaAway(
            f"{where} answers, but not as Grafana does (could not {what}): is the address, with its path, right?"
        ) from error
    except niquests.exceptions.SSLError as error:
        raise GrafanaAway(f"{where}: its certificate is not trusted here: {error}") from error
    except niquests.exceptions.RequestException as error:
        raise GrafanaAway(
            f"{where} cannot be reached ({type(error).__name__}): is Grafana running, and reachable from this machine?"
        ) from error


def _explain(where: str, what: str, error: GrafanaException) -> str:
    status, body = error.status_code, error.response
    said = body.get("message") if isinstance(body, dict) else ""
    said = said or error.message
    match status:
        case 0:
            return f"{where} does not answer within {SECONDS:.0f} s (could not {what})"
        case 401:
            return (
                f"{where} does not accept this token or password (could not {what}: {said}). A token is made under "
                "Administration > Service accounts, and may have expired."
            )
        case 403:
            return (
                f"{where} forbids it (could not {what}: {said}). The service account needs the role Admin; making "
                "accounts needs the server administrator's user and password in --url."
            )
        case 404:
            return f"{where} does not know that (could not {what}: {said})"
        case 409 | 412:
            return f"{where}: something of that name is there already, and not ours (could not {what}: {said})"
    return f"{where} answered {status} (could not {what}: {said})"


def _plain(url: str) -> str:
    """Without user and password: this text goes to screens and logs."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}".rstrip("/") if rest else url
