from typing import Protocol

from pydantic import SecretStr


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
