"""What changed since last week: today's forecast beside the one that was kept of that Monday."""

import asyncio
from dataclasses import dataclass
from datetime import date

import msgspec

from domains.core import standpoints
from domains.core.forecast_models import ForecastSource
from domains.core.models import Business
from infra.db.unit_of_work import UnitOfWorkFactory
from infra.logging import get_logger
from runway.calculators.bridge import OLDEST_DAYS, Bridge, bridge
from runway.calculators.forecast import Forecast
from runway.calculators.standpoint import Standpoint, standpoint_of
from runway.orchestrators.forecast_shelf import ForecastShelf

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Standpoint)

log = get_logger()


def kept(forecast: Forecast) -> bytes:
    """What a later forecast is compared with."""
    return _encoder.encode(standpoint_of(forecast))


@dataclass(frozen=True)
class WhatChanged:
    """Of one business. One that is found is on the process's shelf while the forecast and the day compared with are the same."""

    business: Business
    uow: UnitOfWorkFactory
    shelf: ForecastShelf

    async def since_last_week(self, forecast: Forecast) -> Bridge | None:
        """None where no forecast of the five weeks before is kept, as in a company's first week."""
        today = forecast.basis.as_of
        async with self.uow([self.business.id]) as uow:
            days = await standpoints.list_days(uow.session, self.business.id)
        since = standpoints.last_week_of(days, today, oldest_days=OLDEST_DAYS)
        if since is None:
            return None
        found = self.shelf.find_bridge(self.business.id, forecast.parts, since)
        if found is not None:
            return found
        async with self.uow([self.business.id]) as uow:
            row = await standpoints.get(uow.session, self.business.id, since)
            content, is_reconstructed = row.content, row.source == ForecastSource.RECONSTRUCTED.value
        made = await asyncio.to_thread(_bridge, content, forecast, since, is_reconstructed=is_reconstructed)
        if made is not None:
            self.shelf.put_bridge(self.business.id, forecast.parts, since, made)
        return made


def _bridge(content: bytes, forecast: Forecast, since: date, *, is_reconstructed: bool) -> Bridge | None:
    try:
        before = _decoder.decode(content)
    except (msgspec.DecodeError, ValueError):
        log.warning("standpoint.unreadable", since=since.isoformat())  # of another release
        return None
    return bridge(before, standpoint_of(forecast), basis=forecast.basis, is_reconstructed=is_reconstructed)
