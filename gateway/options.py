"""The options that every process shares, so that they read and behave the same everywhere."""

import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import click

from gateway.fleet import Fleet, FleetError, parse_fleet
from gateway.topic import check_part

LIVE: Final = "trezor"
DEMONSTRATION: Final = Path(__file__).parents[1] / "fleet.toml"
PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
SHARE: Final = "gateway"
SHARE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the MQTT broker is and how to be let in; `mqtt[s]://user:password@host:port?ca=FILE&share=NAME`.

    `ca`: the authority that signed the broker's certificate, where that is a private one. `share`: the name of the
    gateways' shared subscription. Brokers let everybody join a group whose name they know, and the share of messages
    that such a member may not read vanishes: on a broker that lamps reach, the name should be a secret.
    """

    host: str
    port: int
    tls: bool
    user: str | None = None
    password: str | None = None
    ca: str | None = None
    share: str = SHARE

    @classmethod
    def parse(cls, url: str) -> "Broker":
        """Raises ValueError that says what was expected."""
        expected = "expected mqtt://host:port or mqtts://user:password@host:port[?ca=FILE][&share=NAME]"
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        ca, share = options.pop("ca", None), options.pop("share", SHARE)
        misfit = options or (ca is not None and parts.scheme != "mqtts") or not SHARE_NAME.fullmatch(share)
        if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/") or misfit or ca == "":
            raise ValueError(f"broker {_without_password(url)!r}: {expected}")
        try:
            port = parts.port or PORTS[parts.scheme]
        except ValueError:
            raise ValueError(f"broker {_without_password(url)!r}: the port is not a number; {expected}") from None
        return cls(
            host=parts.hostname,
            port=port,
            tls=parts.scheme == "mqtts",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            ca=ca,
            share=share,
        )

    def context(self) -> ssl.SSLContext:
        """What TLS trusts: the private authority alone where one is named, else the system's (or SSL_CERT_FILE's).

        TLS 1.2 or newer. Raises OSError (ssl.SSLError among them) when the file of the authority cannot be used.
        """
        return ssl.create_default_context(cafile=self.ca)

    def __str__(self) -> str:
        """Without the password: this text goes to logs."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.user + '@' if self.user else ''}{self.host}:{self.port}"


def _without_password(url: str) -> str:
    scheme, at, rest = url.rpartition("@")
    return f"{scheme.split('://')[0]}://…@{rest}" if at else rest


class _World(click.ParamType[str]):
    name = "world"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return check_part("world", value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _BrokerUrl(click.ParamType[Broker]):
    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Broker:
        if isinstance(value, Broker):
            return value
        try:
            broker = Broker.parse(value)
            if broker.tls:
                broker.context()
        except ValueError as error:
            self.fail(str(error), param, ctx)
        except OSError as error:
            self.fail(f"the broker's authority ?ca={broker.ca} cannot be used: {error}", param, ctx)
        return broker


class _FleetFile(click.ParamType[Fleet]):
    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fleet:
        if isinstance(value, Fleet):
            return value
        try:
            return parse_fleet(Path(value).read_text(encoding="utf-8"))
        except FileNotFoundError:
            ours = f" (the demonstration's is {DEMONSTRATION})" if DEMONSTRATION.exists() else ""
            self.fail(f"no file {value} in {Path.cwd()}: name your fleet file with --fleet{ours}", param, ctx)
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"{value} cannot be read: {error}", param, ctx)
        except FleetError as error:
            shown = error.mistakes[:20]
            more = f"\n  … and {len(error.mistakes) - 20} more" if len(error.mistakes) > 20 else ""
            self.fail(f"{value} has mistakes:\n  " + "\n  ".join(shown) + more, param, ctx)


WORLD: Final = _World()
BROKER_URL: Final = _BrokerUrl()
FLEET_FILE: Final = _FleetFile()

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def world_option(default: str | None = LIVE) -> Decorator:
    return click.option(
        "--world", type=WORLD, default=default, required=default is None, envvar="TREZOR_WORLD", show_default=True,
        help="Topic prefix with its own store and casebook; every replay is a world of its own.",
    )  # fmt: skip


def fleet_option() -> Decorator:
    return click.option(
        "--fleet", type=FLEET_FILE, default="fleet.toml", envvar="TREZOR_FLEET", show_default=True,
        help="The TOML file that says which lamps exist, where, with what inside (docs/fleet.md).",
    )  # fmt: skip


def known_fleet_option() -> Decorator:
    """For commands that only read: the world remembers the fleet it was judged with."""
    return click.option(
        "--fleet", type=FLEET_FILE, default=None, envvar="TREZOR_FLEET",
        help="The fleet file for names and places; the one the world was judged with if not given.",
    )  # fmt: skip


def store_option() -> Decorator:
    return click.option(
        "--store", "store_url", metavar="URL", default="duckdb:///var/{world}.duckdb", envvar="TREZOR_STORE",
        show_default=True, help="duckdb:///FILE, influxdb://TOKEN@HOST:PORT/ORG or memory: ({world} is filled in).",
    )  # fmt: skip


def broker_option(required: bool = False) -> Decorator:
    return click.option(
        "--broker", type=BROKER_URL, default="mqtt://127.0.0.1:1883" if required else None, envvar="TREZOR_BROKER",
        show_default=required, help="mqtt[s]://user:password@host:port, with ?ca=FILE for a private authority.",
    )  # fmt: skip


def casebook_option() -> Decorator:
    return click.option(
        "--casebook", "casebook_url", metavar="URL", default="sqlite:///var/{world}.casebook.sqlite",
        envvar="TREZOR_CASEBOOK", show_default=True,
        help="SQLAlchemy URL of the cases and alerts: SQLite, or postgresql+psycopg://… in service.",
    )  # fmt: skip
