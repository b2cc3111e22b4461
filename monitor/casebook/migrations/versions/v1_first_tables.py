"""The first tables: cases, alerts, notes, repairs, memory."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from monitor.casebook.schema import UtcTime

revision: Final = "v1"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "cases",
        *_key(sa.Integer(), "id"),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("commune", sa.String(64), nullable=False),
        sa.Column("lamp", sa.String(64)),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("until", UtcTime()),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.Column("closed_at", UtcTime()),
        sa.Column("causes", sa.Text(), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.Column("estimate", sa.Float()),
        sa.Column("hidden_by", sa.String(32)),
        sa.Column("trace", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", UtcTime()),
        sa.Column("acknowledged_by", sa.Text()),
        sa.Column("withdrawn_at", UtcTime()),
        sa.Column("merged_into", sa.Integer()),
        sa.Column("first_since", UtcTime(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
    )
    _unique_where("one_open_case", "cases", ["world", "subject", "kind"], "until IS NULL AND withdrawn_at IS NULL")
    _unique_where("one_case_per_start", "cases", ["world", "subject", "kind", "since"], "withdrawn_at IS NULL")
    op.create_table(
        "alerts",
        *_key(sa.String(32), "id"),
        sa.Column("case", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(16), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("worded_at", UtcTime(), nullable=False),
        sa.Column("owed_at", UtcTime(), nullable=False),
        sa.Column("told_at", UtcTime()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try", UtcTime()),
        sa.Column("failed_at", UtcTime()),
        sa.Column("cancelled_at", UtcTime()),
        sa.Column("why", sa.Text(), nullable=False),
        _of_case("alert_of_case"),
    )
    op.create_index("one_alert", "alerts", ["world", "case", "turn", "change", "contact", "url"], unique=True)
    waiting = sa.text("told_at IS NULL AND failed_at IS NULL AND cancelled_at IS NULL")
    op.create_index("alerts_owed", "alerts", ["world", "owed_at"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_table(
        "notes",
        *_key(sa.Integer(), "id"),
        sa.Column("case", sa.Integer(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        _of_case("note_of_case"),
    )
    op.create_table(
        "repairs",
        *_key(sa.Integer(), "id"),
        sa.Column("lamp", sa.String(64), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("case", sa.Integer()),
        _of_case("repair_of_case"),
    )
    op.create_table("memory", *_key(sa.String(64), "key"), sa.Column("value", sa.LargeBinary(), nullable=False))


def _key(kind: sa.types.TypeEngine[Any], name: str) -> tuple[sa.Column[Any], sa.Column[Any]]:
    return (
        sa.Column("world", sa.String(32), primary_key=True),
        sa.Column(name, kind, primary_key=True, autoincrement=False),
    )


def _of_case(name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["world", "case"], ["cases.world", "cases.id"], name=name)


def _unique_where(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, unique=True, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
