from typing import Protocol

from pydantic import SecretStr

from infra.qbo.errors import QBOAuthExpired


class TokenSource(Protocol):
    """Where the raw client gets its access token from; `QBOAuth.tokens_of` makes the real one."""

    async def access_token(self) -> SecretStr:
        """A token good for some minutes at least.

        Raises:
            QBOAccessRevoked: the company must be reconnected; no HTTP call was made.
            QBOUnavailable: a refresh was due and Intuit did not answer.
        """
        ...

    async def refresh(self, *, after_rejected: SecretStr) -> SecretStr:
        """Another token than the one QBO has just refused.

        Raises:
            QBOAccessRevoked, QBOUnavailable: as above.
            QBOAuthExpired: a refresh less than a minute ago did not help either.
        """
        ...


class OneToken:
    """A token that stands for itself: nothing is kept and nothing replaces it."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    async def access_token(self) -> SecretStr:
        return self._token

    async def refresh(self, *, after_rejected: SecretStr) -> SecretStr:
        """Raises:
        QBOAuthExpired: always.
        """
        del after_rejected
        raise QBOAuthExpired("QuickBooks refuses this token.")
