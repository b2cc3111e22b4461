"""Why it is so, in words: a cause that an episode names is a fault kind, or one of the parts and events here."""

from dataclasses import dataclass
from typing import Final

from monitor.fault import WORDS, Kind


@dataclass(frozen=True, slots=True)
class CauseWord:
    """`fr` and `en` with their article ("le driver LED"), `short` without; what the technician takes along for it."""

    fr: str
    fr_short: str
    en: str
    carry_fr: str = ""
    carry_en: str = ""
    plural: bool = False


PARTS: Final[dict[str, CauseWord]] = {
    "driver": CauseWord(
        "le driver LED", "driver LED", "the LED driver", "driver LED, multimètre", "LED driver, multimeter"
    ),
    "cable": CauseWord(
        "un câble coupé",
        "câble coupé",
        "a cut cable",
        "câble, connecteurs, multimètre",
        "cable, connectors, multimeter",
    ),
    "connector": CauseWord(
        "un connecteur", "connecteur", "a connector", "connecteurs, multimètre", "connectors, multimeter"
    ),
    "luminaire_string": CauseWord("une rangée de LED", "rangée de LED", "a string of LEDs", "luminaire", "luminaire"),
    "controller": CauseWord("le régulateur", "régulateur", "the charge controller", "régulateur", "charge controller"),
    "modem": CauseWord("le modem", "modem", "the modem", "modem, antenne, carte SIM", "modem, antenna, SIM card"),
    "antenna": CauseWord("l'antenne", "antenne", "the antenna", "antenne", "antenna"),
    "sim": CauseWord("la carte SIM", "carte SIM", "the SIM card", "carte SIM", "SIM card"),
    "operator": CauseWord("le réseau de l'opérateur", "réseau de l'opérateur", "the operator's network"),
    "theft": CauseWord("un vol", "vol", "theft"),
    "dust": CauseWord("la poussière", "poussière", "dust", "eau, raclette, échelle", "water, squeegee, ladder"),
    "cloud": CauseWord("les nuages", "nuages", "cloud", plural=True),
    "dirt": CauseWord("la saleté", "saleté", "dirt", "eau, raclette, échelle", "water, squeegee, ladder"),
    "shade": CauseWord(
        "une ombre sur le panneau", "ombre sur le panneau", "shade on the panel", "scie, échelle", "saw, ladder"
    ),
    "tap": CauseWord(
        "un branchement sur la batterie",
        "branchement sur la batterie",
        "a wire that somebody put to the battery",
        "multimètre, pince, cadenas",
        "multimeter, pliers, padlock",
    ),
    "wear": CauseWord("l'usure", "usure", "wear"),
    "cell": CauseWord("une cellule de la batterie", "cellule de batterie", "a battery cell", "batterie", "battery"),
    "fuse": CauseWord("le fusible", "fusible", "the fuse", "fusible, multimètre", "fuse, multimeter"),
    "profile": CauseWord(
        "le programme d'éclairage",
        "programme d'éclairage",
        "the lighting programme",
        "câble de réglage",
        "set-up cable",
    ),
    "heat": CauseWord("la chaleur", "chaleur", "the heat"),
    "wind": CauseWord("le vent", "vent", "the wind"),
    "impact": CauseWord("un choc", "choc", "an impact"),
    "sensor": CauseWord("le capteur", "capteur", "the sensor", "régulateur", "charge controller"),
    "clock": CauseWord("l'horloge", "horloge", "the clock", "câble de réglage", "set-up cable"),
    "gateway": CauseWord("la passerelle du village", "passerelle du village", "the village's gateway"),
    "tilt": CauseWord("un poteau penché", "poteau penché", "a tilted pole", "clés, niveau", "spanners, level"),
    "door": CauseWord("une porte ouverte", "porte ouverte", "an open door", "cadenas, clés", "padlock, spanners"),
    "diode": CauseWord(
        "une diode du panneau", "diode du panneau", "a diode of the panel", "panneau, multimètre", "panel, multimeter"
    ),
    "string": CauseWord(
        "une partie du panneau", "partie du panneau", "a part of the panel", "panneau, multimètre", "panel, multimeter"
    ),
    "unknown": CauseWord("une raison inconnue", "raison inconnue", "an unknown reason"),
}

KINDS: Final[dict[Kind, tuple[str, str, str]]] = {
    Kind.DARK: ("la lampe éteinte", "lampe éteinte", "the dark lamp"),
    Kind.EARLY_OFF: ("l'extinction précoce", "extinction précoce", "going out early"),
    Kind.FLICKER: ("le clignotement", "clignotement", "the flickering"),
    Kind.DIM: ("l'éclairage faible", "éclairage faible", "the dim light"),
    Kind.DAY_BURNING: ("l'éclairage en plein jour", "éclairage en plein jour", "burning by day"),
    Kind.SILENT: ("la perte de liaison", "perte de liaison", "the lost link"),
    Kind.COMMUNE_SILENT: ("le silence de la commune", "silence de la commune", "the silence of the commune"),
    Kind.PANEL_SOILED: ("le panneau sale", "panneau sale", "the dirty panel"),
    Kind.PANEL_PARTIAL: ("le panneau affaibli", "panneau affaibli", "the weakened panel"),
    Kind.PANEL_LOST: ("le panneau perdu", "panneau perdu", "the lost panel"),
    Kind.BATTERY_WORN: ("la batterie usée", "batterie usée", "the worn battery"),
    Kind.BATTERY_WEAK_CELL: (
        "une cellule de batterie en défaut",
        "cellule de batterie en défaut",
        "a failing battery cell",
    ),
    Kind.BATTERY_LOST: ("la batterie absente", "batterie absente", "the lost battery"),
    Kind.CHARGER_STUCK: ("le régulateur bloqué", "régulateur bloqué", "the stuck charger"),
    Kind.HOT: ("la batterie trop chaude", "batterie trop chaude", "the hot battery"),
    Kind.SENSOR_FAULTY: ("un capteur en défaut", "capteur en défaut", "a faulty sensor"),
    Kind.CLOCK_WRONG: ("l'horloge fausse", "horloge fausse", "the wrong clock"),
    Kind.RESTART_LOOP: ("les redémarrages répétés", "redémarrages répétés", "the restarts"),
    Kind.MOVED: ("un choc ou une ouverture", "choc ou ouverture", "an impact or opening"),
    Kind.DARK_RISK: ("le manque de réserve", "manque de réserve", "the lack of reserve"),
    Kind.LOW_SUN: ("le soleil faible", "soleil faible", "the low sun"),
}


# The same word means something else where the fault is another one.
_MEANT: Final[dict[tuple[Kind, str], CauseWord]] = {
    (Kind.HOT, "shade"): CauseWord(
        "le manque d'ombre", "manque d'ombre", "the lack of shade", "tôle d'ombrage", "sun shield"
    ),
}


def cause_word(cause: str, kind: Kind | None = None) -> CauseWord:
    """A cause nobody has put into words yet is said by its name: better than silence."""
    if kind is not None and (kind, cause) in _MEANT:
        return _MEANT[kind, cause]
    if cause in PARTS:
        return PARTS[cause]
    if cause in WORDS:
        kind = Kind(cause)
        fr, short, en = KINDS[kind]
        return CauseWord(fr, short, en, WORDS[kind].carry_fr, WORDS[kind].carry_en, kind is Kind.RESTART_LOOP)
    said = cause.replace("_", " ")
    return CauseWord(said, said, said)
