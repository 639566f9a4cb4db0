"""The job that sends one letter. Its text is forgotten once the letter is gone."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from uuid import UUID

from infra.clock import Clock
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.logging import get_logger
from infra.mail.carriers import Carrier
from infra.mail.models import Mail
from infra.mail.post import body_context, html_context
from infra.security.keyring import Keyring

log = get_logger()


class MailRoom:
    def __init__(
        self, *, access_uow: UnitOfWorkFactory, keyring: Keyring, carrier: Carrier, sender: str, clock: Clock
    ) -> None:
        self._uow = access_uow
        self._keyring = keyring
        self._carrier = carrier
        self._sender = sender
        self._clock = clock

    async def send(self, mail_id: UUID) -> None:
        """Send the letter unless it is sent. One that went out just before a crash goes out twice."""
        async with self._uow([]) as uow:
            mail = await uow.session.get(Mail, mail_id)
        if mail is None or mail.sent_at is not None or mail.body_sealed is None:
            return
        body = self._keyring.open(mail.body_sealed, context=body_context(mail_id)).get_secret_value()
        message = _message(mail, body, sender=self._sender, now=self._clock.now())
        if mail.html_sealed is not None:
            html = self._keyring.open(mail.html_sealed, context=html_context(mail_id)).get_secret_value()
            message.add_alternative(html, subtype="html", cte="quoted-printable")
        await self._carrier.take(message, name=str(mail_id))
        async with self._uow([]) as uow:
            sent = await uow.session.get_one(Mail, mail_id)
            sent.sent_at, sent.body_sealed, sent.html_sealed = self._clock.now(), None, None
        log.info("mail.letter.sent", mail_id=str(mail_id))


def _message(mail: Mail, body: str, *, sender: str, now: datetime) -> EmailMessage:
    message = EmailMessage()
    address = parseaddr(sender)[1]
    name = " ".join((mail.from_name or "").split())
    message["From"] = Address(display_name=name, addr_spec=address) if name else sender
    message["To"] = mail.recipient
    if mail.reply_to:
        message["Reply-To"] = mail.reply_to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(now)
    # The same at a second attempt, so that a mailbox can tell it is the same letter.
    message["Message-ID"] = f"<{mail.id}@{address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice comes back
    # As it stands where that is possible: an operator copies links out of the files that take a letter's place.
    message.set_content(body, cte="7bit" if body.isascii() else "quoted-printable")
    return message
