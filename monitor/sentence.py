"""From the evidence of a case to what people read: a headline, one full sentence, one SMS segment.

Everything is generated from the causes and figures of that case; where some are missing, less is said, not something
else.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from gateway.fleet import Fleet
from monitor.case import Case, Change
from monitor.causes import cause_word
from monitor.clauses import Clause, clauses
from monitor.fault import NOTES, WORDS, Cause, Kind
from monitor.glossary import Tongue
from monitor.gsm import SEGMENT, septets, to_gsm
from monitor.speech import Pace, between, date, lasted, moment, since_when
from monitor.states import STATES

CERTAIN: Final = 0.95
PROBABLE: Final = 0.6
WORTH_NAMING: Final = 0.15  # a second cause below it is not worth the reader's time
WORTH_CARRYING: Final = 0.25
URGENCY: Final = {
    "fr": ("", "aujourd'hui", "cette semaine", "à la prochaine tournée", "rien à faire"),
    "en": ("", "today", "this week", "at the next round", "nothing to do"),
}
SLOW: Final = frozenset(
    {Kind.PANEL_SOILED, Kind.PANEL_PARTIAL, Kind.BATTERY_WORN, Kind.BATTERY_WEAK_CELL, Kind.DARK_RISK, Kind.LOW_SUN}
)
AT_NIGHT: Final = frozenset({Kind.DARK, Kind.EARLY_OFF, Kind.FLICKER, Kind.DIM})


def headline(case: Case, fleet: Fleet, now: datetime, language: str) -> str:
    """`fatoma-07 (marché) éteint depuis 2 nuits`."""
    fr = language == "fr"
    who, what = subject(case, fleet), kind_word(case.kind, language)
    if case.withdrawn_at:
        return f"{who}{' : ' if fr else ': '}{what} ({'alerte annulée' if fr else 'alert withdrawn'})"
    said = what + " " + (between(case.since, case.until, now, language) if case.until else since(case, now, language))
    return f"{who} {said}" if STATES[case.kind].of_the_lamp else f"{who}{' : ' if fr else ': '}{said}"


def evidence(case: Case, fleet: Fleet, now: datetime, language: str) -> str:
    """One full sentence: what is seen, why, and the figures that show it with their peers' beside."""
    fr = language == "fr"
    tongue = Tongue(language, now)
    said = [_with_beside(clause, tongue) for clause in clauses(case.kind, case.figures, tongue, long=True)]
    because = _and(said, language)
    why = _causes(case, language)
    sentence = headline(case, fleet, now, language)
    if why:
        sentence += (" ; " if fr else "; ") + why
    if because:
        sentence += (", car " if fr else ", because ") + because if why else (" : " if fr else ": ") + because
    return sentence + "."


def sms(case: Case, change: Change, fleet: Fleet, now: datetime, language: str) -> str:
    """At most one SMS segment, in the GSM alphabet. The least important parts go first, and whole."""
    build = {Change.OPENED: _opened, Change.CLOSED: _closed, Change.WITHDRAWN: _withdrawn}[change]
    return build(case, fleet, now, language)


def kind_word(kind: Kind, language: str) -> str:
    """`éteint`, `dark`."""
    return WORDS[kind].fr if language == "fr" else WORDS[kind].en


def subject(case: Case, fleet: Fleet) -> str:
    """`fatoma-07 (marché)`, or the commune's name."""
    if case.lamp is None:
        return fleet.communes[case.commune].name if case.commune in fleet.communes else case.commune
    lamp = fleet.lamps.get(case.lamp)
    return f"{case.lamp} ({lamp.note})" if lamp and lamp.note else case.lamp


def since(case: Case, now: datetime, language: str) -> str:
    """`depuis 2 nuits`, `depuis hier à 14 h 20`, `depuis le 3 mars`; of a blow to the pole when it fell."""
    if case.kind is Kind.MOVED:
        return moment(case.since, now, language)
    return since_when(case.since, now, pace(case.kind), language)


def pace(kind: Kind) -> Pace:
    return Pace.NIGHTS if kind in AT_NIGHT else Pace.DAYS if kind in SLOW else Pace.MOMENT


def carry(case: Case, language: str) -> str:
    """What to take along, for the causes worth it, without saying anything twice; '' for nothing."""
    likely = [cause for cause in ranked(case) if cause.likelihood >= WORTH_CARRYING]
    words = [cause_word(cause.cause) for cause in likely]
    lists = [word.carry_fr if language == "fr" else word.carry_en for word in words]
    if not any(lists):
        own = WORDS[case.kind]
        lists = [own.carry_fr if language == "fr" else own.carry_en]
    things = [thing for one in lists if not _nothing(one) for thing in one.split(", ") if thing]
    return ", ".join(dict.fromkeys(things))


def to_do(case: Case, language: str) -> str:
    """`À emporter : driver LED, multimètre`, `Appeler l'opérateur`, or '' where nothing can be done."""
    if things := carry(case, language):
        return ("À emporter : " if language == "fr" else "Bring: ") + things
    own = WORDS[case.kind]
    _, colon, rest = (own.carry_fr if language == "fr" else own.carry_en).partition(":")
    return _capital(rest.strip()) if colon else ""


def urgency(case: Case, language: str) -> str:
    """By when somebody should go: `aujourd'hui`, `cette semaine`, `à la prochaine tournée`, `rien à faire`."""
    return URGENCY[language][WORDS[case.kind].urgency]


def ranked(case: Case) -> list[Cause]:
    """The likeliest first."""
    return sorted(case.causes, key=lambda cause: -cause.likelihood)


def _nothing(carried: str) -> bool:
    return carried.startswith(("rien", "nothing"))


def _named(case: Case) -> list[Cause]:
    """The causes that tell more than the kind itself does."""
    causes = ranked(case)
    return [] if causes and causes[0].cause == case.kind else [cause for cause in causes if cause.cause != case.kind]


def _causes(case: Case, language: str) -> str:
    """`cause probable : le driver LED (80 %), sinon un câble coupé (20 %)`."""
    causes = [c for i, c in enumerate(_named(case)) if i == 0 or c.likelihood >= WORTH_NAMING][:3]
    if not causes:
        return ""
    fr = language == "fr"
    colon, percent = (" : ", " %") if fr else (": ", "%")
    words = [cause_word(c.cause).fr if fr else cause_word(c.cause).en for c in causes]
    if causes[0].likelihood >= CERTAIN:
        return "cause" + colon + words[0]
    with_share = [f"{word} ({c.likelihood * 100:.0f}{percent})" for word, c in zip(words, causes, strict=True)]
    if causes[0].likelihood >= PROBABLE:
        other = (", sinon " if fr else ", or else ") + (" ou " if fr else " or ").join(with_share[1:])
        return (
            ("cause probable" if fr else "probable cause") + colon + with_share[0] + (other if with_share[1:] else "")
        )
    return ("cause possible" if fr else "possible cause") + colon + (" ou " if fr else " or ").join(with_share)


def _with_beside(clause: Clause, tongue: Tongue) -> str:
    """The clause with, in brackets, when it was measured, what the peers show, and the limit."""
    fr = tongue.language == "fr"
    times = [figure.at for figure in clause.figures if figure.at]
    beside = [moment(max(times), tongue.now, tongue.language)] if times else []
    if clause.peers:
        beside.append(("ses voisins : " if fr else "its neighbours: ") + _and(clause.peers, tongue.language))
    if clause.limits:
        beside.append(("seuil : " if fr else "limit: ") + _and(clause.limits, tongue.language))
    return f"{clause.text} ({' ; '.join(beside) if fr else '; '.join(beside)})" if beside else clause.text


def _and(parts: Sequence[str], language: str) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return ", ".join(parts[:-1]) + (" et " if language == "fr" else " and ") + parts[-1]


def _opened(case: Case, fleet: Fleet, now: datetime, language: str) -> str:
    fr = language == "fr"
    said = clauses(case.kind, case.figures, Tongue(language, now), long=False)
    why = _short_cause(case, language, others=False)
    both = _short_cause(case, language, others=True)
    todo = to_do(case, language)
    # Most important first; the subject and the kind are never left out.
    parts = ["since", "cause", "clause 0", "clause 1", "note", "peers", "clause 2", "todo", "both", "clause 3"]

    def build(keep: frozenset[str]) -> str:
        text = f"{_short_subject(case, fleet, 'note' in keep)}: {kind_word(case.kind, language)}"
        if "since" in keep:
            text += " " + since(case, now, language)
        facts = []
        for i, clause in enumerate(said[:4]):
            if f"clause {i}" in keep:
                beside = ", ".join(clause.peers) if "peers" in keep else ""
                facts.append(clause.text + (f" ({'voisins' if fr else 'neighbours'} {beside})" if beside else ""))
        reason = both if "both" in keep else why if "cause" in keep else ""
        shown = ", ".join(facts)
        told = (
            f"{reason}: {shown}" if reason and shown and ":" not in reason else ". ".join(filter(None, (reason, shown)))
        )
        return _sentences(text, told, todo if "todo" in keep else "")

    return _as_much_as_fits(build, parts)


def _closed(case: Case, fleet: Fleet, now: datetime, language: str) -> str:
    fr = language == "fr"
    state = STATES[case.kind]
    until = case.until or now

    def build(keep: frozenset[str]) -> str:
        text = f"{_short_subject(case, fleet, 'note' in keep)}: {state.over_fr if fr else state.over_en}"
        if "since" in keep:
            text += " " + since_when(until, now, pace(case.kind), language)
        was = ""
        if "was" in keep:
            how_long = lasted(case.since, until, now, pace(case.kind), language)
            if case.kind is Kind.MOVED:
                how_long = moment(case.since, now, language)
            was = f"{_capital(state.was_fr if fr else state.was_en)} {how_long}"
        why = ""
        if "cause" in keep and (causes := _named(case)) and causes[0].likelihood >= PROBABLE:
            why = f"Cause: {cause_word(causes[0].cause).fr_short if fr else cause_word(causes[0].cause).en}"
        return _sentences(text, was, why)

    return _as_much_as_fits(build, ["since", "was", "note", "cause"])


def _withdrawn(case: Case, fleet: Fleet, now: datetime, language: str) -> str:
    what, day = kind_word(case.kind, language), date(case.opened_at, now, language)

    def build(keep: frozenset[str]) -> str:
        who = _short_subject(case, fleet, "note" in keep)
        if language == "fr":
            text = f'{who}: alerte "{what}" du {day} annulée'
            why = "Les mesures arrivées depuis montrent que ce n'était pas le cas"
            rest = "Rien à faire"
        else:
            text = f'{who}: alert "{what}" of {day} withdrawn'
            why = "Measurements that came later show that it was not so"
            rest = "Nothing to do"
        return _sentences(text, why if "why" in keep else "", rest if "rest" in keep else "")

    return _as_much_as_fits(build, ["why", "note", "rest"])


def _short_cause(case: Case, language: str, others: bool) -> str:
    """`Driver LED probable`, `Peut-être driver LED ou câble coupé`, `Cause: vol`."""
    causes = _named(case)
    if not causes:
        return ""
    fr = language == "fr"
    words = [cause_word(cause.cause) for cause in causes]
    names = [word.fr_short if fr else word.en for word in words]
    top = causes[0].likelihood
    second = others and len(causes) > 1 and causes[1].likelihood >= WORTH_NAMING
    if top >= CERTAIN:
        return f"Cause: {names[0]}"
    if second:
        either = f"{names[0]} {'ou' if fr else 'or'} {names[1]}"
        return f"Peut-être {either}" if fr else f"Perhaps {either}"
    if top >= PROBABLE:
        return (
            f"{_capital(names[0])} {'probables' if words[0].plural else 'probable'}" if fr else f"Probably {names[0]}"
        )
    return f"Peut-être {names[0]}" if fr else f"Perhaps {names[0]}"


def _short_subject(case: Case, fleet: Fleet, note: bool) -> str:
    if note:
        return subject(case, fleet)
    if case.lamp is not None:
        return case.lamp
    name = subject(case, fleet)
    return name if len(name) <= len(case.commune) + 8 else case.commune  # a very long name is left for the page


def _sentences(*texts: str) -> str:
    return " ".join(_capital(text) + "." if i else text + "." for i, text in enumerate(texts) if text)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _as_much_as_fits(build: Callable[[frozenset[str]], str], parts: Sequence[str]) -> str:
    """The text with every part, most important first, that one segment still has room for."""
    keep: frozenset[str] = frozenset()
    best = to_gsm(build(keep))
    for part in parts:
        longer = to_gsm(build(keep | {part}))
        if septets(longer) <= SEGMENT:
            keep, best = keep | {part}, longer
    return best


def alerted(kind: Kind) -> bool:
    """Whether anybody is told of it, as against a note on the page."""
    return kind not in NOTES
