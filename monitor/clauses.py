"""What the figures of a case say, in clauses: the most telling first, each with what its peers show beside it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from monitor.fault import Figure, Kind
from monitor.glossary import TERMS, Tongue, limit_of, peers_of, value_of
from monitor.phrase import Phrase
from monitor.phrases import PAIRS, PHRASES, SAID_LAST

HARDLY_AH: Final = 0.5
HEALTHY_PCT: Final = 90  # of its neighbours' output; lamps differ by so much
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
        # What only the long form names is said by the short one as well: the whole is one thing.
        used = tuple(dict.fromkeys(name for name, _ in SLOT.findall(phrase.fr_long)))
        if not all(name in self.left for name in used) or not self._nought(phrase.none):
            return
        values = {slot: self._value(*slot) for slot in slots}
        if any(value is None for value in values.values()):
            return
        used = (*used, *(name for name in (phrase.none, phrase.also) if name and name not in used))
        figures = tuple(self.left.pop(name) for name in used if name in self.left)
        said_peers = any(part == "peers" for _, part in slots) or "peers_charge_w" in used
        said_limit = any(part == "limit" for _, part in slots)
        text = SLOT.sub(lambda match: values[match[1], match[2] or ""] or "", template)
        self._add(text, figures, said_peers, said_limit)

    def _nought(self, name: str) -> bool:
        """Whether this figure is there and would be said as 0; True where none is asked for."""
        if not name:
            return True
        said = self._value(name, "") if name in self.left else None
        return said is not None and float(said.split(" ")[0].replace(",", ".")) == 0

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
    told = {figure.name: figure for figure in figures if value_of(figure, tongue) is not None and _tells(kind, figure)}
    saying = _Saying(tongue, long, told)
    for phrase in (*PHRASES.get(kind, ()), *PAIRS):
        saying.try_phrase(phrase)
    alone = sorted(saying.left.values(), key=lambda figure: figure.name in SAID_LAST)  # otherwise as the rule gave them
    for figure in alone:
        saying.say_alone(figure)
    return saying.clauses


def _tells(kind: Kind, figure: Figure) -> bool:
    """A panel that gives what its neighbours give is no reason to go out; a night not yet begun tells of no risk."""
    if isinstance(figure.value, str):
        return True
    if kind is Kind.EARLY_OFF and figure.name == "ratio_pct":
        return figure.value < HEALTHY_PCT
    return not (kind is Kind.DARK_RISK and figure.name == "discharge_ah" and figure.value < HARDLY_AH)


def _of(words: object, language: str, long: bool) -> str:
    return str(getattr(words, language + ("_long" if long else "")))
