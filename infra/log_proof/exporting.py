"""From the database to the file: every checkpoint that the file lacks, each one looked at first."""

from typing import Any

from psycopg import Connection

from infra.errors import OodalooError
from infra.log_proof import ledger, merkle
from infra.log_proof.canonical import NOTHING_BEFORE
from infra.log_proof.checkpoint_file import Checkpoint, CheckpointFile, Line
from infra.log_proof.signing import PublicKeys

_AT_ONCE = 500


class UnknownCheckpoint(OodalooError):
    """A checkpoint in the database is not signed by our key, or does not fit its batches or the one before."""

    def __init__(self, no: int) -> None:
        super().__init__(
            f"Checkpoint {no} in the database is not one that this log's key has signed, or it was changed since. "
            "Nothing is sealed after it; `oodaloo log verify` tells more."
        )


def export(connection: Connection[Any], file: CheckpointFile, *, keys: PublicKeys) -> int:
    """Append what is missing; how many. On disk when this returns.

    Raises:
        UnknownCheckpoint: those before it have been appended.
        CheckpointFileUnusable: it cannot be written.
    """
    exported = 0
    with file.appending() as appender:
        while True:
            after = appender.newest.no if appender.newest else 0
            found = ledger.checkpoints_after(connection, after, limit=_AT_ONCE)
            if not found:
                return exported
            batches = ledger.batch_hashes_between(connection, after, through=found[-1].head.no)
            for checkpoint in found:
                line = Line(checkpoint, batches.get(checkpoint.head.no, {}))
                if not _is_ours(line, keys=keys, before=appender.newest.checkpoint if appender.newest else None):
                    raise UnknownCheckpoint(checkpoint.head.no)
                appender.append([line])
                exported += 1


def batch_root(line: Line) -> bytes:
    """Over the hashes of the line's batches."""
    return merkle.root_of(
        [merkle.leaf_hash(digest) for _, (_, digest) in sorted(line.batches.items(), key=lambda item: item[0].bytes)]
    )


def is_signed(checkpoint: Checkpoint, keys: PublicKeys) -> bool:
    digest = checkpoint.head.digest()
    return digest == checkpoint.hash and keys.verify(checkpoint.head.key_id, digest, signature=checkpoint.signature)


def _is_ours(line: Line, *, keys: PublicKeys, before: Checkpoint | None) -> bool:
    head = line.checkpoint.head
    return (
        is_signed(line.checkpoint, keys)
        and head.previous_hash == (before.hash if before else NOTHING_BEFORE)
        and head.batch_root == batch_root(line)
    )
