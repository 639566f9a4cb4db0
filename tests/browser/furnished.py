"""A firm at work: its clients are connected and read, its people signed in. What each screen needs to have something to show."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domains.core.permissions import Role
from tests.browser.site import Site
from tests.e2e.people import FIRMS, ORIGIN, Browser, join_firm, member, open_firm, sign_up

# The companies of `sample_company`, tight and in trouble, and a client that is connected to none.
NAMES = ("Copper Gate Electric", "Quill Lane Joinery", "Not Connected Yet")
_LOOK_EVERY_SECONDS = 0.2


@dataclass(frozen=True)
class Furnished:
    """`admin` is the firm's, with a second factor; `viewer` may read the first client and nothing else."""

    site: Site
    admin: Browser
    viewer: Browser
    clients: Sequence[UUID]

    @property
    def client(self) -> UUID:
        return self.clients[0]


async def furnish(site: Site, names: Sequence[str]) -> Furnished:
    """One client a name, connected to the site's companies in their order; a name more than companies stays unconnected."""
    firm_id = await open_firm(site.web)
    clients = [await _open_client(site, name, firm_id=firm_id) for name in names]
    admin = await join_firm(await sign_up(site.web, name="Ada Park"), firm_id)
    viewer = await member(site.web, clients[0], Role.VIEWER)
    connected = list(zip(clients, site.companies, strict=False))
    for business_id, company in connected:
        visitor = await site.visitor(business_id)
        answer = await visitor.connect(realm_id=company.realm_id)
        assert answer.status_code == 200, answer.text
    for business_id, _ in connected:
        await wait_until_read(site, business_id)
    return Furnished(site, admin, viewer, clients)


async def wait_until_read(site: Site, business_id: UUID) -> None:
    """The first reading of all the books is over."""
    visitor = await site.visitor(business_id)
    async with asyncio.timeout(300):
        while True:
            entities = (await visitor.get("/sync"))["data"]["entities"]
            if entities and all(entity["last_synced_at"] for entity in entities):
                return
            await asyncio.sleep(_LOOK_EVERY_SECONDS)


async def _open_client(site: Site, name: str, *, firm_id: UUID) -> UUID:
    async with site.web.services.access_uow([]) as uow:
        business = await FIRMS.create_business(
            uow.session,
            name,
            firm_id=firm_id,
            home_currency="USD",
            time_zone="America/Los_Angeles",
            origin=ORIGIN,
            now=site.clock.now(),
        )
    return business.id
