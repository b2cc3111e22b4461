"""What every page of one request shares: the world, the viewer, the language, the time, and the links between pages."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from flask import Request, abort, g, request, url_for

from gateway.fleet import Commune, Fleet, Lamp
from monitor.case import Case
from monitor.web import dates
from monitor.web.accounts import Viewer
from monitor.web.learned import read_learned
from monitor.web.words import LANGUAGES, say
from monitor.web.world import World

LANGUAGE_COOKIE: Final = "lang"


def world() -> World:
    opened: World = g.world
    return opened


def fleet() -> Fleet:
    known: Fleet = g.fleet
    return known


def now() -> datetime:
    moment: datetime = g.now
    return moment


def language() -> str:
    return str(g.get("lang", LANGUAGES[0]))


def viewer() -> Viewer:
    somebody: Viewer = g.viewer
    return somebody


def t(key: str, n: float | None = None, **filled: Any) -> str:
    return say(language(), key, n, **filled)


def choose_language(asked: Request, default: str) -> str:
    """By `?lang=`, else the cookie, else what the browser prefers, else the default."""
    for wish in (asked.args.get("lang"), asked.cookies.get(LANGUAGE_COOKIE)):
        if wish in LANGUAGES:
            return str(wish)
    preferred = asked.accept_languages.best_match(LANGUAGES)
    return preferred or default


def other_language() -> str:
    """This page in the other language."""
    arguments = request.args.to_dict()
    arguments["lang"] = next(other for other in LANGUAGES if other != language())
    return f"{request.path}?{urlencode(arguments)}"


def link(endpoint: str, **values: Any) -> str:
    """The address of a page in the world that is being looked at."""
    if "." not in endpoint:
        endpoint = f"{g.get('site', 'live')}.{endpoint}"
    return url_for(endpoint, **values)


def longitude() -> float:
    """Of the middle of the fleet: what night it is follows the sun, not the time zone."""
    communes = fleet().communes.values()
    return sum(c.longitude for c in communes) / max(1, len(communes))


def last_night() -> date:
    return dates.last_night(now(), longitude())


def seen_communes() -> list[Commune]:
    return [commune for commune in fleet().communes.values() if viewer().sees(commune.id)]


def seen_lamps() -> list[Lamp]:
    return [lamp for lamp in fleet().lamps.values() if viewer().sees(lamp.commune)]


def find_commune(ident: str) -> Commune:
    """The commune, or the answer 404, or 403 where this viewer may not look."""
    if not viewer().sees(ident):
        abort(403)
    commune = fleet().communes.get(ident)
    return commune if commune else abort(404)


def find_lamp(ident: str) -> Lamp:
    """The lamp, or the answer 404, or 403 where this viewer may not look (also for lamps that do not exist)."""
    lamp = fleet().lamps.get(ident)
    if lamp is None:
        return abort(404) if viewer().commune is None else abort(403)
    return lamp if viewer().sees(lamp.commune) else abort(403)


def find_case(ident: int) -> Case:
    """The case, or the answer 404, or 403 where this viewer may not look (also for cases that do not exist)."""
    case = world().casebook.case(ident)
    if case is None:
        return abort(404) if viewer().commune is None else abort(403)
    return case if viewer().sees(case.commune) else abort(403)


def learned(lamp: Lamp) -> Mapping[str, Any]:
    """What was learnt of a lamp: as this world tells it, else read back from its nights."""
    told = world().learned
    if told is not None:
        return told(lamp.id)
    repairs = [repair.at for repair in world().casebook.repairs(lamp.id)]
    return read_learned(world().store, lamp, last_night(), max(repairs, default=None))


def only_seen(cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases if viewer().sees(case.commune)]


def whole(name: str, default: int, low: int, high: int) -> int:
    """A whole number of the query, kept within its bounds; 400 when it is no number."""
    text = request.args.get(name)
    if text is None or text == "":
        return default
    try:
        return min(max(int(text), low), high)
    except ValueError:
        return abort(400)


def asked_date(name: str, default: date) -> date:
    """A date of the query like 2026-11-22; 400 when it is none."""
    text = request.args.get(name)
    if not text:
        return default
    try:
        return date.fromisoformat(text)
    except ValueError:
        return abort(400)


TEMPLATE_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {"t": t, "link": link}
