"""Times, nights and numbers as people say them, in French and English. Pure: `now` is an argument."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from monitor import speech

SHORT_MONTHS: Final = {
    "fr": ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
WEEKDAYS: Final = {
    "fr": ("lun", "mar", "mer", "jeu", "ven", "sam", "dim"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
THIN: Final = "\u202f"  # narrow no-break space: French thousands, and between a number and its unit
DAWN_DONE_H: Final = 8  # local solar hour by which every night is over and its last report has had an hour to come


def last_night(now: datetime, longitude: float) -> date:
    """The newest night that is over, by the date of its dusk; until 08:00 solar time not this morning's."""
    local = now + timedelta(hours=longitude / 15)
    return (local - timedelta(hours=DAWN_DONE_H)).date() - timedelta(days=1)


def night_of(moment: datetime, longitude: float) -> date:
    """The night that a moment belongs to: noon to noon, named by its dusk."""
    return (moment + timedelta(hours=longitude / 15 - 12)).date()


def midnight(day: date) -> datetime:
    """How the store writes a night: 00:00 UTC of the date of its dusk."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def day(when: date, language: str, year: bool = False) -> str:
    """'22 novembre', '1er mars'."""
    number = "1er" if language == "fr" and when.day == 1 else str(when.day)
    return f"{number} {speech.MONTHS[language][when.month - 1]}" + (f" {when.year}" if year else "")


def short_day(when: date, language: str) -> str:
    number = "1er" if language == "fr" and when.day == 1 else str(when.day)
    return f"{number} {SHORT_MONTHS[language][when.month - 1]}"


def night(dusk: date, language: str) -> str:
    """'nuit du 22 au 23 novembre', 'night of 22 to 23 November'."""
    dawn = dusk + timedelta(days=1)
    first = (
        ("1er" if language == "fr" and dusk.day == 1 else str(dusk.day))
        if dusk.month == dawn.month
        else day(dusk, language)
    )
    last = day(dawn, language)
    return f"nuit du {first} au {last}" if language == "fr" else f"night of {first} to {last}"


def span(length: timedelta, language: str) -> str:
    """'2 nuits', '5 h', '12 min': a length of time in its one telling unit; nights from one and a half days on."""
    minutes = max(0, round(length.total_seconds() / 60))
    if minutes < 90:
        return f"{minutes}{THIN}min"
    if minutes < 36 * 60:
        return f"{round(minutes / 60)}{THIN}h"
    nights = round(minutes / 1440)
    return f"{nights} nuits" if language == "fr" else f"{nights} nights"


def number(value: float, language: str, digits: int = 0) -> str:
    """'1 234,5' in French, '1,234.5' in English; thousands never break across lines."""
    return speech.number(value, digits, language).replace(" ", THIN)


def quantity(value: float | str, unit: str, language: str) -> str:
    """A figure with its unit, with as many digits as it deserves."""
    if isinstance(value, str):
        return value + (f"{THIN}{unit}" if unit else "")
    size = abs(value)
    digits = 0 if size >= 100 or float(value).is_integer() else 1 if size >= 10 else 2
    text = number(value, language, digits)
    return f"{text}{THIN}{unit}" if unit and not (unit == "%" and language == "en") else text + unit


def percent(share: float, language: str, digits: int = 1) -> str:
    """0.982 → '98,2 %'. A share that is not whole is never rounded up to 100 %."""
    value = share * 100
    if share < 1:
        value = min(value, 100 - 10**-digits)
    text = number(value, language, 0 if share in (0, 1) else digits)
    return f"{text}{THIN}%" if language == "fr" else f"{text}%"
