"""How far a replay has come, kept on disk so that a killed one goes on where it was."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

VERSION: Final = 1


class PositionError(Exception):
    """The state of an earlier replay does not belong to this one; the message says what to do."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """One replay: which recording into which world, and the first row that is not known to be acknowledged."""

    version: int = VERSION
    recording: str  # name of the file
    rows: int
    first: int  # µs; with `last` and `rows` the recording's finger-print
    last: int
    world: str
    since: int | None = None
    until: int | None = None
    row: int = 0
    done: bool = False


@dataclass(slots=True)
class Acknowledged:
    """The rows acknowledged so far, in whatever order: `row` is the first one that is not."""

    row: int = 0
    ahead: set[int] = field(default_factory=set)

    def add(self, row: int) -> None:
        self.ahead.add(row)
        while self.row in self.ahead:
            self.ahead.discard(self.row)
            self.row += 1


def load(path: Path) -> State | None:
    """The state of an earlier replay, None when there is none. Raises PositionError."""
    try:
        state = msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, OSError) as error:
        raise PositionError(
            f"{path} holds no replay's state ({error}): delete it, or name another with --state"
        ) from None
    if state.version != VERSION:
        raise PositionError(f"{path} was written by another version of trezor: delete it")
    return state


def save(path: Path, state: State) -> None:
    """Durable on return: either the old state or the new one survives a power cut. Raises PositionError."""
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise PositionError(
            f"the position cannot be written to {path} ({error.strerror or error}): make room, or name another place "
            "with --state"
        ) from None
