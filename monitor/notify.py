"""Tells what is owed: takes alerts from the casebook, hands each to its transport, marks it told after success only.

A contact whose transport fails or hangs delays nobody else. What was handed over but not marked (the power went out in
between) is handed over again under the same id.
"""

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from monitor.case import Alert, Case
from monitor.outbox import put
from monitor.transport import TransportError, address, quiet, send

LEASE: Final = timedelta(minutes=2)  # how long a taken alert is nobody else's; more than a round can last
PATIENCE_S: Final = 30.0  # how long a round waits for the slowest transport
AT_ONCE: Final = 200  # alerts in one round
SENDERS: Final = 16  # contacts told at the same time
NO_ADDRESS: Final = "no address"

log = logging.getLogger(__name__)

Send = Callable[[str, str, str, str], None]  # url, title, text, alert id; raises TransportError


class Book(Protocol):
    """What telling needs of the casebook (monitor/casebook)."""

    def take(self, now: datetime, lease: timedelta, limit: int = ...) -> tuple[Alert, ...]: ...

    def case(self, case: int) -> Case | None: ...

    def told(self, alert: str, now: datetime, why: str = "") -> None: ...

    def told_all(self, alerts: Sequence[str], now: datetime, why: str = "") -> None: ...

    def failed(self, alert: str, why: str, permanent: bool, now: datetime) -> None: ...

    def release(self, alert: str) -> None: ...


@dataclass(slots=True)
class Round:
    """What one round did."""

    told: list[Alert] = field(default_factory=list)
    no_address: list[Alert] = field(default_factory=list)  # in the outbox only, which counts as told
    failed: list[Alert] = field(default_factory=list)  # tried in vain, due again later
    given_up: list[Alert] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Answer:
    alert: Alert
    error: TransportError | None
    reached: bool = True


class _Errand(threading.Thread):
    """Tells one address its alerts, one after the other, and stops at the first failure: the next would fail as well.

    A daemon: a transport that hangs must not keep the program from ending.
    """

    def __init__(self, url: str, alerts: list[tuple[Alert, str]], send: Send, until: float, turn: Any) -> None:
        super().__init__(daemon=True, name="errand")
        self.url = url
        self.waiting = {alert.id: alert for alert, _ in alerts}  # kept by the notifier's thread
        self.abandoned = False
        self.answers: queue.SimpleQueue[_Answer] | None = None
        self._alerts = alerts
        self._send = send
        self._until = until
        self._turn = turn

    def run(self) -> None:
        assert self.answers is not None
        with self._turn:
            stopped = False
            for alert, title in self._alerts:
                if stopped or self.abandoned or time.monotonic() > self._until:
                    self.answers.put(_Answer(alert, None, reached=False))
                    continue
                error = self._tell(alert, title)
                self.answers.put(_Answer(alert, error))
                stopped = error is not None and not error.permanent

    def _tell(self, alert: Alert, title: str) -> TransportError | None:
        try:
            self._send(self.url, title, alert.text, alert.id)
        except TransportError as error:
            return error
        except Exception as error:  # one sick transport never stops the round
            log.exception("The transport of %s broke", alert.contact)
            return TransportError(f"{type(error).__name__}: {error}", permanent=False)
        return None


class Notifier:
    """`round(now)` until nothing is owed. One thread calls it; the transports work in threads of their own.

    `clock` is the transports' clock: real time, also where the world's own clock, `now`, stands still or runs. `totals`
    counts told, no_address, failed and given_up since the start.
    """

    def __init__(
        self,
        casebook: Book,
        outbox: Path | None,
        environ: Mapping[str, str],
        clock: Callable[[], datetime] | None = None,
        *,
        send: Send = send,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.totals: Counter[str] = Counter(told=0, no_address=0, failed=0, given_up=0)
        self._casebook = casebook
        self._outbox = outbox
        self._environ = environ
        self._clock = clock
        self._send = send
        self._patience_s = patience_s
        self._answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self._hanging: dict[str, _Errand] = {}
        quiet()

    def round(self, now: datetime) -> Round:
        """Tells what is due. The casebook must be up to date: what has become stale is cancelled there."""
        real = self._clock() if self._clock else now
        done = Round()
        self._hanging = {url: errand for url, errand in self._hanging.items() if errand.is_alive()}
        self._late_answers(done, now)
        by_url: dict[str, list[tuple[Alert, str]]] = {}
        for alert in self._casebook.take(real, LEASE, AT_ONCE):
            written, title = self._write(alert)
            url, missing = address(alert.url, self._environ)
            if url is None and written:
                done.no_address.append(alert)
            elif url is None:
                self._fail(done, alert, TransportError(f"{NO_ADDRESS}: {missing} is not set", permanent=False), real)
            elif url in self._hanging:
                self._fail(done, alert, TransportError("an earlier message still hangs", permanent=False), real)
            else:
                by_url.setdefault(url, []).append((alert, title))
        self._casebook.told_all([alert.id for alert in done.no_address], now, NO_ADDRESS)
        self._run_errands(by_url, done, now, real)
        for name in self.totals:
            self.totals[name] += len(getattr(done, name))
        return done

    def _write(self, alert: Alert) -> tuple[bool, str]:
        """Puts it into the outbox; whether that worked, and the alert's title."""
        case = self._casebook.case(alert.case)
        title = f"TREZOR: {case.subject}" if case else "TREZOR"
        if self._outbox is None or case is None:
            return False, title
        try:
            put(self._outbox, alert, case)
        except OSError as error:
            log.warning("The outbox %s cannot be written: %s", self._outbox, error)
            return False, title
        return True, title

    def _run_errands(
        self, by_url: Mapping[str, list[tuple[Alert, str]]], done: Round, now: datetime, real: datetime
    ) -> None:
        until = time.monotonic() + self._patience_s
        turn = threading.BoundedSemaphore(SENDERS)
        errands = [_Errand(url, alerts, self._send, until, turn) for url, alerts in by_url.items()]
        for errand in errands:
            errand.answers = self._answers
            errand.start()
        waiting = {alert: errand for errand in errands for alert in errand.waiting}
        while waiting and (left := until - time.monotonic()) > 0:
            try:
                answer = self._answers.get(timeout=left)
            except queue.Empty:
                break
            errand_of = waiting.pop(answer.alert.id, None)
            if errand_of is not None:
                del errand_of.waiting[answer.alert.id]
            self._settle(done, answer, now, real)
        for errand in errands:
            if errand.waiting:
                errand.abandoned = True
                self._hanging[errand.url] = errand
                why = f"no answer within {self._patience_s:g} s"
                for alert in errand.waiting.values():
                    self._fail(done, alert, TransportError(why, permanent=False), real)

    def _late_answers(self, done: Round, now: datetime) -> None:
        """A transport that hung in an earlier round may have taken its message after all."""
        while True:
            try:
                answer = self._answers.get_nowait()
            except queue.Empty:
                return
            if answer.reached and answer.error is None:
                self._settle(done, answer, now, now)

    def _settle(self, done: Round, answer: _Answer, now: datetime, real: datetime) -> None:
        if not answer.reached:
            self._casebook.release(answer.alert.id)
        elif answer.error is not None:
            self._fail(done, answer.alert, answer.error, real)
        else:
            self._casebook.told(answer.alert.id, now)
            done.told.append(answer.alert)

    def _fail(self, done: Round, alert: Alert, error: TransportError, real: datetime) -> None:
        self._casebook.failed(alert.id, str(error), error.permanent, real)
        (done.given_up if error.permanent else done.failed).append(alert)
        log.log(
            logging.WARNING if error.permanent or alert.attempts == 1 else logging.INFO,
            "Alert %s to %s was not told (attempt %d), %s: %s", alert.id[:8], alert.contact, alert.attempts,
            "given up for good" if error.permanent else "it goes out again later", error,
        )  # fmt: skip
