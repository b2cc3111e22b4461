"""Who exists, where, with what panel, battery and luminaire. A fleet that exists is a fleet without mistakes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Final, Literal

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
