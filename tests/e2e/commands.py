"""`oodaloo …` in this process, which spares each command a second of start, on servers that a test gives it."""

import os
from pathlib import Path
from unittest.mock import patch

from typer.testing import CliRunner, Result

from runway.cli import app
from tests.rig import HOME_VARIABLE, Database

QBO_KEYS = {"QBO_CLIENT_ID": "id", "QBO_CLIENT_SECRET": "secret"}


def servers_in(database: Database, redis_url: str) -> dict[str, str]:
    """The settings that name these servers."""
    return {
        "OODALOO_DATABASE_URL": database.app_url,
        "OODALOO_DATABASE_OWNER_URL": database.owner_url,
        "OODALOO_REDIS_URL": redis_url,
    }


def run_oodaloo(home: Path, *arguments: str, given: str | None = None, **settings: str) -> Result:
    """Run it to its end; `given` is its standard input. A bug's exception is raised.

    Logging stays as it is: loggers would keep the command's standard error, which is closed at its end.
    """
    unset = {name: None for name in os.environ if name.startswith(("OODALOO_", "QBO_")) and name != HOME_VARIABLE}
    environment = {**unset, "OODALOO_HOME": str(home), "COLUMNS": "200", **QBO_KEYS, **settings}
    with patch("structlog.configure"), patch("logging.basicConfig"), patch("logging.setLogRecordFactory"):
        result = CliRunner().invoke(app, list(arguments), input=given, env=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
