"""Actions on a rail's books: intents, what they use, the evidence about them, and their log.

Revision ID: 0010
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from infra.db.roles import JOBS
from infra.sync.shapes import Xid8
from migrations.action_walls import CHANGEABLE, wall_in_actions
from migrations.mirror_tables import let_see_all, protect_tenant_table, seal_log

revision = "0010"
down_revision = "0009"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_log()
    _create_intents()
    _create_lines()
    _create_attempts()
    wall_in_actions()
    protect_tenant_table("action_intent", grants=f"SELECT, INSERT, UPDATE ({CHANGEABLE})")
    protect_tenant_table("action_line", grants="SELECT, INSERT, UPDATE (is_open)")
    protect_tenant_table("action_attempt", grants="SELECT, INSERT")
    columns = "business_id, entity_id, version, transaction_type, source, actor, request_id, snapshot, changes"
    protect_tenant_table("action_transaction_log", grants=f"SELECT, INSERT ({columns})")
    seal_log("action_transaction_log")
    # The sweep finds what is due and forgotten; it sees no more of an action than that.
    let_see_all("action_intent", JOBS, grants="SELECT (business_id, id, version, fence, state, due_at, lease_until)")


def _column(name: str, kind: Any, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, **{"nullable": False, **more})


def _maybe(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _now(name: str) -> sa.Column[Any]:
    return _column(name, _TIME, server_default=sa.text("clock_timestamp()"))


def _count(name: str) -> sa.Column[Any]:
    return _column(name, sa.Integer(), server_default="0")


def _create_log() -> None:
    op.create_table(
        "action_transaction_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _column("business_id", sa.Uuid()),
        _column("entity_id", sa.Uuid()),
        _column("version", sa.Integer()),
        *(_column(name, sa.Text()) for name in ("transaction_type", "source", "actor", "request_id")),
        _column("snapshot", sa.JSON()),
        _column("changes", sa.JSON()),
        _now("recorded_at"),
        _column("tx_xid", Xid8(), server_default=sa.text("pg_current_xact_id()")),
        sa.PrimaryKeyConstraint("business_id", "entity_id", "version", name="pk_action_transaction_log"),
    )


def _create_intents() -> None:
    op.create_table(
        "action_intent",
        _column("business_id", sa.Uuid()),
        _column("id", sa.Uuid()),
        _column("version", sa.Integer()),
        *(
            _column(name, sa.Text())
            for name in (
                "state", "rail", "rail_account_id", "environment", "operation", "manner", "entity", "client_key",
            )
        ),
        _column("fingerprint", sa.LargeBinary()),
        _maybe("content_digest", sa.LargeBinary()),
        _count("revision"),
        _column("rail_request_id", sa.Text()),
        _column("mark", sa.Text()),
        _column("meaning", JSONB()),
        _column("facts", JSONB()),
        _maybe("body", sa.LargeBinary()),
        _maybe("body_hash", sa.LargeBinary()),
        _column("is_stale", sa.Boolean(), server_default=sa.false()),
        _maybe("hold", sa.Text()),
        _maybe("held", sa.Text()),
        _maybe("not_before", _TIME),
        _column("fence", sa.Integer(), server_default="0"),
        _maybe("lease_owner", sa.Text()),
        _maybe("lease_until", _TIME),
        _maybe("due_at", _TIME),
        _count("attempts"),
        _maybe("struggling_since", _TIME),
        _count("waits"),
        _column("ever_ambiguous", sa.Boolean(), server_default=sa.false()),
        _maybe("first_sent_at", _TIME),
        _maybe("last_sent_at", _TIME),
        _count("negative_probes"),
        _count("replays"),
        *(_maybe(name, sa.Text()) for name in ("external_id", "outcome_code", "outcome_words", "release_reason")),
        _column("seen", JSONB()),
        _column("created_by", sa.Text()),
        _column("asked_by_request", sa.Text()),
        _now("created_at"),
        _now("changed_at"),
        _maybe("settled_at", _TIME),
        _maybe("verified_at", _TIME),
        _count("verifications"),
        _maybe("reversed_at", _TIME),
        _column("db_timeline", sa.Text()),
        sa.PrimaryKeyConstraint("business_id", "id", name="pk_action_intent"),
        sa.UniqueConstraint("business_id", "operation", "client_key", name="uq_action_intent_client_key"),
        sa.UniqueConstraint(
            "business_id", "rail", "rail_account_id", "rail_request_id", name="uq_action_intent_request"
        ),
        sa.UniqueConstraint("business_id", "rail", "rail_account_id", "mark", name="uq_action_intent_mark"),
        sa.ForeignKeyConstraint(
            ["business_id", "id", "version"],
            ["action_transaction_log.business_id", "action_transaction_log.entity_id", "action_transaction_log.version"],
            name="fk_action_intent_action_transaction_log",
            deferrable=True,
            initially="DEFERRED",
        ),
    )  # fmt: skip
    op.create_index(
        "uq_action_intent_external_id",
        "action_intent",
        ["business_id", "rail", "rail_account_id", "operation", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL AND manner = 'create'"),
    )
    op.create_index("ix_action_intent_due", "action_intent", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index("ix_action_intent_created_at", "action_intent", ["business_id", "created_at"])
    op.create_index(
        "ix_action_intent_content",
        "action_intent",
        ["business_id", "content_digest"],
        postgresql_where=sa.text("content_digest IS NOT NULL"),
    )


def _create_lines() -> None:
    op.create_table(
        "action_line",
        _column("business_id", sa.Uuid()),
        _column("intent_id", sa.Uuid()),
        _column("number", sa.Integer()),
        *(_column(name, sa.Text()) for name in ("rail", "target_kind", "target_external_id")),
        _column("amount", sa.Numeric(20, 5)),
        _column("is_guarded", sa.Boolean()),
        _column("is_open", sa.Boolean(), server_default=sa.true()),
        sa.PrimaryKeyConstraint("business_id", "intent_id", "number", name="pk_action_line"),
        _to_intent("action_line"),
    )
    op.create_index(
        "uq_action_line_guard",
        "action_line",
        ["business_id", "rail", "target_kind", "target_external_id"],
        unique=True,
        postgresql_where=sa.text("is_open AND is_guarded"),
    )
    op.create_index("ix_action_line_target", "action_line", ["business_id", "target_kind", "target_external_id"])


def _create_attempts() -> None:
    op.create_table(
        "action_attempt",
        *(_column(name, sa.Uuid()) for name in ("business_id", "id", "intent_id")),
        _column("kind", sa.Text()),
        _column("fence", sa.Integer()),
        *(_column(name, sa.Text()) for name in ("worker", "rail_request_id")),
        _column("started_at", _TIME),
        _now("finished_at"),
        _maybe("stage", sa.Text()),
        _column("result", sa.Text()),
        _maybe("status", sa.Integer()),
        *(_maybe(name, sa.Text()) for name in ("code", "words", "trace_id")),
        _maybe("answer_digest", sa.LargeBinary()),
        _maybe("external_id", sa.Text()),
        _column("details", JSONB()),
        sa.PrimaryKeyConstraint("business_id", "id", name="pk_action_attempt"),
        _to_intent("action_attempt"),
    )
    op.create_index("ix_action_attempt_intent", "action_attempt", ["business_id", "intent_id", "id"])


def _to_intent(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["business_id", "intent_id"],
        ["action_intent.business_id", "action_intent.id"],
        name=f"fk_{table}_action_intent",
    )
