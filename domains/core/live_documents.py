"""Documents as the ledger has them just before money is recorded on them: are they still what the person decided on?"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from infra.actions.rail import Payload, RailLook
from infra.actions.spec import Refuse
from infra.money import ZERO
from infra.qbo import marks

_AT_ONCE = 4


@dataclass(frozen=True)
class DocumentKind:
    """How QuickBooks and we name it. `payments` is the entity that settles it, `link` the beginning of its name in links."""

    entity: str
    noun: str
    party_field: str
    party: str
    payments: str
    link: str


@dataclass(frozen=True)
class Settled:
    """What is to come off a document, and what the person saw of it; None for what they were not shown."""

    external_id: str
    amount: Decimal
    party: str
    currency: str | None = None
    total: Decimal | None = None


async def read_each(look: RailLook, entity: str, external_ids: Sequence[str]) -> list[Payload | None]:
    """Each object by its id, in their order; None where the ledger has none."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(external_id: str) -> Payload | None:
        async with gate:
            return await look.read(entity, external_id)

    return list(await asyncio.gather(*map(one, external_ids)))


async def read_payments(look: RailLook, kind: DocumentKind, documents: Iterable[Payload | None]) -> list[Payload]:
    """The payments that the documents are linked to, each once."""
    ids = dict.fromkeys(
        payment for document in documents if document for payment in marks.linked_ids(document, kind.link)
    )
    return [payment for payment in await read_each(look, kind.payments, list(ids)) if payment is not None]


def refusal_of(
    kind: DocumentKind, document: Payload | None, settled: Settled, *, payments: Sequence[Payload] = ()
) -> Refuse | None:
    """Why nothing may be recorded on the document, None when it is as it was."""
    if document is None:
        words = f"The {kind.noun} ({settled.external_id}) is no longer in QuickBooks: somebody deleted it. There is nothing to settle."
        return Refuse("gone", words, {"id": settled.external_id})
    seen = seen_of(document)
    change = _change(kind, document, settled)
    if change is not None:
        return Refuse(*change, seen)
    return _too_little_open(kind, document, settled, payments=payments, seen=seen)


def seen_of(document: Payload) -> dict[str, Any]:
    """What a decision rests on, for the log."""
    fields = {"id": "Id", "version": "SyncToken", "total": "TotalAmt", "balance": "Balance"}
    seen = {ours: document[theirs] for ours, theirs in fields.items() if theirs in document}
    links = [str(link.get("TxnId")) for link in document.get("LinkedTxn") or ()]
    return {**seen, "links": links} if links else seen


def amount_of(payload: Payload, field: str) -> Decimal | None:
    """An amount as QuickBooks wrote it; None where it is absent."""
    value = payload.get(field)
    return None if value is None else Decimal(str(value))


def has_less_open(document: Payload | None, amount: Decimal) -> bool:
    """It is gone, or surely less is open on it than that."""
    if document is None:
        return True
    balance = amount_of(document, "Balance")
    return balance is not None and balance < amount


def shown(amount: Decimal, currency: str | None) -> str:
    """`1,250.00 USD`."""
    return f"{amount:,.2f} {currency}" if currency else f"{amount:,.2f}"


def name_of(kind: DocumentKind, document: Payload) -> str:
    """`Bill 1042 of Norton Lumber`."""
    number = document.get("DocNumber") or f"({document.get('Id')})"
    party = (document.get(kind.party_field) or {}).get("name")
    return f"{kind.noun.capitalize()} {number} of {party}" if party else f"{kind.noun.capitalize()} {number}"


def _change(kind: DocumentKind, document: Payload, settled: Settled) -> tuple[str, str] | None:
    name = name_of(kind, document)
    party = document.get(kind.party_field) or {}
    if marks.is_voided(document):
        return "voided", f"{name} was voided in QuickBooks. There is nothing to settle on it."
    if str(party.get("value")) != settled.party:
        words = f"{name} belongs to another {kind.party} in QuickBooks now. Look at it again before you decide."
        return f"{kind.party}_changed", words
    currency = (document.get("CurrencyRef") or {}).get("value")
    if settled.currency and currency and currency != settled.currency:
        words = f"{name} is in {currency} in QuickBooks, and this is in {settled.currency}. Start again in {currency}."
        return "currency_changed", words
    if marks.names_inactive(document, kind.party_field):
        words = f"The {kind.party} of {name} is inactive in QuickBooks. Make it active there first, then start again."
        return f"{kind.party}_inactive", words
    return None


def _too_little_open(
    kind: DocumentKind, document: Payload, settled: Settled, *, payments: Sequence[Payload], seen: dict[str, Any]
) -> Refuse | None:
    name, balance, total = name_of(kind, document), amount_of(document, "Balance"), amount_of(document, "TotalAmt")
    currency = (document.get("CurrencyRef") or {}).get("value") or settled.currency
    if balance is not None and balance <= ZERO:
        words = (
            f"{name} is settled already in QuickBooks: nothing is open on it{_by(kind, document, payments, currency)}."
        )
        return Refuse("already_paid", words, seen)
    if balance is not None and balance < settled.amount:
        words = (
            f"Only {shown(balance, currency)} is still open on {name}, less than the {shown(settled.amount, currency)} of this"
            f"{_by(kind, document, payments, currency)}. Start again with what is open."
        )
        return Refuse("balance_lower", words, seen)
    if settled.total is not None and total is not None and total != settled.total:
        words = (
            f"{name} is {shown(total, currency)} in QuickBooks now and was {shown(settled.total, currency)} when this was decided. "
            "Look at it again before you decide."
        )
        return Refuse("total_changed", words, seen)
    return None


def _by(kind: DocumentKind, document: Payload, payments: Sequence[Payload], currency: str | None) -> str:
    """The payments that took it, in words."""
    ids = set(marks.linked_ids(document, kind.link))
    told = [
        f"payment {payment.get('DocNumber') or payment.get('PaymentRefNum') or payment['Id']} of "
        f"{shown(amount_of(payment, 'TotalAmt') or ZERO, currency)} on {payment.get('TxnDate')}"
        for payment in payments
        if payment.get("Id") in ids
    ]
    return f" ({', '.join(told)})" if told else ""
