"""What the figures of a case say, in clauses: the most telling first, each with what its peers show beside it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from monitor.fault import Figure, Kind
from monitor.glossary import TERMS, Tongue, limit_of, peers_of, value_of
from monitor.phrases import PAIRS, PHRASES, SAID_LAST, Phrase

SLOT: Final = re.compile(r"\{(\w+)(?:\.(peers|limit))?\}")


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing said, and of which figures it is made."""

    text: str
    figures: tuple[Figure, ...]
    peers: tuple[str, ...] = ()  # what the peers show beside it, unless the text says so itself
    limits: tuple[str, ...] = ()


@dataclass(slots=True)
class _Saying:
    tongue: Tongue
    long: bool
    left: dict[str, Figure]
    clauses: list[Clause] = field(default_factory=list)

    def try_phrase(self, phrase: Phrase) -> None:
        template = _of(phrase, self.tongue.language, self.long)
        slots = SLOT.findall(template)
        if not all(name in self.left for name, _ in slots):
            return
        values = {slot: self._value(*slot) for slot in slots}
        if any(value is None for value in values.values()):
            return
        used = tuple(dict.fromkeys(name for name, _ in slots))
        figures = tuple(self.left.pop(name) for name in used)
        said_peers = any(part == "peers" for _, part in slots) or "peers_charge_w" in used
        said_limit = any(part == "limit" for _, part in slots)
        text = SLOT.sub(lambda match: values[match[1], match[2] or ""] or "", template)
        self._add(text, figures, said_peers, said_limit)

    def say_alone(self, figure: Figure) -> None:
        value = value_of(figure, self.tongue)
        if value is None:
            return
        term = TERMS.get(figure.name)
        if term is not None:
            self._add(_of(term, self.tongue.language, self.long).replace("{}", value), (figure,))
        elif self.long:
            self._add(f"{figure.name.replace('_', ' ')} {value}", (figure,))

    def _value(self, name: str, part: str) -> str | None:
        say = {"peers": peers_of, "limit": limit_of}.get(part, value_of)
        return say(self.left[name], self.tongue)

    def _add(self, text: str, figures: tuple[Figure, ...], said_peers: bool = False, said_limit: bool = False) -> None:
        peers = () if said_peers else tuple(p for f in figures if (p := peers_of(f, self.tongue)))
        limits = () if said_limit else tuple(v for f in figures if (v := limit_of(f, self.tongue)))
        self.clauses.append(Clause(text, figures, peers, limits))


def clauses(kind: Kind, figures: Sequence[Figure], tongue: Tongue, long: bool) -> list[Clause]:
    """What the figures say of a case of this kind, the most telling first. Nothing where there are none."""
    saying = _Saying(tongue, long, {figure.name: figure for figure in figures if value_of(figure, tongue) is not None})
    for phrase in (*PHRASES.get(kind, ()), *PAIRS):
        saying.try_phrase(phrase)
    alone = sorted(saying.left.values(), key=lambda figure: figure.name in SAID_LAST)  # otherwise as the rule gave them
    for figure in alone:
        saying.say_alone(figure)
    return saying.clauses


def _of(words: object, language: str, long: bool) -> str:
    return str(getattr(words, language + ("_long" if long else "")))
