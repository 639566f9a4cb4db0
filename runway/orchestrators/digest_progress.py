"""What became of digests that were asked for: business by business, recipient by recipient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select

from domains.core.digest_models import DigestAskRow
from domains.core.digests import DigestSendsNotFound, SendOutcome, SendState, list_asks, outcomes_of
from domains.core.models import Business
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.jobs.outbox import OutboxRow
from infra.mail.models import Mail
from infra.mail.post import MAIL_JOB


class Reached(StrEnum):
    """`queued`: written, on its way. `sent`: the mail server has it. `already`: that week's went out before. `refused`: they get none.
    `failed`: it was tried often enough.
    """

    QUEUED = "queued"
    SENT = "sent"
    ALREADY = "already"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class RecipientSend:
    """`words` say why, where it is not on its way."""

    name: str | None
    email: str | None
    state: Reached
    words: str | None
    sent_at: datetime | None


class BusinessState(StrEnum):
    """`refused`: there was no digest to send; why is told."""

    QUEUED = "queued"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True)
class BusinessSend:
    business: Business
    week_on: date
    state: BusinessState
    why: str | None
    asked_at: datetime
    recipients: tuple[RecipientSend, ...]


@dataclass(frozen=True)
class DigestProgress:
    uow: UnitOfWorkFactory
    access_uow: UnitOfWorkFactory
    jobs_uow: UnitOfWorkFactory

    async def get(self, ask_id: UUID, businesses: Sequence[Business]) -> list[BusinessSend]:
        """Of these businesses, by name.

        Raises:
            DigestSendsNotFound: nothing under that id for any of them.
        """
        by_id = {business.id: business for business in businesses}
        async with self.uow(list(by_id)) as uow:
            asks = await list_asks(uow.session, ask_id)
        if not asks:
            raise DigestSendsNotFound(ask_id)
        outcomes = {ask.business_id: outcomes_of(ask) for ask in asks}
        written = [one.mail_id for told in outcomes.values() for one in told if one.mail_id is not None]
        sent, failed = await self._sent(written), await self._failed(written)
        shown = [
            BusinessSend(
                by_id[ask.business_id],
                ask.week_on,
                _state(ask),
                ask.why,
                ask.asked_at,
                tuple(_recipient(one, sent, failed) for one in outcomes[ask.business_id]),
            )
            for ask in asks
        ]
        return sorted(shown, key=lambda one: (one.business.name, one.business.id))

    async def _sent(self, mail_ids: Sequence[UUID]) -> dict[UUID, datetime | None]:
        """Letters that are still known; a month after they went out they are not."""
        if not mail_ids:
            return {}
        async with self.access_uow([]) as uow:
            rows = await uow.session.execute(select(Mail.id, Mail.sent_at).where(Mail.id.in_(mail_ids)))
        return {row.id: row.sent_at for row in rows}

    async def _failed(self, mail_ids: Sequence[UUID]) -> dict[UUID, str]:
        wanted = [str(one) for one in mail_ids]
        if not wanted:
            return {}
        is_theirs = OutboxRow.arguments[0].astext.in_(wanted)
        async with self.jobs_uow([]) as uow:
            rows = await uow.session.execute(
                select(OutboxRow.arguments, OutboxRow.last_error).where(
                    OutboxRow.job == MAIL_JOB, OutboxRow.dead_at.is_not(None), is_theirs
                )
            )
        return {UUID(row.arguments[0]): row.last_error or "" for row in rows}


def _state(ask: DigestAskRow) -> BusinessState:
    if ask.finished_at is None:
        return BusinessState.QUEUED
    return BusinessState.REFUSED if ask.why is not None else BusinessState.DONE


def _recipient(outcome: SendOutcome, sent: Mapping[UUID, datetime | None], failed: Mapping[UUID, str]) -> RecipientSend:
    sent_at = sent.get(outcome.mail_id) if outcome.mail_id is not None else None
    state, words = Reached.SENT, outcome.words
    if outcome.state is SendState.REFUSED:
        state = Reached.REFUSED
    elif outcome.state is SendState.ALREADY:
        state = Reached.ALREADY
    elif (error := failed.get(outcome.mail_id) if outcome.mail_id else None) is not None and sent_at is None:
        state, words = Reached.FAILED, f"The mail server did not take it: {error}"
    elif outcome.mail_id in sent and sent_at is None:
        state = Reached.QUEUED
    return RecipientSend(outcome.name, outcome.email, state, words, sent_at)
