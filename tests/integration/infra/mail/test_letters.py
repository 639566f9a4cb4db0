"""Letters: sealed rows, a job that sends each, SMTP and files."""

import smtplib
import ssl
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from infra.config import MailSettings, SettingsError, load
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.jobs.outbox import OutboxRow
from infra.mail.carriers import FileCarrier, SMTPCarrier, carrier_of
from infra.mail.models import Mail
from infra.mail.post import MAIL_JOB, Post
from infra.mail.sending import MailRoom
from infra.security.keyring import CannotOpen, Keyring

NOW = datetime(2026, 3, 15, 19, tzinfo=UTC)
BODY = SecretStr(
    "Hello,\n\nhttps://oodaloo.test/reset-password/oo_reset_of-a-good-length-that-must-not-be-broken-into-lines\n"
)


class FixedClock:
    def now(self) -> datetime:
        return NOW


class Refusing:
    async def take(self, message: EmailMessage, *, name: str) -> None:  # noqa: ARG002 - as a carrier has it
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")


def mail_room(uow: UnitOfWorkFactory, keyring: Keyring, carrier: Any) -> MailRoom:
    return MailRoom(
        access_uow=uow, keyring=keyring, carrier=carrier, sender="Oodaloo <o@oodaloo.test>", clock=FixedClock()
    )


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.load(tmp_path / "keyring.json", create=True)


async def write(uow: UnitOfWorkFactory, keyring: Keyring, *, subject: str = "A subject") -> UUID:
    async with uow([]) as unit:
        Post(keyring).write(unit, recipient="ada@example.com", subject=subject, body=BODY, now=NOW)
        mail = next(row for row in unit.session.new if isinstance(row, Mail))
        asked = next(row for row in unit.session.new if isinstance(row, OutboxRow))
        assert (asked.job, asked.arguments, asked.business_id) == (MAIL_JOB, [str(mail.id)], None)
        return mail.id


async def test_a_letter_is_sealed_until_it_is_sent_and_then_forgotten(
    access_uow: UnitOfWorkFactory, keyring: Keyring, tmp_path: Path
) -> None:
    mail_id = await write(access_uow, keyring, subject="Two\r\nBcc: evil@example.com lines")
    async with access_uow([]) as uow:
        waiting = await uow.session.get_one(Mail, mail_id)
        assert waiting.body_sealed
        assert "reset" not in waiting.body_sealed
        with pytest.raises(CannotOpen):
            keyring.open(waiting.body_sealed, context=("mail", str(UUID(int=1)), "body"))
    room = mail_room(access_uow, keyring, FileCarrier(tmp_path / "mail"))
    await room.send(mail_id)
    file = tmp_path / "mail" / f"{mail_id}.eml"
    letter = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (letter["To"], letter["From"]) == ("ada@example.com", "Oodaloo <o@oodaloo.test>")
    assert letter["Subject"] == "Two Bcc: evil@example.com lines"
    assert letter["Bcc"] is None
    assert BODY.get_secret_value().splitlines()[-1] in file.read_text().splitlines()  # a link in one piece
    async with access_uow([]) as uow:
        sent = await uow.session.get_one(Mail, mail_id)
        assert (sent.body_sealed, sent.sent_at) == (None, NOW)
    file.unlink()
    await room.send(mail_id)
    assert not file.exists()


async def test_a_letter_that_nobody_takes_stays(access_uow: UnitOfWorkFactory, keyring: Keyring) -> None:
    mail_id = await write(access_uow, keyring)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        await mail_room(access_uow, keyring, Refusing()).send(mail_id)
    async with access_uow([]) as uow:
        kept = await uow.session.get_one(Mail, mail_id)
        assert kept.body_sealed is not None
        assert kept.sent_at is None


async def test_without_its_transaction_there_is_no_letter(access_uow: UnitOfWorkFactory, keyring: Keyring) -> None:
    async def fail() -> None:
        async with access_uow([]) as uow:
            Post(keyring).write(uow, recipient="undone@example.com", subject="S", body=BODY, now=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with access_uow([]) as uow:
        assert await uow.session.scalar(select(Mail.id).where(Mail.recipient == "undone@example.com")) is None


class SpokenWith:
    """smtplib's side of a conversation, noted."""

    said: list[Any]

    def __init__(self, host: str, port: int, *, timeout: float, context: ssl.SSLContext | None = None) -> None:
        assert timeout > 0
        kind = type(self).__name__
        self.said.append((kind, host, port, None if context is None else context.verify_mode))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.said.append("quit")

    def starttls(self, *, context: ssl.SSLContext) -> None:
        self.said.append(("starttls", context.check_hostname))

    def login(self, user: str, password: str) -> None:
        self.said.append(("login", user, password))

    def send_message(self, message: EmailMessage) -> None:
        self.said.append(message["To"])


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    SpokenWith.said = []
    monkeypatch.setattr(smtplib, "SMTP", type("SMTP", (SpokenWith,), {}))
    monkeypatch.setattr(smtplib, "SMTP_SSL", type("SMTP_SSL", (SpokenWith,), {}))
    return SpokenWith.said


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "smtps://ada:p%40ss@mail.example",
            [("SMTP_SSL", "mail.example", 465, ssl.CERT_REQUIRED), ("login", "ada", "p@ss"), "ada@example.com", "quit"],
        ),
        (
            "smtp://ada:x@mail.example:2525",
            [
                ("SMTP", "mail.example", 2525, None),
                ("starttls", True),
                ("login", "ada", "x"),
                "ada@example.com",
                "quit",
            ],
        ),
        ("smtp://127.0.0.1:25", [("SMTP", "127.0.0.1", 25, None), "ada@example.com", "quit"]),
    ],
)
async def test_a_server_on_another_machine_is_spoken_with_over_tls(
    said: list[Any], url: str, expected: list[Any]
) -> None:
    message = EmailMessage()
    message["To"] = "ada@example.com"
    await SMTPCarrier(SecretStr(url)).take(message, name="x")
    assert said == expected


def test_settings_choose_the_carrier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OODALOO_SMTP_URL", raising=False)
    assert isinstance(carrier_of(load(MailSettings), home=tmp_path), FileCarrier)
    monkeypatch.setenv("OODALOO_SMTP_URL", "smtps://u:secret-word@mail.example")
    assert isinstance(carrier_of(load(MailSettings), home=tmp_path), SMTPCarrier)
    assert "secret-word" not in repr(load(MailSettings))
    monkeypatch.setenv("OODALOO_SMTP_URL", "https://u:secret-word@mail.example")
    with pytest.raises(SettingsError, match="OODALOO_SMTP_URL") as refused:
        load(MailSettings)
    assert "secret-word" not in str(refused.value)
