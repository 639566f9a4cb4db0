"""Whatever stands in place of a property, the answer is QBO's: an object or a fault of the request, never of the service."""

import copy
import random
from collections.abc import Iterator
from typing import Any, Final

from infra.qbo.simulator.books.loading import load_company
from infra.qbo.simulator.reports.registry import REPORTS
from tests.unit.infra.qbo.simulator.sample_checks import books_of
from tests.unit.infra.qbo.simulator.small_company import (
    CHECKING,
    PAYABLE,
    SALES,
    UNDEPOSITED,
    MovableClock,
    bill,
    bill_payment,
    invoice,
    make_file,
    payment,
    ref,
)

_NORTON: Final = {"value": "56", "type": "Vendor"}
_JOURNAL: Final = [
    {
        "Amount": 1,
        "DetailType": "JournalEntryLineDetail",
        "JournalEntryLineDetail": {
            "PostingType": side,
            "AccountRef": ref(account),
            "Entity": {"Type": "Vendor", "EntityRef": ref("56")},
        },
    }
    for side, account in (("Debit", PAYABLE), ("Credit", SALES))
]
_DEPOSITED: Final = {
    "Amount": 1,
    "DetailType": "DepositLineDetail",
    "DepositLineDetail": {"AccountRef": ref(SALES), "Entity": _NORTON},
}
BODIES: Final[dict[str, dict[str, Any]]] = {
    "bill": bill(DocNumber="1", SalesTermRef=ref("3"), TxnTaxDetail={"TotalTax": 0}),
    "invoice": invoice(BillEmail={"Address": "a@b.example"}, BillAddr={"Line1": "x"}, CustomerMemo={"value": "x"}),
    "payment": payment(5, []) | {"Line": [{"Amount": 5, "LinkedTxn": [{"TxnId": "1", "TxnType": "Invoice"}]}]},
    "billpayment": bill_payment(5, []) | {"Line": [{"Amount": 5, "LinkedTxn": [{"TxnId": "2", "TxnType": "Bill"}]}]},
    "purchase": {"PaymentType": "Cash", "AccountRef": ref(CHECKING), "EntityRef": _NORTON, "Line": bill()["Line"]},
    "deposit": {
        "DepositToAccountRef": ref(CHECKING),
        "CashBack": {"AccountRef": ref(CHECKING), "Amount": 0},
        "Line": [_DEPOSITED],
    },
    "transfer": {"FromAccountRef": ref(CHECKING), "ToAccountRef": ref(UNDEPOSITED), "Amount": 1},
    "journalentry": {"Line": _JOURNAL},
    "vendor": {"DisplayName": "X", "GivenName": "y", "TermRef": ref("3"), "BillAddr": {"Line1": "x"}},
    "customer": {"DisplayName": "Y", "ParentRef": ref("1"), "Job": True},
    "account": {"Name": "A", "AccountType": "Bank", "ParentRef": ref(CHECKING)},
    "item": {"Name": "I", "Type": "Service", "IncomeAccountRef": ref(SALES), "UnitPrice": 1},
    "preferences": {
        "Id": "1", "SyncToken": "0", "sparse": True, "AccountingInfoPrefs": {"BookCloseDate": "2020-01-01"},
        "ReportPrefs": {"ReportBasis": "Cash"}, "OtherPrefs": {"NameValue": [{"Name": "a", "Value": "b"}]},
    },
}  # fmt: skip
_INSTEAD: Final[tuple[Any, ...]] = (
    None, "", "x", 0, -1, 1.5, True, [], {}, [1], {"a": 1}, [[]], {"value": None}, {"value": {}}, "9" * 40,
    "2026-02-30", [None],
)  # fmt: skip
_TRIED: Final = 500


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in parts:
        yield (*path, key)
        yield from _places(inner, (*path, key))


def _altered(body: dict[str, Any], path: tuple[Any, ...], instead: Any) -> dict[str, Any]:
    fresh = copy.deepcopy(body)
    holder: Any = fresh
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = copy.deepcopy(instead)
    return fresh


async def test_no_body_is_a_defect() -> None:
    """Afterwards every report can still be made of the books."""
    choices = [(name, path, instead) for name, body in BODIES.items() for path in _places(body) for instead in _INSTEAD]
    clock = MovableClock()
    async with books_of(load_company(make_file(), clock=clock), clock) as books:
        await books.post("invoice", invoice())
        await books.post("bill", bill())
        for name, path, instead in random.Random(7).sample(choices, _TRIED):  # noqa: S311 - repeatable, guards nothing
            answer = await books.post(name, _altered(BODIES[name], path, instead))
            codes = [error["code"] for error in answer.get("Fault", {}).get("Error", ())]
            assert "10000" not in codes, (name, path, instead, answer)
        for report in REPORTS:
            assert "Header" in await books.get(f"reports/{report}")
