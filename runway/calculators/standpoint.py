"""What was known and expected on a day, as much of a forecast as it takes to say what changed since."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from infra.money import ZERO
from runway.calculators.ageing import OpenDocument
from runway.calculators.burn_runway import LowPoint
from runway.calculators.figures import Figure
from runway.calculators.forecast import Forecast
from runway.calculators.lately import Lately
from runway.calculators.outlook import DatedFlow


@dataclass(frozen=True)
class SteadyBurn:
    """What goes on after day 91: `net_outflow` over `days`."""

    net_outflow: Decimal
    days: int
    is_enough: bool


@dataclass(frozen=True)
class KnownDocument:
    """An open invoice or bill after credits; zero where these use it up."""

    external_id: str
    party_name: str
    open_amount: Decimal


@dataclass(frozen=True)
class Standpoint:
    """Attributes:
    runway: the headline in days, and `display` in words.
    cash, floor: without value where they are not known.
    balances: of each account that counts as cash.
    closes: the middle of the band, T and the 91 days after it.
    flows: the expected path's, inside the horizon.
    """

    as_of: date
    runway: Figure
    display: str
    cash: Figure
    floor: Figure
    low: LowPoint
    balances: dict[str, Decimal]
    burn: SteadyBurn
    closes: tuple[Decimal, ...]
    flows: tuple[DatedFlow, ...]
    invoices: tuple[KnownDocument, ...]
    bills: tuple[KnownDocument, ...]
    lately: Lately

    @property
    def level(self) -> Decimal:
        return self.floor.value if self.floor.value is not None else ZERO


def standpoint_of(forecast: Forecast) -> Standpoint:
    runway, burn = forecast.standing.runway, forecast.report.burn
    return Standpoint(
        as_of=forecast.basis.as_of,
        runway=runway.days,
        display=runway.display,
        cash=forecast.report.cash.cash,
        floor=forecast.report.floor,
        low=runway.low_point,
        balances={one.account_id: one.balance for one in forecast.report.cash.counted},
        burn=SteadyBurn(burn.net_outflow, burn.days, is_enough=burn.is_enough),
        closes=tuple(day.p50 for day in forecast.standing.band.days),
        flows=forecast.path.flows,
        invoices=tuple(map(_known, forecast.invoices.documents)),
        bills=tuple(map(_known, forecast.bills.documents)),
        lately=forecast.parts.lately,
    )


def _known(document: OpenDocument) -> KnownDocument:
    return KnownDocument(document.external_id, document.party_name, document.open_amount)
