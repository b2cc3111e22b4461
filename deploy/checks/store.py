"""The store: is it there, does it take rows, how long does it keep them, and has anything come."""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import polars as pl

from deploy.checks.finding import Finding, Setup, note, ok, wrong
from deploy.checks.machine import writable
from gateway.store import LOST, RAW_DAYS, Store, StoreAway, WriteRefused
from gateway.stores import FILE, open_store
from gateway.stores.influx_buckets import kept_days
from gateway.stores.influx_http import SCHEMES, Address, Http, without_secrets

QUIET: Final = timedelta(hours=12)  # two six-hourly reports missed by every lamp at once
AHEAD: Final = timedelta(minutes=5)
OFF: Final = timedelta(seconds=10)


def check_store(setup: Setup) -> Iterator[Finding]:
    url, shown = setup.filled(setup.store), without_secrets(setup.filled(setup.store))
    if url.partition("://")[0] in SCHEMES:
        yield from _influx(url, shown, setup)
    elif url.startswith(FILE):
        yield from _duckdb(Path(url.removeprefix(FILE)), setup)
    elif url == "memory:":
        yield wrong(
            "stockage : en mémoire, tout est perdu à l'arrêt",
            "store: in memory, everything is lost at the end",
            "donner --store duckdb:///… ou influxdb://… (TREZOR_STORE)",
            "give --store duckdb:///… or influxdb://… (TREZOR_STORE)",
        )
    else:
        yield _misunderstood(f"{shown!r}")


def _misunderstood(what: str) -> Finding:
    do = "corriger --store (TREZOR_STORE)", "correct --store (TREZOR_STORE)"
    return wrong(f"stockage : adresse non comprise, {what}", f"store: address not understood, {what}", *do)


def _duckdb(path: Path, setup: Setup) -> Iterator[Finding]:
    if not path.exists():
        yield writable("stockage", "store", path.parent)
        return
    try:
        store = open_store(f"{FILE}{path}", setup.world)
    except StoreAway as error:
        if "in use by another process" in str(error):
            yield ok(f"stockage {path} : ouvert par la station", f"store {path}: the station has it open")
        else:
            yield wrong(
                f"stockage {path} : illisible ({error})",
                f"store {path}: cannot be read ({error})",
                "vérifier le fichier et ses droits, ou restaurer une sauvegarde (trezor restore)",
                "check the file and its rights, or restore a backup (trezor restore)",
            )
        return
    yield writable("stockage", "store", path)
    try:
        yield from _content(store, f"{path}", setup.now())
    finally:
        store.close()


def _influx(url: str, shown: str, setup: Setup) -> Iterator[Finding]:
    try:
        address = Address.parse(url)
    except ValueError as error:
        yield _misunderstood(str(error))
        return
    http = Http(address)
    try:
        answer = http.ask("GET", "/ping")
        _, version = http.version()
        yield ok(f"stockage {shown} : InfluxDB {version} répond", f"store {shown}: InfluxDB {version} answers")
        yield from _clock(answer.headers.get("Date"), setup.now())
        yield from _scratch(url, setup.now())
        wanted = {setup.world: address.raw_days, f"{setup.world}_kept": None}
        kept = {name: kept_days(http, name) for name in wanted}
        for name in wanted:
            yield from _retention(name, kept[name], wanted[name])
    except StoreAway as error:
        yield _away(shown, error)
        return
    finally:
        http.close()
    if None in kept.values():  # asking the store would make them
        return
    store = open_store(url, setup.world)
    try:
        yield from _content(store, shown, setup.now())
    finally:
        store.close()


def _away(shown: str, error: Exception) -> Finding:
    return wrong(
        f"stockage {shown} : {error}",
        f"store {shown}: {error}",
        "démarrer InfluxDB (docker compose up -d influxdb), vérifier l'adresse et le jeton",
        "start InfluxDB (docker compose up -d influxdb), check address and token",
    )


def _clock(date: str | None, now: datetime) -> Iterator[Finding]:
    """The server's own time, from its answer: whole seconds."""
    try:
        said = parsedate_to_datetime(date) if date else None
    except ValueError:
        said = None
    if said is not None and abs(now - said) > OFF:
        yield wrong(
            f"horloge : cette machine et InfluxDB diffèrent de {abs(now - said).total_seconds():.0f} s",
            f"clock: this machine and InfluxDB are {abs(now - said).total_seconds():.0f} s apart",
            "mettre les deux à l'heure (timedatectl set-ntp true)",
            "set both right (timedatectl set-ntp true)",
        )


def _scratch(url: str, now: datetime) -> Iterator[Finding]:
    """Writes, reads and removes in a world of its own: proves the right to make databases too."""
    store = open_store(url, f"doctor-{secrets.token_hex(4)}")
    values = {"commune": "doctor", "lamp": "doctor", "time": now, "boot": 1, "from_seq": 1, "to_seq": 1}
    row = pl.DataFrame([values], schema=dict(LOST.schema))
    try:
        store.append(LOST.name, row)
        if len(store.read(LOST.name)) != 1:
            raise StoreAway("a row that was written cannot be read")
        yield ok("stockage : écrit, relit et efface", "store: writes, reads and removes")
    except (StoreAway, WriteRefused) as error:
        yield _away("", error)
    finally:
        store.drop()
        store.close()


def _retention(name: str, kept: float | None, wanted: int | None) -> Iterator[Finding]:
    if kept is None:
        yield note(
            f"base {name} : sera créée au premier message", f"database {name}: will be made at the first message"
        )
        return
    fr, en = (f"{kept:g} jours", f"{kept:g} days") if kept else ("pour toujours", "for ever")
    if (kept or None) == wanted:
        yield ok(f"base {name} : garde {fr}", f"database {name}: keeps {en}")
        return
    wish_fr, wish_en = (f"{wanted} jours", f"{wanted} days") if wanted else ("pour toujours", "for ever")
    state_fr, state_en = f"base {name} : garde {fr}, attendu {wish_fr}", f"database {name}: keeps {en}, not {wish_en}"
    if kept and kept < (wanted or RAW_DAYS):
        do = "allonger sa rétention dans InfluxDB, sinon l'historique s'efface", "lengthen its retention in InfluxDB"
        yield wrong(state_fr, state_en, *do)
    else:
        yield note(state_fr, state_en)


def _content(store: Store, shown: str, now: datetime) -> Iterator[Finding]:
    try:
        extent = store.extent("arrivals")
    except StoreAway as error:
        yield _away(shown, error)
        return
    if extent is None:
        yield note("stockage : aucun message reçu encore", "store: nothing has come yet")
        return
    age = now - extent[1]
    hours = age / timedelta(hours=1)
    if age < -AHEAD:
        yield wrong(
            f"horloge : le dernier message est daté {-hours:.1f} h dans le futur",
            f"clock: the newest message is dated {-hours:.1f} h in the future",
            "mettre cette machine à l'heure (timedatectl set-ntp true)",
            "set this machine's clock (timedatectl set-ntp true)",
        )
    elif age > QUIET:
        yield wrong(
            f"stockage : rien n'est arrivé depuis {hours:.0f} h",
            f"store: nothing has come for {hours:.0f} h",
            "voir la passerelle (docker compose logs gateway), puis le réseau des lampes",
            "look at the gateway (docker compose logs gateway), then at the lamps' network",
        )
    else:
        yield ok(f"stockage : dernier message il y a {hours:.1f} h", f"store: newest message {hours:.1f} h ago")
