"""The casebook: episodes become cases, cases owe alerts, people write beside them. One world each."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, and_, delete, func, insert, or_, select, update

from gateway.fleet import Fleet
from monitor.case import Alert, Case, Repair
from monitor.casebook.reconcile import Changes, Reconciliation
from monitor.casebook.records import Moment, Note, alert_of, case_of, note_of, repair_of
from monitor.casebook.schema import ALERTS, CASES, MEMORY, NOTES, REPAIRS, TABLES
from monitor.casebook.writing import Transactions
from monitor.fault import Episode, Kind

# After the first, second … failure of a transport; then the last for ever. Long enough not to hurt a sick server,
# short enough that news of the evening is there in the morning.
PAUSES: Final = tuple(timedelta(minutes=m) for m in (1, 2, 5, 15, 60, 180))


class Casebook:
    """Shared by threads and, through the database, by processes: two monitors by mistake double nothing."""

    def __init__(self, engine: Engine, world: str, lock: AbstractContextManager[Any]) -> None:
        self.world = world
        self._engine = engine
        self._transactions = Transactions(engine, world, lock)

    @property
    def transactions(self) -> Transactions:
        """For what reads or writes a whole world at once (dump.py)."""
        return self._transactions

    def reconcile(
        self,
        episodes: Iterable[Episode],
        now: datetime,
        horizon: datetime,
        fleet: Fleet,
        remember: Mapping[str, bytes] | None = None,
    ) -> Changes:
        """Makes the cases what the episodes say, owes the alerts, stores `remember`: all in one transaction.

        `episodes` are all that opened at or after `horizon`, open and closed. The same again changes nothing and
        writes nothing.
        """
        derived = tuple(episodes)
        return self._transactions.write(
            lambda connection: Reconciliation(connection, self.world, fleet, now, horizon).run(derived, remember or {})
        )

    def recall(self, key: str) -> bytes | None:
        """What `remember` stored last under this key."""
        query = select(MEMORY.c.value).where(MEMORY.c.world == self.world, MEMORY.c.key == key)
        return self._transactions.read(lambda connection: connection.scalar(query))

    def worlds(self) -> list[str]:
        """Every world that these tables know, this one among them once anything is kept of it."""
        query = select(MEMORY.c.world).union(select(CASES.c.world)).order_by("world")
        return self._transactions.read(lambda connection: list(connection.scalars(query)))

    def cases(
        self,
        *,
        open_only: bool = False,
        commune: str | None = None,
        subject: str | None = None,
        kind: Kind | None = None,
        since: datetime | None = None,
        hidden: bool = True,
        withdrawn: bool = False,
        opened_before: datetime | None = None,
        limit: int | None = None,
    ) -> list[Case]:
        """Newest first. `subject` is a lamp, or a commune where there is none; `since` leaves out what ended before."""
        query = select(CASES).where(CASES.c.world == self.world)
        if not withdrawn:
            query = query.where(CASES.c.withdrawn_at.is_(None))
        if open_only:
            query = query.where(CASES.c.until.is_(None))
        if commune is not None:
            query = query.where(CASES.c.commune == commune)
        if subject is not None:
            query = query.where(CASES.c.subject == subject)
        if kind is not None:
            query = query.where(CASES.c.kind == kind.value)
        if since is not None:
            query = query.where(or_(CASES.c.until.is_(None), CASES.c.until >= since))
        if opened_before is not None:
            query = query.where(CASES.c.opened_at < opened_before)
        if not hidden:
            query = query.where(CASES.c.hidden_by.is_(None))
        query = query.order_by(CASES.c.opened_at.desc(), CASES.c.id.desc()).limit(limit)
        return self._transactions.read(lambda connection: list(map(case_of, connection.execute(query))))

    def case(self, case: int) -> Case | None:
        return self._transactions.read(lambda connection: self._case(connection, case))

    def _case(self, connection: Connection, case: int) -> Case | None:
        row = connection.execute(select(CASES).where(self._this(case))).one_or_none()
        return case_of(row) if row else None

    def _this(self, case: int) -> Any:
        return and_(CASES.c.world == self.world, CASES.c.id == case)

    def acknowledge(self, case: int, by: str, now: datetime) -> Case | None:
        """Somebody has taken it on; whoever did first keeps it. None if there is no such case."""
        take = (
            update(CASES).where(self._this(case), CASES.c.acknowledged_at.is_(None))
            .values(acknowledged_at=now, acknowledged_by=by)
        )  # fmt: skip

        def work(connection: Connection) -> Case | None:
            connection.execute(take)
            return self._case(connection, case)

        return self._transactions.write(work)

    def note(self, case: int, text: str, by: str, now: datetime) -> Note | None:
        """Written beside the case. None if there is no such case."""

        def work(connection: Connection) -> Note | None:
            if self._case(connection, case) is None:
                return None
            made = Note(self._next(connection, NOTES), case, now, by, text)
            connection.execute(insert(NOTES).values(world=self.world, id=made.id, case=case, at=now, by=by, text=text))
            return made

        return self._transactions.write(work)

    def notes(self, case: int) -> tuple[Note, ...]:
        query = select(NOTES).where(NOTES.c.world == self.world, NOTES.c.case == case).order_by(NOTES.c.at, NOTES.c.id)
        return self._transactions.read(lambda connection: tuple(map(note_of, connection.execute(query))))

    def report_repair(self, lamp: str, what: str, by: str, at: datetime, case: int | None = None) -> Repair:
        """What somebody did at a lamp. The same report twice is one repair. Raises LookupError for an unknown case."""

        def work(connection: Connection) -> Repair:
            if case is not None and self._case(connection, case) is None:
                raise LookupError(f"no case {case}")
            same = select(REPAIRS).where(
                REPAIRS.c.world == self.world, REPAIRS.c.lamp == lamp, REPAIRS.c.at == at,
                REPAIRS.c.what == what, REPAIRS.c.by == by,
            )  # fmt: skip
            if (row := connection.execute(same).first()) is not None:
                return repair_of(row)
            made = Repair(self._next(connection, REPAIRS), lamp, at, what, by, case)
            values = {"id": made.id, "lamp": lamp, "at": at, "what": what, "by": by, "case": case}
            connection.execute(insert(REPAIRS).values(world=self.world, **values))
            return made

        return self._transactions.write(work)

    def repairs(self, lamp: str | None = None) -> tuple[Repair, ...]:
        """Oldest first: the order in which learning begins anew."""
        query = select(REPAIRS).where(REPAIRS.c.world == self.world).order_by(REPAIRS.c.at, REPAIRS.c.id)
        if lamp is not None:
            query = query.where(REPAIRS.c.lamp == lamp)
        return self._transactions.read(lambda connection: tuple(map(repair_of, connection.execute(query))))

    def _next(self, connection: Connection, table: Any) -> int:
        newest = connection.scalar(select(func.max(table.c.id)).where(table.c.world == self.world))
        return int(newest or 0) + 1

    def alerts(self, case: int | None = None, limit: int | None = None) -> tuple[Alert, ...]:
        """In the order in which they were owed; with a limit the newest ones. Cancelled and given up ones too."""
        query = select(ALERTS).where(ALERTS.c.world == self.world)
        if case is not None:
            query = query.where(ALERTS.c.case == case)
        query = query.order_by(ALERTS.c.owed_at.desc(), ALERTS.c.case.desc(), ALERTS.c.id).limit(limit)
        newest_first = self._transactions.read(lambda connection: tuple(map(alert_of, connection.execute(query))))
        return newest_first[::-1]

    def owed(self, now: datetime) -> tuple[Alert, ...]:
        """What should be told now, oldest first: neither told nor cancelled nor given up nor in a pause."""
        query = self._due(now)
        return self._transactions.read(lambda connection: tuple(map(alert_of, connection.execute(query))))

    def take(self, now: datetime, lease: timedelta, limit: int = 1000) -> tuple[Alert, ...]:
        """The same, taken for `lease`: nobody else gets them meanwhile, and if the taker dies they come back.

        `now` here, and in `failed`, is the transports' clock: real time, also where the world's own clock stands still.
        """
        query = self._due(now).limit(limit).with_for_update(skip_locked=True)

        def work(connection: Connection) -> tuple[Alert, ...]:
            due = tuple(map(alert_of, connection.execute(query)))
            for alert in due:
                taken = update(ALERTS).where(self._that(alert.id))
                connection.execute(taken.values(next_try=now + lease, attempts=ALERTS.c.attempts + 1))
            return tuple(replace(alert, attempts=alert.attempts + 1, next_try=now + lease) for alert in due)

        return self._transactions.write(work)

    def _due(self, now: datetime) -> Any:
        waiting = and_(ALERTS.c.told_at.is_(None), ALERTS.c.failed_at.is_(None), ALERTS.c.cancelled_at.is_(None))
        due = or_(ALERTS.c.next_try.is_(None), ALERTS.c.next_try <= now)
        order = (ALERTS.c.owed_at, ALERTS.c.case, ALERTS.c.id)
        return select(ALERTS).where(ALERTS.c.world == self.world, waiting, due).order_by(*order)

    def _that(self, alert: str) -> Any:
        return and_(ALERTS.c.world == self.world, ALERTS.c.id == alert)

    def told(self, alert: str, now: datetime, why: str = "") -> None:
        """A transport has taken it. Also where it was cancelled meanwhile: what was said was said."""
        self.told_all((alert,), now, why)

    def told_all(self, alerts: Sequence[str], now: datetime, why: str = "") -> None:
        """The same of several, in one transaction."""

        def work(connection: Connection) -> None:
            for alert in alerts:
                query = update(ALERTS).where(self._that(alert), ALERTS.c.told_at.is_(None))
                done = {"told_at": now, "cancelled_at": None, "failed_at": None, "next_try": None, "why": why}
                connection.execute(query.values(**done))

        if alerts:
            self._transactions.write(work)

    def failed(self, alert: str, why: str, permanent: bool, now: datetime) -> None:
        """Tried in vain: given up if `permanent`, else due again after a pause that grows with the attempts."""

        def work(connection: Connection) -> None:
            attempts = connection.scalar(select(ALERTS.c.attempts).where(self._that(alert)))
            pause = PAUSES[min(max(attempts or 1, 1), len(PAUSES)) - 1]
            query = update(ALERTS).where(self._that(alert), ALERTS.c.told_at.is_(None))
            outcome = {"failed_at": now, "next_try": None} if permanent else {"next_try": now + pause}
            connection.execute(query.values(why=why[:1000], **outcome))

        self._transactions.write(work)

    def release(self, alert: str) -> None:
        """Taken, but not even tried: due again at once."""
        query = update(ALERTS).where(self._that(alert), ALERTS.c.told_at.is_(None), ALERTS.c.attempts > 0)
        back = query.values(next_try=None, attempts=ALERTS.c.attempts - 1)
        self._transactions.write(lambda connection: connection.execute(back))

    def timeline(self, case: int) -> tuple[Moment, ...]:
        """What happened and what people did, in order. Empty if there is no such case."""
        found = self.case(case)
        if found is None:
            return ()
        moments = [Moment(found.since, "began"), Moment(found.opened_at, "opened")]
        if found.acknowledged_at:
            moments.append(Moment(found.acknowledged_at, "acknowledged", found.acknowledged_by or ""))
        if found.until:
            moments.append(Moment(found.until, "ended"))
        if found.closed_at:
            moments.append(Moment(found.closed_at, "closed"))
        if found.withdrawn_at:
            moments.append(Moment(found.withdrawn_at, "withdrawn"))
        moments += [Moment(note.at, "note", note.by, note.text) for note in self.notes(case)]
        moments += [Moment(repair.at, "repair", repair.by, repair.what) for repair in self._repairs_of(found)]
        for alert in self.alerts(case):
            if alert.told_at:
                moments.append(Moment(alert.told_at, "told", alert.contact, alert.text))
            elif alert.failed_at:
                moments.append(Moment(alert.failed_at, "failed", alert.contact, alert.why))
        return tuple(sorted(moments, key=lambda moment: moment.at))

    def _repairs_of(self, case: Case) -> list[Repair]:
        """Those reported for it, and those at its lamp while it lasted."""
        if case.lamp is None:
            return []
        meanwhile = (repair for repair in self.repairs(case.lamp) if repair.case in (None, case.id))
        return [
            repair
            for repair in meanwhile
            if repair.case == case.id or case.since <= repair.at <= (case.until or repair.at)
        ]

    def drop(self) -> None:
        """Removes this world for ever and closes; a SQLite file that holds no other world goes with it."""

        def work(connection: Connection) -> bool:
            for table in TABLES:
                connection.execute(delete(table).where(table.c.world == self.world))
            return all(connection.execute(select(table.c.world).limit(1)).first() is None for table in TABLES)

        empty = self._transactions.write(work)
        self.close()
        file = self._engine.url.database
        if empty and self._engine.dialect.name == "sqlite" and file and file != ":memory:":
            for ending in ("", "-wal", "-shm"):
                Path(file + ending).unlink(missing_ok=True)

    def close(self) -> None:
        """Releases the connections. The casebook must not be used afterwards."""
        self._engine.dispose()
