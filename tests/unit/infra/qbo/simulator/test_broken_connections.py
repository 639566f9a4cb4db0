"""How the simulator breaks a connection, also one that its client has closed already."""

import asyncio
import socket

from infra.qbo.simulator.trouble import connection


class ClosedAlready(asyncio.Transport):
    """As asyncio leaves it when the other end has gone: the socket is shown, and has no descriptor any more."""

    def __init__(self) -> None:
        here, there = socket.socketpair()
        here.close()
        there.close()
        super().__init__({"socket": here})
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


def test_a_connection_that_is_gone_already_is_reset_without_complaint() -> None:
    transport = ClosedAlready()
    connection.reset({"extensions": {"oodaloo.transport": transport}})
    assert transport.is_aborted


def test_under_another_server_there_is_nothing_to_reset() -> None:
    connection.reset({})
