from runway.routes import accounts, api_page, bills, connect, health, invoices, parties, payments, runway, sync

API = tuple(room.router for room in (health, connect, sync, runway, bills, invoices, parties, accounts, payments))
PAGES = (api_page.router,)
ROUTERS = (*API, *PAGES)
