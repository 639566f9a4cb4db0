"""`make prove ONLY=schemathesis` at the size of a sample: an owner's requests to half of the paths, by chance, and nobody's to some.

In full these are all paths, asked for as every role, many times each.
"""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from benchmarks.proofs.api_document import NOBODY, ask_as
from benchmarks.proofs.tenancy.proof import Stage, open_stage
from infra.embedded.servers import ServerAddresses
from tests.rig import Database

HALF = random.SystemRandom().choice(["^/api/v1/[a-i]", "^/api/v1/[j-z]"])


@pytest.fixture
async def stage(database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    addresses = ServerAddresses(
        database_owner_url=database.owner_url, database_app_url=database.app_url, redis_url=redis_url
    )
    with capture_logs():
        async with open_stage(addresses, tmp_path) as opened:
            yield opened


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("who", "paths"), [pytest.param("owner", HALF, id="owner"), pytest.param(NOBODY, "^/api/v1/[a-d]", id="nobody")]
)
async def test_the_document_is_true(stage: Stage, who: str, paths: str) -> None:
    (told,) = await ask_as(stage, [who], examples=1, phases="fuzzing", seed=1, paths=paths)
    assert told.cases > 30, told.text
    assert told.failures == 0, told.text
