"""Sealed batches and checkpoints. They only grow; the sealer's role alone appends."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base
from infra.sync.shapes import Xid8


class LogBatch(Base):
    """The log rows of one business whose transactions ended between two watermarks; `canonical.BatchHead` says what is hashed."""

    __tablename__ = "log_batch"
    __table_args__ = (Index("ix_log_batch_checkpoint_no", "checkpoint_no"),)

    business_id: Mapped[UUID] = mapped_column(primary_key=True)
    batch_no: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    checkpoint_no: Mapped[int] = mapped_column(BigInteger)
    epoch: Mapped[int]
    xid_from: Mapped[int] = mapped_column(Xid8)
    xid_before: Mapped[int] = mapped_column(Xid8)
    row_count: Mapped[int]
    root: Mapped[bytes]
    previous_hash: Mapped[bytes]
    hash: Mapped[bytes]
    tables: Mapped[list[str]] = mapped_column(ARRAY(Text))
    leaves: Mapped[bytes] = mapped_column(deferred=True)
    checkpoint_path: Mapped[bytes]


class LogCheckpoint(Base):
    """The head of all logs at one moment, signed; `canonical.CheckpointHead` says what is hashed."""

    __tablename__ = "log_checkpoint"

    no: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    epoch: Mapped[int]
    cluster: Mapped[str]
    xid_before: Mapped[int] = mapped_column(Xid8)
    sealed_at: Mapped[datetime]
    batch_count: Mapped[int]
    row_count: Mapped[int] = mapped_column(BigInteger)
    batch_root: Mapped[bytes]
    opening: Mapped[str]
    previous_hash: Mapped[bytes]
    key_id: Mapped[str]
    hash: Mapped[bytes]
    signature: Mapped[bytes]
