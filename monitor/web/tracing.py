"""How the watch came to a case, in the reader's words: the rule, its thresholds, and the inputs of that night."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

from monitor import speech
from monitor.case import Case
from monitor.rules_fr import limit_says, rule_says
from monitor.web import dates
from monitor.web.words import say

KNOWN: Final = frozenset({"rule", "date", "verdict", "thresholds", "inputs"})
DIGITS: Final = 4  # significant ones of an input: enough to recompute, not more than was measured


@dataclass(frozen=True, slots=True)
class LimitLine:
    name: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Explained:
    """`inputs` by their names in the table `nights`; `more` is what a rule tells beside the usual."""

    rule: str
    night: str
    verdict: str
    thresholds: list[LimitLine]
    inputs: list[tuple[str, str]]
    more: Mapping[str, Any] = field(default_factory=dict)


def explained(case: Case, language: str) -> Explained | None:
    """None for a case that carries no trace."""
    trace = case.trace
    if not trace:
        return None
    night, verdict = trace.get("date"), trace.get("verdict")
    return Explained(
        rule=rule_says(case.kind, str(trace.get("rule", "")), language),
        night=_night(str(night), language) if night else "",
        verdict=say(language, f"verdict.{verdict}") if verdict in ("bad", "good") else str(verdict or ""),
        thresholds=[_limit(case, name, one, language) for name, one in (trace.get("thresholds") or {}).items()],
        inputs=sorted((name, shown(value, language)) for name, value in (trace.get("inputs") or {}).items()),
        more={name: value for name, value in trace.items() if name not in KNOWN},
    )


def shown(value: Any, language: str) -> str:
    """A value of the ledger: `26/11 18 h 14`, `oui`, `0,1682`."""
    if isinstance(value, bool):
        return say(language, "answer.yes" if value else "answer.no")
    if isinstance(value, int | float):
        text = f"{value if round(value, 9) else 0:.{DIGITS}g}"  # no "-0"
        return text.replace(".", ",") if language == "fr" else text
    if isinstance(value, str) and len(value) > 10 and (at := _moment(value)):
        return f"{at:%d/%m} {speech.hour(at, language)}"
    return str(value)


def _limit(case: Case, name: str, told: Any, language: str) -> LimitLine:
    if not isinstance(told, Mapping):
        return LimitLine(name, shown(told, language), "")
    words = limit_says(case.kind, name, str(told.get("unit", "")), str(told.get("reason", "")), language)
    return LimitLine(words.name, f"{shown(told.get('value', ''), language)} {words.unit}".strip(), words.reason)


def _night(text: str, language: str) -> str:
    try:
        night = dates.night(date.fromisoformat(text), language)
    except ValueError:
        return text
    return night[:1].upper() + night[1:]


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else at
