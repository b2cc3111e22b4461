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
from monitor.fault import NOTES, WORDS, Cause, Figure, Kind
from monitor.glossary import Tongue, value_of
from monitor.gsm import SEGMENT, in_gsm_words, septets, to_gsm
from monitor.speech import Pace, between, date, lasted, measured, moment, since_when
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
FORECASTS: Final = frozenset({Kind.DARK_RISK})  # their figures say how likely, not why
# Causes that say no more than the kind does.
SAME: Final = {
    Kind.BATTERY_WORN: "wear",
    Kind.BATTERY_WEAK_CELL: "cell",
    Kind.CHARGER_STUCK: "controller",
    Kind.CLOCK_WRONG: "clock",
    Kind.HOT: "heat",
    Kind.PANEL_SOILED: "dust",
    Kind.SENSOR_FAULTY: "sensor",
}
# English says since when in the perfect, and a span in the past; French needs neither.
VERBS: Final = {
    Kind.EARLY_OFF: ("has gone out early", "went out early"),
    Kind.FLICKER: ("has flickered", "flickered"),
    Kind.DAY_BURNING: ("has burnt by day", "burnt by day"),
    Kind.RESTART_LOOP: ("has kept restarting", "kept restarting"),
    Kind.DARK_RISK: ("at risk of going dark", "at risk of going dark"),
}
AT_NIGHT: Final = frozenset({Kind.DARK, Kind.EARLY_OFF, Kind.FLICKER, Kind.DIM})


def headline(case: Case, fleet: Fleet, now: datetime, language: str) -> str:
    """`fatoma-07 (marché) éteint depuis 2 nuits`."""
    fr = language == "fr"
    who, what = subject(case, fleet), kind_word(case.kind, language)
    if case.withdrawn_at:
        return f"{who}{' : ' if fr else ': '}{what} ({'alerte annulée' if fr else 'alert withdrawn'})"
    if case.until:
        said = f"{verb(case.kind, language, over=True)} {between(case.since, case.until, now, language)}"
    else:
        said = f"{verb(case.kind, language)} {since(case, now, language)}"
    return f"{who} {said}" if STATES[case.kind].of_the_lamp else f"{who}{' : ' if fr else ': '}{said}"


def evidence(case: Case, fleet: Fleet, now: datetime, language: str) -> str:
    """One full sentence: what is seen, why, and the figures that show it with their peers' beside."""
    fr = language == "fr"
    tongue = Tongue(language, now)
    shown = clauses(case.kind, _figures(case, fleet), tongue, long=True)
    began = since(case, now, language)
    said = [_with_beside(clause, began, tongue) for clause in shown if not _repeats(clause, began, now, language)]
    because = _and(said, language)
    why = _causes(case, language)
    sentence = headline(case, fleet, now, language)
    if why:
        sentence += (" ; " if fr else "; ") + why
    if because:
        sentence += (", car " if fr else ", because ") + because
    return sentence + "."


def sms(case: Case, change: Change, fleet: Fleet, now: datetime, language: str) -> str:
    """At most one SMS segment, in the GSM alphabet. The least important parts go first, and whole."""
    build = {Change.OPENED: _opened, Change.CLOSED: _closed, Change.WITHDRAWN: _withdrawn}[change]
    return build(case, fleet, now, language)


def kind_word(kind: Kind, language: str) -> str:
    """`éteint`, `dark`."""
    return WORDS[kind].fr if language == "fr" else WORDS[kind].en


def verb(kind: Kind, language: str, over: bool = False) -> str:
    """The kind before a length of time: in English `has flickered` for 3 nights, `flickered` from 3 to 5 March."""
    forms = VERBS.get(kind) if language == "en" else None
    return forms[over] if forms else kind_word(kind, language)


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
    fr = language == "fr"
    own = WORDS[case.kind].carry_fr if fr else WORDS[case.kind].carry_en
    if _nothing(own):
        return ""
    likely = [cause_word(cause.cause, case.kind) for cause in ranked(case) if cause.likelihood >= WORTH_CARRYING]
    lists = [(word.carry_fr if fr else word.carry_en) or own for word in likely] or [own]
    things = [thing for one in lists if not _nothing(one) for thing in one.split(", ")]
    once: dict[str, str] = {}
    for thing in things:
        once.setdefault(thing.rstrip("s"), thing)  # a cable and cables are in the same bag
    return ", ".join(once.values())


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
    same = {case.kind.value, SAME.get(case.kind, "")}
    return [] if causes and causes[0].cause in same else [cause for cause in causes if cause.cause not in same]


def _causes(case: Case, language: str) -> str:
    """`cause probable : le driver LED (80 %), sinon un câble coupé (20 %)`."""
    causes = [c for i, c in enumerate(_named(case)) if i == 0 or c.likelihood >= WORTH_NAMING][:3]
    if not causes:
        return ""
    fr = language == "fr"
    colon, percent = (" : ", " %") if fr else (": ", "%")
    words = [cause_word(c.cause, case.kind).fr if fr else cause_word(c.cause, case.kind).en for c in causes]
    if causes[0].likelihood >= CERTAIN:
        return "cause" + colon + words[0]
    with_share = [f"{word} ({c.likelihood * 100:.0f}{percent})" for word, c in zip(words, causes, strict=True)]
    if causes[0].likelihood >= PROBABLE:
        other = (", sinon " if fr else ", or else ") + _or(with_share[1:], language)
        return (
            ("cause probable" if fr else "probable cause") + colon + with_share[0] + (other if with_share[1:] else "")
        )
    return ("cause possible" if fr else "possible cause") + colon + _or(with_share, language)


def _figures(case: Case, fleet: Fleet) -> tuple[Figure, ...]:
    """The case's; a failing cell's volts tell little to who does not know of how many the battery is."""
    lamp = fleet.lamps.get(case.lamp or "")
    if case.kind is not Kind.BATTERY_WEAK_CELL or lamp is None or all(one.name != "dusk_v" for one in case.figures):
        return case.figures
    return (*case.figures, Figure("nominal_v", lamp.model.battery.volts, "V"))


def _with_beside(clause: Clause, began: str, tongue: Tongue) -> str:
    """The clause with, in brackets, when it was measured, what the peers show, and the limit."""
    fr = tongue.language == "fr"
    times = [figure.at for figure in clause.figures if figure.at]
    when = measured(max(times), tongue.now, tongue.language) if times else ""
    beside = [when] if when and when not in began else []
    if clause.peers:
        beside.append(("ses voisins : " if fr else "its neighbours: ") + _and(clause.peers, tongue.language))
    if clause.limits:
        beside.append(("seuil : " if fr else "limit: ") + _and(clause.limits, tongue.language))
    return f"{clause.text} ({' ; '.join(beside) if fr else '; '.join(beside)})" if beside else clause.text


def _repeats(clause: Clause, began: str, now: datetime, language: str) -> bool:
    """Whether it only says again when it began."""
    values = [value_of(figure, Tongue(language, now)) for figure in clause.figures]
    return len(values) == 1 and isinstance(clause.figures[0].value, str) and bool(values[0]) and str(values[0]) in began


def _and(parts: Sequence[str], language: str) -> str:
    return _listed(parts, " et " if language == "fr" else " and ")


def _or(parts: Sequence[str], language: str) -> str:
    return _listed(parts, " ou " if language == "fr" else " or ")


def _listed(parts: Sequence[str], last: str) -> str:
    return ", ".join(parts[:-1]) + last + parts[-1] if len(parts) > 1 else "".join(parts)


def _opened(case: Case, fleet: Fleet, now: datetime, language: str) -> str:
    fr = language == "fr"
    began = since(case, now, language)
    shown = clauses(case.kind, _figures(case, fleet), Tongue(language, now), long=False)
    said = [clause for clause in shown if not _repeats(clause, began, now, language)]
    why = _short_cause(case, language, others=False)
    both = _short_cause(case, language, others=True)
    todo = to_do(case, language)
    # Most important first; the subject and the kind are never left out.
    parts = ["since", "cause", "clause 0", "note", "clause 1", "todo", "peers", "both", "clause 2", "clause 3"]

    def build(keep: frozenset[str]) -> str:
        what = verb(case.kind, language) if "since" in keep else kind_word(case.kind, language)
        text = f"{_short_subject(case, fleet, 'note' in keep)}: {what}"
        if "since" in keep:
            text += " " + began
        facts = []
        for i, clause in enumerate(said[:4]):
            if f"clause {i}" in keep:
                beside = ", ".join(clause.peers) if "peers" in keep else ""
                facts.append(clause.text + (f" ({'voisins' if fr else 'neighbours'}: {beside})" if beside else ""))
        reason = both if "both" in keep else why if "cause" in keep else ""
        shown = ", ".join(facts)
        bring = todo if "todo" in keep else ""
        if reason and shown and ":" not in reason and case.kind not in FORECASTS:
            return _sentences(text, f"{reason}: {shown}", bring)
        return _sentences(text, reason, shown, bring)

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
            word = cause_word(causes[0].cause, case.kind)
            why = f"Cause: {word.fr_short if fr else word.en}"
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
    """`Driver LED probable`, `Cause possible: driver LED ou câble coupé`, `Cause: vol`."""
    causes = _named(case)
    if not causes:
        return ""
    fr = language == "fr"
    words = [cause_word(cause.cause, case.kind) for cause in causes]
    names = [word.fr_short if fr else word.en for word in words]
    top = causes[0].likelihood
    if top >= CERTAIN:
        return f"Cause: {names[0]}"
    if top >= PROBABLE:
        likely = "probables" if words[0].plural else "probable"
        return f"{_capital(names[0])} {likely}" if fr else f"Probably {names[0]}"
    possible = names[: 2 if others and len(causes) > 1 and causes[1].likelihood >= WORTH_NAMING else 1]
    return f"Cause possible: {' ou '.join(possible)}" if fr else f"Possible cause: {' or '.join(possible)}"


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
    best = _plain(build(keep))
    for part in parts:
        longer = _plain(build(keep | {part}))
        if septets(longer) <= SEGMENT:
            keep, best = keep | {part}, longer
    return best


def _plain(text: str) -> str:
    """Room is scarce: no space before a colon, and words of the SMS's own alphabet."""
    return to_gsm(in_gsm_words(text.replace(" :", ":")))


def alerted(kind: Kind) -> bool:
    """Whether anybody is told of it, as against a note on the page."""
    return kind not in NOTES
