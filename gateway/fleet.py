"""Who exists, where, with what panel, battery and luminaire. A fleet that exists is a fleet without mistakes."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

from gateway.topic import PART

Chemistry = Literal["lfp", "nimh", "gel"]
Charging = Literal["mppt", "pwm"]
CHEMISTRIES: Final = ("lfp", "nimh", "gel")
CHARGINGS: Final = ("mppt", "pwm")
LANGUAGES: Final = ("fr", "en")


@dataclass(frozen=True, slots=True)
class Panel:
    """Nameplate at standard test conditions (1000 W/m², 25 °C)."""

    watts: float  # Wp
    cells: int
    vmp: float  # V
    imp: float  # A
    voc: float  # V
    isc: float  # A
    temperature: float  # %/K of power, negative
    tilt: float  # degrees from horizontal
    azimuth: float  # degrees, 180 is south


@dataclass(frozen=True, slots=True)
class Battery:
    chemistry: Chemistry
    volts: float  # nominal
    amp_hours: float  # nameplate
    cells: int  # in series
    usable: float  # share of the nameplate, 0…1
    charge_end: float  # V; for NiMH an upper bound, its end of charge is by temperature
    cut_off: float  # V
    reconnect: float  # V

    @property
    def watt_hours(self) -> float:
        """Nameplate energy, Wh."""
        return self.volts * self.amp_hours


@dataclass(frozen=True, slots=True)
class Luminaire:
    watts: float  # at 100 %, into the luminaire
    lumens_per_watt: float
    driver: float  # efficiency, 0…1
    strings: int  # LED strings in parallel


@dataclass(frozen=True, slots=True)
class Model:
    """One type of lamp."""

    name: str
    panel: Panel
    battery: Battery
    luminaire: Luminaire
    charging: Charging
    idle_watts: float  # controller and modem, all day


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a dimming profile: `percent` for `hours`; None hours = until the steps after it need the rest."""

    percent: int
    hours: float | None


@dataclass(frozen=True, slots=True)
class Profile:
    """How bright a lamp is meant to be from dusk to dawn."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Contact:
    """Who is told, by role. `url` is any Apprise URL; `${NAME}` in it is taken from the environment when sending."""

    role: str
    url: str
    language: Literal["fr", "en"]


@dataclass(frozen=True, slots=True)
class Lamp:
    id: str
    commune: str
    model: Model
    profile: Profile
    latitude: float
    longitude: float
    installed: date | None
    note: str  # what people call the place: "marché, côté mosquée"


@dataclass(frozen=True, slots=True)
class Commune:
    id: str
    name: str
    latitude: float
    longitude: float
    altitude: float  # m
    contacts: tuple[Contact, ...]


@dataclass(frozen=True)
class Fleet:
    """Communes and lamps by id, in the order of the file."""

    communes: Mapping[str, Commune]
    lamps: Mapping[str, Lamp]
    technicians: tuple[Contact, ...] = ()  # told of every commune
    title: str = ""
    models: Mapping[str, Model] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    source: str = field(default="", repr=False, compare=False)  # the TOML text it was read from

    @cached_property
    def by_commune(self) -> Mapping[str, tuple[Lamp, ...]]:
        groups: dict[str, list[Lamp]] = {commune: [] for commune in self.communes}
        for lamp in self.lamps.values():
            groups[lamp.commune].append(lamp)
        return {commune: tuple(lamps) for commune, lamps in groups.items()}

    def contacts(self, commune: str) -> tuple[Contact, ...]:
        """Everybody who is told about this commune."""
        return self.communes[commune].contacts + self.technicians


class FleetError(ValueError):
    """Every mistake of a fleet file at once, each with its key, what was found and what was expected."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__(mistakes)  # as given: exceptions travel between processes by their arguments
        self.mistakes = mistakes

    def __str__(self) -> str:
        return "\n".join(self.mistakes)


T = TypeVar("T")
REQUIRED: Final[Any] = object()


class Reader:
    """Walks parsed TOML, collecting mistakes instead of stopping at the first one; other files of ours use it too."""

    def __init__(self, lines: list[str]) -> None:
        self.mistakes: list[str] = []
        self._lines = lines

    def line_of(self, table: str, nth: int | None = None) -> str:
        """' (line 12)' of `[table]`, or of the nth `[[table]]`, where it can be found; a mistake names its place."""
        header = f"[{table}]" if nth is None else f"[[{table}]]"
        hits = [i for i, line in enumerate(self._lines, 1) if line.split("#")[0].replace(" ", "").strip() == header]
        index = nth or 0
        return f" (line {hits[index]})" if index < len(hits) else ""

    def wrong(self, where: str, found: object, expected: str) -> None:
        shown = f"found {found!r}" if found is not REQUIRED else "is missing"
        self.mistakes.append(f"{where}: {shown}, expected {expected}")

    def take(
        self,
        table: Mapping[str, Any],
        key: str,
        where: str,
        expected: str,
        fits: Callable[[Any], bool],
        default: Any = REQUIRED,
    ) -> Any:
        value = table.get(key, default)
        if value is default and default is not REQUIRED:
            return default
        if value is REQUIRED or isinstance(value, bool) or not fits(value):
            self.wrong(f"{where}.{key}", value, expected)
            return None
        return value

    def number(
        self, table: Mapping[str, Any], key: str, where: str, low: float, high: float, default: Any = REQUIRED
    ) -> float:
        value = self.take(
            table, key, where, f"a number from {low:g} to {high:g}",
            lambda v: isinstance(v, int | float) and low <= v <= high, default,
        )  # fmt: skip
        return float(value) if value is not None else 0.0

    def count(
        self, table: Mapping[str, Any], key: str, where: str, low: int, high: int, default: Any = REQUIRED
    ) -> int:
        value = self.take(
            table, key, where, f"a whole number from {low} to {high}",
            lambda v: isinstance(v, int) and low <= v <= high, default,
        )  # fmt: skip
        return int(value) if value is not None else 0

    def word(
        self, table: Mapping[str, Any], key: str, where: str, choices: tuple[str, ...], default: Any = REQUIRED
    ) -> Any:
        return self.take(table, key, where, "one of " + ", ".join(choices), lambda v: v in choices, default)

    def text(self, table: Mapping[str, Any], key: str, where: str, default: Any = REQUIRED) -> str:
        return str(self.take(table, key, where, "a text", lambda v: isinstance(v, str) and bool(v), default) or "")

    def only(self, table: Mapping[str, Any], where: str, known: tuple[str, ...]) -> None:
        """A key nobody reads is a typo: it would be ignored for ever."""
        for key in table:
            if key not in known:
                self.wrong(f"{where}.{key}", table[key], "no such key; known are " + ", ".join(known))


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
