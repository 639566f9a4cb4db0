"""The simulator's company file: its shape, and the one door by which it is read (docs/guide/company-file.md)."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from infra import exact_json
from infra.errors import InvalidInput, MalformedJSON
from infra.money import ZERO

FORMAT = "oodaloo-company/1"
DEMO, HEALTHY, TIGHT, IN_TROUBLE = "demo", "demo-healthy", "demo-tight", "demo-trouble"
SAMPLES = (DEMO, HEALTHY, TIGHT, IN_TROUBLE)
"""The companies that are made by code, relative to today: a bakery, the same with a reserve, and two small ones that are short."""

Body = dict[str, Any]
"""An object as the API would take it, Id included; amounts are Decimal or int."""


class CompanyFileError(InvalidInput):
    """The file cannot be loaded; the text names the file, the place and what should stand there."""

    def __init__(self, source: str, *, place: str, problem: str) -> None:
        self.place = place
        super().__init__(f"{source}: {place}: {problem}")


def _finite(amount: Decimal) -> Decimal:
    if not amount.is_finite() or amount < ZERO:
        raise ValueError("should be a finite number, zero or more")
    return amount


Amount = Annotated[Decimal, AfterValidator(_finite)]


@dataclass(frozen=True, slots=True)
class LedgerPosting:
    """One side of a ledger entry; debit or credit is zero. In the home currency."""

    account_id: str
    debit: Amount = ZERO
    credit: Amount = ZERO
    memo: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """Balanced postings that no API entity stands for (inventory adjustments, tax payments, cost of goods sold)."""

    id: Annotated[str, Field(alias="Id")]
    type: Annotated[str, Field(alias="Type")]
    txn_on: Annotated[date, Field(alias="TxnDate")]
    postings: list[LedgerPosting]
    doc_number: Annotated[str | None, Field(alias="DocNumber")] = None
    name: Annotated[str | None, Field(alias="Name")] = None
    name_id: Annotated[str | None, Field(alias="NameId")] = None


@dataclass(frozen=True, slots=True)
class CompanyTransaction:
    """A transaction as its create body; `created_at` spreads MetaData, absent: the engine's choice from TxnDate."""

    entity: str
    body: Body = field(repr=False)
    created_at: datetime | None = None


class CompanyFile(BaseModel):
    """A whole company. Transactions stand in the order of their entry: each links only to earlier ones."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)

    format: Literal["oodaloo-company/1"]
    company: Body
    preferences: Body = {}
    realm_id: str
    last_day: date | None = None
    last_day_is: Literal["today", "yesterday"] = "yesterday"
    tax_accounts: dict[str, str] = {}
    accounts: list[Body]
    terms: list[Body] = []
    items: list[Body] = []
    vendors: list[Body] = []
    customers: list[Body] = []
    transactions: list[CompanyTransaction] = []
    ledger: list[LedgerEntry] = []


def read_company_file(path: Path | str, *, today: date, as_dated: bool = False) -> CompanyFile:
    """Read a company file, a ledger file (ledger_file.py) or, for one of the words of SAMPLES, make that company.

    Dates are moved by whole days so that `last_day` falls on `today` or the day before, unless `as_dated`.

    Raises:
        CompanyFileError: unreadable, not of either kind, or its books contradict themselves.
    """
    from infra.qbo.simulator.files.company_checks import check_company
    from infra.qbo.simulator.files.company_dates import shift_to_today

    if str(path) in SAMPLES:
        from infra.qbo.simulator.files.generator import sample_company

        return sample_company(str(path), today=today)
    raw = _read_json(path)
    if "format" not in raw and "transactions" in raw:
        from infra.qbo.simulator.files.ledger_file import company_from_ledger

        company = company_from_ledger(raw, source=str(path))
    else:
        company = parse_company(raw, source=str(path))
    check_company(company, source=str(path))
    return company if as_dated else shift_to_today(company, today=today)


def parse_company(raw: Body, *, source: str) -> CompanyFile:
    """Give the envelope its types; whether the books are consistent is company_checks.py's question."""
    try:
        return CompanyFile.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "top level"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise CompanyFileError(source, place=place, problem=first["msg"] + more) from error


def _read_json(path: Path | str) -> Body:
    try:
        raw = exact_json.loads(Path(path).read_bytes())
    except OSError as error:
        raise CompanyFileError(str(path), place="file", problem=error.strerror or "cannot be read") from error
    except MalformedJSON as error:
        raise CompanyFileError(str(path), place="file", problem=f"should be JSON: {error}") from error
    if not isinstance(raw, dict):
        raise CompanyFileError(str(path), place="top level", problem="should be a JSON object")
    return raw
