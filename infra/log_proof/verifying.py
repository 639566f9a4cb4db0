"""`oodaloo log verify` without its words: everything that can be checked, in one report."""

import time
from typing import Any
from uuid import UUID

from psycopg import Connection

from infra.log_proof import ledger
from infra.log_proof.catalog import check_catalog
from infra.log_proof.checkpoint_file import CheckpointFile, Line
from infra.log_proof.findings import Report
from infra.log_proof.lag import sealing_lag
from infra.log_proof.signing import PublicKeys
from infra.log_proof.verification import Progress, Verification

_EXPORT_TAKES_SECONDS = 3.0
_POLL_SECONDS = 0.2


def verify(
    connection: Connection[Any],
    file: CheckpointFile,
    *,
    keys: PublicKeys,
    progress: Progress,
    business_id: UUID | None = None,
    since: int = 0,
) -> Report:
    """As the sealer's role.

    Raises:
        CheckpointFileUnusable: a line of it is no checkpoint.
    """
    lines, through = _lines_of_now(connection, file)
    verification = Verification(
        connection, lines, keys=keys, business_id=business_id, since=since, through=through, progress=progress
    )
    report = verification.run()
    for difference in check_catalog(connection):
        report.add(f"The database's walls: {difference}.")
    report.lag = sealing_lag(connection)
    return report


def _lines_of_now(connection: Connection[Any], file: CheckpointFile) -> tuple[list[Line], int]:
    """The file's lines, and the last checkpoint to look at: a sealer commits first and exports a moment later."""
    newest = ledger.newest_checkpoint(connection)
    held, deadline = newest.head.no if newest else 0, time.monotonic() + _EXPORT_TAKES_SECONDS
    lines = list(file.lines())
    while (lines[-1].no if lines else 0) < held and file.path.exists() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        lines = list(file.lines())
    return lines, max(held, lines[-1].no if lines else 0)
