"""`make prove`'s requests from the OpenAPI document, at the size of a sample: an owner's, and nobody's to some of the paths."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from benchmarks.proofs.api_document import NOBODY, ask_as
from benchmarks.proofs.tenancy.proof import Stage, open_stage
from infra.embedded.servers import ServerAddresses
from tests.rig import Database


@pytest.fixture
async def stage(database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    addresses = ServerAddresses(
        database_owner_url=database.owner_url, database_app_url=database.app_url, redis_url=redis_url
    )
    with capture_logs():
        async with open_stage(addresses, tmp_path) as opened:
            yield opened


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("who", "paths"), [("owner", ""), (NOBODY, "^/api/v1/[a-d]")])
async def test_the_document_is_true(stage: Stage, who: str, paths: str) -> None:
    (told,) = await ask_as(stage, [who], examples=1, phases="fuzzing", seed=1, paths=paths)
    assert told.cases > 30, told.text
    assert told.failures == 0, told.text
