"""Asking for a letter: a row with its sealed text, in the transaction of the fact that it tells of, and a job that sends it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.dialects.postgresql import insert

from infra.db.unit_of_work import UnitOfWork
from infra.ids import new_id
from infra.mail.models import Mail
from infra.security.keyring import Keyring
from infra.security.sealed_columns import context_by_row

MAIL_JOB = "mail.send"


@dataclass(frozen=True)
class Sender:
    """Who a letter says it is from, beside the installation's own address; None: nothing of its own."""

    name: str | None = None
    reply_to: str | None = None


_NOBODY = Sender()


class Post:
    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def write(self, uow: UnitOfWork, *, recipient: str, subject: str, body: SecretStr, now: datetime) -> None:
        """Send this letter once the transaction is committed; `uow` is of the role oodaloo_access, and nobody's."""
        mail_id = new_id()
        uow.session.add(Mail(id=mail_id, **self._columns(mail_id, recipient, subject, body, now)))
        uow.enqueue(MAIL_JOB, str(mail_id), queue="interactive")

    async def write_once(
        self,
        uow: UnitOfWork,
        mail_id: UUID,
        *,
        recipient: str,
        subject: str,
        body: SecretStr,
        now: datetime,
        sender: Sender = _NOBODY,
        html: SecretStr | None = None,
    ) -> None:
        """As `write`, under an id that the caller derives: the same letter asked for again is not written again.

        `html` is the letter once more, for programs that show pages.
        """
        columns = self._columns(mail_id, recipient, subject, body, now)
        if html is not None:
            columns["html_sealed"] = self._keyring.seal(html, context=html_context(mail_id))
        is_new = (
            insert(Mail)
            .values(id=mail_id, from_name=sender.name, reply_to=sender.reply_to, **columns)
            .on_conflict_do_nothing()
            .returning(Mail.id)
        )
        if (await uow.session.execute(is_new)).one_or_none() is not None:
            uow.enqueue(MAIL_JOB, str(mail_id), queue="interactive")

    def _columns(self, mail_id: UUID, recipient: str, subject: str, body: SecretStr, now: datetime) -> dict[str, Any]:
        sealed = self._keyring.seal(body, context=body_context(mail_id))
        return {
            "recipient": recipient,
            "subject": " ".join(subject.split()),
            "body_sealed": sealed,
            "created_at": now,
        }


def html_context(mail_id: UUID) -> tuple[str, ...]:
    return context_by_row("mail", mail_id, "html_sealed")


def body_context(mail_id: UUID) -> tuple[str, ...]:
    return context_by_row("mail", mail_id, "body_sealed")
