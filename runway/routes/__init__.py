from runway.routes import accounts, bills, connect, health, invoices, parties, payments, runway, sync

API = tuple(room.router for room in (health, connect, sync, runway, bills, invoices, parties, accounts, payments))
