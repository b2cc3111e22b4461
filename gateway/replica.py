"""What tells gateways apart that share the load, and what tells whoever restarts them that one is well.

The broker keeps a session per name and deals it its share of the messages even while it is away. So a name must be
taken again by whoever comes next: a number that the operating system gives back when a process dies, however it dies.
"""

import fcntl
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from gateway.listen import Counters
from gateway.trouble import Trouble

AUTO: Final = "auto"
MOST: Final = 64
STUCK_S: Final = 600.0  # a store that is away for so long is waited for all the same; only a stuck process is not


class NoSlot(Trouble):
    """No number is free, or the folder cannot be used; the message says what to do."""


@contextmanager
def replica(suffix: str, slots: Path | None) -> Iterator[str]:
    """The suffix to use while the context lasts: the one given, or for `auto` the lowest number free in `slots`.

    `slots` is a folder that all replicas share (a volume of one machine). Without one, `auto` is the host's name: as
    unique, but a container that is made anew has a new one. Raises NoSlot.
    """
    if suffix != AUTO:
        yield suffix
        return
    if slots is None:
        yield re.sub("[^a-z0-9-]", "-", socket.gethostname().lower())[:32]
        return
    file, number = _first_free(slots)
    with file:  # closing it gives the number back
        yield str(number)


def _first_free(slots: Path) -> tuple[TextIO, int]:
    """The locked file of the lowest number that nobody holds."""
    try:
        slots.mkdir(parents=True, exist_ok=True)
        for number in range(1, MOST + 1):
            file = (slots / f"slot-{number}").open("a", encoding="utf-8")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            return file, number
    except OSError as error:
        raise NoSlot(f"the folder of the replicas' numbers, {slots}, cannot be used: {error}") from error
    raise NoSlot(f"all {MOST} numbers in {slots} are taken: give this gateway a --suffix of its own")


def sign(alive: Path, counters: Counters) -> bool:
    """Touches the file while the gateway does its work; whether it did.

    Waiting for a store that is away is its work. Not being connected is not, nor is holding a message for ten minutes
    with the store there.
    """
    well = counters.connected and (bool(counters.store_away) or counters.lag_s < STUCK_S)
    if well:
        alive.touch()
    return well
