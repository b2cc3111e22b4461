"""The words of judgement: the closed list of fault kinds, and what an episode of one consists of."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """What can be wrong with a lamp or a commune. Closed list: a new kind is a new version of this product."""

    DARK = "dark"
    EARLY_OFF = "early_off"
    FLICKER = "flicker"
    DIM = "dim"
    DAY_BURNING = "day_burning"
    SILENT = "silent"
    COMMUNE_SILENT = "commune_silent"
    PANEL_SOILED = "panel_soiled"
    PANEL_PARTIAL = "panel_partial"
    PANEL_LOST = "panel_lost"
    BATTERY_WORN = "battery_worn"
    BATTERY_WEAK_CELL = "battery_weak_cell"
    BATTERY_LOST = "battery_lost"
    CHARGER_STUCK = "charger_stuck"
    HOT = "hot"
    SENSOR_FAULTY = "sensor_faulty"
    CLOCK_WRONG = "clock_wrong"
    RESTART_LOOP = "restart_loop"
    MOVED = "moved"
    DARK_RISK = "dark_risk"
    LOW_SUN = "low_sun"


@dataclass(frozen=True, slots=True)
class Word:
    """How people call a kind, and what they do about it."""

    fr: str
    en: str
    symptom: bool  # what a passer-by sees, as against what only measurements show
    urgency: int  # 1 today, 2 this week, 3 at the next round, 4 nothing to do
    carry_fr: str  # what the technician takes along
    carry_en: str


WORDS: Final[dict[Kind, Word]] = {
    Kind.DARK: Word("éteint", "dark", True, 1, "driver LED, multimètre", "LED driver, multimeter"),
    Kind.EARLY_OFF: Word(
        "s'éteint trop tôt", "goes out early", True, 2, "multimètre, chiffon, eau", "multimeter, cloth, water"
    ),
    Kind.FLICKER: Word("clignote", "flickers", True, 2, "connecteurs, driver LED", "connectors, LED driver"),
    Kind.DIM: Word("éclaire faiblement", "dim", True, 3, "luminaire", "luminaire"),
    Kind.DAY_BURNING: Word("allumé le jour", "burns by day", True, 2, "régulateur", "charge controller"),
    Kind.SILENT: Word("muet", "silent", False, 2, "modem, antenne, carte SIM", "modem, antenna, SIM card"),
    Kind.COMMUNE_SILENT: Word(
        "commune muette", "commune silent", False, 2, "rien : appeler l'opérateur", "nothing: call the operator"
    ),
    Kind.PANEL_SOILED: Word(
        "panneau sale", "panel dirty", False, 3, "eau, raclette, échelle", "water, squeegee, ladder"
    ),
    Kind.PANEL_PARTIAL: Word(
        "panneau affaibli", "panel weakened", False, 3, "connecteurs MC4, multimètre", "MC4 connectors, multimeter"
    ),
    Kind.PANEL_LOST: Word(
        "panneau perdu", "panel lost", False, 1, "panneau, câble, connecteurs", "panel, cable, connectors"
    ),
    Kind.BATTERY_WORN: Word("batterie usée", "battery worn", False, 3, "batterie", "battery"),
    Kind.BATTERY_WEAK_CELL: Word(
        "cellule de batterie en défaut", "battery cell failing", False, 2, "batterie", "battery"
    ),
    Kind.BATTERY_LOST: Word(
        "batterie absente", "battery lost", False, 1, "batterie, câbles, fusible", "battery, cables, fuse"
    ),
    Kind.CHARGER_STUCK: Word("régulateur bloqué", "charger stuck", False, 2, "régulateur", "charge controller"),
    Kind.HOT: Word("batterie trop chaude", "battery too hot", False, 2, "tôle d'ombrage", "sun shield"),
    Kind.SENSOR_FAULTY: Word("capteur en défaut", "sensor faulty", False, 3, "régulateur", "charge controller"),
    Kind.CLOCK_WRONG: Word("horloge fausse", "clock wrong", False, 3, "câble de réglage", "set-up cable"),
    Kind.RESTART_LOOP: Word(
        "redémarrages répétés", "keeps restarting", False, 2, "régulateur, connecteurs", "charge controller, connectors"
    ),
    Kind.MOVED: Word("déplacé ou ouvert", "moved or opened", False, 1, "cadenas, clés", "padlock, spanners"),
    Kind.DARK_RISK: Word(
        "risque d'extinction", "may go dark", False, 2, "eau, raclette, multimètre", "water, squeegee, multimeter"
    ),
    Kind.LOW_SUN: Word("soleil faible", "low sun", False, 4, "rien", "nothing"),
}

COMMUNE_KINDS: Final = frozenset({Kind.COMMUNE_SILENT, Kind.LOW_SUN})  # their episodes have no lamp
NOTES: Final = frozenset({Kind.LOW_SUN})  # said on the page, nobody is alerted


@dataclass(frozen=True, slots=True)
class Cause:
    """One explanation of what is seen. The likelihoods of an episode's causes sum to one."""

    cause: str  # a Kind, or one of the causes in monitor/causes.py that are no kind ("driver", "cable")
    likelihood: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing that shows it: what, how much, when, and what the peers show beside it."""

    name: str  # key of the glossary in monitor/sentence.py
    value: float | str
    unit: str = ""  # "V", "W", "%", "Ah", "min", "nights", "" for counts
    at: datetime | None = None
    peers: float | None = None  # the same of the commune's other lamps
    limit: float | None = None  # the threshold it crossed


@dataclass(frozen=True, slots=True)
class Episode:
    """One stay of one kind on one lamp (or commune): an interval, never a flag. Derived from data alone.

    `opened_at` and `closed_at` are the event times at which the evidence sufficed: the same whatever the speed of a
    replay. `since` and `until` are when it began and ended as far as the data show.
    """

    commune: str
    lamp: str | None
    kind: Kind
    since: datetime
    opened_at: datetime
    until: datetime | None = None
    closed_at: datetime | None = None
    causes: tuple[Cause, ...] = ()
    figures: tuple[Figure, ...] = ()
    estimate: float | None = None  # share of panel output lost, or of nameplate capacity left
    hidden_by: Kind | None = None  # inhibited: kept, shown on demand, nobody is told
    trace: dict[str, Any] = field(default_factory=dict)  # the rule's inputs, thresholds and verdict, for `explain`

    @property
    def subject(self) -> str:
        return self.lamp or self.commune
