"""The weekly digest's own facts: when and to whom, what was asked for, and who has had which week's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core.digest_models import DigestAskRow, DigestSendRow, DigestSettingRow
from infra.db.tenancy import TenantAwareService
from infra.errors import InvalidInput, NotFound

_DIGESTS = UUID("5b1b3f5e-0a53-5d4b-9f0c-6f2f4c1f7d10")
MONDAY, SEVEN = 0, 7


class DigestKeyUsed(InvalidInput):
    def __init__(self) -> None:
        super().__init__("This Idempotency-Key asked for something else before. Draw a new one.")


class DigestSendsNotFound(NotFound):
    def __init__(self, ask_id: UUID) -> None:
        super().__init__(f"Nothing was sent under {ask_id}, or not to your businesses.")


@dataclass(frozen=True)
class DigestChoices:
    """`weekday` 0 is Monday; both by the company's clock. `recipients` None: whoever works on the books."""

    is_on: bool = False
    weekday: int = MONDAY
    hour: int = SEVEN
    recipients: tuple[UUID, ...] | None = None


@dataclass(frozen=True)
class KeptDigestChoices:
    """`version` 0 while nobody has set anything."""

    choices: DigestChoices
    version: int = 0
    set_at: datetime | None = None
    actor: str | None = None


class SendState(StrEnum):
    """`written`: the letter is with the mail room. `already`: they have had that week's. `refused`: they get none."""

    WRITTEN = "written"
    ALREADY = "already"
    REFUSED = "refused"


@dataclass(frozen=True)
class SendOutcome:
    """Of one recipient. `words` says why, where it is no new letter."""

    user_id: UUID
    name: str | None
    email: str | None
    state: SendState
    mail_id: UUID | None = None
    words: str | None = None


@dataclass(frozen=True)
class Wish:
    """Who wants it sent; `digest` tells a repetition from another wish."""

    ask_id: UUID
    actor: str
    request_id: str
    digest: str
    now: datetime


def ask_id_of(actor: str, key: str) -> UUID:
    """The same key of the same person is the same wish for ever."""
    return uuid5(_DIGESTS, f"{actor}/{key}")


def weekly_ask_id(business_id: UUID, week_on: date) -> UUID:
    return uuid5(_DIGESTS, f"{business_id}/weekly/{week_on}")


def mail_id_of(business_id: UUID, week_on: date, user_id: UUID) -> UUID:
    return uuid5(_DIGESTS, f"{business_id}/{week_on}/{user_id}")


class Digests(TenantAwareService):
    """Of one business; each verb writes in the caller's transaction."""

    async def find_choices(self, session: AsyncSession) -> KeptDigestChoices:
        row = await session.scalar(
            select(DigestSettingRow)
            .where(DigestSettingRow.business_id == self.business_id)
            .order_by(DigestSettingRow.version.desc())
            .limit(1)
        )
        if row is None:
            return KeptDigestChoices(DigestChoices())
        recipients = None if row.recipients is None else tuple(map(UUID, row.recipients))
        choices = DigestChoices(row.is_on, row.weekday, row.hour, recipients)
        return KeptDigestChoices(choices, row.version, row.set_at, row.actor)

    async def set_choices(
        self, session: AsyncSession, wanted: DigestChoices, *, actor: str, request_id: str, now: datetime
    ) -> KeptDigestChoices:
        """The next version; what counts already makes none."""
        held = await self.find_choices(session)
        if held.version and held.choices == wanted:
            return held
        recipients = None if wanted.recipients is None else [str(one) for one in wanted.recipients]
        session.add(
            DigestSettingRow(
                business_id=self.business_id,
                version=held.version + 1,
                is_on=wanted.is_on,
                weekday=wanted.weekday,
                hour=wanted.hour,
                recipients=recipients,
                actor=actor,
                request_id=request_id,
                set_at=now,
            )
        )
        await session.flush()  # read again here
        return await self.find_choices(session)

    async def ask(self, session: AsyncSession, wish: Wish, *, week_on: date) -> bool:
        """Note that it is to be sent; False when that wish is known.

        Raises:
            DigestKeyUsed: its key asked for something else.
        """
        values = {
            "business_id": self.business_id,
            "id": wish.ask_id,
            "week_on": week_on,
            "actor": wish.actor,
            "request_id": wish.request_id,
            "request_digest": wish.digest,
            "asked_at": wish.now,
        }
        made = insert(DigestAskRow).values(values).on_conflict_do_nothing().returning(DigestAskRow.id)
        if (await session.execute(made)).one_or_none() is not None:
            return True
        held = await session.get_one(DigestAskRow, (self.business_id, wish.ask_id))
        if held.request_digest != wish.digest:
            raise DigestKeyUsed
        return False

    async def find_ask(self, session: AsyncSession, ask_id: UUID) -> DigestAskRow | None:
        return await session.get(DigestAskRow, (self.business_id, ask_id))

    async def find_last_ask(self, session: AsyncSession) -> DigestAskRow | None:
        return await session.scalar(
            select(DigestAskRow)
            .where(DigestAskRow.business_id == self.business_id)
            .order_by(DigestAskRow.asked_at.desc())
            .limit(1)
        )

    async def claim(
        self, session: AsyncSession, ask: DigestAskRow, *, user_id: UUID, email: str, now: datetime
    ) -> DigestSendRow:
        """That week's letter to that person: this wish's, unless another one was first."""
        key = (self.business_id, ask.week_on, user_id)
        values = {
            "business_id": self.business_id,
            "week_on": ask.week_on,
            "user_id": user_id,
            "ask_id": ask.id,
            "mail_id": mail_id_of(*key),
            "email": email,
            "claimed_at": now,
        }
        await session.execute(insert(DigestSendRow).values(values).on_conflict_do_nothing())
        return await session.get_one(DigestSendRow, key)

    async def finish(
        self,
        session: AsyncSession,
        ask_id: UUID,
        *,
        outcomes: Sequence[SendOutcome] = (),
        why: str | None = None,
        now: datetime,
    ) -> None:
        """`why`: no digest was made."""
        told = [_told(one) for one in outcomes]
        await session.execute(
            update(DigestAskRow)
            .where(DigestAskRow.business_id == self.business_id, DigestAskRow.id == ask_id)
            .values(finished_at=now, outcomes=told, why=why)
        )


async def list_asks(session: AsyncSession, ask_id: UUID) -> list[DigestAskRow]:
    """One wish's, of those businesses that the session sees."""
    rows = await session.scalars(select(DigestAskRow).where(DigestAskRow.id == ask_id))
    return sorted(rows, key=lambda row: row.business_id)


async def list_switched_on(session: AsyncSession) -> list[UUID]:
    """The businesses that have the weekly digest; for the role that looks across them."""
    row = DigestSettingRow
    latest = select(row.business_id, row.is_on).ext(distinct_on(row.business_id))
    rows = await session.execute(latest.order_by(row.business_id, row.version.desc()))
    return [business_id for business_id, is_on in rows if is_on]


def outcomes_of(row: DigestAskRow) -> list[SendOutcome]:
    return [
        SendOutcome(
            user_id=UUID(one["user_id"]),
            name=one["name"],
            email=one["email"],
            state=SendState(one["state"]),
            mail_id=UUID(one["mail_id"]) if one["mail_id"] else None,
            words=one["words"],
        )
        for one in row.outcomes or []
    ]


def _told(outcome: SendOutcome) -> dict[str, Any]:
    return {
        **vars(outcome),
        "user_id": str(outcome.user_id),
        "state": outcome.state.value,
        "mail_id": str(outcome.mail_id) if outcome.mail_id else None,
    }
