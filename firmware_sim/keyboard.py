"""Signals and keys of a command that runs for long."""

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from firmware_sim.replay import Controls

LOCAL_FLAGS: Final = 3  # place of the local modes in what tcgetattr gives


@contextmanager
def controls() -> Iterator[Controls]:
    """Ctrl-C and SIGTERM stop, a second Ctrl-C at once; SIGUSR1 pauses and goes on; after Ctrl-Z `fg` goes on."""
    made = Controls()

    def stop(number: int, _: FrameType | None) -> None:
        if made.stopped and number == signal.SIGINT:
            raise KeyboardInterrupt
        made.stopped = True

    def toggle(*_: Any) -> None:
        made.paused = not made.paused

    def go_on(*_: Any) -> None:
        made.continued = True

    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGUSR1: toggle, signal.SIGCONT: go_on}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield made
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Keys:
    """Single keys without Enter, where there is a keyboard: `p` pauses and goes on, `q` stops."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._before: list[Any] | None = None

    @property
    def there(self) -> bool:
        return self._before is not None

    def __enter__(self) -> "Keys":
        # A background job that touched the terminal would be stopped by it.
        if sys.stdin.isatty() and os.getpgrp() == os.tcgetpgrp(sys.stdin.fileno()):
            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def poll(self) -> None:
        """Takes what was typed."""
        if not self.there or os.getpgrp() != os.tcgetpgrp(sys.stdin.fileno()):
            return
        if termios.tcgetattr(sys.stdin)[LOCAL_FLAGS] & termios.ICANON:  # the shell's own mode, after Ctrl-Z and fg
            tty.setcbreak(sys.stdin)
        while select.select([sys.stdin], [], [], 0)[0]:
            key = os.read(sys.stdin.fileno(), 1)
            if key == b"p":
                self._controls.paused = not self._controls.paused
            elif key == b"q":
                self._controls.stopped = True
            elif not key:
                return
