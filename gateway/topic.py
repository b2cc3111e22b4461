"""Where a message belongs: `{world}/{commune}/{lamp}/{kind}`, valid by construction."""

import re
from dataclasses import dataclass
from typing import Final

TELEMETRY: Final = "telemetry"
STATUS: Final = "status"
EVENT: Final = "event"
RESEND: Final = "resend"
KINDS: Final = (TELEMETRY, STATUS, EVENT, RESEND)
RECEIVED: Final = "received"  # user property of a replayed message: when it was heard first, µs since 1970

PART: Final = re.compile(r"[a-z0-9-]{1,32}")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A refusal is a value, not an exception: why one message cannot be used, in words an operator can act on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Topic:
    """One lamp's address. `Topic.parse` returns `Rejected` where the constructor would raise."""

    world: str
    commune: str
    lamp: str
    kind: str

    def __post_init__(self) -> None:
        for name in ("world", "commune", "lamp"):
            check_part(name, getattr(self, name))
        if self.kind not in KINDS:
            raise ValueError(f"topic kind {self.kind!r} is not one of {', '.join(KINDS)}")

    def __str__(self) -> str:
        return f"{self.world}/{self.commune}/{self.lamp}/{self.kind}"

    @classmethod
    def parse(cls, text: str) -> "Topic | Rejected":
        parts = text.split("/")
        if len(parts) != 4:
            return Rejected(f"topic has {len(parts)} parts, expected 4: world/commune/lamp/kind")
        try:
            return cls(*parts)
        except ValueError as error:
            return Rejected(str(error))


def check_part(name: str, text: str) -> str:
    """`text` if it may stand in a topic (`[a-z0-9-]{1,32}`), else ValueError that says what was expected."""
    if not PART.fullmatch(text):
        raise ValueError(f"{name} {text!r} must be 1 to 32 of a-z, 0-9 and '-'")
    return text


def wildcard(world: str, kind: str) -> str:
    """The MQTT filter of one kind of message from every lamp of a world."""
    return f"{check_part('world', world)}/+/+/{kind}"
