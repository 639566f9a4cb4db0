"""What QBO's objects are made of. Unknown fields are ignored; an absent field means null (QBO omits empty ones)."""

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_pascal


class QBOShape(BaseModel):
    """Names are QBO's in snake case: `total_amt` reads `TotalAmt`.

    What QBO's reference requires or always returns has no default: an object without it is refused, never guessed at.
    """

    model_config = ConfigDict(alias_generator=to_pascal, populate_by_name=True, frozen=True, extra="ignore")


class Ref(BaseModel):
    """A pointer to another object. `name` is a convenience of QBO's and may be absent or old; `type` only where it varies."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    value: str
    name: str | None = None
    type: str | None = None


class QBOEmail(QBOShape):
    address: str | None = None


class QBOPhone(QBOShape):
    free_form_number: str | None = None


class QBOTransaction(QBOShape):
    """What every transaction carries. Amounts are in `currency_ref`; `exchange_rate` is home currency for one unit of it."""

    txn_date: date
    currency_ref: Ref | None = None
    exchange_rate: Decimal | None = None
    private_note: str | None = None
