"""The engine's tables. What must always hold of them the database enforces (migrations/action_walls.py)."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base
from infra.sync.shapes import LogRow

_NOT_SETTLED = text("due_at IS NOT NULL")


class ActionIntent(Base):
    """One thing that a person wants of a rail, for ever. Every time in it is the database's own.

    Attributes:
        fingerprint: SHA-256 of what was meant; `content_digest` of what makes another action look the same, if anything does.
        body: the request's bytes, never another once sent; a CHANGE has them from its first send on, and new ones with a new
            `revision` after a refusal as stale (`is_stale`).
        hold: who it waits for while it is blocked (`Hold`); `held` are the words for it.
        fence: raised by each worker that takes it; one with an older fence changes nothing.
        attempts: takes since something last came of one; `struggling_since` the first of these.
        waits: tries in a row that were surely not executed.
        ever_ambiguous: a request may have been executed without our knowing; from then on no refusal proves anything.
        outcome_code, outcome_words: why it failed, or what is in doubt; `release_reason`: why it may count as failed although it
            was ambiguous.
        seen: what the last look before sending saw.
        asked_by_request: the request of a person that it came with; every log row of it names this.
        db_timeline: PostgreSQL's timeline when it was last taken: another one since means a standby took over.
    """

    __tablename__ = "action_intent"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "id"),
        UniqueConstraint("business_id", "operation", "client_key", name="uq_action_intent_client_key"),
        UniqueConstraint("business_id", "rail", "rail_account_id", "rail_request_id", name="uq_action_intent_request"),
        UniqueConstraint("business_id", "rail", "rail_account_id", "mark", name="uq_action_intent_mark"),
        Index(
            "uq_action_intent_external_id",
            "business_id",
            "rail",
            "rail_account_id",
            "operation",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL AND manner = 'create'"),
        ),
        Index("ix_action_intent_due", "due_at", postgresql_where=_NOT_SETTLED),
        Index("ix_action_intent_created_at", "business_id", "created_at"),
        Index(
            "ix_action_intent_settled",
            "business_id",
            "settled_at",
            postgresql_where=text("settled_at IS NOT NULL"),
        ),
        Index(
            "ix_action_intent_content",
            "business_id",
            "content_digest",
            postgresql_where=text("content_digest IS NOT NULL"),
        ),
        ForeignKeyConstraint(
            ["business_id", "id", "version"],
            [
                "action_transaction_log.business_id",
                "action_transaction_log.entity_id",
                "action_transaction_log.version",
            ],
            name="fk_action_intent_action_transaction_log",
            deferrable=True,
            initially="DEFERRED",
        ),
    )

    business_id: Mapped[UUID]
    id: Mapped[UUID]
    version: Mapped[int]
    state: Mapped[str]
    rail: Mapped[str]
    rail_account_id: Mapped[str]
    environment: Mapped[str]
    operation: Mapped[str]
    manner: Mapped[str]
    entity: Mapped[str]
    client_key: Mapped[str]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    content_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    revision: Mapped[int] = mapped_column(server_default="0")
    rail_request_id: Mapped[str]
    mark: Mapped[str]
    meaning: Mapped[dict[str, Any]]
    facts: Mapped[dict[str, Any]]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    body_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    is_stale: Mapped[bool] = mapped_column(server_default="false")
    hold: Mapped[str | None]
    held: Mapped[str | None]
    not_before: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(server_default="0")
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    struggling_since: Mapped[datetime | None]
    waits: Mapped[int] = mapped_column(server_default="0")
    ever_ambiguous: Mapped[bool] = mapped_column(server_default="false")
    first_sent_at: Mapped[datetime | None]
    last_sent_at: Mapped[datetime | None]
    negative_probes: Mapped[int] = mapped_column(server_default="0")
    replays: Mapped[int] = mapped_column(server_default="0")
    external_id: Mapped[str | None]
    outcome_code: Mapped[str | None]
    outcome_words: Mapped[str | None]
    release_reason: Mapped[str | None]
    seen: Mapped[dict[str, Any]]
    created_by: Mapped[str]
    asked_by_request: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    changed_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    settled_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    verifications: Mapped[int] = mapped_column(server_default="0")
    reversed_at: Mapped[datetime | None]
    db_timeline: Mapped[str]


class ActionLine(Base):
    """An object of the rail that the action uses. `is_open` until the action is settled: while it is, a guarded one is nobody else's."""

    __tablename__ = "action_line"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "intent_id", "number"),
        ForeignKeyConstraint(
            ["business_id", "intent_id"],
            ["action_intent.business_id", "action_intent.id"],
            name="fk_action_line_action_intent",
        ),
        Index(
            "uq_action_line_guard",
            "business_id",
            "rail",
            "target_kind",
            "target_external_id",
            unique=True,
            postgresql_where=text("is_open AND is_guarded"),
        ),
        Index("ix_action_line_target", "business_id", "target_kind", "target_external_id"),
    )

    business_id: Mapped[UUID]
    intent_id: Mapped[UUID]
    number: Mapped[int]
    rail: Mapped[str]
    target_kind: Mapped[str]
    target_external_id: Mapped[str]
    amount: Mapped[Decimal]
    is_guarded: Mapped[bool]
    is_open: Mapped[bool] = mapped_column(server_default="true")


class ActionAttempt(Base):
    """Append-only evidence: what one send, look or check came to. Any process may add it, whatever its fence.

    `kind` is an `AttemptKind`, `result` an `AnswerKind` of a send, `found`, `not_found` or `not_read` of a look.
    """

    __tablename__ = "action_attempt"
    __table_args__ = (
        PrimaryKeyConstraint("business_id", "id"),
        ForeignKeyConstraint(
            ["business_id", "intent_id"],
            ["action_intent.business_id", "action_intent.id"],
            name="fk_action_attempt_action_intent",
        ),
        Index("ix_action_attempt_intent", "business_id", "intent_id", "id"),
    )

    business_id: Mapped[UUID]
    id: Mapped[UUID]
    intent_id: Mapped[UUID]
    kind: Mapped[str]
    fence: Mapped[int]
    worker: Mapped[str]
    rail_request_id: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    stage: Mapped[str | None]
    result: Mapped[str]
    status: Mapped[int | None]
    code: Mapped[str | None]
    words: Mapped[str | None]
    trace_id: Mapped[str | None]
    answer_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    external_id: Mapped[str | None]
    details: Mapped[dict[str, Any]]


class ActionTransactionLog(LogRow):
    """One row for each edge and each event of an action; `entity_id` is the intent's."""

    __tablename__ = "action_transaction_log"


Index(
    "ix_action_transaction_log_recorded_at", ActionTransactionLog.business_id, ActionTransactionLog.recorded_at
)  # a timeline's
