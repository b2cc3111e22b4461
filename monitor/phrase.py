"""What a phrase is, and the phrases that several kinds share."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Phrase:
    """Short for the SMS, long as a clause of a sentence. `none`: said only where this figure is nought, in its place.

    `also`: a figure that need not be named any more.
    """

    fr: str
    fr_long: str
    en: str
    en_long: str
    none: str = ""
    also: str = ""


LED: Final = Phrase(
    "{led_w} pour {target_pct} demandés",
    "la lampe reçoit {led_w} pour {target_pct} demandés",
    "{led_w} for {target_pct} asked",
    "the lamp gets {led_w} for {target_pct} asked",
)
TAP: Final = Phrase(
    "{tap_w} partent ailleurs",
    "{tap_w} partent de la batterie ailleurs que dans la lampe",
    "{tap_w} go elsewhere",
    "{tap_w} leave the battery for elsewhere than the lamp",
)
UNLIT: Final = Phrase(
    "aucune lumière sur {scheduled_min} prévues",
    "il n'a pas éclairé du tout sur {scheduled_min} prévues",
    "no light out of {scheduled_min}",
    "it gave no light out of {scheduled_min} scheduled",
    none="lit_min",
)
LIT: Final = Phrase(
    "{lit_min} de lumière sur {scheduled_min}",
    "il a éclairé {lit_min} sur {scheduled_min} prévues",
    "{lit_min} of light out of {scheduled_min}",
    "it gave light for {lit_min} out of {scheduled_min} scheduled",
)
CUT: Final = Phrase(
    "batterie {battery_v} (coupure à {cut_off_v})",
    "la batterie est tombée à {battery_v} pour une coupure à {cut_off_v}",
    "battery {battery_v} (cut-off at {cut_off_v})",
    "the battery fell to {battery_v} with its cut-off at {cut_off_v}",
)
CUT_LIMIT: Final = Phrase(
    "batterie {battery_v} (coupure à {battery_v.limit})",
    "la batterie est tombée à {battery_v} pour une coupure à {battery_v.limit}",
    "battery {battery_v} (cut-off at {battery_v.limit})",
    "the battery fell to {battery_v} with its cut-off at {battery_v.limit}",
)
NIGHT_V: Final = Phrase(
    "batterie {dusk_v} au soir, {dawn_v} à l'aube",
    "la batterie passe de {dusk_v} au soir à {dawn_v} à l'aube",
    "battery {dusk_v} at dusk, {dawn_v} at dawn",
    "the battery goes from {dusk_v} at dusk to {dawn_v} at dawn",
)
CHARGE: Final = Phrase(
    "{charge_w} de charge contre {peers_charge_w} chez ses voisins",
    "la batterie reçoit {charge_w} contre {peers_charge_w} chez ses voisins",
    "{charge_w} of charge against {peers_charge_w} at its neighbours",
    "the battery gets {charge_w} against {peers_charge_w} at its neighbours",
)
PEERS_W: Final = Phrase(
    "panneau {pv_w} contre {pv_w.peers} chez ses voisins",
    "le panneau donne {pv_w} contre {pv_w.peers} chez ses voisins",
    "panel {pv_w} against {pv_w.peers} at its neighbours",
    "the panel gives {pv_w} against {pv_w.peers} at its neighbours",
)
PEERS_A: Final = Phrase(
    "panneau {pv_a} contre {pv_a.peers} chez ses voisins",
    "le panneau donne {pv_a} contre {pv_a.peers} chez ses voisins",
    "panel {pv_a} against {pv_a.peers} at its neighbours",
    "the panel gives {pv_a} against {pv_a.peers} at its neighbours",
)
PV: Final = Phrase(
    "panneau {pv_v} mais {pv_a}",
    "le panneau est à {pv_v} mais ne donne que {pv_a}",
    "panel {pv_v} but {pv_a}",
    "the panel has {pv_v} but gives only {pv_a}",
)
OUTPUT: Final = Phrase(
    "{ratio_pct} de la production de ses voisins",
    "le panneau donne {ratio_pct} de ce que donnent ses voisins",
    "{ratio_pct} of its neighbours' output",
    "the panel gives {ratio_pct} of what its neighbours give",
)
MISSING: Final = Phrase(
    "{silent_lamps} sur {lamps} sans nouvelles",
    "il y a {silent_lamps} sur {lamps} sans nouvelles",
    "no word from {silent_lamps} of {lamps}",
    "there is no word from {silent_lamps} of {lamps}",
)
CAPACITY: Final = (
    Phrase(
        "reste {capacity_pct} de sa capacité, soit {capacity_ah} à {capacity_pm_ah} près, et"
        " {capacity_pct_month} de moins par mois",
        "la batterie garde {capacity_pct} de sa capacité, soit {capacity_ah} à {capacity_pm_ah} près, et en perd"
        " {capacity_pct_month} par mois",
        "{capacity_pct} of its capacity left, {capacity_ah} give or take {capacity_pm_ah}, and"
        " {capacity_pct_month} less a month",
        "the battery keeps {capacity_pct} of its capacity, {capacity_ah} give or take {capacity_pm_ah}, and loses"
        " {capacity_pct_month} of it a month",
    ),
    Phrase(
        "reste {capacity_pct} de sa capacité, soit {capacity_ah} à {capacity_pm_ah} près",
        "la batterie garde {capacity_pct} de sa capacité, soit {capacity_ah} à {capacity_pm_ah} près",
        "{capacity_pct} of its capacity left, {capacity_ah} give or take {capacity_pm_ah}",
        "the battery keeps {capacity_pct} of its capacity, {capacity_ah} give or take {capacity_pm_ah}",
    ),
    Phrase(
        "reste {capacity_pct} de sa capacité, soit {capacity_ah}",
        "la batterie garde {capacity_pct} de sa capacité, soit {capacity_ah}",
        "{capacity_pct} of its capacity left, {capacity_ah}",
        "the battery keeps {capacity_pct} of its capacity, {capacity_ah}",
    ),
    Phrase(
        "reste {capacity_pct} de sa capacité",
        "la batterie garde {capacity_pct} de sa capacité",
        "{capacity_pct} of its capacity left",
        "the battery keeps {capacity_pct} of its capacity",
    ),
)
FALL: Final = Phrase(
    "{step_v} perdus d'un coup",
    "la tension de la batterie a chuté de {step_v} d'un coup",
    "{step_v} lost at once",
    "the battery voltage fell by {step_v} at once",
)
