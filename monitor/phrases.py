"""Which figures are said together: `{name}` is a value, `{name.peers}` the peers', `{name.limit}` its limit.

A phrase is said only if every figure that it names is there; what no phrase has used is said by its own words
(monitor/glossary.py). So a sentence is made of what an episode knows, and of nothing else. Short forms keep to letters
that an SMS has where French offers a word: "chargés", not "reçus".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from monitor.fault import Kind


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


_LED: Final = Phrase(
    "{led_w} pour {target_pct} demandés",
    "la lampe reçoit {led_w} pour {target_pct} demandés",
    "{led_w} for {target_pct} asked",
    "the lamp gets {led_w} for {target_pct} asked",
)
_TAP: Final = Phrase(
    "{tap_w} partent ailleurs",
    "{tap_w} partent de la batterie ailleurs que dans la lampe",
    "{tap_w} go elsewhere",
    "{tap_w} leave the battery for elsewhere than the lamp",
)
_UNLIT: Final = Phrase(
    "aucune lumière sur {scheduled_min} prévues",
    "il n'a pas éclairé du tout sur {scheduled_min} prévues",
    "no light out of {scheduled_min}",
    "it gave no light out of {scheduled_min} scheduled",
    none="lit_min",
)
_LIT: Final = Phrase(
    "{lit_min} de lumière sur {scheduled_min}",
    "il a éclairé {lit_min} sur {scheduled_min} prévues",
    "{lit_min} of light out of {scheduled_min}",
    "it gave light for {lit_min} out of {scheduled_min} scheduled",
)
_CUT: Final = Phrase(
    "batterie {battery_v} (coupure à {cut_off_v})",
    "la batterie est tombée à {battery_v} pour une coupure à {cut_off_v}",
    "battery {battery_v} (cut-off at {cut_off_v})",
    "the battery fell to {battery_v} with its cut-off at {cut_off_v}",
)
_CUT_LIMIT: Final = Phrase(
    "batterie {battery_v} (coupure à {battery_v.limit})",
    "la batterie est tombée à {battery_v} pour une coupure à {battery_v.limit}",
    "battery {battery_v} (cut-off at {battery_v.limit})",
    "the battery fell to {battery_v} with its cut-off at {battery_v.limit}",
)
_NIGHT_V: Final = Phrase(
    "batterie {dusk_v} au soir, {dawn_v} à l'aube",
    "la batterie passe de {dusk_v} au soir à {dawn_v} à l'aube",
    "battery {dusk_v} at dusk, {dawn_v} at dawn",
    "the battery goes from {dusk_v} at dusk to {dawn_v} at dawn",
)
_CHARGE: Final = Phrase(
    "{charge_w} de charge contre {peers_charge_w} chez ses voisins",
    "la batterie reçoit {charge_w} contre {peers_charge_w} chez ses voisins",
    "{charge_w} of charge against {peers_charge_w} at its neighbours",
    "the battery gets {charge_w} against {peers_charge_w} at its neighbours",
)
_PEERS_W: Final = Phrase(
    "panneau {pv_w} contre {pv_w.peers} chez ses voisins",
    "le panneau donne {pv_w} contre {pv_w.peers} chez ses voisins",
    "panel {pv_w} against {pv_w.peers} at its neighbours",
    "the panel gives {pv_w} against {pv_w.peers} at its neighbours",
)
_PEERS_A: Final = Phrase(
    "panneau {pv_a} contre {pv_a.peers} chez ses voisins",
    "le panneau donne {pv_a} contre {pv_a.peers} chez ses voisins",
    "panel {pv_a} against {pv_a.peers} at its neighbours",
    "the panel gives {pv_a} against {pv_a.peers} at its neighbours",
)
_PV: Final = Phrase(
    "panneau {pv_v} mais {pv_a}",
    "le panneau est à {pv_v} mais ne donne que {pv_a}",
    "panel {pv_v} but {pv_a}",
    "the panel has {pv_v} but gives only {pv_a}",
)
_OUTPUT: Final = Phrase(
    "{ratio_pct} de la production de ses voisins",
    "le panneau donne {ratio_pct} de ce que donnent ses voisins",
    "{ratio_pct} of its neighbours' output",
    "the panel gives {ratio_pct} of what its neighbours give",
)
_MISSING: Final = Phrase(
    "{silent_lamps} sur {lamps} sans nouvelles",
    "il y a {silent_lamps} sur {lamps} sans nouvelles",
    "no word from {silent_lamps} of {lamps}",
    "there is no word from {silent_lamps} of {lamps}",
)
_CAPACITY: Final = (
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
_FALL: Final = Phrase(
    "{step_v} perdus d'un coup",
    "la tension de la batterie a chuté de {step_v} d'un coup",
    "{step_v} lost at once",
    "the battery voltage fell by {step_v} at once",
)

PHRASES: Final[Mapping[Kind, tuple[Phrase, ...]]] = {
    Kind.DARK: (
        Phrase(
            "la batterie suffit ({battery_v}) mais {led_w} à la lampe",
            "la batterie est à {battery_v} (coupure à {battery_v.limit}) mais la lampe reçoit {led_w} "
            "pour {target_pct} demandés",
            "the battery would do ({battery_v}) but the lamp gets {led_w}",
            "the battery has {battery_v} (cut-off at {battery_v.limit}) but the lamp gets {led_w} for {target_pct} "
            "asked",
        ),
        Phrase(
            "la batterie suffit ({battery_v}) mais {led_w} à la lampe",
            "la batterie est à {battery_v} mais la lampe reçoit {led_w} pour {target_pct} demandés",
            "the battery would do ({battery_v}) but the lamp gets {led_w}",
            "the battery has {battery_v} but the lamp gets {led_w} for {target_pct} asked",
        ),
        _LED,
        _UNLIT,
        _LIT,
        _CUT,
    ),
    Kind.EARLY_OFF: (
        Phrase("éteint {out_at}", "il s'est éteint {out_at}", "out {out_at}", "it went out {out_at}"),
        _TAP,
        _UNLIT,
        _LIT,
        _CUT,
        _CUT_LIMIT,
        _OUTPUT,
        *_CAPACITY,
        _NIGHT_V,
    ),
    Kind.FLICKER: (
        Phrase(
            "allumé et éteint {switchings} en une nuit",
            "il s'est allumé et éteint {switchings} en une nuit",
            "on and off {switchings} in a night",
            "it went on and off {switchings} in one night",
        ),
    ),
    Kind.DIM: (
        Phrase(
            "{led_w} au lieu de {led_w.peers} chez ses voisins",
            "la lampe reçoit {led_w} au lieu de {led_w.peers} chez ses voisins",
            "{led_w} instead of {led_w.peers} at its neighbours",
            "the lamp gets {led_w} instead of {led_w.peers} at its neighbours",
        ),
        _LED,
        Phrase(
            "{ratio_pct} de sa puissance",
            "c'est {ratio_pct} de sa puissance",
            "{ratio_pct} of its power",
            "that is {ratio_pct} of its power",
        ),
        Phrase(
            "niveau {level_pct} pour {target_pct} demandés",
            "son niveau est de {level_pct} pour {target_pct} demandés",
            "level {level_pct} for {target_pct} asked",
            "its level is {level_pct} for {target_pct} asked",
        ),
        Phrase(
            "{level_pct} du niveau demandé",
            "il n'éclaire qu'à {level_pct} du niveau demandé",
            "{level_pct} of the level asked",
            "it gives only {level_pct} of the level asked",
        ),
    ),
    Kind.PANEL_SOILED: (
        Phrase(
            "{loss_pct} de production perdue, {loss_pct_day} de plus par jour",
            "le panneau perd {loss_pct} de sa production, et {loss_pct_day} de plus chaque jour",
            "{loss_pct} of output lost, {loss_pct_day} more a day",
            "the panel loses {loss_pct} of its output, and {loss_pct_day} more every day",
        ),
        _OUTPUT,
    ),
    Kind.PANEL_PARTIAL: (
        _CHARGE,
        _PEERS_W,
        _PEERS_A,
        _OUTPUT,
        Phrase(
            "tension du panneau en baisse de {step_v}",
            "la tension du panneau a baissé de {step_v}",
            "panel voltage down by {step_v}",
            "the panel voltage went down by {step_v}",
        ),
    ),
    Kind.PANEL_LOST: (
        Phrase(
            "aucun courant en {sun_hours} de soleil, voisins {peers_charge_w}",
            "le panneau n'a donné aucun courant en {sun_hours} de soleil quand ses voisins donnaient {peers_charge_w}",
            "no current in {sun_hours} of sun, neighbours {peers_charge_w}",
            "the panel gave no current in {sun_hours} of sun while its neighbours gave {peers_charge_w}",
            none="pv_a",
        ),
        Phrase(
            "{pv_a} en {sun_hours} de soleil, voisins {peers_charge_w}",
            "le panneau a donné {pv_a} en {sun_hours} de soleil quand ses voisins donnaient {peers_charge_w}",
            "{pv_a} in {sun_hours} of sun, neighbours {peers_charge_w}",
            "the panel gave {pv_a} in {sun_hours} of sun while its neighbours gave {peers_charge_w}",
        ),
        _CHARGE,
        _PEERS_W,
        _PEERS_A,
        Phrase(
            "panneau {pv_a} en plein soleil",
            "le panneau donne {pv_a} en plein soleil",
            "panel {pv_a} in full sun",
            "the panel gives {pv_a} in full sun",
        ),
        Phrase(
            "panneau {pv_w} en plein soleil",
            "le panneau donne {pv_w} en plein soleil",
            "panel {pv_w} in full sun",
            "the panel gives {pv_w} in full sun",
        ),
    ),
    Kind.BATTERY_WORN: (*_CAPACITY, _NIGHT_V),
    Kind.BATTERY_WEAK_CELL: (
        _FALL,
        Phrase(
            "batterie de {nominal_v}, chute de {sag_v} à l'allumage",
            "la batterie de {nominal_v} avait {dusk_v} au soir et chute de {sag_v} à l'allumage "
            "(résistance {resistance_mohm})",
            "battery of {nominal_v}, fall of {sag_v} at switch-on",
            "the battery of {nominal_v} had {dusk_v} at dusk and falls by {sag_v} at switch-on "
            "(resistance {resistance_mohm})",
        ),
        Phrase(
            "batterie de {nominal_v} à {dusk_v} au soir",
            "la batterie de {nominal_v} avait {dusk_v} au soir",
            "battery of {nominal_v} at {dusk_v} at dusk",
            "the battery of {nominal_v} had {dusk_v} at dusk",
        ),
        _NIGHT_V,
    ),
    Kind.BATTERY_LOST: (
        Phrase(
            "{restarts} avec le soleil",
            "le régulateur a fait {restarts} avec le soleil",
            "{restarts} with the sun",
            "the controller made {restarts} with the sun",
        ),
        Phrase(
            "{unpowered_min} sans courant la nuit",
            "le régulateur est resté {unpowered_min} sans courant la nuit",
            "{unpowered_min} without power at night",
            "the controller was without power for {unpowered_min} at night",
        ),
        Phrase(
            "rien de chargé dans la journée",
            "la batterie n'a rien reçu dans la journée (tension {battery_v})",
            "nothing charged in the day",
            "nothing went into a battery in the day (voltage {battery_v})",
            none="charge_ah",
        ),
        Phrase(
            "{charge_ah} chargés dans la journée",
            "il n'est entré que {charge_ah} dans la journée (tension {battery_v})",
            "{charge_ah} charged in the day",
            "only {charge_ah} went in during the day (voltage {battery_v})",
        ),
        Phrase(
            "tension {battery_v} le jour",
            "la tension de {battery_v} n'est que celle du panneau",
            "voltage {battery_v} by day",
            "the voltage of {battery_v} is only the panel's",
        ),
    ),
    Kind.CHARGER_STUCK: (
        Phrase(
            "batterie {battery_v}, limite {battery_v.limit}",
            "la batterie est à {battery_v} pour une limite de {battery_v.limit}",
            "battery {battery_v}, limit {battery_v.limit}",
            "the battery has {battery_v} with a limit of {battery_v.limit}",
        ),
        Phrase(
            "panneau au soleil ({pv_v}) mais rien de chargé dans la journée",
            "le panneau est au soleil ({pv_v}) mais la batterie n'a rien reçu de la journée",
            "panel in the sun ({pv_v}) but nothing charged in the day",
            "the panel is in the sun ({pv_v}) but the battery received nothing all day",
            none="charge_ah",
        ),
        Phrase(
            "panneau au soleil ({pv_v}) mais {charge_ah} chargés dans la journée",
            "le panneau est au soleil ({pv_v}) mais la batterie n'a reçu que {charge_ah} dans la journée",
            "panel in the sun ({pv_v}) but {charge_ah} charged in the day",
            "the panel is in the sun ({pv_v}) but the battery received only {charge_ah} in the day",
        ),
        Phrase(
            "batterie {battery_v}, limite {limit_v}",
            "la batterie est à {battery_v} pour une limite de {limit_v}",
            "battery {battery_v}, limit {limit_v}",
            "the battery has {battery_v} with a limit of {limit_v}",
        ),
        _PV,
        _CHARGE,
        Phrase(
            "{charge_w} de charge en {sun_hours} de soleil",
            "la batterie reçoit {charge_w} en {sun_hours} de soleil",
            "{charge_w} of charge in {sun_hours} of sun",
            "the battery gets {charge_w} in {sun_hours} of sun",
        ),
    ),
    Kind.HOT: (
        Phrase(
            "{temperature_c}, limite {temperature_c.limit}",
            "la batterie est à {temperature_c} pour une limite de {temperature_c.limit}",
            "{temperature_c}, limit {temperature_c.limit}",
            "the battery is at {temperature_c} with a limit of {temperature_c.limit}",
        ),
    ),
    Kind.SENSOR_FAULTY: (
        Phrase(
            "il dit {temperature_c}, ce qui est impossible",
            "il dit {temperature_c} pour la batterie, ce qui est impossible",
            "it says {temperature_c}, which cannot be",
            "it says {temperature_c} for the battery, which cannot be",
            also="channel",
        ),
        Phrase(
            "mesure fausse ({channel})",
            "la mesure fausse est {channel}",
            "wrong measurement ({channel})",
            "the wrong measurement is {channel}",
        ),
    ),
    Kind.CLOCK_WRONG: (
        Phrase("elle a {offset_min}", "elle a {offset_min}", "it is {offset_min}", "it is {offset_min}"),
    ),
    Kind.RESTART_LOOP: (
        Phrase(
            "{restarts} en un jour",
            "le régulateur a fait {restarts} en un jour",
            "{restarts} in a day",
            "the controller made {restarts} in one day",
        ),
    ),
    Kind.DARK_RISK: (
        Phrase(
            "{dark_probability_pct} de risque d'ici 3 nuits",
            "le risque d'ici 3 nuits est de {dark_probability_pct}",
            "{dark_probability_pct} risk within 3 nights",
            "the risk within 3 nights is {dark_probability_pct}",
        ),
        _TAP,
        Phrase(
            "reste {autonomy_nights} de réserve",
            "il reste {autonomy_nights} de réserve",
            "{autonomy_nights} of reserve left",
            "{autonomy_nights} of reserve are left",
        ),
        *_CAPACITY,
    ),
    Kind.LOW_SUN: (
        Phrase(
            "{ratio_pct} du soleil habituel",
            "le soleil donne {ratio_pct} de l'habituel",
            "{ratio_pct} of the usual sun",
            "the sun gives {ratio_pct} of the usual",
        ),
    ),
}
# Whatever the kind: figures that mean little one without the other.
PAIRS: Final = (_LED, _UNLIT, _LIT, _CUT, _NIGHT_V, _CHARGE, _PEERS_W, _PEERS_A, _PV, _MISSING, *_CAPACITY)
SAID_LAST: Final = ("nights", "sunny_days")  # they say how sure one is, not what is wrong
