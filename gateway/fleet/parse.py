"""From the text of a fleet file (docs/fleet.md) to the fleet, or to all its mistakes."""

import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.fleet.reader import REQUIRED, Reader
from gateway.fleet.words import (
    CHARGINGS,
    CHEMISTRIES,
    LANGUAGES,
    Battery,
    Commune,
    Contact,
    Fleet,
    Lamp,
    Luminaire,
    Model,
    Panel,
    Profile,
    Step,
)
from gateway.topic import PART


class FleetError(ValueError):
    """Every mistake of a fleet file at once, each with its key, what was found and what was expected."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__(mistakes)  # as given: exceptions travel between processes by their arguments
        self.mistakes = mistakes

    def __str__(self) -> str:
        return "\n".join(self.mistakes)


def parse_fleet(text: str) -> Fleet:
    """The fleet of a TOML text (format: docs/fleet.md). Raises FleetError with every mistake."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FleetError([f"not valid TOML: {error}"]) from None
    read = Reader(text.splitlines())
    read.only(data, "fleet", ("title", "technicians", "model", "profile", "commune", "lamp"))
    models = {
        name: _model(read, name, table)
        for name, table in _tables(read, data, "model").items()
    }  # fmt: skip
    profiles = {name: read_profile(read, name, table) for name, table in _tables(read, data, "profile").items()}
    communes = {name: _commune(read, name, table) for name, table in _tables(read, data, "commune").items()}
    technicians = _contacts(read, data.get("technicians", []), "technicians")
    lamps: dict[str, Lamp] = {}
    entries = data.get("lamp", [])
    if not isinstance(entries, list) or not entries:
        read.wrong("lamp", entries, "at least one [[lamp]]")
        entries = []
    for nth, entry in enumerate(entries):
        lamp = _lamp(read, nth, entry, models, profiles, communes)
        if lamp is None:
            continue
        if lamp.id in lamps:
            read.wrong(f"lamp {lamp.id!r}{read.line_of('lamp', nth)}.id", lamp.id, "an id that no other lamp has")
        lamps[lamp.id] = lamp
    if read.mistakes:
        raise FleetError(read.mistakes)
    return Fleet(communes, lamps, technicians, str(data.get("title", "")), models, profiles, text)


def _tables(read: Reader, data: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    tables = data.get(kind, {})
    if not isinstance(tables, dict) or not tables or not all(isinstance(t, dict) for t in tables.values()):
        read.wrong(kind, tables, f"at least one [{kind}.NAME]")
        return {}
    return tables


def _model(read: Reader, name: str, table: Mapping[str, Any]) -> Model:
    where = f"model {name!r}{read.line_of(f'model.{name}')}"
    read.only(table, where, ("panel", "battery", "luminaire", "charging", "idle_watts"))
    panel, battery, luminaire = (table.get(key, {}) for key in ("panel", "battery", "luminaire"))
    for key, part in (("panel", panel), ("battery", battery), ("luminaire", luminaire)):
        if not isinstance(part, dict):
            read.wrong(f"{where}.{key}", part, "a table")
            return _BROKEN_MODEL
    at = f"{where}.panel"
    read.only(panel, at, ("watts", "cells", "vmp", "imp", "voc", "isc", "temperature", "tilt", "azimuth"))
    made_panel = Panel(
        watts=read.number(panel, "watts", at, 1, 2000),
        cells=read.count(panel, "cells", at, 1, 400, 36),
        vmp=read.number(panel, "vmp", at, 1, 140),
        imp=read.number(panel, "imp", at, 0.05, 50),
        voc=read.number(panel, "voc", at, 1, 150),
        isc=read.number(panel, "isc", at, 0.05, 55),
        temperature=read.number(panel, "temperature", at, -1, 0, -0.41),
        tilt=read.number(panel, "tilt", at, 0, 90, 15),
        azimuth=read.number(panel, "azimuth", at, 0, 360, 180),
    )
    at = f"{where}.battery"
    read.only(battery, at, ("chemistry", "volts", "amp_hours", "cells", "usable", "charge_end", "cut_off", "reconnect"))
    made_battery = Battery(
        chemistry=read.word(battery, "chemistry", at, CHEMISTRIES),
        volts=read.number(battery, "volts", at, 1, 60),
        amp_hours=read.number(battery, "amp_hours", at, 0.5, 2000),
        cells=read.count(battery, "cells", at, 1, 60),
        usable=read.number(battery, "usable", at, 0.05, 1),
        charge_end=read.number(battery, "charge_end", at, 1, 75),
        cut_off=read.number(battery, "cut_off", at, 1, 60),
        reconnect=read.number(battery, "reconnect", at, 1, 70),
    )
    if not read.mistakes and not made_battery.cut_off < made_battery.reconnect < made_battery.charge_end:
        read.wrong(f"{at}.reconnect", made_battery.reconnect, "a voltage between cut_off and charge_end")
    at = f"{where}.luminaire"
    read.only(luminaire, at, ("watts", "lumens_per_watt", "driver", "strings"))
    made_luminaire = Luminaire(
        watts=read.number(luminaire, "watts", at, 0.5, 1000),
        lumens_per_watt=read.number(luminaire, "lumens_per_watt", at, 10, 300, 150),
        driver=read.number(luminaire, "driver", at, 0.3, 1, 0.92),
        strings=read.count(luminaire, "strings", at, 1, 50, 3),
    )
    return Model(
        name=name,
        panel=made_panel,
        battery=made_battery,
        luminaire=made_luminaire,
        charging=read.word(table, "charging", where, CHARGINGS),
        idle_watts=read.number(table, "idle_watts", where, 0, 50, 0.42),
    )


_BROKEN_MODEL: Final = Model(
    "broken", Panel(1, 1, 1, 1, 1, 1, 0, 0, 0), Battery("lfp", 1, 1, 1, 1, 3, 1, 2), Luminaire(1, 1, 1, 1), "mppt", 0
)


def read_profile(read: Reader, name: str, table: Mapping[str, Any]) -> Profile:
    where = f"profile {name!r}{read.line_of(f'profile.{name}')}"
    read.only(table, where, ("steps",))
    entries = table.get("steps", REQUIRED)
    if not isinstance(entries, list) or not entries:
        read.wrong(f"{where}.steps", entries, "a list like [{percent = 100, hours = 5}, {percent = 30}]")
        return Profile(name, ())
    steps = []
    for nth, entry in enumerate(entries):
        at = f"{where}.steps[{nth}]"
        if not isinstance(entry, dict):
            read.wrong(at, entry, "a table like {percent = 100, hours = 5}")
            continue
        read.only(entry, at, ("percent", "hours"))
        hours = read.number(entry, "hours", at, 0.1, 24) if "hours" in entry else None
        steps.append(Step(read.count(entry, "percent", at, 0, 100), hours))
    if sum(step.hours is None for step in steps) > 1:
        read.wrong(f"{where}.steps", "several steps without hours", "at most one: it fills the rest of the night")
    return Profile(name, tuple(steps))


def _commune(read: Reader, name: str, table: Mapping[str, Any]) -> Commune:
    where = f"commune {name!r}{read.line_of(f'commune.{name}')}"
    if not PART.fullmatch(name):
        read.wrong(where, name, "a name of 1 to 32 of a-z, 0-9 and '-'")
    read.only(table, where, ("name", "latitude", "longitude", "altitude", "contacts"))
    return Commune(
        id=name,
        name=read.text(table, "name", where),
        latitude=read.number(table, "latitude", where, -90, 90),
        longitude=read.number(table, "longitude", where, -180, 180),
        altitude=read.number(table, "altitude", where, -430, 9000, 0),
        contacts=_contacts(read, table.get("contacts", []), f"{where}.contacts"),
    )


def _contacts(read: Reader, entries: object, where: str) -> tuple[Contact, ...]:
    if not isinstance(entries, list):
        read.wrong(where, entries, "a list of {role, url, language}")
        return ()
    contacts = []
    for nth, entry in enumerate(entries):
        at = f"{where}[{nth}]"
        if not isinstance(entry, dict):
            read.wrong(at, entry, "a table {role, url, language}")
            continue
        read.only(entry, at, ("role", "url", "language"))
        url = read.take(
            entry,
            "url",
            at,
            "an Apprise URL like 'mailto://…' or 'ntfy://…', or '${NAME}' from the environment",
            _is_url,
        )
        contacts.append(
            Contact(read.text(entry, "role", at), str(url), read.word(entry, "language", at, LANGUAGES, "fr"))
        )
    return tuple(contacts)


def _is_url(value: object) -> bool:
    if not isinstance(value, str):
        return False
    if value.startswith("${") and value.endswith("}"):
        return True
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme) and "://" in value and len(value) > len(parts.scheme) + 3 and " " not in value


def _lamp(
    read: Reader,
    nth: int,
    table: object,
    models: Mapping[str, Model],
    profiles: Mapping[str, Profile],
    communes: Mapping[str, Commune],
) -> Lamp | None:
    if not isinstance(table, dict):
        read.wrong(f"lamp[{nth}]", table, "a [[lamp]] table")
        return None
    ident = table.get("id", REQUIRED)
    where = f"lamp {ident!r}{read.line_of('lamp', nth)}" if isinstance(ident, str) else f"lamp[{nth}]"
    read.only(table, where, ("id", "commune", "model", "profile", "latitude", "longitude", "installed", "note"))
    before = len(read.mistakes)
    read.take(
        table, "id", where, "1 to 32 of a-z, 0-9 and '-'", lambda v: isinstance(v, str) and bool(PART.fullmatch(v))
    )
    read.word(table, "commune", where, tuple(communes))
    read.word(table, "model", where, tuple(models))
    read.word(table, "profile", where, tuple(profiles), next(iter(profiles), None))
    latitude = read.number(table, "latitude", where, -90, 90)
    longitude = read.number(table, "longitude", where, -180, 180)
    read.take(table, "installed", where, "a date like 2024-03-01", lambda v: type(v) is date, None)
    if len(read.mistakes) > before:
        return None
    return Lamp(
        id=str(ident),
        commune=table["commune"],
        model=models[table["model"]],
        profile=profiles[table.get("profile", next(iter(profiles)))],
        latitude=latitude,
        longitude=longitude,
        installed=table.get("installed"),
        note=str(table.get("note", "")),
    )
