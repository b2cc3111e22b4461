"""The figures of evidence: what each name means, its unit, and how it is said.

A rule puts a figure into an episode under one of these names and in the unit given here; a name that is not here is
still said, by its name, on the page, and left out of the SMS.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from monitor.fault import Figure
from monitor.speech import count, date, duration, moment, number


@dataclass(frozen=True, slots=True)
class Tongue:
    """In which language, and seen from which moment."""

    language: str
    now: datetime


Say = Callable[[float | str, Tongue], str | None]  # None: this value cannot be said


@dataclass(frozen=True, slots=True)
class Term:
    """`fr` and `en` name the figure before its value, short and as a sentence; `means` is for who writes a rule."""

    means: str
    fr: str
    fr_long: str
    en: str
    en_long: str
    say: Say


def numeric(say: Callable[[float, Tongue], str]) -> Say:
    """A way of saying numbers: a text in the place of a number, or no number, says nothing."""

    def said(value: float | str, tongue: Tongue) -> str | None:
        if isinstance(value, str) or not math.isfinite(value):
            return None
        return say(value, tongue)

    return said


def in_unit(unit: str, digits: int, small: int | None = None) -> Say:
    """With `small` digits below ten, where they still matter; a zero needs none."""

    def say(value: float, tongue: Tongue) -> str:
        places = small if small is not None and abs(value) < 9.95 and round(value, small) != round(value) else digits
        space = "" if unit == "%" and tongue.language == "en" else " "
        return number(value, places, tongue.language) + space + unit

    return numeric(say)


def counted(fr: tuple[str, str], en: tuple[str, str], digits: int = 0) -> Say:
    words = {"fr": fr, "en": en}
    return numeric(lambda value, tongue: count(value, *words[tongue.language], tongue.language, digits))


def _named(words: dict[str, tuple[str, str]]) -> Say:
    def say(value: float | str, tongue: Tongue) -> str | None:
        if not isinstance(value, str) or not value:
            return None
        return words[value][tongue.language == "en"] if value in words else value.replace("_", " ")

    return say


def _time(value: float | str, tongue: Tongue) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment(at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC), tongue.now, tongue.language)


def _hours(value: float, tongue: Tongue) -> str:
    if value >= 48:
        return count(value / 24, *_DAYS[tongue.language], tongue.language)
    return count(value, *{"fr": ("heure", "heures"), "en": ("hour", "hours")}[tongue.language], tongue.language)


def _refusal(value: float | str, tongue: Tongue) -> str | None:
    """What gateway/telemetry.py says of a clock, told to people; of anything else nothing."""
    fr = tongue.language == "fr"
    if says := re.search(r"says (\d{4}-\d\d-\d\d)", str(value)):
        day = date(datetime.fromisoformat(says[1]), tongue.now, tongue.language)
        return f"elle dit {day}" if fr else f"it says {day}"
    if ahead := re.search(r"(\d+) h ahead", str(value)):
        return f"elle a {ahead[1]} h d'avance" if fr else f"it is {ahead[1]} h ahead"
    return None


def _offset(value: float, tongue: Tongue) -> str:
    ahead = {"fr": ("d'avance", "de retard"), "en": ("ahead", "behind")}[tongue.language][value < 0]
    return f"{duration(value, tongue.language)} {ahead}"


def _wash(value: float, tongue: Tongue) -> str:
    if round(value) <= 0:
        return "maintenant" if tongue.language == "fr" else "now"
    return ("d'ici " if tongue.language == "fr" else "within ") + count(value, *_DAYS[tongue.language], tongue.language)


def _degrees(value: float, tongue: Tongue) -> str:
    return count(value, *{"fr": ("degré", "degrés"), "en": ("degree", "degrees")}[tongue.language], tongue.language)


_DAYS: Final = {"fr": ("jour", "jours"), "en": ("day", "days")}
_CHANNELS: Final = {
    "pv_mv": ("la tension du panneau", "the panel voltage"),
    "pv_ma": ("le courant du panneau", "the panel current"),
    "bat_mv": ("la tension de la batterie", "the battery voltage"),
    "bat_ma": ("le courant de la batterie", "the battery current"),
    "bat_dc": ("la température de la batterie", "the battery temperature"),
    "soc": ("la charge estimée", "the state of charge"),
    "led_mw": ("la puissance de la lampe", "the lamp power"),
    "level": ("le niveau de lumière", "the light level"),
    "target": ("le niveau demandé", "the level asked for"),
}
_EVENTS: Final = {
    "tilt": ("le poteau a bougé", "the pole moved"),
    "door_open": ("la porte a été ouverte", "the door was opened"),
    "restart": ("le régulateur a redémarré", "the controller restarted"),
    "cutoff": ("la batterie s'est coupée", "the battery cut off"),
}
_VOLTS: Final = in_unit("V", 1)
_WATTS: Final = in_unit("W", 0, 1)
_AMPERES: Final = in_unit("A", 0, 1)
_AMP_HOURS: Final = in_unit("Ah", 0, 1)
_PERCENT: Final = in_unit("%", 0)
_FALL: Final = numeric(lambda value, tongue: f"{number(abs(value), 1, tongue.language)} V")
_MINUTES: Final = numeric(lambda value, tongue: duration(value, tongue.language))

TERMS: Final[dict[str, Term]] = {
    "led_w": Term(
        "power into the luminaire, W", "lampe {}", "la lampe reçoit {}", "lamp {}", "the lamp gets {}", _WATTS
    ),
    "target_pct": Term(
        "light level commanded, %", "{} demandés", "on lui demande {}", "{} asked", "{} is asked of it", _PERCENT
    ),
    "level_pct": Term(
        "light level in effect, %", "niveau {}", "son niveau est de {}", "level {}", "its level is {}", _PERCENT
    ),
    "battery_v": Term(
        "battery terminals, V", "batterie {}", "la batterie est à {}", "battery {}", "the battery has {}", _VOLTS
    ),
    "cut_off_v": Term(
        "voltage at which the lamp cuts off, V", "coupure à {}", "la coupure est à {}", "cut-off at {}",
        "the cut-off is at {}", _VOLTS
    ),
    "limit_v": Term(
        "voltage not to be exceeded, V", "limite {}", "la limite est de {}", "limit {}", "the limit is {}", _VOLTS
    ),
    "out_at": Term(
        "when the light went out, ISO 8601", "éteint {}", "il s'est éteint {}", "out {}", "it went out {}", _time
    ),
    "lit_min": Term(
        "light given in the night, min", "{} de lumière", "il a éclairé {}", "{} of light", "it gave light for {}",
        _MINUTES
    ),
    "scheduled_min": Term(
        "light commanded in the night, min", "{} prévues", "{} étaient prévues", "{} scheduled", "{} were scheduled",
        _MINUTES
    ),
    "day_lit_min": Term(
        "light given with the sun up, min", "{} de lumière en plein jour", "il a éclairé {} en plein jour",
        "{} of light by day", "it burnt {} by day", _MINUTES
    ),
    "pv_w": Term("panel power, W", "panneau {}", "le panneau donne {}", "panel {}", "the panel gives {}", _WATTS),
    "pv_v": Term("panel voltage, V", "panneau {}", "le panneau est à {}", "panel {}", "the panel has {}", _VOLTS),
    "pv_a": Term("panel current, A", "panneau {}", "le panneau donne {}", "panel {}", "the panel gives {}", _AMPERES),
    "charge_w": Term(
        "power into the battery, W", "charge {}", "la batterie reçoit {}", "charge {}", "the battery gets {}",
        _WATTS
    ),
    "peers_charge_w": Term(
        "the same of the commune's other lamps, W", "voisins {}", "ses voisins reçoivent {}", "neighbours {}",
        "its neighbours get {}", _WATTS
    ),
    "sun_hours": Term(
        "hours of sun in which it was watched, h", "{} de soleil", "il y a eu {} de soleil", "{} of sun",
        "there were {} of sun", in_unit("h", 0, 1)
    ),
    "tap_w": Term(
        "power that leaves the battery at night and does not reach the lamp, W", "{} partent ailleurs",
        "{} partent ailleurs que dans la lampe", "{} go elsewhere", "{} go elsewhere than into the lamp", _WATTS
    ),
    "solar_hour": Term(
        "hour of the day by the sun around which it shows, h", "vers {}", "cela se voit vers {} (heure du soleil)",
        "around {}", "it shows around {} (by the sun)", in_unit("h", 0)
    ),
    "last_heard": Term(
        "when the last report was made, ISO 8601", "dernier message {}", "son dernier message est arrivé {}",
        "last message {}", "it was last heard {}", _time
    ),
    "silent_lamps": Term(
        "lamps of the commune that are silent", "{} sans nouvelles", "{} ne donnent plus de nouvelles",
        "{} not heard", "{} are not heard", counted(("lampadaire", "lampadaires"), ("lamp", "lamps"))
    ),
    "lamps": Term(
        "lamps of the commune", "sur {}", "la commune compte {} lampadaires", "of {}", "the commune has {} lamps",
        numeric(lambda value, tongue: number(value, 0, tongue.language))
    ),
    "loss_pct": Term(
        "share of panel output lost, %", "{} de production perdue", "le panneau perd {} de sa production",
        "{} of output lost", "the panel loses {} of its output", _PERCENT
    ),
    "loss_pct_day": Term(
        "growth of that loss, % per day", "{} de plus par jour", "la perte grandit de {} par jour", "{} more a day",
        "the loss grows by {} a day", in_unit("%", 1)
    ),
    "wash_in_days": Term(
        "days until washing pays, 0 = now", "à laver {}", "il faut le laver {}", "wash {}", "it wants washing {}",
        numeric(_wash)
    ),
    "ratio_pct": Term(
        "share of what is expected of it, %", "{} du normal", "il donne {} du normal", "{} of normal",
        "it gives {} of normal", _PERCENT
    ),
    "capacity_pct": Term(
        "battery capacity left of the nameplate, %", "{} de capacité", "la batterie garde {} de sa capacité",
        "{} of capacity", "the battery keeps {} of its capacity", _PERCENT
    ),
    "capacity_ah": Term(
        "battery capacity left, Ah", "capacité {}", "sa capacité est de {}", "capacity {}", "its capacity is {}",
        _AMP_HOURS
    ),
    "capacity_pm_ah": Term(
        "uncertainty of capacity_ah, Ah", "à {} près", "à {} près", "give or take {}", "give or take {}", _AMP_HOURS
    ),
    "capacity_pct_month": Term(
        "share of the nameplate capacity lost in a month, %", "{} de moins par mois", "elle en perd {} par mois",
        "{} less a month", "it loses {} of it a month", _PERCENT
    ),
    "discharge_ah": Term(
        "charge drawn in the night, Ah", "{} tirés la nuit", "la nuit a tiré {}", "{} drawn at night",
        "the night drew {}", _AMP_HOURS
    ),
    "dusk_v": Term(
        "battery at dusk, V", "batterie {} au soir", "la batterie avait {} au soir", "battery {} at dusk",
        "the battery had {} at dusk", _VOLTS
    ),
    "dawn_v": Term(
        "battery at dawn, V", "batterie {} à l'aube", "la batterie avait {} à l'aube", "battery {} at dawn",
        "the battery had {} at dawn", _VOLTS
    ),
    "nominal_v": Term(
        "battery voltage on its nameplate, V", "tension nominale {}", "sa tension nominale est de {}", "nominal {}",
        "its nominal voltage is {}", _VOLTS
    ),
    "step_v": Term(
        "sudden fall of a voltage, V", "chute de {}", "la tension a chuté de {}", "fall of {}",
        "the voltage fell by {}", _FALL
    ),
    "temperature_c": Term(
        "battery temperature, °C", "batterie à {}", "la batterie est à {}", "battery at {}", "the battery is at {}",
        numeric(_degrees)
    ),
    "switchings": Term(
        "unordered switchings in one night", "allumé et éteint {}", "il s'est allumé et éteint {}", "on and off {}",
        "it went on and off {}", counted(("fois", "fois"), ("time", "times"))
    ),
    "offset_min": Term(
        "lamp's clock minus true time, min", "{}", "son horloge a {}", "{}", "its clock is {}", numeric(_offset)
    ),
    "restarts": Term(
        "starts of the controller in a day", "{}", "il a fait {}", "{}", "it made {}",
        counted(("redémarrage", "redémarrages"), ("restart", "restarts"))
    ),
    "event": Term("what the pole told: tilt, door_open, restart, cutoff", "{}", "{}", "{}", "{}", _named(_EVENTS)),
    "channel": Term(
        "column of the report that is wrong, as in the wire language", "{}", "la mesure en cause est {}", "{}",
        "the measurement at fault is {}", _named(_CHANNELS)
    ),
    "autonomy_nights": Term(
        "nights that the battery can still give", "reste {}", "il reste {} de réserve", "{} left",
        "{} of reserve are left", counted(("nuit", "nuits"), ("night", "nights"), 1)
    ),
    "dark_probability_pct": Term(
        "probability of going dark within three nights, %", "{} de risque", "le risque est de {}", "{} risk",
        "the risk is {}", _PERCENT
    ),
    "unpowered_min": Term(
        "time without any power in the night before, min", "{} sans courant", "il est resté {} sans courant",
        "{} without power", "it was without power for {}", _MINUTES
    ),
    "charge_ah": Term(
        "charge into the battery in the day, Ah", "{} chargés dans la journée", "la batterie a reçu {} dans la journée",
        "{} received in the day", "the battery received {} in the day", _AMP_HOURS
    ),
    "drawn_ah": Term(
        "charge drawn until it cut off or until dawn, Ah", "{} tirés la nuit", "la nuit a tiré {}",
        "{} drawn at night", "the night drew {}", _AMP_HOURS
    ),
    "resistance_mohm": Term(
        "battery resistance, mΩ", "résistance {}", "sa résistance est de {}", "resistance {}", "its resistance is {}",
        in_unit("mΩ", 0)
    ),
    "sag_v": Term(
        "fall of the battery voltage as the light comes on, V", "chute de {} à l'allumage",
        "la tension chute de {} à l'allumage", "fall of {} at switch-on", "the voltage falls by {} at switch-on", _FALL
    ),
    "silent_hours": Term(
        "hours since the last report, h", "sans nouvelles depuis {}", "il n'a rien dit depuis {}", "not heard for {}",
        "it has not been heard for {}", numeric(_hours)
    ),
    "said": Term(
        "why the gateway refused its reports, as in the quarantine", "{}", "{}", "{}", "{}", _refusal
    ),
    "nights": Term(
        "nights on which it was seen", "sur {}", "cela s'est vu sur {}", "on {}", "it was seen on {}",
        counted(("nuit", "nuits"), ("night", "nights"))
    ),
    "sunny_days": Term(
        "days with sun on which it was seen", "sur {} de soleil", "vu sur {} de soleil", "on {}", "it was seen on {}",
        counted(("jour", "jours"), ("sunny day", "sunny days"))
    ),
}  # fmt: skip


def value_of(figure: Figure, tongue: Tongue) -> str | None:
    """The figure's value with its unit, None where it cannot be said."""
    return _said(figure, figure.value, tongue)


def peers_of(figure: Figure, tongue: Tongue) -> str | None:
    return None if figure.peers is None else _said(figure, figure.peers, tongue)


def limit_of(figure: Figure, tongue: Tongue) -> str | None:
    return None if figure.limit is None else _said(figure, figure.limit, tongue)


def _said(figure: Figure, value: float | str, tongue: Tongue) -> str | None:
    term = TERMS.get(figure.name)
    if term is not None:
        return term.say(value, tongue)
    if isinstance(value, str):
        return value or None
    if not math.isfinite(value):
        return None
    digits = 0 if value == round(value) else 1
    return f"{number(value, digits, tongue.language)} {figure.unit}".strip()
