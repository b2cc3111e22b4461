"""docs/rules.md from the code, and the same on the terminal: what is judged how, and what hides what."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Final

import click

from gateway.store import NIGHTS
from monitor import silence
from monitor.fault import NOTES, WORDS, Kind
from monitor.inhibit import INHIBITIONS, Hides
from monitor.night_columns import COLUMNS
from monitor.rules import RULES
from monitor.rules.rule import Threshold

HEAD: Final = """# What is judged, and how

This page is written by `trezor rules --markdown > docs/rules.md` from the rules themselves; a test fails when it is
old. `trezor explain CASE` shows the same rule with the figures of the night that opened a case.

Every rule looks at the ledger of nights, one row per lamp and date, and at nothing else: what it says depends on the
stored data alone, not on when somebody looked. A date that shows the fault is *bad*, one that shows its absence
*good*, any other proves nothing. As many bad dates as **opens after** says, with no good one between, open an episode,
which begins with the first of them; as many good ones as **closes after** says close it. What is slow
is stated after some sunny days, what is hard at the first dusk or noon that shows it.
"""

SILENT: Final = """A silence is read from the arrivals, when reports came, not from their samples: a backlog fills
the nights, and the silence still was. It opens when a deadline passes and ends with the next report.
"""

SILENCE: Final[dict[Kind, tuple[str, dict[str, Threshold]]]] = {
    Kind.SILENT: (
        "no report past the lamp's deadline, while its neighbours talk",
        {
            "late": Threshold(silence.LATE_INTERVALS, "usual intervals", "a lamp may miss two reports"),
            "grace": Threshold(silence.LAMP_GRACE / timedelta(hours=1), "h", "networks have bad hours"),
            "commune first": Threshold(
                silence.COMMUNE_FIRST / timedelta(hours=1), "h more than an interval",
                "the grace at least: lamps that fall silent together were heard an interval apart",
            ),
            "morning": Threshold(
                silence.MORNING_GRACE / timedelta(hours=1), "h after dawn",
                "silent since some hour of the night: a lamp without power wakes with the sun",
            ),
        },
    ),
    Kind.COMMUNE_SILENT: (
        "most of a commune's lamps past their deadline at once: one incident",
        {
            "late": Threshold(silence.LATE_INTERVALS, "usual intervals", "a lamp may miss two reports"),
            "grace": Threshold(silence.COMMUNE_GRACE / timedelta(minutes=1), "min", "reports are spread over minutes"),
            "silent": Threshold(100 * silence.COMMUNE_SHARE, "% of the lamps", "a few may reach another mast"),
            "over": Threshold(100 * silence.RECOVERED_SHARE, "% of the lamps", "fewer are silent: it is over"),
            "forgotten": Threshold(
                silence.FORGOTTEN / timedelta(days=1), "days", "a lamp silent for longer is no witness of an outage"
            ),
            "lamps": Threshold(silence.MIN_LAMPS, "lamps at least", "two lamps are no crowd"),
        },
    ),
}  # fmt: skip


def markdown() -> str:
    """The whole page."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield HEAD
    yield "## The kinds at a glance\n"
    yield from _table(
        ("kind", "French", "English", "opens after", "closes after", "urgency"),
        (
            (f"[`{kind}`](#{kind})", word.fr, word.en, *_dates(kind), _urgency(kind))
            for kind, word in WORDS.items()
        ),
    )  # fmt: skip
    yield "\n## Rules\n"
    for rule in RULES:
        yield from _section(rule.kind, rule.says, rule.thresholds)
    yield "## Silences\n"
    yield SILENT
    for kind, (says, thresholds) in SILENCE.items():
        yield from _section(kind, says, thresholds)
    yield "## What hides what\n"
    yield (
        "A hidden case is kept and can be seen (`trezor cases --hidden`), but nobody is told of it. It is hidden when\n"
        "it opened not longer than *before* ahead of the hider's beginning, and not longer than *after* its end.\n"
    )
    yield from _table(
        ("hidden", "by", "where", "before", "after", "because"),
        ((f"`{h.hidden}`", f"`{h.hider}`", _where(h), _span(h.before), _span(h.after), h.reason) for h in INHIBITIONS),
    )
    yield "\n## The columns of a night\n"
    yield (
        "What the rules look at, in the store's table `nights`. *Since* is when something began by the samples, *at*\n"
        "when enough had been sent to know it. High sun is above 15°.\n"
    )
    yield from _table(
        ("column", "unit", "meaning"), ((f"`{name}`", unit or "–", says) for name, unit, says in _columns())
    )


def _section(kind: Kind, says: str, thresholds: Mapping[str, Threshold]) -> Iterator[str]:
    word = WORDS[kind]
    yield f"### {kind}\n"
    yield f"*{word.fr}* / *{word.en}*: {says}.\n"
    yield "Opens after {}, closes after {}.\n".format(*_dates(kind))
    if thresholds:
        rows = ((name, f"{t.value:g}", t.unit, t.reason) for name, t in thresholds.items())
        yield from _table(("threshold", "value", "unit", "reason"), rows)
        yield ""


def _dates(kind: Kind) -> tuple[str, str]:
    if kind not in _RULES:
        return "its deadline", "the next report"
    rule = _RULES[kind]
    return _count(rule.confirm, "bad", rule.sunny), _count(rule.clear, "good")


def _count(dates: int, which: str, sunny: bool = False) -> str:
    return f"{dates} {which}{' sunny' if sunny else ''} date{'s' if dates > 1 else ''}"


def _urgency(kind: Kind) -> str:
    if kind in NOTES:
        return "a note: nobody is alerted"
    return {1: "today", 2: "this week", 3: "at the next round", 4: "nothing to do"}[WORDS[kind].urgency]


def _where(hides: Hides) -> str:
    where = "the whole commune" if hides.whole_commune else "the same lamp"
    return f"{where}, unless the cause is {' or '.join(sorted(hides.unless))}" if hides.unless else where


def _span(span: timedelta) -> str:
    hours = round(span / timedelta(hours=1))
    return f"{hours // 24} d" if hours % 24 == 0 and hours > 24 else f"{hours} h"


def _columns() -> Iterator[tuple[str, str, str]]:
    for name in NIGHTS.schema:
        yield name, *COLUMNS[name]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join("---" for _ in head) + "|"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


_RULES: Final = {rule.kind: rule for rule in RULES}


@click.command("rules")
@click.option("--markdown", "whole", is_flag=True, help="The whole page, as in docs/rules.md.")
@click.argument("kinds", nargs=-1, metavar="[KIND]...", type=click.Choice([str(kind) for kind in WORDS]))
def rules(whole: bool, kinds: tuple[str, ...]) -> None:
    """How each fault KIND is judged: the rule, its thresholds with their reasons, what it hides and what hides it."""
    if whole:
        click.echo(markdown(), nl=False)
        return
    for kind in map(Kind, kinds or map(str, WORDS)):
        click.echo(plain(kind))


def plain(kind: Kind) -> str:
    """One kind for the terminal."""
    says, thresholds = (_RULES[kind].says, _RULES[kind].thresholds) if kind in _RULES else SILENCE[kind]
    opens, closes = _dates(kind)
    lines = [
        f"{kind} ({WORDS[kind].fr}, {WORDS[kind].en})",
        f"  {says}",
        f"  opens after {opens}, closes after {closes}",
    ]
    lines += [f"  {name}: {t.value:g} {t.unit}: {t.reason}" for name, t in thresholds.items()]
    lines += [f"  hidden by {h.hider} ({_where(h)}): {h.reason}" for h in INHIBITIONS if h.hidden is kind]
    lines += [f"  hides {h.hidden} ({_where(h)}): {h.reason}" for h in INHIBITIONS if h.hider is kind]
    return "\n".join(lines) + "\n"
