"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost. Each works once.

The secret is sealed by the keyring and bound to its user; of a recovery code the hash is kept.
"""

import hmac
import re
import secrets
from base64 import b32decode, b32encode
from datetime import datetime
from enum import StrEnum
from typing import Any, cast
from urllib.parse import quote, urlencode
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from pydantic import SecretStr
from sqlalchemy import CursorResult, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domains.core import access_log
from domains.core.access_log import AccessEvent, Origin
from domains.core.people import RecoveryCode, User
from domains.core.secrets import hash_of
from domains.core.sign_in_errors import CodeRefused, SecondFactorAbsent, SecondFactorExists
from infra.security.keyring import Keyring
from infra.security.sealed_columns import context_by_row

ISSUER = "Oodaloo"
RECOVERY_CODES = 10
_SECRET_BYTES = 20  # as RFC 4226 recommends for SHA-1, which is all that many apps know
_STEP_SECONDS, _DIGITS = 30, 6
_RECOVERY_BYTES, _GROUP = 10, 4  # 80 bits: too many to try, so a plain hash will do
_SPACES = re.compile(r"[\s-]+")


class Proof(StrEnum):
    CODE = "code"
    RECOVERY_CODE = "recovery_code"


class SecondFactors:
    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def begin(self, user: User) -> SecretStr:
        """A new secret, in base 32, for the person's app. It counts for nothing before `confirm`.

        Raises:
            SecondFactorExists: there is one that counts.
        """
        if user.totp_confirmed_at is not None:
            raise SecondFactorExists
        secret = SecretStr(b32encode(secrets.token_bytes(_SECRET_BYTES)).decode())
        user.totp_secret_sealed = self._keyring.seal(secret, context=_context(user.id))
        user.totp_last_step = None
        return secret

    def pending_secret(self, user: User) -> SecretStr | None:
        """What `begin` made and `confirm` has not confirmed: only until then it is shown."""
        if user.totp_confirmed_at is not None or user.totp_secret_sealed is None:
            return None
        return self._keyring.open(user.totp_secret_sealed, context=_context(user.id))

    async def confirm(
        self, session: AsyncSession, user: User, *, code: SecretStr, origin: Origin, now: datetime
    ) -> list[str]:
        """The app shows the right codes, so from now on they are asked for. The recovery codes, which nobody sees again.

        Raises:
            SecondFactorAbsent, SecondFactorExists: nothing was begun, or it is confirmed already.
            CodeRefused: the code is wrong.
        """
        if user.totp_confirmed_at is not None:
            raise SecondFactorExists
        if user.totp_secret_sealed is None:
            raise SecondFactorAbsent
        if not await self._use_totp(session, user, code=code, now=now):
            raise CodeRefused
        user.totp_confirmed_at = now
        await access_log.note(session, AccessEvent.SECOND_FACTOR_SET, origin=origin, user_id=user.id)
        return await self._new_codes(session, user.id, now=now)

    async def use(
        self, session: AsyncSession, user: User, *, code: SecretStr, origin: Origin, now: datetime
    ) -> Proof | None:
        """Whether the code proves the second factor; it never does again. None: it does not."""
        if user.totp_confirmed_at is None:
            return None
        if await self._use_totp(session, user, code=code, now=now):
            return Proof.CODE
        used = await session.execute(
            update(RecoveryCode)
            .where(
                RecoveryCode.user_id == user.id,
                RecoveryCode.code_hash == _hash(user.id, code.get_secret_value()),
                RecoveryCode.used_at.is_(None),
            )
            .values(used_at=now)
            .execution_options(synchronize_session=False)
        )
        if cast("CursorResult[Any]", used).rowcount != 1:
            return None
        left = await self.count_codes(session, user.id)
        await access_log.note(
            session, AccessEvent.RECOVERY_CODE_USED, origin=origin, user_id=user.id, details={"left": left}
        )
        return Proof.RECOVERY_CODE

    async def renew_codes(self, session: AsyncSession, user: User, *, origin: Origin, now: datetime) -> list[str]:
        """New recovery codes in the old ones' place.

        Raises:
            SecondFactorAbsent: there is nothing to recover.
        """
        if user.totp_confirmed_at is None:
            raise SecondFactorAbsent
        await access_log.note(session, AccessEvent.RECOVERY_CODES_MADE, origin=origin, user_id=user.id)
        return await self._new_codes(session, user.id, now=now)

    async def count_codes(self, session: AsyncSession, user_id: UUID) -> int:
        """Those that still work."""
        unused = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
        return await session.scalar(unused) or 0

    async def remove(self, session: AsyncSession, user: User, *, origin: Origin) -> None:
        """Forget the secret and the codes. What needs a second factor is closed to the person until they have another.

        Raises:
            SecondFactorAbsent: there is none.
        """
        if user.totp_confirmed_at is None:
            raise SecondFactorAbsent
        user.totp_secret_sealed = user.totp_confirmed_at = user.totp_last_step = None
        await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
        await access_log.note(session, AccessEvent.SECOND_FACTOR_REMOVED, origin=origin, user_id=user.id)

    async def _use_totp(self, session: AsyncSession, user: User, *, code: SecretStr, now: datetime) -> bool:
        """One step early or late is right too; a step that was used, or one before it, never again."""
        if user.totp_secret_sealed is None:
            return False
        secret = self._keyring.open(user.totp_secret_sealed, context=_context(user.id))
        step = _matching_step(secret, _SPACES.sub("", code.get_secret_value()), now=now)
        if step is None:
            return False
        taken = await session.execute(
            update(User)
            .where(User.id == user.id, or_(User.totp_last_step.is_(None), User.totp_last_step < step))
            .values(totp_last_step=step)
            .execution_options(synchronize_session=False)
        )
        return cast("CursorResult[Any]", taken).rowcount == 1

    async def _new_codes(self, session: AsyncSession, user_id: UUID, *, now: datetime) -> list[str]:
        await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
        codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
        session.add_all(RecoveryCode(user_id=user_id, code_hash=_hash(user_id, code), created_at=now) for code in codes)
        return codes


def code_at(secret: SecretStr, instant: datetime) -> str:
    """What the app shows at that instant."""
    return _totp(secret).generate(int(instant.timestamp())).decode()


def setup_uri(secret: SecretStr, *, email: str) -> SecretStr:
    """What the QR code says to the app (the otpauth form that all of them read)."""
    asked = urlencode(
        {"secret": secret.get_secret_value(), "issuer": ISSUER, "digits": _DIGITS, "period": _STEP_SECONDS}
    )
    return SecretStr(f"otpauth://totp/{quote(f'{ISSUER}:{email}')}?{asked}")


def _matching_step(secret: SecretStr, typed: str, *, now: datetime) -> int | None:
    step, totp, found = int(now.timestamp()) // _STEP_SECONDS, _totp(secret), None
    for candidate in (step - 1, step, step + 1):
        right = totp.generate(candidate * _STEP_SECONDS)
        if hmac.compare_digest(right, typed.encode()):
            found = candidate
    return found


def _totp(secret: SecretStr) -> TOTP:
    key = b32decode(secret.get_secret_value())
    return TOTP(key, _DIGITS, SHA1(), _STEP_SECONDS)  # noqa: S303  # HMAC's strength does not rest on collisions


def _context(user_id: UUID) -> tuple[str, ...]:
    return context_by_row("app_user", user_id, "totp_secret_sealed")


def _new_recovery_code() -> str:
    text = b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def _hash(user_id: UUID, code: str) -> bytes:
    return hash_of(f"{user_id}:{_SPACES.sub('', code).lower()}")
