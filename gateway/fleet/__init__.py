"""The fleet: its words, and how they are read from a file."""

from gateway.fleet.parse import FleetError, parse_fleet, read_profile
from gateway.fleet.reader import Reader
from gateway.fleet.words import (
    LANGUAGES,
    Battery,
    Chemistry,
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

__all__ = [
    "LANGUAGES",
    "Battery",
    "Chemistry",
    "Commune",
    "Contact",
    "Fleet",
    "FleetError",
    "Lamp",
    "Luminaire",
    "Model",
    "Panel",
    "Profile",
    "Reader",
    "Step",
    "parse_fleet",
    "read_profile",
]
