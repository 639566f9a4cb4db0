"""The documents of the published and captured samples, and books in which each of them can be entered again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from infra import exact_json
from infra.qbo.simulator.books.entities import ENTITY_KINDS, NAME_LISTS
from infra.qbo.simulator.simulator import Simulator
from tests.unit.infra.qbo.simulator.small_company import (
    CHECKING,
    PAYABLE,
    REALM,
    RECEIVABLE,
    RENT,
    SALES,
    UNDEPOSITED,
    VISA,
    bill,
    invoice,
    payment,
    ref,
)

SAMPLES: Final = Path(__file__).parents[6] / "shared" / "qbo" / "samples"
Document = dict[str, Any]
# The server's own: they are not sent, so that what is shown of them is the simulator's doing.
_SET_BY_THE_SERVER: Final = frozenset(
    {
        "Id",
        "SyncToken",
        "MetaData",
        "domain",
        "sparse",
        "LinkedTxn",
        "Balance",
        "HomeBalance",
        "HomeTotalAmt",
        "RemainingCredit",
        "UnappliedAmt",
        "BalanceWithJobs",
        "CurrentBalance",
        "CurrentBalanceWithSubAccounts",
        "FullyQualifiedName",
        "Level",
        "Classification",
        "V4IDPseudonym",
        "time",
        "status",
        "LineEx",
        "SubTotalLineDetail",
    }
)


def read_sample(name: str) -> Any:
    return exact_json.loads((SAMPLES / f"{name}.json").read_bytes())


def documents_in(value: Any) -> Iterator[tuple[str, Document]]:
    """Each object of an entity with its entity's name, wherever it stands in an answer; stubs of deletions left out."""
    if isinstance(value, list):
        for one in value:
            yield from documents_in(one)
        return
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        rows = inner if isinstance(inner, list) else [inner]
        if key in ENTITY_KINDS:
            yield from (
                (key, row) for row in rows if isinstance(row, dict) and "SyncToken" in row and "MetaData" in row
            )
        else:
            yield from documents_in(inner)


def shape(value: Any, path: str = "") -> Iterator[str]:
    """`path: type` of all that is in there; an array is the union of its elements."""
    match value:
        case dict():
            yield f"{path}: object"
            for key, inner in value.items():
                yield from shape(inner, f"{path}.{key}")
        case list():
            yield f"{path}: array"
            for inner in value:
                yield from shape(inner, f"{path}[]")
        case bool():
            yield f"{path}: boolean"
        case str():
            yield f"{path}: string"
        case None:
            yield f"{path}: null"
        case _:
            yield f"{path}: number"


_STANDS_IN: Final = {
    **dict.fromkeys(("VendorRef",), "56"),
    **dict.fromkeys(("CustomerRef", "ItemRef"), "1"),
    **dict.fromkeys(("SalesTermRef", "TermRef"), "3"),
    **dict.fromkeys(("BankAccountRef", "DepositToAccountRef", "FromAccountRef"), CHECKING),
    **dict.fromkeys(("AccountRef", "ItemAccountRef", "ExpenseAccountRef"), RENT),
    "ParentRef": "1",
    "CurrencyRef": "USD",
    "CCAccountRef": VISA,
    "APAccountRef": PAYABLE,
    "ARAccountRef": RECEIVABLE,
    "IncomeAccountRef": SALES,
    "ToAccountRef": UNDEPOSITED,
}
SINGLETONS: Final = frozenset({"CompanyInfo", "Preferences"})
_OWES: Final[dict[str, Callable[[Any], Document]]] = {"Invoice": invoice, "Bill": bill}


def _stand_in(key: str, inner: Any, around: Document) -> Document | None:
    """The small company's object for a reference to one of the sample's company."""
    if key == "EntityRef":
        return {"value": "1" if inner.get("type") == "Customer" else "56", "type": inner.get("type")}
    if key == "AccountRef" and "PaymentType" in around:
        return ref(VISA if around["PaymentType"] == "CreditCard" else CHECKING)
    return ref(_STANDS_IN[key]) if key in _STANDS_IN else None


class Books:
    """The small company behind the API, in which a sample's document is entered again under its own references."""

    def __init__(self, http: httpx.AsyncClient, simulator: Simulator) -> None:
        self._http = http
        self.simulator = simulator
        self._count = 0

    async def get(self, path: str, **params: str) -> Any:
        return exact_json.loads((await self._http.get(path, params=params)).content)

    async def raw(self, path: str) -> bytes:
        return (await self._http.get(path)).content

    async def get_with(self, path: str, **headers: str) -> Any:
        return exact_json.loads((await self._http.get(path, headers=headers)).content)

    async def refresh(self, token: str) -> Any:
        server = self.simulator.oauth
        form = {"grant_type": "refresh_token", "refresh_token": token}
        credentials = (server.client_id, server.client_secret)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url = "http://simulator/oauth2/v1/tokens/bearer"
        return exact_json.loads((await self._http.post(url, data=form, auth=credentials, headers=headers)).content)

    async def post(self, path: str, body: Any, **params: str) -> Any:
        return exact_json.loads((await self._http.post(path, content=exact_json.dumps(body), params=params)).content)

    async def enter(self, entity: str, document: Document) -> Document:
        """What the simulator shows of it when it is read afterwards."""
        body = {key: value for key, value in document.items() if key not in _SET_BY_THE_SERVER}
        body = await self._rebound(body, entity)
        if entity in SINGLETONS:
            return await self._alter(entity, body)
        made = await self._create(entity, body)
        if document.get("EmailStatus") == "EmailSent":
            await self.post(f"{entity.lower()}/{made['Id']}/send", None)
        if document.get("LinkedTxn"):
            await self._settle(entity, made)
        shown: Document = (await self.get(f"{entity.lower()}/{made['Id']}"))[entity]
        return shown

    async def _alter(self, entity: str, body: Document) -> Document:
        path = "companyinfo/" + REALM if entity == "CompanyInfo" else "preferences"
        current = (await self.get(path))[entity]
        answer = await self.post(entity.lower(), {**body, "sparse": True, "Id": "1", "SyncToken": current["SyncToken"]})
        assert entity in answer, answer
        shown: Document = (await self.get(path))[entity]
        return shown

    async def _create(self, entity: str, body: Document) -> Document:
        answer = await self.post(entity.lower(), body)
        assert entity in answer, (entity, answer)
        made: Document = answer[entity]
        return made

    async def _rebound(self, value: Any, entity: str) -> Any:
        """References to what the small company has, linked documents to ones made for it, names that are free."""
        if isinstance(value, list):
            return [await self._rebound(one, entity) for one in value]
        if not isinstance(value, dict):
            return value
        fresh: Document = {}
        for key, inner in value.items():
            if key == "LinkedTxn" and inner and "Amount" in value:
                fresh[key] = [await self._target(link, value["Amount"]) for link in inner]
            elif key in _SET_BY_THE_SERVER or (key == "ParentRef" and entity != "Customer"):
                continue
            elif key in {"DisplayName", "Name"} and entity in NAME_LISTS and isinstance(inner, str):
                self._count += 1
                fresh[key] = f"{inner.replace(':', ' ')} {self._count}"
            else:
                fresh[key] = _stand_in(key, inner, value) or await self._rebound(inner, entity)
        return fresh

    async def _target(self, link: Document, amount: Any) -> Document:
        if make := _OWES.get(link["TxnType"]):
            made = await self._create(link["TxnType"], make(amount))
        elif link["TxnType"] == "SalesReceipt":
            sold = {**invoice(amount), "DepositToAccountRef": ref(UNDEPOSITED)}
            made = await self._create("SalesReceipt", sold)
        else:
            made = await self._create("Payment", {**payment(amount, []), "DepositToAccountRef": ref(UNDEPOSITED)})
        return {**link, "TxnId": made["Id"]}

    async def _settle(self, entity: str, made: Document) -> None:
        """Another document links to it, as one did to the sample's."""
        line = {"Amount": 1, "LinkedTxn": [{"TxnId": made["Id"], "TxnType": entity}]}
        match entity:
            case "Invoice":
                await self._create("Payment", {"CustomerRef": ref("1"), "TotalAmt": 1, "Line": [line]})
            case "Bill":
                check = {"CheckPayment": {"BankAccountRef": ref(CHECKING)}, "PayType": "Check"}
                await self._create("BillPayment", {"VendorRef": ref("56"), "TotalAmt": 1, "Line": [line], **check})
            case "Payment":
                line["Amount"] = made["TotalAmt"]
                await self._create("Deposit", {"DepositToAccountRef": ref(VISA), "Line": [line]})
