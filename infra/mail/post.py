"""Asking for a letter: a row with its sealed text, in the transaction of the fact that it tells of, and a job that sends it."""

from datetime import datetime
from uuid import UUID

from pydantic import SecretStr

from infra.db.unit_of_work import UnitOfWork
from infra.ids import new_id
from infra.mail.models import Mail
from infra.security.keyring import Keyring
from infra.security.sealed_columns import context_by_row

MAIL_JOB = "mail.send"


class Post:
    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def write(self, uow: UnitOfWork, *, recipient: str, subject: str, body: SecretStr, now: datetime) -> None:
        """Send this letter once the transaction is committed; `uow` is of the role oodaloo_access, and nobody's."""
        mail_id = new_id()
        sealed = self._keyring.seal(body, context=body_context(mail_id))
        one_line = " ".join(subject.split())
        uow.session.add(Mail(id=mail_id, recipient=recipient, subject=one_line, body_sealed=sealed, created_at=now))
        uow.enqueue(MAIL_JOB, str(mail_id), queue="interactive")


def body_context(mail_id: UUID) -> tuple[str, ...]:
    return context_by_row("mail", mail_id, "body_sealed")
