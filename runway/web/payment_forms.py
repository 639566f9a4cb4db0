"""What a payment's forms say, as the API's own bodies."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from runway.orchestrators.previews import ActionKind
from runway.routes.pay_bills import WantedBatch, WantedPayment
from runway.routes.preview import ActionIn
from runway.web.forms import Read, Typed, read

CREDIT_PREFIX = "credit."


def read_payment(typed: Typed, today: date) -> Read[WantedPayment]:
    """One field tells the day: until today it is the payment's date, later it is scheduled for then."""
    credits_used = [
        {"vendor_credit_id": name.removeprefix(CREDIT_PREFIX), "amount": amount}
        for name, amount in typed.values.items()
        if name.startswith(CREDIT_PREFIX) and amount
    ]
    asked = Typed({name: value for name, value in typed.values.items() if name not in {"date", "on", "execute"}})
    given: dict[str, Any] = {"credits": credits_used, "execute": not typed.get("hold")}
    return read(WantedPayment, asked, given=given | _day(typed.get("date"), today))


def previewed_payment(bill_id: UUID, wanted: WantedPayment, today: date) -> ActionIn:
    """What leaves the account, on its day."""
    applied = sum(one.amount for one in wanted.credits)
    amount = None if wanted.amount is None else wanted.amount - applied
    kind = ActionKind.SCHEDULE if wanted.on is not None else ActionKind.PAY
    return ActionIn(kind=kind, bill_id=bill_id, on=wanted.on or today, amount=amount or None)


def read_batch(typed: Typed, bill_ids: Sequence[UUID]) -> Read[WantedBatch]:
    asked = Typed({name: value for name, value in typed.values.items() if name not in {"bills", "payment_ids"}})
    return read(WantedBatch, asked, given={"bills": [{"bill_id": one} for one in bill_ids]})


def day_of(text: str) -> date | None:
    """None for what is no day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _day(text: str, today: date) -> dict[str, Any]:
    """`date` or `on`; what cannot be read is left to the model to refuse."""
    day = day_of(text)
    if day is None:
        return {"date": text} if text else {}
    return {"on": day} if day > today else {"date": day} if day < today else {}
