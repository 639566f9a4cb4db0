"""Who takes a letter from us: an SMTP server, or a directory where nobody but the operator reads."""

import asyncio
import os
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from infra.config import MailSettings

_SMTPS_PORT, _SUBMISSION_PORT = 465, 587
_TIMEOUT_SECONDS = 20


class Carrier(Protocol):
    async def take(self, message: EmailMessage, *, name: str) -> None:
        """Deliver it; `name` is the letter's own, for a file. Raises what went wrong."""
        ...


def carrier_of(settings: MailSettings, *, home: Path) -> Carrier:
    return FileCarrier(home / "mail") if settings.smtp_url is None else SMTPCarrier(settings.smtp_url)


class FileCarrier:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def take(self, message: EmailMessage, *, name: str) -> None:
        await asyncio.to_thread(self._write, message, name)

    def _write(self, message: EmailMessage, name: str) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._directory / f"{name}.eml"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(message.as_bytes(policy=SMTP))


class SMTPCarrier:
    """TLS from the start (smtps) or by STARTTLS (smtp), its certificate checked; only on this machine without."""

    def __init__(self, url: SecretStr) -> None:
        parts = urlsplit(url.get_secret_value())
        self._host = parts.hostname or ""
        self._is_tls = parts.scheme == "smtps"
        self._port = parts.port or (_SMTPS_PORT if self._is_tls else _SUBMISSION_PORT)
        self._user = unquote(parts.username) if parts.username else None
        self._password = SecretStr(unquote(parts.password or ""))

    async def take(self, message: EmailMessage, *, name: str) -> None:  # noqa: ARG002  # a file's name means nothing here
        await asyncio.to_thread(self._send, message)

    def _send(self, message: EmailMessage) -> None:
        context = ssl.create_default_context()
        if self._is_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=_TIMEOUT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        with server:
            if not self._is_tls and not _is_here(self._host):
                server.starttls(context=context)
            if self._user is not None:
                server.login(self._user, self._password.get_secret_value())
            server.send_message(message)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
