"""The monitor's rounds: APScheduler calls the tick and the notifier; one that fails is logged and done again."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from apscheduler.schedulers.background import BackgroundScheduler

from gateway.store import StoreAway
from monitor.watch import Tick, Watch

log = logging.getLogger(__name__)

TICK_S: Final = 30.0
NOTIFY_S: Final = 10.0


class Tells(Protocol):
    def round(self, now: datetime) -> Any: ...


@dataclass(slots=True)
class Pulse:
    """How the monitor is doing, for /health and /metrics."""

    ticks: int = 0
    failed: int = 0
    last_tick: datetime | None = None
    last_seconds: float = 0.0
    world_clock: datetime | None = None
    trouble: str = ""


class Monitor:
    """`start()`, then it works by itself until `stop()`. A tick and a notification round never overlap themselves."""

    def __init__(
        self,
        watch: Watch,
        notifier: Tells,
        clock: Callable[[], datetime],
        *,
        tick_s: float = TICK_S,
        notify_s: float = NOTIFY_S,
        on_tick: Callable[[Tick], None] | None = None,
    ) -> None:
        self.pulse = Pulse()
        self._watch = watch
        self._notifier = notifier
        self._clock = clock
        self._on_tick = on_tick
        self._turn = threading.Lock()
        self._scheduler = BackgroundScheduler(timezone=UTC)
        once: dict[str, Any] = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler.add_job(self.tick, "interval", seconds=tick_s, **once)
        self._scheduler.add_job(self.notify, "interval", seconds=notify_s, **once)

    def start(self) -> None:
        self._scheduler.add_job(self.tick)  # at once, then every interval
        self._scheduler.start()

    def stop(self) -> None:
        """Waits for the round that is going on; what is owed stays owed."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def tick(self) -> Tick | None:
        """One tick now; None when it failed (logged, and tried again at the next)."""
        with self._turn:
            began = time.perf_counter()
            try:
                tick = self._watch.tick()
            except StoreAway as error:
                self._failed(f"store: {error}")
                return None
            except Exception as error:  # one sick round never ends the watch
                log.exception("a tick failed; it is done again at the next round")
                self._failed(f"{type(error).__name__}: {error}")
                return None
            pulse = self.pulse
            if pulse.trouble:
                log.info("ticks work again")
            # The world's clock first: a played world's time is read from it, and a tick may have moved it by weeks.
            pulse.last_seconds, pulse.world_clock = time.perf_counter() - began, tick.clock
            pulse.ticks, pulse.trouble, pulse.last_tick = pulse.ticks + 1, "", self._clock()
        if self._on_tick is not None:
            self._on_tick(tick)
        return tick

    def notify(self) -> None:
        """One round of the notifier now, by the world's clock where alerts were owed."""
        try:
            self._notifier.round(self._clock())
        except Exception:  # alerts stay owed
            log.exception("a round of notifications failed; it is done again at the next")

    def _failed(self, why: str) -> None:
        if self.pulse.trouble != why:
            log.warning("a tick failed, trying again at every round: %s", why)
        self.pulse.failed, self.pulse.trouble = self.pulse.failed + 1, why
