"""`make prove`'s proof of loss-free paging, at the size of a sample (6,000 invoices of its 20,000): a seed never tried before."""

import random

from benchmarks.proofs.paging import open_books, summed_up
from infra.embedded.servers import ServerAddresses
from tests.rig import Database


async def test_a_book_of_many_pages_edited_once_a_page_loses_nothing(database: Database, redis_url: str) -> None:
    addresses = ServerAddresses(
        database_owner_url=database.owner_url, database_app_url=database.app_url, redis_url=redis_url
    )
    fresh = random.SystemRandom().randrange(10_000, 2**31)
    print(f"fresh seed: {fresh}")  # noqa: T201 - shown when it fails
    async with open_books(addresses, invoices=6_000) as books:
        lost_by_position = await books.lose_by_position(seed=1)
        outcomes = [await books.read_while_edited(seed) for seed in (fresh,)]
    result = summed_up(outcomes, lost_by_position=lost_by_position, fresh=fresh, seconds=0)
    assert result.ok, (outcomes, result)
