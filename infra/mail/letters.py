"""Letters that actions write: a rail's reads, and beside its own objects one of ours, the letter, kept in the mail room."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from infra import exact_json
from infra.actions.rail import ActionRail, AnswerKind, Payload, SendStage, Write, WriteAnswer
from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.mail.models import Mail
from infra.mail.post import Post, Sender

LETTER: Final = "Letter"


class LetterRail:
    """`rail` as it is, but for letters. `access_uow` is of the role oodaloo_access, which keeps the mail."""

    def __init__(self, rail: ActionRail, *, access_uow: UnitOfWorkFactory, post: Post, clock: Clock) -> None:
        self._rail = rail
        self._uow = access_uow
        self._post = post
        self._clock = clock

    async def read(self, entity: str, external_id: str) -> Payload | None:
        """As `RailLook.read`; of a letter, whether it was written."""
        if entity != LETTER:
            return await self._rail.read(entity, external_id)
        async with self._uow([]) as uow:
            mail = await uow.session.get(Mail, UUID(external_id))
        return None if mail is None else _shown(mail)

    async def find(self, entity: str, *conditions: str) -> list[Payload]:
        return await self._rail.find(entity, *conditions)

    async def write(self, request: Write) -> WriteAnswer:
        """As `ActionRail.write`; a letter is written once under its id."""
        if request.entity != LETTER:
            return await self._rail.write(request)
        letter = exact_json.loads(request.body)
        now = self._clock.now()
        async with self._uow([]) as uow:
            await self._post.write_once(
                uow,
                UUID(letter["Id"]),
                recipient=letter["To"],
                subject=letter["Subject"],
                body=SecretStr(letter["Text"]),
                sender=Sender(letter.get("FromName"), letter.get("ReplyTo")),
                now=now,
            )
        return WriteAnswer(kind=AnswerKind.DONE, stage=SendStage.BODY, answered_at=now, payload=letter)

    async def keep(
        self,
        session: AsyncSession,
        seen: Mapping[str, Sequence[Payload]],
        *,
        fetched_at: datetime,
        actor: str,
        request_id: str,
    ) -> None:
        """As `ActionRail.keep`; a letter is in no mirror."""
        shown = {entity: payloads for entity, payloads in seen.items() if entity != LETTER}
        await self._rail.keep(session, shown, fetched_at=fetched_at, actor=actor, request_id=request_id)


def _shown(mail: Mail) -> Payload:
    return {"Id": str(mail.id), "To": mail.recipient, "Subject": mail.subject}
