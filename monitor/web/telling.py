"""A case, a repair, a lamp's data sheet in the reader's words; the sentences themselves are monitor/sentence.py's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup

from gateway.fleet import Lamp
from monitor import speech
from monitor.case import Case
from monitor.casebook import Moment
from monitor.causes import cause_word
from monitor.fault import WORDS, Kind
from monitor.glossary import Tongue, limit_of, peers_of, value_of
from monitor.web import dates
from monitor.web.meanings import FIGURES
from monitor.web.strip import INK
from monitor.web.words import LANGUAGES, PHRASES, REPAIRS, likely, say

BAR: Final = 100  # SVG units of a likelihood of one


def carry(kind: Kind, language: str) -> str:
    """'À emporter : eau, raclette', or what to do instead, or '' where there is nothing to do."""
    things = WORDS[kind].carry_fr if language == "fr" else WORDS[kind].carry_en
    first, colon, instead = things.partition(":")
    if first.strip() in ("rien", "nothing"):
        return _first_upper(instead.strip()) if colon else ""
    return say(language, "case.carry", things=things)


def cause(name: str, language: str) -> str:
    word = cause_word(name)
    return word.fr_short if language == "fr" else word.en


def figure_name(name: str, language: str) -> str:
    """The figure's label in a table; a name nobody has put into words yet is shown as it is."""
    words = FIGURES.get(name)
    return words[LANGUAGES.index(language)] if words else _first_upper(name.replace("_", " "))


@dataclass(frozen=True, slots=True)
class CauseLine:
    """One explanation: its name, how likely in a word and in per cent, and a bar beside the word."""

    name: str
    word: str
    share: str
    bar: Markup


def causes(case: Case, language: str) -> list[CauseLine]:
    return [
        CauseLine(
            name=_first_upper(cause(one.cause, language)),
            word=say(language, likely(one.likelihood)),
            share=dates.percent(one.likelihood, language, 0),
            bar=_bar(one.likelihood),
        )
        for one in sorted(case.causes, key=lambda one: -one.likelihood)
    ]


def _bar(share: float) -> Markup:
    return Markup(
        f'<svg class="bar" viewBox="0 0 {BAR} 4" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="M0 0h{BAR}v4H0z" fill="#e4e4e4"/>'
        f'<path d="M0 0h{max(1, round(share * BAR))}v4H0z" fill="{INK}"/></svg>'
    )


@dataclass(frozen=True, slots=True)
class FigureLine:
    name: str
    value: str
    limit: str
    peers: str
    when: str


def figures(case: Case, language: str, now: datetime) -> list[FigureLine]:
    """What was measured, with units, the limit it crossed and what the other lamps show."""
    tongue = Tongue(language, now)
    return [
        FigureLine(
            name=figure_name(one.name, language),
            value=value_of(one, tongue) or str(one.value),
            limit=limit_of(one, tongue) or "",
            peers=peers_of(one, tongue) or "",
            when=speech.measured(one.at, now, language) if one.at else "",
        )
        for one in case.figures
    ]


ESTIMATED: Final = {
    Kind.BATTERY_WORN: "case.estimate_battery",
    Kind.PANEL_PARTIAL: "case.estimate_panel",
    Kind.PANEL_SOILED: "case.estimate_panel",
}


def estimate(case: Case, language: str) -> tuple[str, str] | None:
    """The share that a case estimates, and what it is a share of; what is lost altogether needs no figure."""
    if case.estimate is None or case.kind not in ESTIMATED:
        return None
    return _first_upper(say(language, ESTIMATED[case.kind])), dates.percent(case.estimate, language, 0)


@dataclass(frozen=True, slots=True)
class MomentLine:
    iso: str
    when: str
    what: str
    text: str = ""


def timeline(moments: Sequence[Moment], language: str, now: datetime) -> list[MomentLine]:
    """Since, opened, told whom when, acknowledged, repaired, closed: as it happened."""
    lines = []
    for one in _together(moments):
        what = repair(one.text, language) if one.what == "repair" else ""
        lines.append(
            MomentLine(
                iso=one.at.isoformat(timespec="minutes"),
                when=speech.measured(one.at, now, language),
                what=_first_upper(say(language, f"moment.{one.what}", who=one.who, what=what)),
                text="" if one.what == "repair" else one.text,
            )
        )
    return lines


def _together(moments: Sequence[Moment]) -> list[Moment]:
    """Several people told the same at the same time are one moment."""
    merged: list[Moment] = []
    for one in moments:
        last = merged[-1] if merged else None
        if last and one.what == "told" and replace(last, who=one.who) == one:
            merged[-1] = replace(last, who=f"{last.who}, {one.who}")
        else:
            merged.append(one)
    return merged


def repair(what: str, language: str) -> str:
    """'Panneau lavé: détail' from 'panel_washed: détail'; other texts as they were written."""
    key, colon, note = what.partition(":")
    if key in REPAIRS:
        name = say(language, f"repair.{key}")
        return f"{name} – {note.strip()}" if colon and note.strip() else name
    return what


SHARES: Final = ("gain", "yield_ratio", "soiling", "capacity", "dark_risk", "led_ratio")
LEARNED_UNITS: Final = {"capacity_ah": "Ah", "resistance": "Ω"}


def learned(values: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    """Name and value of what was learnt. A name without a phrase is shown as it is: better than hidden."""
    rows = []
    for key, value in values.items():
        if value is None:
            continue
        name = say(language, f"learned.{key}") if f"learned.{key}" in PHRASES else key.replace("_", " ")
        if isinstance(value, datetime):
            shown = dates.day(value.date(), language, year=True)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            shown = str(value)
        elif key in SHARES:
            shown = dates.percent(value, language, 0)
        elif key == "autonomy":
            one, many = ("nuit", "nuits") if language == "fr" else ("night", "nights")
            shown = speech.count(value, one, many, language, 1)
        else:
            shown = dates.quantity(round(value, 3), LEARNED_UNITS.get(key, ""), language)
        rows.append((_first_upper(name), shown))
    return rows


def sheet(lamp: Lamp, language: str) -> list[tuple[str, str]]:
    """The lamp's nameplate."""
    model = lamp.model
    panel, battery, luminaire = model.panel, model.battery, model.luminaire

    def q(value: float, unit: str) -> str:
        return dates.quantity(value, unit, language)

    rows = [
        ("model", model.name),
        ("panel", q(panel.watts, "Wp" if language == "en" else "Wc")),
        ("battery", f"{CHEMISTRY[battery.chemistry]}, {q(battery.volts, 'V')}, {q(battery.amp_hours, 'Ah')}"),
        ("luminaire", q(luminaire.watts, "W")),
        ("position", f"{lamp.latitude:.5f}, {lamp.longitude:.5f}"),
    ]
    if lamp.installed:
        rows.append(("installed", dates.day(lamp.installed, language, year=True)))
    return [(_first_upper(say(language, f"lamp.{key}")), value) for key, value in rows]


CHEMISTRY: Final = {"lfp": "LiFePO₄", "nimh": "NiMH", "gel": "Pb gel"}


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
