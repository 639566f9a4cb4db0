"""How QBO's description of the company fills our row. Pure; every own column is set every time."""

from domains.core.models import (
    CompanyInfo,
    CompanyInfoTransactionLog,
    CompanyPreferences,
    CompanyPreferencesTransactionLog,
)
from infra.config import Rail
from infra.errors import UnknownRailValue
from infra.qbo.wire import QBOCompanyInfo, QBOPreferences, Ref
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
    month = wire.fiscal_year_start_month
    row.fiscal_year_start_month = _month("CompanyInfo.FiscalYearStartMonth", month) if month else None


def fill_company_preferences(row: CompanyPreferences, wire: QBOPreferences) -> None:
    accounting, currency = wire.accounting_info_prefs, wire.currency_prefs
    month = accounting.first_month_of_fiscal_year if accounting else None
    home = currency.home_currency if currency else None
    row.home_currency = home.value if isinstance(home, Ref) else home
    row.is_multicurrency = bool(currency and currency.multi_currency_enabled)
    row.book_close_on = accounting.book_close_date if accounting else None
    row.fiscal_year_start_month = (
        _month("Preferences.AccountingInfoPrefs.FirstMonthOfFiscalYear", month) if month else None
    )


def _month(field: str, name: str) -> int:
    if name not in _MONTHS:
        raise UnknownRailValue(field, name)
    return _MONTHS.index(name) + 1


COMPANY_INFO_FROM_QBO = MirrorSpec(
    rail=Rail.QBO,
    entity="CompanyInfo",
    wire=QBOCompanyInfo,
    mirror=CompanyInfo,
    log=CompanyInfoTransactionLog,
    fill=fill_company_info,
)

PREFERENCES_FROM_QBO = MirrorSpec(
    rail=Rail.QBO,
    entity="Preferences",
    wire=QBOPreferences,
    mirror=CompanyPreferences,
    log=CompanyPreferencesTransactionLog,
    fill=fill_company_preferences,
)
