"""Small fleets and scenarios for tests of the plant."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from firmware_sim.plant import Plant
from firmware_sim.scenario import Scenario, parse_scenario
from firmware_sim.truth import Truth
from gateway.fleet import Fleet, parse_fleet

SHIPPED = parse_fleet((Path(__file__).parents[2] / "fleet.toml").read_text(encoding="utf-8"))
NOW = datetime(2026, 3, 1, 15, tzinfo=UTC)
ALIKE = "[lamps]\nspread = 0\nmotion = 0\nsaving = 0\n"


def village(lamps: int = 4, model: str = "lfp-100", communes: int = 1) -> Fleet:
    """`lamps` new lamps in each of the first communes of the shipped fleet: fatoma-01, fatoma-02, …"""
    places = list(SHIPPED.by_commune.items())[:communes]
    chosen = {
        lamp.id: replace(lamp, model=SHIPPED.models[model], installed=None)
        for _, group in places
        for lamp in group[:lamps]
    }
    return Fleet({name: SHIPPED.communes[name] for name, _ in places}, chosen)


def scenario(text: str = "", nights: int = 6, start: str = "2026-01-10", habits: str = ALIKE) -> Scenario:
    return parse_scenario(f'start = "{start}"\nnights = {nights}\n{habits}{text}', "test", NOW)


def lived(fleet: Fleet, what: Scenario, seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame, Truth]:
    """Samples, events and truth of all nights."""
    plant = Plant(fleet, what, seed)
    chunks = list(plant.nights())
    return pl.concat([c.samples for c in chunks]), pl.concat([c.events for c in chunks]), plant.truth()


def mishap(kind: str, since: str = "+2d", until: str = "never", lamp: str = "fatoma-02", **more: object) -> str:
    extra = "".join(f"{key} = {value!r}\n".replace("'", '"') for key, value in more.items())
    return f'\n[[mishap]]\nkind = "{kind}"\nlamp = "{lamp}"\nsince = "{since}"\nuntil = "{until}"\n{extra}'
