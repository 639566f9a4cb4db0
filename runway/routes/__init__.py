from runway.routes import (
    accounts,
    admin_health,
    api_page,
    approvals,
    audit,
    bills,
    businesses,
    collection_notes,
    connect,
    connection_health,
    drift,
    failed_jobs,
    health,
    invitations,
    invoices,
    me,
    members,
    notices,
    parties,
    payments,
    reports,
    runway,
    sync,
    sync_budget,
    tokens,
    webhooks,
)

API = tuple(
    room.router
    for room in (
        health,
        businesses,
        connect,
        connection_health,
        admin_health,
        sync,
        drift,
        notices,
        failed_jobs,
        runway,
        bills,
        approvals,
        invoices,
        collection_notes,
        parties,
        accounts,
        payments,
        reports,
        sync_budget,
        me,
        members,
        invitations,
        tokens,
        audit,
    )
)
PAGES = (api_page.router,)
HOOKS = (webhooks.router,)
WATCH = (health.watch, admin_health.short, connection_health.short)
ROUTERS = (*API, *PAGES, *HOOKS, *WATCH)
