"""Tokens that the database has not taken yet, kept sealed in files of their own until it does.

A rail may have killed the old token when it handed out the new one: a commit that fails then, or that a killed process never came
to, would lose the connection.
"""

import os
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr, TypeAdapter

from infra import exact_json
from infra.config import Rail
from infra.security.keyring import CannotOpen, Keyring, key_id_of
from infra.security.rail_tokens import RailGrant

_GRANT = TypeAdapter(RailGrant)
_ENDING = ".sealed"


class TokenSpool:
    """At most one grant a business and rail, the latest; each file is its owner's alone and holds no word in clear."""

    def __init__(self, directory: Path, *, keyring: Keyring) -> None:
        self._directory = directory
        self._keyring = keyring

    def has(self, business_id: UUID, rail: Rail) -> bool:
        return self._path(business_id, rail).exists()

    def put(self, business_id: UUID, rail: Rail, *, grant: RailGrant) -> None:
        """Write the grant to the disk, whole, before this returns. Who calls is alone with the business's token.

        Raises:
            OSError: the disk does not take it either.
        """
        sealed = self._keyring.seal(_as_text(grant), context=_context(business_id, rail))
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(business_id, rail)
        temporary = path.with_name(f".{path.name}.new")  # one of a process that was killed here is written over
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def find(self, business_id: UUID, rail: Rail) -> RailGrant | None:
        """The grant that waits.

        Raises:
            CannotOpen: the file is not what this keyring sealed.
        """
        try:
            sealed = self._path(business_id, rail).read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        text = self._keyring.open(sealed, context=_context(business_id, rail))
        return _GRANT.validate_python(exact_json.loads(text.get_secret_value()))

    def remove(self, business_id: UUID, rail: Rail) -> None:
        self._path(business_id, rail).unlink(missing_ok=True)

    def list_waiting(self, rail: Rail) -> list[UUID]:
        """The businesses whose grant waits."""
        names = (path.name.removesuffix(_ENDING).partition(".") for path in self._directory.glob(f"*{_ENDING}"))
        return [UUID(business_id) for name, _, business_id in names if name == rail.value]

    def count_by_key(self) -> Counter[str]:
        """How many waiting grants each key sealed."""
        counts: Counter[str] = Counter()
        for path in self._directory.glob(f"*{_ENDING}"):
            try:
                counts[key_id_of(path.read_text(encoding="ascii"))] += 1
            except (FileNotFoundError, CannotOpen):
                continue  # taken meanwhile, or not ours to judge
        return counts

    def _path(self, business_id: UUID, rail: Rail) -> Path:
        return self._directory / f"{rail.value}.{business_id}{_ENDING}"


def _context(business_id: UUID, rail: Rail) -> tuple[str, ...]:
    return (str(business_id), rail.value, "token_spool")


def _as_text(grant: RailGrant) -> str:
    values = {name: _plain(value) for name, value in asdict(grant).items()}
    return exact_json.dumps(values).decode()


def _plain(value: object) -> object:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case datetime():
            return value.isoformat()
        case _:
            return value
