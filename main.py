"""`uvicorn main:app`."""

from runway.app import create_app_from_environment

app = create_app_from_environment()
