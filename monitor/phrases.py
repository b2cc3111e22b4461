"""Which figures are said together: `{name}` is a value, `{name.peers}` the peers', `{name.limit}` its limit.

A phrase is said only if every figure that it names is there; what no phrase has used is said by its own words
(monitor/glossary.py). So a sentence is made of what an episode knows, and of nothing else. Short forms keep to letters
that an SMS has where French offers a word: "chargés", not "reçus".
"""

from collections.abc import Mapping
from typing import Final

from monitor.fault import Kind
from monitor.phrase import (
    CAPACITY,
    CHARGE,
    CUT,
    CUT_LIMIT,
    FALL,
    LED,
    LIT,
    MISSING,
    NIGHT_V,
    OUTPUT,
    PEERS_A,
    PEERS_W,
    PV,
    TAP,
    UNLIT,
    Phrase,
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
        LED,
        UNLIT,
        LIT,
        CUT,
    ),
    Kind.EARLY_OFF: (
        Phrase("éteint {out_at}", "il s'est éteint {out_at}", "out {out_at}", "it went out {out_at}"),
        TAP,
        UNLIT,
        LIT,
        CUT,
        CUT_LIMIT,
        OUTPUT,
        *CAPACITY,
        NIGHT_V,
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
        LED,
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
        OUTPUT,
    ),
    Kind.PANEL_PARTIAL: (
        CHARGE,
        PEERS_W,
        PEERS_A,
        OUTPUT,
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
        CHARGE,
        PEERS_W,
        PEERS_A,
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
    Kind.BATTERY_WORN: (*CAPACITY, NIGHT_V),
    Kind.BATTERY_WEAK_CELL: (
        FALL,
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
        NIGHT_V,
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
        PV,
        CHARGE,
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
        TAP,
        Phrase(
            "reste {autonomy_nights} de réserve",
            "il reste {autonomy_nights} de réserve",
            "{autonomy_nights} of reserve left",
            "{autonomy_nights} of reserve are left",
        ),
        *CAPACITY,
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
PAIRS: Final = (LED, UNLIT, LIT, CUT, NIGHT_V, CHARGE, PEERS_W, PEERS_A, PV, MISSING, *CAPACITY)
SAID_LAST: Final = ("nights", "sunny_days")  # they say how sure one is, not what is wrong
