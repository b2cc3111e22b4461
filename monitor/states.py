"""How a fault is spoken of: as a state of the lamp ("éteint") or of a part ("panneau sale"), and when it is over."""

from dataclasses import dataclass
from typing import Final

from monitor.fault import Kind


@dataclass(frozen=True, slots=True)
class State:
    """`of_the_lamp`: "fatoma-07 éteint", no colon. `over` goes before "depuis hier", `was` before "depuis 2 nuits"."""

    of_the_lamp: bool
    over_fr: str
    was_fr: str
    over_en: str
    was_en: str


STATES: Final[dict[Kind, State]] = {
    Kind.DARK: State(True, "rallumé", "il était éteint", "lit again", "it had been dark"),
    Kind.EARLY_OFF: State(
        True,
        "éclaire de nouveau toute la nuit",
        "il s'éteignait trop tôt",
        "lit all night again",
        "it had gone out early",
    ),
    Kind.FLICKER: State(True, "ne clignote plus", "il clignotait", "steady again", "it had flickered"),
    Kind.DIM: State(
        True, "éclaire de nouveau normalement", "il éclairait faiblement", "bright again", "it had been dim"
    ),
    Kind.DAY_BURNING: State(
        True, "ne reste plus allumé le jour", "il restait allumé le jour", "off by day again", "it had burnt by day"
    ),
    Kind.SILENT: State(True, "donne de nouveau des nouvelles", "il était muet", "heard again", "it had been silent"),
    Kind.COMMUNE_SILENT: State(
        False,
        "les lampadaires donnent de nouveau des nouvelles",
        "la commune était muette",
        "its lamps are heard again",
        "the commune had been silent",
    ),
    Kind.PANEL_SOILED: State(
        False, "panneau de nouveau propre", "il était sale", "panel clean again", "it had been dirty"
    ),
    Kind.PANEL_PARTIAL: State(
        False, "panneau de nouveau en ordre", "il était affaibli", "panel in order again", "it had been weakened"
    ),
    Kind.PANEL_LOST: State(
        False, "le panneau charge de nouveau", "il ne chargeait plus", "the panel charges again", "it had not charged"
    ),
    Kind.BATTERY_WORN: State(
        False, "batterie de nouveau en ordre", "elle était usée", "battery in order again", "it had been worn"
    ),
    Kind.BATTERY_WEAK_CELL: State(
        False,
        "batterie de nouveau en ordre",
        "une cellule était en défaut",
        "battery in order again",
        "a cell had been failing",
    ),
    Kind.BATTERY_LOST: State(
        False, "batterie de nouveau en place", "elle manquait", "battery back in place", "it had been missing"
    ),
    Kind.CHARGER_STUCK: State(
        False, "régulateur de nouveau en ordre", "il était bloqué", "charger in order again", "it had been stuck"
    ),
    Kind.HOT: State(
        False, "batterie refroidie", "elle était trop chaude", "battery cooled down", "it had been too hot"
    ),
    Kind.SENSOR_FAULTY: State(
        False, "capteur de nouveau en ordre", "il était en défaut", "sensor in order again", "it had been faulty"
    ),
    Kind.CLOCK_WRONG: State(
        False, "horloge de nouveau à l'heure", "elle était fausse", "clock right again", "it had been wrong"
    ),
    Kind.RESTART_LOOP: State(
        False, "plus de redémarrages", "il redémarrait sans cesse", "no more restarts", "it had kept restarting"
    ),
    Kind.MOVED: State(
        True,
        "de nouveau en place et fermé",
        "il avait été déplacé ou ouvert",
        "in place and closed again",
        "it was moved or opened",
    ),
    Kind.DARK_RISK: State(
        False, "risque d'extinction terminé", "il était annoncé", "no longer about to go dark", "it had been announced"
    ),
    Kind.LOW_SUN: State(False, "le soleil est revenu", "il était faible", "the sun is back", "it had been low"),
}
