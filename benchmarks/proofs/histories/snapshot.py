"""Everything a company shows at one moment, in the very bytes that a client would get."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from infra import exact_json
from infra.money import ZERO
from infra.qbo.simulator.books.company import Company

Body = dict[str, Any]
Key = tuple[str, str]

PAYERS: Final = ("BillPayment", "Payment", "Deposit")
LINKED_AS: Final = {"BillPayment": "BillPaymentCheck", "Payment": "Payment", "Deposit": "Deposit"}
CREDITS: Final = ("VendorCredit", "CreditMemo")


@dataclass(frozen=True, slots=True)
class Snapshot:
    shown: dict[Key, bytes]
    bodies: dict[Key, Body]

    def of(self, *entities: str) -> dict[Key, Body]:
        return {key: body for key, body in self.bodies.items() if key[0] in entities}

    def token(self, key: Key) -> int:
        return int(self.bodies[key]["SyncToken"])

    def updated(self, key: Key) -> str:
        return str(self.bodies[key]["MetaData"]["LastUpdatedTime"])

    def payments(self) -> dict[Key, dict[Key, Decimal]]:
        """Payer -> target -> amount, as the payers' own lines say."""
        return {key: applied(self.bodies[key]) for key in self.bodies if key[0] in PAYERS}

    def payers_of(self) -> dict[Key, dict[Key, Decimal]]:
        """Target -> payer -> amount."""
        found: dict[Key, dict[Key, Decimal]] = {}
        for payer, amounts in self.payments().items():
            for target, amount in amounts.items():
                found.setdefault(target, {})[payer] = amount
        return found


EMPTY: Final = Snapshot({}, {})


def take(company: Company, *, last: Snapshot = EMPTY) -> Snapshot:
    """What did not change since `last` is not read again."""
    shown = {
        (entity, identifier): record.encoded()
        for entity, store in company.stores.items()
        for identifier, record in store.records.items()
    }
    bodies = {
        key: last.bodies[key] if last.shown.get(key) == encoded else exact_json.loads(encoded)
        for key, encoded in shown.items()
    }
    return Snapshot(shown, bodies)


def applied(body: Body) -> dict[Key, Decimal]:
    amounts: dict[Key, Decimal] = {}
    for line in body.get("Line", ()):
        for target in line.get("LinkedTxn", ()):
            key = (target["TxnType"], target["TxnId"])
            amounts[key] = amounts.get(key, ZERO) + Decimal(line["Amount"])
    return amounts
