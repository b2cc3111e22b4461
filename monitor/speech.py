"""Numbers, durations and dates as people say them, in French and English. Mali keeps UTC all year."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Final

MONTHS: Final = {
    "fr": ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
           "décembre"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December"),
}  # fmt: skip
NOON: Final = timedelta(hours=12)
RELIT: Final = timedelta(hours=3)
EVENING: Final = 18  # o'clock
MORNING: Final = 5
COUNTED: Final = 14  # nights or days that people still count; beyond, they name the date


class Pace(Enum):
    """How exactly one speaks of when a thing began."""

    NIGHTS = "nights"  # what is seen at night
    DAYS = "days"  # what grows slowly: an hour would pretend to know
    MOMENT = "moment"


def number(value: float, digits: int, language: str) -> str:
    """12,4 or 12.4; thousands apart; never -0."""
    text = f"{round(value, digits) + 0.0:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    if language == "fr":
        return text.replace(",", " ").replace(".", ",")
    return text


def is_one(value: float, digits: int, language: str) -> bool:
    """Whether the noun stays singular: in French below two, in English exactly one."""
    value = abs(round(value, digits))
    return value < 2 if language == "fr" else value == 1


def count(value: float, one: str, many: str, language: str, digits: int = 0) -> str:
    """`3 nuits`, `1 nuit`, `0,8 nuit`, `0.8 nights`."""
    return f"{number(value, digits, language)} {one if is_one(value, digits, language) else many}"


def duration(minutes: float, language: str) -> str:
    """`35 min`, `4 h 20`, `12 h`."""
    total = round(abs(minutes))
    hours, rest = divmod(total, 60)
    if not hours:
        return f"{rest} min"
    if not rest:
        return f"{hours} h"
    return f"{hours} h {rest:02}" if language == "fr" else f"{hours} h {rest:02} min"


def hour(at: datetime, language: str) -> str:
    if language == "en":
        return f"{at:%H:%M}"
    return f"{at.hour} h {at:%M}" if at.minute else f"{at.hour} h"


def date(at: datetime, now: datetime, language: str) -> str:
    """`3 mars`, `1er mars`, with the year if it is another one."""
    month = MONTHS[language][at.month - 1]
    day = "1er" if language == "fr" and at.day == 1 else str(at.day)
    return f"{day} {month}" + (f" {at.year}" if at.year != now.year else "")


def on_date(at: datetime, now: datetime, language: str) -> str:
    """`aujourd'hui`, `hier`, `le 3 mars`."""
    days = (now.date() - at.date()).days
    if days in (0, 1):
        return {"fr": ("aujourd'hui", "hier"), "en": ("today", "yesterday")}[language][days]
    return ("le " if language == "fr" else "on ") + date(at, now, language)


def moment(at: datetime, now: datetime, language: str) -> str:
    """`hier soir à 21 h 10`, `ce matin à 8 h 05`, `le 3 mars à 21 h 10`."""
    days = (now.date() - at.date()).days
    at_hour = f"{'à' if language == 'fr' else 'at'} {hour(at, language)}"
    if days not in (0, 1):
        return f"{on_date(at, now, language)} {at_hour}"
    part = 0 if at.hour < MORNING else 1 if at.hour < 12 else 2 if at.hour < EVENING else 3
    words = {
        ("fr", 0): ("cette nuit", "ce matin", "cet après-midi", "ce soir"),
        ("fr", 1): ("hier", "hier matin", "hier", "hier soir"),
        ("en", 0): ("tonight", "this morning", "this afternoon", "this evening"),
        ("en", 1): ("yesterday", "yesterday morning", "yesterday", "yesterday evening"),
    }[language, days]
    if language == "en" and days == 0 and part == 0:
        return f"today {at_hour}"  # "tonight" would be the coming night
    return f"{words[part]} {at_hour}"


def measured(at: datetime, now: datetime, language: str) -> str:
    """As `moment`; what is dated by midnight is a figure of that whole date, and no hour is said."""
    whole = at.hour == at.minute == at.second == at.microsecond == 0
    return on_date(at, now, language) if whole else moment(at, now, language)


def nights_begun(since: datetime, now: datetime) -> int:
    """How many nights a thing has been seen: the one in which it began, and those begun since."""
    begun = 1 if now.hour >= EVENING or now.hour < 12 else 0
    return ((now - NOON).date() - (since - NOON).date()).days + begun


def since_when(since: datetime, now: datetime, pace: Pace, language: str) -> str:
    """`depuis 2 nuits`, `depuis hier soir`, `depuis 3 jours`, `depuis le 3 mars`, `depuis hier à 14 h 20`."""
    fr = language == "fr"
    days = (now.date() - since.date()).days
    if since > now and days == 0:  # its report came before the world's time had reached it
        said = _since_tonight(since, 0, fr) if pace is Pace.NIGHTS else ""
        at = on_date(since, now, language) if pace is Pace.DAYS else moment(since, now, language)
        return said or ("depuis " if fr else "since ") + at
    if pace is Pace.NIGHTS:
        nights = nights_begun(since, now)
        if 2 <= nights <= COUNTED:
            return f"depuis {nights} nuits" if fr else f"for {nights} nights"
        if nights == 1 and since <= now:
            return _since_tonight(since, days, fr)
    if since <= now and 2 <= days <= COUNTED:
        return f"depuis {days} jours" if fr else f"for {days} days"
    if days > COUNTED or since > now:
        return f"depuis le {date(since, now, language)}" if fr else f"since {date(since, now, language)}"
    if pace is not Pace.MOMENT:
        return ("depuis " if fr else "since ") + on_date(since, now, language)
    if now - since < timedelta(minutes=90):
        minutes = max(1, round((now - since).total_seconds() / 60))
        return (
            "depuis " + count(minutes, "minute", "minutes", "fr")
            if fr
            else f"for {count(minutes, 'minute', 'minutes', 'en')}"
        )
    return ("depuis " if fr else "since ") + moment(since, now, language)


def _since_tonight(since: datetime, days: int, fr: bool) -> str:
    if since.hour < 12:  # it began after midnight
        return (
            ("depuis cette nuit" if fr else "since last night")
            if days == 0
            else ("depuis hier" if fr else "since yesterday")
        )
    if days == 0:
        return "depuis ce soir" if fr else "since this evening"
    return "depuis hier soir" if fr else "since last night"


def lasted(since: datetime, until: datetime, now: datetime, pace: Pace, language: str) -> str:
    """How long a thing that is over had gone on: `depuis 2 nuits`, else when it began, seen from now."""
    # A dusk at which it lit again begins no night of the fault.
    amount = nights_begun(since, until - RELIT) if pace is Pace.NIGHTS else (until.date() - since.date()).days
    if 2 <= amount <= COUNTED:
        if pace is Pace.NIGHTS:
            return f"depuis {amount} nuits" if language == "fr" else f"for {amount} nights"
        return f"depuis {amount} jours" if language == "fr" else f"for {amount} days"
    exact = pace is not Pace.DAYS and amount < 2
    said = moment(since, now, language) if exact else on_date(since, now, language)
    return f"depuis {said}" if language == "fr" else f"since {said.removeprefix('on ')}"


def between(since: datetime, until: datetime, now: datetime, language: str) -> str:
    """`du 3 au 5 mars`, `du 28 février au 3 mars`, `le 3 mars`."""
    last = date(until, now, language)
    if since.date() == until.date():
        return on_date(since, now, language)
    first = date(since, now, language)
    if (since.year, since.month) == (until.year, until.month):
        first = "1er" if language == "fr" and since.day == 1 else str(since.day)
    return f"du {first} au {last}" if language == "fr" else f"from {first} to {last}"
