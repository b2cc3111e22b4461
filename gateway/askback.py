"""Asks lamps for reports that have not come, on `{world}/{commune}/{lamp}/resend`, and writes down what is lost.

Reads the `arrivals` of the store, not what this process heard: after a restart, and when several gateways share the
load, only the store knows what has come.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from zlib import crc32

import polars as pl

from gateway.fleet import Fleet
from gateway.intake import Stamps
from gateway.resend import PATIENCE, GapTracker, Missing, Patience, runs
from gateway.store import ARRIVALS, LOST, Store, StoreAway, WriteRefused
from gateway.telemetry import CBOR_TYPE, VERSION, Resend, encode
from gateway.topic import RESEND, Topic
from gateway.worldclock import WorldClock

log = logging.getLogger(__name__)

REMEMBERED: Final = timedelta(days=31)  # of arrivals, after a restart
OVERLAP: Final = timedelta(minutes=1)  # another gateway's rows may show up later than they are dated
COLUMNS: Final = ("time", "lamp", "boot", "seq", "first", "received")


class Publish(Protocol):
    def __call__(self, topic: str, payload: bytes, content_type: str) -> bool:
        """False when there is no connection now."""


class AskBack:
    """A thread of its own: reading must not hold up the door. `period_s` bounds how often it looks."""

    def __init__(
        self,
        store: Store,
        fleet: Fleet,
        world: str,
        clock: Callable[[], datetime],
        world_clock: WorldClock,
        publish: Publish,
        *,
        suffix: str = "",
        period_s: float = 10.0,
        per_second: float = 5.0,
        patience: Patience = PATIENCE,
    ) -> None:
        self._store = store
        self._fleet = fleet
        self._world = world
        self._clock = clock
        self._world_clock = world_clock
        self._publish = publish
        self._period_s = period_s
        self._most = max(1, int(per_second * period_s))
        # Replicas see the same gaps; the one that asks first usually has its answer before the next would ask.
        late = patience.open_for * (crc32(suffix.encode()) % 100 / 500)  # up to two minutes of ten
        self._tracker = GapTracker(replace(patience, open_for=patience.open_for + late))
        self._stamps = Stamps()
        self._read_until: datetime | None = None
        self._quiet = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"askback-{world}", daemon=True)
        self.asked = 0
        self.lost = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def look(self) -> None:
        """One round: read what is new, ask for what is due, write down what is lost. May raise StoreAway."""
        self._read()
        now = self._world_clock.now()
        if now is None:
            return
        for missing in self._tracker.due(now, self._most):
            self._ask(missing)
        if hopeless := self._tracker.hopeless(now):
            self._give_up(hopeless, now)

    def _read(self) -> None:
        first_time = self._read_until is None
        since = self._clock() - REMEMBERED if self._read_until is None else self._read_until - OVERLAP
        # InfluxDB shows a row that is being written field by field: what is not whole yet is read again by the overlap.
        arrivals = self._store.read(ARRIVALS.name, since, columns=COLUMNS).drop_nulls()
        if arrivals.is_empty():
            return
        for run in runs(arrivals):
            self._tracker.came(run)
        self._read_until = arrivals["time"][-1]
        if first_time:
            lost = self._store.read(LOST.name, columns=("lamp", "boot", "from_seq", "to_seq"))
            for row in lost.iter_rows():
                self._tracker.forget(Missing(*row))

    def _ask(self, missing: Missing) -> None:
        lamp = self._fleet.lamps.get(missing.lamp)
        if lamp is None:  # it has left the fleet
            return
        request = Resend(v=VERSION, boot=missing.boot, from_=missing.first, to=missing.last)
        if self._publish(str(Topic(self._world, lamp.commune, lamp.id, RESEND)), encode(request), CBOR_TYPE):
            self.asked += 1

    def _give_up(self, hopeless: list[Missing], now: datetime) -> None:
        records = [
            (lamp.commune, lamp.id, now, missing.boot, missing.first, missing.last)
            for missing in hopeless
            if (lamp := self._fleet.lamps.get(missing.lamp)) is not None
        ]
        if records:
            first = self._stamps.take(now, len(records))
            times = pl.lit(first, LOST.schema["time"]) + pl.duration(microseconds=pl.int_range(len(records)))
            frame = pl.DataFrame(records, schema=dict(LOST.schema), orient="row").with_columns(times.alias("time"))
            self._store.append(LOST.name, frame)
            count = sum(missing.last - missing.first + 1 for missing in hopeless)
            self.lost += count
            log.warning("%d reports of %d lamps are lost", count, len({missing.lamp for missing in hopeless}))
        for missing in hopeless:
            self._tracker.forget(missing)

    def _work(self) -> None:
        while not self._stopping.wait(self._period_s):
            try:
                self.look()
                self._quiet = False
            except (StoreAway, WriteRefused) as error:
                if not self._quiet:
                    log.warning("cannot look for missing reports now: %s", error)
                self._quiet = True
            except Exception:  # gaps wait; the door must not close for them
                if not self._quiet:
                    log.exception("looking for missing reports failed")
                self._quiet = True
