"""The casebook's tables. Several worlds may share them: the world is part of every key.

What must never happen twice is a constraint here, not a hope elsewhere. A change of these tables is a new file in
`migrations/versions/`; a test compares the two.
"""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    Dialect,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

VERSION_TABLE: Final = "casebook_version"


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC datetime: PostgreSQL's own type, and in SQLite a text of fixed width, which sorts as time does."""

    impl = String(26)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if dialect.name == "postgresql" else String(26))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None).isoformat(" ", "microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else datetime.fromisoformat(value + "+00:00")


METADATA: Final = MetaData()

CASES: Final = Table(
    "cases",
    METADATA,
    Column("world", String(32), primary_key=True),
    Column("id", Integer, primary_key=True, autoincrement=False),  # counts from 1 in every world
    Column("subject", String(64), nullable=False),  # the lamp, or the commune where the episode has no lamp
    Column("commune", String(64), nullable=False),
    Column("lamp", String(64)),
    Column("kind", String(32), nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime),
    Column("opened_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    Column("causes", Text, nullable=False),  # JSON
    Column("figures", Text, nullable=False),  # JSON
    Column("estimate", Float),
    Column("hidden_by", String(32)),
    Column("trace", Text, nullable=False),  # JSON
    Column("acknowledged_at", UtcTime),
    Column("acknowledged_by", Text),
    Column("withdrawn_at", UtcTime),
    Column("merged_into", Integer),  # withdrawn because late data joined it with this other case
    # An alert's id must not change when late data move `since`: it is made of the first `since` and of the turn,
    # which counts how often the story had to be told from its start (withdrawn, told so, and true after all).
    Column("first_since", UtcTime, nullable=False),
    Column("turn", Integer, nullable=False),
)

Index(
    "one_open_case",
    CASES.c.world,
    CASES.c.subject,
    CASES.c.kind,
    unique=True,
    sqlite_where=text("until IS NULL AND withdrawn_at IS NULL"),
    postgresql_where=text("until IS NULL AND withdrawn_at IS NULL"),
)
Index(
    "one_case_per_start",
    CASES.c.world,
    CASES.c.subject,
    CASES.c.kind,
    CASES.c.since,
    unique=True,
    sqlite_where=text("withdrawn_at IS NULL"),
    postgresql_where=text("withdrawn_at IS NULL"),
)

ALERTS: Final = Table(
    "alerts",
    METADATA,
    Column("world", String(32), primary_key=True),
    Column("id", String(32), primary_key=True),
    Column("case", Integer, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("change", String(16), nullable=False),
    Column("contact", Text, nullable=False),
    Column("url", Text, nullable=False),  # as in the fleet file, `${NAME}` not filled in: no secret is stored
    Column("language", String(2), nullable=False),
    Column("text", Text, nullable=False),
    Column("worded_at", UtcTime, nullable=False),
    Column("owed_at", UtcTime, nullable=False),
    Column("told_at", UtcTime),
    Column("attempts", Integer, nullable=False),
    Column("next_try", UtcTime),
    Column("failed_at", UtcTime),
    Column("cancelled_at", UtcTime),
    Column("why", Text, nullable=False),
    ForeignKeyConstraint(["world", "case"], ["cases.world", "cases.id"], name="alert_of_case"),
    Index("one_alert", "world", "case", "turn", "change", "contact", "url", unique=True),
)
Index(
    "alerts_owed",
    ALERTS.c.world,
    ALERTS.c.owed_at,
    sqlite_where=text("told_at IS NULL AND failed_at IS NULL AND cancelled_at IS NULL"),
    postgresql_where=text("told_at IS NULL AND failed_at IS NULL AND cancelled_at IS NULL"),
)

NOTES: Final = Table(
    "notes",
    METADATA,
    Column("world", String(32), primary_key=True),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("case", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("by", Text, nullable=False),
    Column("text", Text, nullable=False),
    ForeignKeyConstraint(["world", "case"], ["cases.world", "cases.id"], name="note_of_case"),
)

REPAIRS: Final = Table(
    "repairs",
    METADATA,
    Column("world", String(32), primary_key=True),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("lamp", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("what", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("case", Integer),
    ForeignKeyConstraint(["world", "case"], ["cases.world", "cases.id"], name="repair_of_case"),
)

# What the monitor must remember with the cases or not at all: its cursor, what it has learnt.
MEMORY: Final = Table(
    "memory",
    METADATA,
    Column("world", String(32), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

# In the order in which rows can be removed.
TABLES: Final = (MEMORY, REPAIRS, NOTES, ALERTS, CASES)
