"""PostgreSQL and Valkey as children of this process, migrated, durable: to be killed and started again at the same address."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from benchmarks.report import BUILD
from benchmarks.rig import vouch_for
from infra.db.migrate import migrate
from infra.db.roles import APP, OWNER
from infra.embedded.postgres import SUPERUSER, EmbeddedPostgres
from infra.embedded.roles import DATABASE, ensure_database
from infra.embedded.run_directory import new_run_directory, remove_run_directory
from infra.embedded.servers import ServerAddresses, postgres_url, valkey_url
from infra.embedded.valkey import EmbeddedValkey


class OwnServers:
    """The keeper of an installation ends with the first server that dies; here the other one goes on."""

    def __init__(self, home: Path, run: Path) -> None:
        self.home = home
        self.postgres = EmbeddedPostgres(home, run=run)
        self.valkey = EmbeddedValkey(home, run=run)

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Self]:
        BUILD.mkdir(exist_ok=True)
        home = Path(tempfile.mkdtemp(prefix="proof-", dir=BUILD)).resolve()
        run = new_run_directory()
        servers = cls(home, run)
        try:
            servers.valkey.start()
            servers.postgres.start()
            ensure_database(postgres_url(servers.postgres.address, SUPERUSER, database="postgres"), DATABASE)
            migrate(servers.addresses.database_owner_url)
            vouch_for(servers.addresses.redis_url)
            yield servers
        finally:
            servers.postgres.stop()
            servers.valkey.stop()
            remove_run_directory(run)
            shutil.rmtree(home, ignore_errors=True)

    @property
    def addresses(self) -> ServerAddresses:
        directory = self.postgres.address
        return ServerAddresses(
            database_owner_url=postgres_url(directory, OWNER, database=DATABASE),
            database_app_url=postgres_url(directory, APP, database=DATABASE),
            redis_url=valkey_url(self.valkey.address),
        )

    def kill_redis(self) -> None:
        """SIGKILL, and a new one, empty, at the same address."""
        self._end(self.valkey, signal.SIGKILL)
        self.valkey.start()

    def stop_postgres_at_once(self) -> None:
        """`pg_ctl stop -m immediate`: as when the machine loses power; it recovers from its log at the start."""
        self._end(self.postgres, signal.SIGQUIT)
        self.postgres.start()

    @staticmethod
    def _end(server: EmbeddedPostgres | EmbeddedValkey, number: signal.Signals) -> None:
        process = server._process  # noqa: SLF001 - nobody but a proof ends it so
        assert process is not None
        process.send_signal(number)
        process.wait(timeout=30)
