"""Episodes and fleets for the tests of casebook, alerts and sentences."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.fleet import Battery, Commune, Contact, Fleet, Lamp, Luminaire, Model, Panel, Profile, Step
from monitor.case import Case
from monitor.fault import Cause, Episode, Figure, Kind

NOW = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)
DUSK = datetime(2026, 3, 3, 18, 25, tzinfo=UTC)  # two nights before NOW
HORIZON = NOW - timedelta(days=35)

_MODEL = Model(
    "lfp-100",
    Panel(100, 36, 18.3, 5.2, 22.5, 5.4, -0.41, 15, 180),
    Battery("lfp", 12.8, 60, 4, 0.9, 14.3, 11.0, 12.7),
    Luminaire(30, 150, 0.92, 3),
    "mppt",
    0.42,
)
_PROFILE = Profile("standard", (Step(100, None),))
MAYOR = Contact("mairie de Fatoma", "${FATOMA}", "fr")
TECHNICIAN = Contact("technicien régional", "${TECHNICIAN}", "en")


def fleet(*contacts: Contact, technicians: tuple[Contact, ...] = ()) -> Fleet:
    """Two communes of three lamps; Fatoma has the contacts given, else its mayor's office."""
    communes = {
        "fatoma": Commune("fatoma", "Fatoma", 14.613, -4.059, 265, contacts or (MAYOR,)),
        "konna": Commune("konna", "Konna", 14.943, -3.892, 265, ()),
    }
    lamps = {
        f"{commune}-0{n}": Lamp(f"{commune}-0{n}", commune, _MODEL, _PROFILE, 14.6, -4.0, None, note)
        for commune in communes
        for n, note in enumerate(("mairie", "marché", ""), 1)
    }
    return Fleet(communes, lamps, technicians)


def episode(
    lamp: str | None = "fatoma-02", kind: Kind = Kind.DARK, since: datetime = DUSK, commune: str = "fatoma", **rest: Any
) -> Episode:
    """A dark lamp with a failed driver since two nights, or what is said instead."""
    whole: dict[str, Any] = {
        "opened_at": since + timedelta(hours=1),
        "causes": (Cause("driver", 0.8), Cause("cable", 0.2)),
        "figures": (
            Figure("battery_v", 12.9, "V", peers=13.1),
            Figure("led_w", 0.0, "W", peers=29.0),
            Figure("target_pct", 100.0, "%"),
        ),
    }
    if rest.get("until"):
        whole["closed_at"] = rest["until"]
    return Episode(commune, lamp, kind, since, **(whole | rest))


def case(kind: Kind = Kind.DARK, **rest: Any) -> Case:
    """The same as a case, without a casebook."""
    whole: dict[str, Any] = {"id": 1, "commune": "fatoma", "lamp": "fatoma-02", "kind": kind, "since": DUSK}
    return Case(**(whole | {"opened_at": rest.get("since", DUSK) + timedelta(hours=1)} | rest))


def closed(one: Episode, until: datetime) -> Episode:
    return replace(one, until=until, closed_at=until)
