"""Runs the simulator on a real port, for the command line and for tests."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import uvicorn

from infra import exact_json
from infra.garbage import long_lived
from infra.qbo.simulator.api.app import create_app
from infra.qbo.simulator.simulator import Simulator
from infra.qbo.simulator.trouble.connection import BreakableProtocol

_BACKLOG = 256


@dataclass(frozen=True, slots=True)
class SimulatorInfo:
    """All a client needs to start. The tokens are of the first company and alive; `api_url` is what QBO_API_URL wants."""

    base_url: str
    api_url: str
    discovery_url: str
    realm_ids: list[str]
    client_id: str
    client_secret: str
    access_token: str
    refresh_token: str


class _Server(uvicorn.Server):
    """Stopping, it lets go of the connections that trouble holds open."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(_config(simulator))
        self._simulator = simulator

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._simulator.timeline.release()
        await super().shutdown(sockets)


class _InnerServer(_Server):
    """Inside another program's loop: signals stay that program's own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    simulator: Simulator,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    info_file: Path | None = None,
    announce: Callable[[SimulatorInfo], None] | None = None,
) -> None:
    """Serve until interrupted. Port 0 takes a free one; `info_file` gets a SimulatorInfo as JSON once it is bound.

    Raises:
        OSError: the port is taken, or `info_file` cannot be written.
    """
    with _bind(host, port) as listener:
        info = _describe(simulator, listener)
        if info_file is not None:
            _write_atomically(info_file, exact_json.dumps(asdict(info)))
        if announce is not None:
            announce(info)
        with long_lived():  # the books outlive every request
            async with simulator.running():
                await _Server(simulator).serve(sockets=[listener])


@contextlib.asynccontextmanager
async def running_simulator(simulator: Simulator, *, host: str = "127.0.0.1") -> AsyncIterator[SimulatorInfo]:
    """Serve in the background on a free port for as long as the block runs."""
    with _bind(host, 0) as listener:
        async with simulator.running():
            server = _InnerServer(simulator)
            task = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn tells it by an attribute alone
                    await asyncio.sleep(0.005)
                yield _describe(simulator, listener)
            finally:
                server.should_exit = True
                await task


def _config(simulator: Simulator) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(simulator),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
        timeout_keep_alive=75,  # longer than clients keep a connection: a server that ends it first ends requests on their way
        http=BreakableProtocol,
    )


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(
        socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # asyncio sets TCP_NODELAY by this alone
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _describe(simulator: Simulator, listener: socket.socket) -> SimulatorInfo:
    host, port = listener.getsockname()[:2]
    base_url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    realm_ids = list(simulator.companies)
    tokens = simulator.oauth.grant(realm_ids[0], client_id=simulator.oauth.client_id)
    simulator.settle(None)  # in the state before anybody is told
    return SimulatorInfo(
        base_url=base_url,
        api_url=base_url,
        discovery_url=f"{base_url}/.well-known/openid_configuration",
        realm_ids=realm_ids,
        client_id=simulator.oauth.client_id,
        client_secret=simulator.oauth.client_secret,
        access_token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
    )


def _write_atomically(path: Path, content: bytes) -> None:
    """A reader that polls for the file never sees half of it. It holds secrets: its owner alone may read it."""
    partial = path.with_name(path.name + ".partial")
    partial.touch(mode=0o600)
    partial.write_bytes(content)
    partial.replace(path)
