"""Lines of documents that a ledger does not hold as such."""

from collections.abc import Sequence
from decimal import Decimal

from infra.qbo.simulator.files.company_file import Body
from infra.qbo.simulator.files.ledger_chart import Posting
from infra.qbo.simulator.files.ledger_links import OpenDocuments, Share


def settled_lines(shares: Sequence[Share]) -> list[Body]:
    return [{"Amount": s.amount, "LinkedTxn": [{"TxnId": s.document.id, "TxnType": s.document.entity}]} for s in shares]


def offset_lines(documents: OpenDocuments, credit: OpenDocuments, name_id: str) -> list[Body]:
    """The lines of a payment of zero: what QBO writes when it sets credits against documents by itself."""
    amount = min(documents.open_total(name_id), credit.open_total(name_id))
    return settled_lines(documents.settle(name_id, amount)) + settled_lines(credit.settle(name_id, amount))


def line_of(kind: str, detail: Body, posting: Posting, *, amount: Decimal) -> Body:
    """`kind` is QBO's DetailType; the posting's memo describes the line."""
    described = {"Description": posting.memo} if posting.memo else {}
    return {"Amount": amount, "DetailType": kind, kind: detail} | described


def numbered(entry: Body, key: str) -> Body:
    return {key: entry["DocNumber"]} if entry.get("DocNumber") else {}
