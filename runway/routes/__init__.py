from runway.routes import connect, health, runway, sync

API = (health.router, connect.router, sync.router, runway.router)
