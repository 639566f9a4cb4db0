"""How QBO's description of the company fills our row. Pure; every own column is set every time."""

from domains.core.models import CompanyInfo, CompanyInfoTransactionLog
from infra.config import Rail
from infra.errors import UnknownRailValue
from infra.qbo.wire import QBOCompanyInfo
from infra.sync.spec import MirrorSpec

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def fill_company_info(row: CompanyInfo, wire: QBOCompanyInfo) -> None:
    row.name = wire.company_name
    row.legal_name = wire.legal_name
    row.country = wire.country
    row.email = wire.email.address if wire.email else None
    row.fiscal_year_start_month = _month(wire.fiscal_year_start_month) if wire.fiscal_year_start_month else None


def _month(name: str) -> int:
    if name not in _MONTHS:
        raise UnknownRailValue("CompanyInfo.FiscalYearStartMonth", name)
    return _MONTHS.index(name) + 1


COMPANY_INFO_FROM_QBO = MirrorSpec(
    rail=Rail.QBO,
    entity="CompanyInfo",
    wire=QBOCompanyInfo,
    mirror=CompanyInfo,
    log=CompanyInfoTransactionLog,
    fill=fill_company_info,
)
