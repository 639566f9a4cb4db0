"""QuickBooks' own key figures beside the working capital ratios of our books."""

from dataclasses import dataclass
from datetime import date

from domains.core.company_service import CompanyService
from infra.qbo.wire.reports import KPIData
from infra.sync.freshness import AS_IT_STANDS, ON_DEMAND, Fetched, FreshnessNeed
from runway.calculators.working_capital import WorkingCapital
from runway.orchestrators.outlook import Outlook


@dataclass(frozen=True)
class KPIs:
    """`capital` is of the company's today, whichever days `reported` is of."""

    reported: KPIData
    capital: WorkingCapital


@dataclass(frozen=True)
class KPIService:
    company: CompanyService
    outlook: Outlook

    async def get_kpis(
        self, as_of: date | None = None, *, days: int = 30, freshness: FreshnessNeed = ON_DEMAND
    ) -> Fetched[KPIs]:
        """What QuickBooks earned in the `days` up to and with `as_of` (today), as fresh as it answered; the ratios as the mirror stands.

        Raises:
            StaleRefused: QuickBooks was never asked before and does not answer now.
        """
        reported = await self.company.get_kpi_data(as_of, days=days, freshness=freshness)
        worked = await self.outlook.get_with_capital(freshness=AS_IT_STANDS)
        return Fetched(KPIs(reported.value, worked.value.capital), reported.freshness)
