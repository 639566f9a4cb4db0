"""The scheduler's part: sealing every two seconds, and looking whether it keeps up and the walls stand."""

import asyncio
import threading
import time
from typing import Any

import psycopg
from psycopg import Connection

from infra.clock import Clock
from infra.errors import OodalooError
from infra.log_proof.catalog import check_catalog
from infra.log_proof.findings import LAG_ALLOWED
from infra.log_proof.lag import sealing_lag
from infra.log_proof.sealer import Sealer, open_connection
from infra.log_proof.settings import LogProofFiles
from infra.logging import get_logger

log = get_logger()

SEAL_EVERY_SECONDS = 2.0
_AFTER_A_FAILURE_SECONDS = 10.0
_LOOK_AT_LAG_EVERY_SECONDS = 30.0
_LOOK_AT_CATALOG_EVERY_SECONDS = 3600.0


async def keep_sealing(sealer_url: str, files: LogProofFiles, *, clock: Clock) -> None:
    """Until cancelled; the round at hand is finished. Failures are logged and tried again."""
    stopping = threading.Event()
    try:
        await asyncio.to_thread(_seal_until, stopping, sealer_url, files=files, clock=clock)
    finally:
        stopping.set()


def _seal_until(stopping: threading.Event, sealer_url: str, *, files: LogProofFiles, clock: Clock) -> None:
    while not stopping.is_set():
        try:
            with open_connection(sealer_url) as connection:
                sealer = Sealer(connection, key=files.key(), file=files.checkpoints, clock=clock)
                _Keeper(connection, sealer).keep(stopping)
        except (OodalooError, psycopg.Error, OSError) as error:
            text = str(error).partition("\n")[0]
            log.error("log_proof.seal.failed", error=type(error).__name__, text=text)  # noqa: TRY400 - the text says where
            stopping.wait(_AFTER_A_FAILURE_SECONDS)


class _Keeper:
    def __init__(self, connection: Connection[Any], sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer
        self._looked_at_lag = self._looked_at_catalog = float("-inf")

    def keep(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            done = self._sealer.seal()
            self._look()
            if done is None or done.is_last:
                stopping.wait(SEAL_EVERY_SECONDS)

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at_catalog >= _LOOK_AT_CATALOG_EVERY_SECONDS:
            self._looked_at_catalog = now
            if found := check_catalog(self._connection):
                log.error("log_proof.catalog.differs", differences=found)
        if now - self._looked_at_lag >= _LOOK_AT_LAG_EVERY_SECONDS:
            self._looked_at_lag = now
            if (lag := sealing_lag(self._connection)) > LAG_ALLOWED:
                log.error("log_proof.seal.lagging", seconds=round(lag.total_seconds()))
