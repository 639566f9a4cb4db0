"""A whole company's books, as QuickBooks gave them, are what their logs say: nobody is alarmed by an honest mirror."""

from infra.log_proof.findings import Report
from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.files.generator import demo_company
from runway.commands.mirrors_beside_log import add_mirror_findings
from tests.integration.infra.qbo.company_rig import SPECS, MovedClock, mirrored_company
from tests.rig import Database


async def test_every_mirror_of_a_company_is_what_its_log_says(database: Database, redis_url: str) -> None:
    clock, whole, some = MovedClock(), Report(), Report()
    company = load_company(demo_company(clock.now().date()), clock=clock)
    async with mirrored_company(company, clock=clock, app_url=database.app_url, redis_url=redis_url) as mirrored:
        await mirrored.service.backfill(actor="test")
        objects = sum(len(mirrored.true(entity)) for entity in SPECS)
        ids = [mirrored.business_id]
        add_mirror_findings(database.app_url, whole, business_ids=ids, is_whole=True)
        add_mirror_findings(database.app_url, some, business_ids=ids, is_whole=False)
    assert whole.findings == some.findings == []
    assert whole.mirror_rows == objects
    assert len(SPECS) <= some.mirror_rows <= objects
