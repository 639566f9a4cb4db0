"""`oodaloo log verify` looks at the mirrors too: the rooms of the log's proof know no mirror, this one knows them all."""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import typer

if TYPE_CHECKING:
    from infra.log_proof.findings import Report

# Without --full: some 0.1 s a business.
_BUSINESSES_BY_CHANCE, _ROWS_BY_CHANCE = 100, 50


def look_at_mirrors_too(context: typer.Context) -> None:
    context.obj = add_mirror_findings


def add_mirror_findings(app_url: str, report: "Report", *, business_ids: Sequence[UUID], is_whole: bool) -> None:
    """Every row of every mirror of the businesses; or, of a hundred businesses by chance, fifty rows by chance of each mirror."""
    from infra.log_proof.sealer import open_connection
    from infra.sync.mirror_check import MirrorCheck
    from runway.registry import MIRROR_SPECS

    if not is_whole:
        business_ids = random.sample(business_ids, min(_BUSINESSES_BY_CHANCE, len(business_ids)))
    with open_connection(app_url) as connection:
        for business_id in business_ids:
            for spec in MIRROR_SPECS:
                check = MirrorCheck(connection, spec, business_id)
                for found in check.whole() if is_whole else check.sample(_ROWS_BY_CHANCE):
                    report.add(
                        found.text, business_id=business_id, table=found.table, entity_id=found.entity_id, column=found.column,
                    )  # fmt: skip
                report.mirror_rows += check.rows
