from runway.routes import (
    accounts,
    api_page,
    audit,
    bills,
    businesses,
    connect,
    drift,
    health,
    invitations,
    invoices,
    me,
    members,
    notices,
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
        drift,
        notices,
        runway,
        bills,
        invoices,
        parties,
        accounts,
        payments,
        me,
        members,
        invitations,
        tokens,
        audit,
    )
)
PAGES = (api_page.router,)
ROUTERS = (*API, *PAGES)
