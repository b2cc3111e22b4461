"""The worlds of the stories, each simulated once per session."""

import pytest

from tests.firmware_sim.worlds import mishap
from tests.story.stage import World, world

CLEANED = "[lamps]\nwashing = 2\n"  # every ten days: no panel of a healthy lamp is dirty enough to be a case


def silence(commune: str, since: str, until: str) -> str:
    return f'\n[[mishap]]\nkind = "commune_silent"\ncommune = "{commune}"\nsince = "{since}"\nuntil = "{until}"\n'


@pytest.fixture(scope="session")
def hard() -> World:
    """What shows within a day or two, each on a lamp of its own, all repaired; another commune falls silent."""
    return world(
        mishap("dark", "+4d6h", "+7d22h", "fatoma-02")
        + mishap("panel_lost", "+4d", "+7d", "fatoma-04")
        + mishap("battery_lost", "+5d", "+8d", "fatoma-06")
        + mishap("silent", "+5d", "+8d", "fatoma-08")
        + mishap("day_burning", "+5d", "+8d", "fatoma-10")
        + mishap("early_off", "+5d", "+8d", "fatoma-12", severity=0.8)
        + mishap("charger_stuck", "+5d", "+8d", "fatoma-14", mode="off")
        + mishap("hot", "+5d", "+8d", "fatoma-16", severity=26)
        + mishap("moved", "+5d", "+8d", "fatoma-18", mode="door_open")
        + mishap("flicker", "+5d", "+8d", "fatoma-19", severity=0.4)
        + silence("konna", "+6d", "+8d"),
        nights=13,
        lamps={"fatoma": 20, "konna": 6},
    )


@pytest.fixture(scope="session")
def slow() -> World:
    """What needs a lamp's own first weeks to compare with: it begins after three of them."""
    return world(
        mishap("panel_soiled", "+16d", "+36d", "fatoma-03", mode="dust", severity=0.4)
        + mishap("battery_worn", "+22d", "never", "fatoma-02", mode="step", severity=0.6)
        + mishap("panel_partial", "+22d", "+30d", "fatoma-04", mode="connector", severity=0.4)
        + mishap("battery_weak_cell", "+22d", "+30d", "fatoma-05", mode="short", severity=1)
        + mishap("dim", "+22d", "+30d", "fatoma-06", severity=0.5)
        + mishap("restart_loop", "+22d", "+30d", "fatoma-07", severity=40)
        + mishap("clock_wrong", "+22d", "+30d", "fatoma-08", severity=90)
        + mishap("sensor_faulty", "+22d", "+30d", "fatoma-09", mode="temperature_rail")
        + mishap("charger_stuck", "+22d", "+30d", "fatoma-10", mode="over", severity=1.2),
        nights=40,
        seed=2,
        habits=CLEANED,
    )


@pytest.fixture(scope="session")
def small() -> World:
    """Eight lamps, eight nights: a little of everything, for stories that are told many times."""
    return world(
        mishap("dark", "+2d6h", "+5d", "fatoma-02")
        + mishap("panel_lost", "+3d", "+5d", "fatoma-04")
        + mishap("silent", "+2d", "+4d", "fatoma-06")
        + mishap("day_burning", "+3d", "never", "fatoma-07"),
        nights=7,
        lamps={"fatoma": 8},
    )


@pytest.fixture(scope="session")
def blackout() -> World:
    """Ten days without network in Konna; meanwhile a driver dies there, and one in Fatoma."""
    return world(
        silence("konna", "+3d", "+13d")
        + mishap("dark", "+6d6h", "never", "konna-03")
        + mishap("dark", "+8d6h", "+11d", "fatoma-03"),
        nights=16,
        lamps={"fatoma": 6, "konna": 8},
        habits="[network]\nloss = 0\n",  # what is really lost stays unknown for ever, and has its own tests
    )
