"""Drives any number of MQTT sessions with one selector: two hundred lamps in one process, no thread each."""

import selectors
import time
from collections.abc import Callable
from typing import Final

from firmware_sim.session import Session, Settings
from gateway.options import Broker

CONNECTS_PER_TURN: Final = 10  # connecting blocks: what the other sessions have to say goes between
TEND_EVERY_S: Final = 1.0


class BrokerRefuses(Exception):
    """The broker answered and will never accept this: wrong password, topic not allowed. The message says which."""


class Exchange:
    """One thread calls `turn` again and again; every callback of a session runs inside it."""

    def __init__(self, broker: Broker, clock: Callable[[], float] = time.monotonic) -> None:
        self._broker = broker
        self._clock = clock
        self._sessions: list[Session] = []
        self._selector = selectors.DefaultSelector()
        self._watched: dict[Session, tuple[int, int]] = {}  # file descriptor and events
        self._eager: set[Session] = set()  # have something to send
        self._tended = 0.0
        self._unreachable_until = 0.0

    def open(self, settings: Settings) -> Session:
        session = Session(self._broker, settings, self)
        self._sessions.append(session)
        return session

    @property
    def trouble(self) -> str:
        """What to tell people of a broker that cannot be reached; empty when it can."""
        why = next((session.trouble for session in self._sessions if session.trouble), "")
        return f"{self._broker} does not answer ({why}): trying again until it does" if why else ""

    def turn(self, timeout: float = 0.1) -> None:
        """One round: connect who is due, send, wait at most `timeout` s for the network, receive.

        Raises BrokerRefuses when the broker will never accept a session or a message.
        """
        now = self._clock()
        waits = self._connect(now)
        self._fill(now)
        until = min([now + timeout, *waits])
        for key, events in self._selector.select(max(0.0, until - self._clock())):
            session: Session = key.data
            now = self._clock()
            if events & selectors.EVENT_READ:
                session.read(now)
            if events & selectors.EVENT_WRITE and session.client is not None:
                session.client.loop_write()
        now = self._clock()
        if now - self._tended >= TEND_EVERY_S:
            self._tended = now
            for session in self._sessions:
                session.tend(now)
        self._fill(now)
        refused = next((session.refused for session in self._sessions if session.refused), None)
        if refused is not None:
            raise BrokerRefuses(refused)

    def close(self, with_will: bool = False) -> None:
        """Every session says good-bye."""
        for session in self._sessions:
            session.leave(with_will)
        self._selector.close()

    def _connect(self, now: float) -> list[float]:
        """Tries those who are due; returns when the others are. One failure speaks for all: they wait with it."""
        tried = 0
        waits: list[float] = []
        for session in self._sessions:
            if not session.wanted or session.client is not None or session.refused is not None:
                continue
            if tried < CONNECTS_PER_TURN and session.due(now) and now >= self._unreachable_until:
                tried += 1
                if not session.connect(now):
                    self._unreachable_until = session.next_try
            elif tried < CONNECTS_PER_TURN:
                waits.append(max(session.next_try, self._unreachable_until))
        return [now] if tried == CONNECTS_PER_TURN else waits

    def _fill(self, now: float) -> None:
        eager, self._eager = self._eager, set()
        for session in eager:
            session.fill(now)

    # What the sessions tell their loop (session.Watcher).

    def watch(self, session: Session, writing: bool) -> None:
        sock = session.client.socket() if session.client is not None else None
        if sock is None:
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        fd = sock.fileno()
        known = self._watched.get(session)
        if known == (fd, events):
            return
        if known is None:
            self._selector.register(fd, events, session)
        elif known[0] == fd:
            self._selector.modify(fd, events, session)
        else:
            self._selector.unregister(known[0])
            self._selector.register(fd, events, session)
        self._watched[session] = fd, events

    def forget(self, session: Session) -> None:
        known = self._watched.pop(session, None)
        if known is not None:
            self._selector.unregister(known[0])

    def stir(self, session: Session) -> None:
        self._eager.add(session)
