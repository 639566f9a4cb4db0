from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.config import ServerSettings, load
from infra.log_proof.checkpoint_file import CheckpointFile
from infra.log_proof.signing import LogKey, PublicKeys, public_file


class LogProofSettings(BaseSettings):
    """`log_key_file` signs checkpoints, `log_checkpoint_file` receives them; unset, both lie in `home`.

    Put the second on another machine or account than the database's, or fetch it from there often.
    """

    model_config = SettingsConfigDict(env_prefix="OODALOO_", frozen=True, extra="ignore", env_ignore_empty=True)

    log_key_file: Path | None = None
    log_checkpoint_file: Path | None = None


class LogProofFiles:
    """Where key and checkpoints of this process lie."""

    def __init__(self, settings: LogProofSettings, home: Path) -> None:
        self._named_key = settings.log_key_file
        self.key_path = settings.log_key_file or home / "log-key.json"
        self.checkpoints = CheckpointFile(settings.log_checkpoint_file or home / "log-checkpoints.jsonl")

    @classmethod
    def from_environment(cls, servers: ServerSettings) -> "LogProofFiles":
        return cls(load(LogProofSettings), servers.home)

    def key(self) -> LogKey:
        """To sign with. One that was named must be there: a new one in its place would sign what nobody knows.

        Raises:
            LogKeyUnusable: absent though named, malformed, or readable by others.
        """
        return LogKey.load(self.key_path, create=self._named_key is None)

    def public_keys(self) -> PublicKeys:
        """To verify with: the public file is enough.

        Raises:
            LogKeyUnusable: absent or malformed.
        """
        return PublicKeys.load(public_file(self.key_path))
