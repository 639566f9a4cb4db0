from pathlib import Path

from infra.errors import OodalooError

_TAIL_LINES = 15


class EmbeddedServerError(OodalooError):
    """A bundled server could not be started. The text ends with the last lines of its log."""

    def __init__(self, message: str, *, log: Path) -> None:
        self.log = log
        lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:] if log.exists() else []
        super().__init__("\n".join([f"{message} Its log, {log}, ends with:", *(f"  {line}" for line in lines)]))
