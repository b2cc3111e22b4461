"""What a check says: one line in two languages, and what to do about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

State = Literal["ok", "note", "wrong"]


class Words(NamedTuple):
    fr: str
    en: str

    def of(self, language: str) -> str:
        return self.fr if language == "fr" else self.en


@dataclass(frozen=True, slots=True)
class Finding:
    """`ok`; `note`: worth knowing, nothing is broken; `wrong`: somebody must do something, `remedy` says what."""

    state: State
    what: Words
    remedy: Words | None = None


def ok(fr: str, en: str) -> Finding:
    return Finding("ok", Words(fr, en))


def note(fr: str, en: str) -> Finding:
    return Finding("note", Words(fr, en))


def wrong(fr: str, en: str, do_fr: str, do_en: str) -> Finding:
    return Finding("wrong", Words(fr, en), Words(do_fr, do_en))


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The settings to look at, as they were written. `now` is the wall clock, UTC."""

    world: str
    fleet: Path
    store: str
    casebook: str
    broker: str | None
    page: str
    accounts: Path | None
    grafana: str | None
    grafana_token: str | None
    environ: Mapping[str, str]
    now: Callable[[], datetime]

    def filled(self, url: str) -> str:
        return url.replace("{world}", self.world)
