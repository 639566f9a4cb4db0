"""Abstract shapes of a mirror and of its log. A domain's tables inherit them and add the columns it queries.

What must always hold is enforced by the database (migrations/mirror_tables.py): a mirror row's (business, id, version) is a
deferred foreign key to the log row that made it; a version rises by one; nothing is deleted; the log only grows.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Identity,
    Index,
    PrimaryKeyConstraint,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.types import UserDefinedType

from infra.db.base import Base


class LogSource(StrEnum):
    QBO = "qbo"
    RAMP = "ramp"
    PLAID = "plaid"
    STRIPE = "stripe"
    USER = "user"
    SYSTEM = "system"


class TransactionType(StrEnum):
    """What a log row says happened. A sync writes the first four; actions add theirs."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    RESTORED = "restored"


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id: the log is sealed behind a watermark of it."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class MirrorRow(Base):
    """The current state of one object of one rail."""

    __abstract__ = True

    business_id: Mapped[UUID]
    id: Mapped[UUID]
    rail: Mapped[str]
    external_id: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    payload_hash: Mapped[bytes]
    rail_version: Mapped[int | None] = mapped_column(BigInteger)
    rail_updated_at: Mapped[datetime]
    version: Mapped[int]
    synced_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        log = f"{cls.__tablename__}_transaction_log"
        return (
            PrimaryKeyConstraint("business_id", "id"),
            UniqueConstraint("business_id", "rail", "external_id"),
            ForeignKeyConstraint(
                ["business_id", "id", "version"],
                [f"{log}.business_id", f"{log}.entity_id", f"{log}.version"],
                deferrable=True,
                initially="DEFERRED",
            ),
            *cls.indexes(),
        )

    @classmethod
    def indexes(cls) -> tuple[Any, ...]:
        """What a table's own queries need; every one leads with `business_id`."""
        return ()


class LogRow(Base):
    """One change of one object: the whole state after it, and what differed."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    business_id: Mapped[UUID]
    entity_id: Mapped[UUID]
    version: Mapped[int]
    transaction_type: Mapped[str]
    source: Mapped[str]
    actor: Mapped[str]
    request_id: Mapped[str]
    snapshot: Mapped[dict[str, Any]] = mapped_column(JSON)
    changes: Mapped[dict[str, Any]] = mapped_column(JSON)
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    tx_xid: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        return (PrimaryKeyConstraint("business_id", "entity_id", "version"), Index(None, "tx_xid"))


def filled_columns(mirror: type[MirrorRow]) -> list[Column[Any]]:
    """Those that a spec's `fill` sets: neither the shape's own nor computed by the database."""
    columns = Base.metadata.tables[mirror.__tablename__].columns
    return [one for one in columns if one.name not in MirrorRow.__annotations__ and one.computed is None]
