"""A scenario: which nights a fleet shall live through, under what sky, with which mishaps. Read from TOML."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

from firmware_sim.mishaps import FLAWS
from firmware_sim.network import Network
from gateway.fleet import FleetError, Profile, Reader, read_profile

Reading = Literal["spot", "mean"]
SAMPLE_SECONDS: Final = (300, 600, 900, 1800, 3600)  # multiples of the plant's step
YEARS: Final = range(1990, 2101)
ANY: Final = "any"  # a lamp or commune that the seed picks
GALLERY: Final = "scenarios"


class ScenarioError(FleetError):
    """Every mistake of a scenario file at once, each with its key, what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Spell:
    """Days of less sun. Dust lies over every commune; a cloud spell over one, or over all when it names none."""

    since: datetime
    days: float
    depth: float  # share of the sun that is missing at its worst
    commune: str | None = None


@dataclass(frozen=True, slots=True)
class Weather:
    """1 is the climate of Mopti as in sky.py; the spells come on top of what the climate draws."""

    clearness: float = 1.0  # factor on all sunshine
    dust: float = 1.0  # factor on how often dust spells come
    cloud: float = 1.0  # factor on what clouds take
    warmer_k: float = 0.0
    dust_spells: tuple[Spell, ...] = ()
    cloud_spells: tuple[Spell, ...] = ()


@dataclass(frozen=True, slots=True)
class Habits:
    """How the lamps are built and looked after."""

    spread: float = 1.0  # factor on the differences between lamps and on the errors of their sensors; 0: all alike
    motion: float = 0.25  # share of lamps that brighten when somebody passes
    saving: float = 0.2  # share of lamps that dim themselves at a low charge
    soiling: float = 1.0  # factor on the rate at which panels get dirty
    washing: float = 1.0  # factor on how often people wash them; 0: never


@dataclass(frozen=True, slots=True)
class Placed:
    """A mishap put in by hand. None: drawn by the seed (until: the repair; severity, mode: as that kind does)."""

    kind: str
    lamp: str | None  # an id, or "any"
    commune: str | None  # an id, or "any"
    since: datetime
    until: datetime | None
    severity: float | None
    mode: str | None
    repaired: bool = True  # False: lasts to the end
    count: int = 1


@dataclass(frozen=True, slots=True)
class Flat:
    """A lamp whose battery is taken off for an hour (service): it starts anew and has to relearn dusk and dawn."""

    lamp: str
    at: datetime
    count: int = 1


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """Another dimming profile for everybody from one dusk to another (Ramadan, a feast)."""

    since: datetime
    until: datetime
    profile: Profile


@dataclass(frozen=True, slots=True)
class Scenario:
    """`start` is the noon before the first night; `rates` are mishaps per lamp-year (commune_silent: commune-year)."""

    name: str
    start: datetime
    nights: int
    title: str = ""
    fleet: str | None = None  # a file, beside the scenario's own; None: the caller's
    seed: int = 1
    sample_s: int = 900
    reading: Reading = "spot"
    weather: Weather = field(default_factory=Weather)
    habits: Habits = field(default_factory=Habits)
    network: Network = field(default_factory=Network)
    rates: Mapping[str, float] = field(default_factory=dict)
    repair_days: float = 21.0  # mean time until somebody repairs or washes
    placed: tuple[Placed, ...] = ()
    flats: tuple[Flat, ...] = ()
    profiles: tuple[ProfileChange, ...] = ()

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=self.nights)


def gallery() -> tuple[str, ...]:
    """The names of the ready scenarios."""
    folder = files("firmware_sim") / GALLERY
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load_scenario(path_or_name: str | Path, now: datetime | None = None) -> Scenario:
    """A scenario of the gallery by name, or of a file. `now` is needed where `start` counts back from it ("-30d").

    Raises ScenarioError with every mistake; FileNotFoundError where there is no such file or name.
    """
    name = str(path_or_name)
    if name in gallery():
        text = (files("firmware_sim") / GALLERY / f"{name}.toml").read_text(encoding="utf-8")
        return parse_scenario(text, name, now)
    path = Path(path_or_name)
    if not path.exists():
        near = get_close_matches(name, gallery(), 1)
        meant = f", did you mean {near[0]}?" if near else ""
        raise FileNotFoundError(f"no scenario {name!r}{meant or ':'} neither a file nor one of {', '.join(gallery())}")
    scenario = parse_scenario(path.read_text(encoding="utf-8"), path.stem, now)
    if scenario.fleet is not None:
        scenario = replace(scenario, fleet=str(path.parent / scenario.fleet))
    return scenario


KEYS: Final = (
    "title", "fleet", "start", "nights", "seed", "samples", "network", "weather", "lamps", "mishaps", "mishap", "flat",
    "profile",
)  # fmt: skip
_SPELL: Final = ("since", "days", "depth", "commune")
_MISHAP: Final = ("kind", "lamp", "commune", "since", "until", "severity", "mode", "count")


def parse_scenario(text: str, name: str, now: datetime | None = None) -> Scenario:
    """The scenario of a TOML text (format: docs/simulator.md). Raises ScenarioError with every mistake."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError([f"not valid TOML: {error}"]) from None
    read = Reader(text.splitlines())
    read.only(data, "scenario", KEYS)
    start = _start(read, data.get("start", "-30d"), now)
    if start.year not in YEARS:
        read.wrong("scenario.start", data.get("start"), f"a date from {YEARS[0]} to {YEARS[-1]}")
        start = _EPOCH
    nights = read.count(data, "nights", "scenario", 1, 10_000, 30)
    when = _When(read, start, start + timedelta(days=nights or 10_000))
    samples = _table(read, data, "samples", ("every_s", "reading"))
    tables = _table(read, data, "mishaps", ("rates", "repair_days"))
    scenario = Scenario(
        name=name,
        start=start,
        nights=nights,
        title=read.text(data, "title", "scenario", name),
        fleet=read.text(data, "fleet", "scenario") if "fleet" in data else None,
        seed=read.count(data, "seed", "scenario", 0, 2**31 - 1, 1),
        sample_s=read.take(
            samples, "every_s", "samples", "one of " + ", ".join(map(str, SAMPLE_SECONDS)),
            lambda v: v in SAMPLE_SECONDS, 900,
        ),
        reading=read.word(samples, "reading", "samples", ("spot", "mean"), "spot"),
        weather=_weather(read, data, when),
        habits=_habits(read, data),
        network=_network(read, data),
        rates=_rates(read, tables),
        repair_days=read.number(tables, "repair_days", "mishaps", 0.1, 10_000, 21.0),
        placed=tuple(_mishap(read, nth, table, when) for nth, table in enumerate(_list(read, data, "mishap"))),
        flats=tuple(_flat(read, nth, table, when) for nth, table in enumerate(_list(read, data, "flat"))),
        profiles=tuple(_change(read, nth, table, when) for nth, table in enumerate(_list(read, data, "profile"))),
    )  # fmt: skip
    if read.mistakes:
        raise ScenarioError(read.mistakes)
    return scenario


_BACK: Final = re.compile(r"-(\d{1,5})d")
_AFTER: Final = re.compile(r"\+(?:(\d{1,5})d)?(?:(\d{1,3})h)?")
_EPOCH: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


def noon_before(moment: datetime) -> datetime:
    """The newest 12:00 UTC that is not after this moment."""
    noon = moment.astimezone(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return noon if noon <= moment else noon - timedelta(days=1)


def _start(read: Reader, value: object, now: datetime | None) -> datetime:
    expected = 'a date like 2026-01-01, or "-30d": so many days before now'
    if type(value) is date:
        return datetime(value.year, value.month, value.day, 12, tzinfo=UTC)
    if isinstance(value, str):
        if (back := _BACK.fullmatch(value)) and now is not None:
            return noon_before(now) - timedelta(days=int(back[1]))
        if back:
            read.wrong("scenario.start", value, "a date: nobody said what time it is now")
            return _EPOCH
        try:
            return datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC) + timedelta(hours=12)
        except ValueError:
            pass
    read.wrong("scenario.start", value, expected)
    return _EPOCH


@dataclass(frozen=True, slots=True)
class _When:
    """Reads moments: absolute, or after the scenario's start."""

    read: Reader
    start: datetime
    end: datetime

    def __call__(self, table: Mapping[str, Any], key: str, where: str, required: bool = True) -> datetime | None:
        value = table.get(key)
        if value is None and not required:
            return None
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        if type(value) is date:
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, str) and (after := _AFTER.fullmatch(value)) and len(value) > 1:
            return self.start + timedelta(days=int(after[1] or 0), hours=int(after[2] or 0))
        self.read.wrong(f"{where}.{key}", value, 'a date, a date with time, or "+3d6h" after the noon of the start')
        return self.start

    def must(self, table: Mapping[str, Any], key: str, where: str) -> datetime:
        return self(table, key, where) or self.start

    def touches(
        self, table: Mapping[str, Any], keys: tuple[str, str], where: str, since: datetime, until: datetime | None
    ) -> None:
        """What lies wholly outside the nights would be left out without a word; it is a mistake instead."""
        nights = f"the nights from {self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M}"
        if since >= self.end:
            self.read.wrong(f"{where}.{keys[0]}", table.get(keys[0]), f"a moment before the end of {nights}")
        elif until is not None and until <= since:
            self.read.wrong(f"{where}.{keys[1]}", table.get(keys[1]), "a moment after since")
        elif until is not None and until <= self.start:
            self.read.wrong(f"{where}.{keys[1]}", table.get(keys[1]), f"a moment within {nights}")


def _table(read: Reader, data: Mapping[str, Any], key: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    table = data.get(key, {})
    if not isinstance(table, dict):
        read.wrong(f"scenario.{key}", table, f"a table [{key}]")
        return {}
    read.only(table, f"{key}{read.line_of(key)}", known)
    return table


def _list(read: Reader, data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = data.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        read.wrong(f"scenario.{key}", entries, f"tables [[{key}]]")
        return []
    return entries


def _weather(read: Reader, data: Mapping[str, Any], when: _When) -> Weather:
    where = "weather"
    table = _table(read, data, where, ("clearness", "dust", "cloud", "warmer_k", "dust_spell", "cloud_spell"))
    return Weather(
        clearness=read.number(table, "clearness", where, 0.05, 1.3, 1.0),
        dust=read.number(table, "dust", where, 0, 20, 1.0),
        cloud=read.number(table, "cloud", where, 0, 3, 1.0),
        warmer_k=read.number(table, "warmer_k", where, -20, 20, 0.0),
        dust_spells=_spells(read, table, "dust_spell", when),
        cloud_spells=_spells(read, table, "cloud_spell", when),
    )


def _spells(read: Reader, data: Mapping[str, Any], key: str, when: _When) -> tuple[Spell, ...]:
    spells = []
    for nth, table in enumerate(_list(read, data, key)):
        where = f"weather.{key}[{nth}]{read.line_of(f'weather.{key}', nth)}"
        read.only(table, where, _SPELL)
        since, days = when.must(table, "since", where), read.number(table, "days", where, 0.1, 60)
        when.touches(table, ("since", "days"), where, since, since + timedelta(days=days) if days else None)
        spells.append(
            Spell(
                since,
                days,
                read.number(table, "depth", where, 0.01, 0.95),
                read.text(table, "commune", where) if "commune" in table else None,
            )
        )
    return tuple(spells)


def _habits(read: Reader, data: Mapping[str, Any]) -> Habits:
    where = "lamps"
    table = _table(read, data, where, ("spread", "motion", "saving", "soiling", "washing"))
    return Habits(
        spread=read.number(table, "spread", where, 0, 3, 1.0),
        motion=read.number(table, "motion", where, 0, 1, 0.25),
        saving=read.number(table, "saving", where, 0, 1, 0.2),
        soiling=read.number(table, "soiling", where, 0, 10, 1.0),
        washing=read.number(table, "washing", where, 0, 20, 1.0),
    )


def _network(read: Reader, data: Mapping[str, Any]) -> Network:
    where = "network"
    known = (
        "report_minutes", "encoding", "jitter_s", "loss", "duplicate", "reorder", "dropouts_per_day", "dropout_minutes",
    )  # fmt: skip
    table = _table(read, data, where, known)
    usual = Network()
    return Network(
        report_minutes=max(1, read.count(table, "report_minutes", where, 1, 1440, usual.report_minutes)),
        encoding=read.word(table, "encoding", where, ("cbor", "json"), usual.encoding),
        jitter_s=read.number(table, "jitter_s", where, 0, 3600, usual.jitter_s),
        loss=read.number(table, "loss", where, 0, 1, usual.loss),
        duplicate=read.number(table, "duplicate", where, 0, 1, usual.duplicate),
        reorder=read.number(table, "reorder", where, 0, 1, usual.reorder),
        dropouts_per_day=read.number(table, "dropouts_per_day", where, 0, 1, usual.dropouts_per_day),
        dropout_minutes=read.number(table, "dropout_minutes", where, 0, 180, usual.dropout_minutes),
    )


def _rates(read: Reader, table: Mapping[str, Any]) -> dict[str, float]:
    rates = table.get("rates", {})
    where = f"mishaps.rates{read.line_of('mishaps.rates')}"
    if not isinstance(rates, dict):
        read.wrong(where, rates, "a table [mishaps.rates] of kind = number a lamp-year")
        return {}
    read.only(rates, where, tuple(FLAWS))
    return {kind: read.number(rates, kind, where, 0, 100) for kind in rates if kind in FLAWS}


def _mishap(read: Reader, nth: int, table: Mapping[str, Any], when: _When) -> Placed:
    where = f"mishap[{nth}]{read.line_of('mishap', nth)}"
    read.only(table, where, _MISHAP)
    kind = read.word(table, "kind", where, tuple(FLAWS)) or "dark"
    flaw = FLAWS[kind]
    subject, other = ("commune", "lamp") if flaw.communal else ("lamp", "commune")
    if other in table and flaw.communal:
        read.wrong(f"{where}.{other}", table[other], f"no {other}: {kind} happens to a whole commune")
    since = when.must(table, "since", where)
    stays = table.get("until") == "never"
    until = None if stays else when(table, "until", where, required=False)
    when.touches(table, ("since", "until"), where, since, until)
    mode = read.word(table, "mode", where, flaw.modes) if "mode" in table else None
    low, high = flaw.limits
    severity = read.number(table, "severity", where, low, high) if "severity" in table else None
    who = read.text(table, subject, where, ANY)
    return Placed(
        kind=kind,
        lamp=None if flaw.communal else who,
        commune=who if flaw.communal else (read.text(table, "commune", where) if "commune" in table else None),
        since=since,
        until=until,
        severity=severity,
        mode=mode,
        repaired=not stays,
        count=read.count(table, "count", where, 1, 100_000, 1),
    )


def _flat(read: Reader, nth: int, table: Mapping[str, Any], when: _When) -> Flat:
    where = f"flat[{nth}]{read.line_of('flat', nth)}"
    read.only(table, where, ("lamp", "at", "count"))
    at = when.must(table, "at", where)
    when.touches(table, ("at", "at"), where, at, at + timedelta(hours=1))
    return Flat(
        read.text(table, "lamp", where, ANY),
        at,
        read.count(table, "count", where, 1, 100_000, 1),
    )


def _change(read: Reader, nth: int, table: Mapping[str, Any], when: _When) -> ProfileChange:
    where = f"profile[{nth}]{read.line_of('profile', nth)}"
    read.only(table, where, ("since", "until", "steps"))
    steps = read_profile(read, f"change {nth}", {"steps": table.get("steps", [])})
    since, until = when.must(table, "since", where), when.must(table, "until", where)
    when.touches(table, ("since", "until"), where, since, until)
    return ProfileChange(since, until, steps)
