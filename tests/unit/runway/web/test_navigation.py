"""No link of a client's pages leads nowhere."""

from fastapi.routing import APIRoute

from runway.web import ROUTERS
from runway.web.clients import PREFIX
from runway.web.navigation import LINKS


def test_every_link_has_its_page_and_its_own_key() -> None:
    pages = {route.path for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)}
    assert {PREFIX + link.path for link in LINKS} <= pages
    assert len({link.key for link in LINKS}) == len(LINKS)
