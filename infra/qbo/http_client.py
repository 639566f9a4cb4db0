"""The HTTP client that all companies share, how much of an answer is read, and what is in it."""

import sys
from datetime import datetime
from importlib.util import find_spec
from typing import Any

import httpx

from infra import exact_json
from infra.config import QBOSettings
from infra.errors import MalformedJSON
from infra.qbo.errors import QBOUnavailable
from infra.qbo.faults import error_for, find_fault, find_fault_in
from infra.qbo.hosts import allowed_origins
from infra.qbo.outbound import GuardedTransport

LARGEST_BODY_BYTES = 64 * 1024 * 1024  # a page of 1,000 long bills is some megabytes; a bomb must not fill the memory
_LARGEST_FAULT_BYTES = 65_536

# httpx asks this package, which is not needed, several times a request which event loop runs, and each time Python would look
# for it in every directory that there is.
if "sniffio" not in sys.modules and find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # the documented way to say that there is none


def open_http(settings: QBOSettings) -> httpx.AsyncClient:
    """The pooled HTTP client that one process shares among all companies; the caller closes it.

    Redirects stay off, so that no answer can send a token to another host, and so do proxies named by the environment. What
    goes elsewhere than the settings and Intuit's own hosts is refused before it leaves.
    """
    timeout = httpx.Timeout(
        settings.read_timeout.total_seconds(), connect=settings.connect_timeout.total_seconds(), pool=None
    )
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=30.0)
    transport = GuardedTransport(
        httpx.AsyncHTTPTransport(limits=limits, trust_env=False),
        origins=allowed_origins(settings),
        most_bytes=LARGEST_BODY_BYTES,
    )
    return httpx.AsyncClient(transport=transport, timeout=timeout, follow_redirects=False, trust_env=False)


async def read_body(response: httpx.Response, *, is_error: bool) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if is_error and size > _LARGEST_FAULT_BYTES:
            break
        if size > LARGEST_BODY_BYTES:
            raise QBOUnavailable("QuickBooks sent a body larger than we read.", status=response.status_code)
    return b"".join(chunks)


def content_of(response: httpx.Response, body: bytes, *, now: datetime) -> dict[str, Any]:
    """What an answer that reports success says.

    Raises:
        QBOError: a fault all the same.
        QBOUnavailable: no JSON object.
    """
    tid = response.headers.get("intuit_tid")
    try:
        content = exact_json.loads(body)
    except MalformedJSON as error:
        if (fault := find_fault(body)) is not None:
            raise error_for(response.status_code, response.headers, fault, now=now) from error
        raise QBOUnavailable(
            "QuickBooks sent an answer that is not JSON.", status=response.status_code, intuit_tid=tid
        ) from error
    if (fault := find_fault_in(content)) is not None:
        raise error_for(response.status_code, response.headers, fault, now=now)
    if not isinstance(content, dict):
        raise QBOUnavailable("QuickBooks sent JSON of an unknown shape.", status=response.status_code)
    return content
