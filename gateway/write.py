"""Makes a batch durable: patient with a store that is away, exact with a message that the store refuses."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gateway.intake import Accepted, Batch, Entry, Refused, Stamps
from gateway.store import Store, StoreAway, WriteRefused

log = logging.getLogger(__name__)

PAUSES_S: Final = (0.2, 30.0)  # between tries: the first, doubled up to the last
SURPRISES: Final = 3  # times that an error nobody foresaw is taken for an absence before a message is suspected


@dataclass(frozen=True, slots=True)
class Counts:
    accepted: int = 0
    refused: int = 0
    rows: int = 0  # in telemetry, status and events
    batches: int = 0
    bytes: int = 0  # of payloads


class Writer:
    """Used by one thread. `stopping` ends the patience."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        stamps: Stamps,
        stopping: threading.Event,
        pauses_s: tuple[float, float] = PAUSES_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._stamps = stamps
        self._stopping = stopping
        self._pauses = pauses_s
        self.counts = Counts()
        self.store_away = ""  # why, '' while it is there
        self.last_written: datetime | None = None

    def write(self, batch: Batch) -> bool:
        """True when every message is durable, in its table or in the quarantine; False when stopped before that."""
        pause, longest = self._pauses
        surprises = 0
        while True:
            try:
                self._append(batch)
                return True
            except StoreAway as error:
                self._away(str(error))
            except WriteRefused as error:
                return self._apart(batch, f"store: {error}")
            except Exception as error:  # a driver's surprise: an absence as likely as a poison message
                surprises += 1
                reason = f"store: {type(error).__name__}: {error}"
                if not self.store_away:
                    log.exception("unforeseen error of the store with a batch of %d messages", len(batch))
                self._away(reason)
                if surprises == SURPRISES:
                    return self._apart(batch, reason)
            if self._stopping.wait(pause):
                return False
            pause = min(2 * pause, longest)

    def _apart(self, batch: Batch, reason: str) -> bool:
        """The refused message alone into the quarantine, its neighbours into their tables."""
        if len(batch) > 1:
            return all(self.write(half) for half in batch.halves())
        fate = batch.entries[0].fate
        if isinstance(fate, Refused):  # the quarantine itself refuses: nothing may be acknowledged before it does not
            return self._insist(batch, reason)
        log.warning("the store refuses a message of %s: quarantined", fate.topic)
        return self._insist(Batch([self._quarantined(batch.entries[0], fate, reason)]), reason)

    def _quarantined(self, entry: Entry, fate: Accepted, reason: str) -> Entry:
        """The lamp did nothing wrong, so its message is kept whole, to be brought in by hand."""
        refused = Refused(str(fate.topic), fate.topic.commune, fate.topic.lamp, reason, fate.payload, whole=True)
        return replace(entry, fate=refused, wall=self._stamps.take(self._clock()))

    def _insist(self, batch: Batch, reason: str) -> bool:
        pause, longest = self._pauses
        while True:
            try:
                self._append(batch)
                return True
            except Exception as error:
                self._away(f"{reason}; the quarantine: {type(error).__name__}: {error}")
            if self._stopping.wait(pause):
                return False
            pause = min(2 * pause, longest)

    def _append(self, batch: Batch) -> None:
        now = self._clock()
        rows = 0
        for table, frame in batch.frames(now, self._stamps):
            self._store.append(table, frame)
            rows += len(frame) if table in ("telemetry", "status", "events") else 0
        if self.store_away:
            log.warning("the store is back")
            self.store_away = ""
        self.last_written = now
        counts = self.counts
        self.counts = Counts(
            accepted=counts.accepted + len(batch.accepted),
            refused=counts.refused + len(batch.refused),
            rows=counts.rows + rows,
            batches=counts.batches + 1,
            bytes=counts.bytes + sum(len(entry.fate.payload) for entry in batch.entries),
        )

    def _away(self, reason: str) -> None:
        """Said once when it goes and once when the reason changes, not at every try."""
        if reason != self.store_away:
            self.store_away = reason
            log.warning("cannot write; the broker keeps the messages meanwhile: %s", reason)
