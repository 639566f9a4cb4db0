from runway.routes import (
    accounts,
    api_page,
    audit,
    bills,
    businesses,
    connect,
    health,
    invoices,
    members,
    parties,
    payments,
    runway,
    sync,
    tokens,
)

API = tuple(
    room.router
    for room in (
        health,
        businesses,
        connect,
        sync,
        runway,
        bills,
        invoices,
        parties,
        accounts,
        payments,
        members,
        tokens,
        audit,
    )
)
PAGES = (api_page.router,)
ROUTERS = (*API, *PAGES)
