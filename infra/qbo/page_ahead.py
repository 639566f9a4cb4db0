"""One page read ahead of the one in hand."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

Page = TypeVar("Page")


async def one_ahead(pages: AsyncIterator[Page]) -> AsyncGenerator[Page, None]:
    """The next page is on its way while this one is stored; at most two are held. Closed, it leaves no call under way."""
    coming = asyncio.ensure_future(anext(pages, None))
    try:
        while (page := await coming) is not None:
            coming = asyncio.ensure_future(anext(pages, None))
            yield page
    finally:
        await _called_off(coming)


async def _called_off(page: asyncio.Future[Page | None]) -> None:
    """Ends with the call ended, though whoever waits be cut off meanwhile: by another entity that fails just then."""
    page.cancel()
    cut_off: asyncio.CancelledError | None = None
    while not page.done():
        try:
            await asyncio.wait([page])
        except asyncio.CancelledError as error:
            cut_off = error
    if not page.cancelled():
        page.exception()  # seen: the failure that ended the run is told, not this one
    if cut_off is not None:
        raise cut_off
