"""What the templates are given: cases as rows, communes as cards, all words already said in the reader's language."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup, escape

from gateway.fleet import Commune, Lamp
from monitor import sentence, speech
from monitor.case import Alert, Case, State
from monitor.fault import NOTES, WORDS
from monitor.web import dates
from monitor.web.context import fleet, language, link, now, t
from monitor.web.ledger import DARK, LIT, NOT_YET, PARTLY, UNKNOWN, Ledger, Service
from monitor.web.strip import strip
from monitor.web.words import bound


@dataclass(frozen=True, slots=True)
class Row:
    """One case in a list."""

    link: str
    headline: str
    why: str  # the evidence without what the headline says already
    to_do: str
    urgency: int
    state: str
    is_open: bool
    place: str


def is_open(case: Case) -> bool:
    return case.state in (State.OPEN, State.ACKNOWLEDGED)


def actionable(case: Case) -> bool:
    """Open, explained by nothing else, and more than a note: somebody should do something."""
    return is_open(case) and case.hidden_by is None and case.kind not in NOTES


def by_urgency(cases: Iterable[Case]) -> list[Case]:
    """The most urgent first; among equals the oldest."""
    return sorted(cases, key=lambda case: (WORDS[case.kind].urgency, case.since))


def place(case: Case) -> str:
    """'Fatoma'; of a case without a lamp 'Fatoma, toute la commune'."""
    commune = fleet().communes.get(case.commune)
    name = commune.name if commune else case.commune
    return name if case.lamp else f"{name}, {t('whole_commune')}"


def row(case: Case, with_commune: bool = True) -> Row:
    headline = sentence.headline(case, fleet(), now(), language())
    return Row(
        link=link("case", ident=case.id),
        headline=bound(headline),
        why=bound(why(case, headline)),
        to_do=bound(sentence.to_do(case, language())) if is_open(case) else "",
        urgency=WORDS[case.kind].urgency,
        state=case.state.value,
        is_open=is_open(case),
        place=place(case) if with_commune else "",
    )


def why(case: Case, headline: str) -> str:
    """The evidence's sentence from where the headline ends; '' when there is nothing more to say."""
    said = sentence.evidence(case, fleet(), now(), language())
    rest = said.removeprefix(headline).lstrip(" ;:,.").removeprefix("car ").removeprefix("because ")
    return rest[:1].upper() + rest[1:]


def whole(text: str, ident: str) -> Markup:
    """The text with the lamp's id kept on one line."""
    return escape(text).replace(escape(ident), Markup('<span class="nobr">{}</span>').format(ident))


def urgency_counts(cases: Iterable[Case]) -> list[tuple[int, int]]:
    """How many cases of each urgency, the most urgent first, none left out that has any."""
    levels = [WORDS[case.kind].urgency for case in cases]
    return [(level, levels.count(level)) for level in (1, 2, 3, 4) if level in levels]


def counts_in_words(letters: str) -> str:
    """'17 éclairées, 1 éteinte, 2 inconnues': every verdict that occurs, unknown apart."""
    said = [
        t("count", n=n, word=t(f"v.{letter}", n=n))
        for letter in (LIT, PARTLY, DARK, UNKNOWN)
        if (n := letters.count(letter))
    ]
    return ", ".join(said) or t("v..")


def lamp_name(lamp: Lamp) -> str:
    return lamp.id


def number_of(lamp: Lamp) -> str:
    """'07' of 'fatoma-07' within its commune, the whole id where it is not built so."""
    prefix = lamp.commune + "-"
    return lamp.id.removeprefix(prefix) if lamp.id.startswith(prefix) else lamp.id


def answer(letters: str, name: str | None = None) -> str:
    """The first line of the fleet's page, or of the commune `name`."""
    here = "commune" if name else "fleet"
    standing = letters.replace(NOT_YET, "")
    lit, total = standing.count(LIT), len(standing)
    if standing.count(UNKNOWN) == total:
        key = "unknown"
    elif lit == 0:
        key = "none"
    else:
        key = "all" if lit == total else "lit"
    return t(f"{here}.{key}", n=lit, total=total, name=name or "")


def strip_of(ledger: Ledger, lamp: Lamp) -> Markup:
    letters = ledger.verdicts[lamp.id]
    label = t("strip.label", name=lamp.id, nights=len(letters), counts=counts_in_words(letters))
    return strip(letters, label)


def block_of(ledger: Ledger, commune: Commune, lamps: Sequence[Lamp], per_row: int = 10) -> Markup:
    letters = ledger.letters(lamps)
    return strip(
        letters, t("block.label", name=commune.name, counts=counts_in_words(letters)), per_row=per_row, css="block"
    )


@dataclass(frozen=True, slots=True)
class Fact:
    """One service figure: its name, its value in words, and how it comes about."""

    name: str
    value: str
    note: str = ""


def service_facts(figures: Service, closed: Sequence[Case]) -> list[Fact]:
    """The service figures in words; `closed` are the cases that ended within the window."""
    tongue = language()
    if not figures.nights:
        return []
    low, high = dates.percent(figures.low, tongue), dates.percent(figures.high, tongue)
    whole = dates.number
    facts = [
        Fact(
            t("service.nights"),
            low if low == high else t("service.between", low=low, high=high),
            t(
                "service.bounds" if figures.unknown else "service.all_known",
                served=whole(figures.served, tongue),
                nights=whole(figures.nights, tongue),
                unknown=whole(figures.unknown, tongue),
            ),
        )
    ]
    hours = figures.hours
    facts.append(
        Fact(
            t("service.hours"),
            dates.percent(hours, tongue) if hours is not None else t("service.not_known"),
            t(
                "service.hours_note",
                lit=whole(figures.lit_minutes / 60, tongue),
                scheduled=whole(figures.scheduled_minutes / 60, tongue),
            ),
        )
    )
    facts.append(
        Fact(
            t("service.run"),
            t("service.run_value", n=figures.longest_dark),
            figures.longest_lamp or "",
        )
    )
    facts.append(Fact(t("service.data"), dates.percent(figures.completeness, tongue), t("service.data_note")))
    lengths = sorted(case.until - case.since for case in closed if case.until)
    if lengths:
        facts.append(
            Fact(
                t("service.repair"),
                dates.span(lengths[len(lengths) // 2], tongue),
                t("service.repair_note", n=len(lengths)),
            )
        )
    return facts


@dataclass(frozen=True, slots=True)
class Told:
    """One message, in a line. The contact's address stays out of it: it may hold a password."""

    roles: str
    what: str
    when: str
    text: str
    link: str


def messages(alerts: Iterable[Alert]) -> list[Told]:
    """The newest first; the same words to several people at once are one line."""
    lines: dict[tuple[str, str, str, str], list[str]] = {}
    for alert in sorted(alerts, key=lambda one: one.told_at or one.owed_at, reverse=True):
        what, when, address = _message(alert)
        lines.setdefault((alert.text, what, when, address), []).append(alert.contact)
    return [Told(", ".join(roles), what, when, text, address) for (text, what, when, address), roles in lines.items()]


def _message(alert: Alert) -> tuple[str, str, str]:
    if alert.told_at:
        when = t("told.at", when=speech.moment(alert.told_at, now(), language()))
    elif alert.failed_at:
        when = t("told.failed")
    else:
        when = t("told.waiting", when=speech.moment(alert.owed_at, now(), language()))
    return t(f"change.{alert.change.value}"), when, link("case", ident=alert.case)


@dataclass(frozen=True, slots=True)
class Day:
    """One square of a lamp's calendar."""

    number: int
    letter: str
    title: str
    newest: bool


def calendar(days: Sequence[date], letters: str) -> list[list[Day | None]]:
    """Weeks from Monday; None where the window does not reach."""
    first = days[0].weekday()
    cells: list[Day | None] = [None] * first
    for when, letter in zip(days, letters, strict=True):
        title = f"{dates.night(when, language())} : {t('v.' + letter, n=1)}"
        cells.append(Day(when.day, letter, title, when == days[-1]))
    cells += [None] * (-len(cells) % 7)
    return [cells[i : i + 7] for i in range(0, len(cells), 7)]
