"""What a lane knows of its company's access without asking the database before each of a hundred thousand calls."""

from dataclasses import dataclass

from pydantic import SecretStr

from infra.qbo.tokens import TokenSource


@dataclass
class KeptToken:
    """Read from the database once, and whenever it was refused, or the access lost or given again: then it is forgotten."""

    true: TokenSource
    _kept: SecretStr | None = None

    @property
    def is_known(self) -> bool:
        """It was good when it was last used: nothing can have been written down since that the company must be connected again."""
        return self._kept is not None

    async def access_token(self) -> SecretStr:
        if self._kept is None:
            self._kept = await self.true.access_token()
        return self._kept

    async def refresh(self, *, after_rejected: SecretStr) -> SecretStr:
        self._kept = None
        self._kept = await self.true.refresh(after_rejected=after_rejected)
        return self._kept

    def forget(self) -> None:
        self._kept = None
