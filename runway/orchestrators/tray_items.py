"""Which bills and invoices become items of the tray, and with what reasons. Pure: what was read goes in, rows come out, in no order yet."""

from collections.abc import Iterable, Sequence
from datetime import date

from domains.ap.approvals import ApprovalStatus, BillFigures
from domains.ap.tray_queries import DiscountedBill, OpenBill
from domains.ar.tray_queries import InvoiceFigures, OpenPromise
from domains.core.lookalikes import Lookalike
from infra.money import ZERO
from runway.calculators.ageing import OpenDocument
from runway.calculators.discounts import DiscountOffer, DiscountTerms, discount_offer
from runway.calculators.forecast import Forecast
from runway.calculators.forecast_index import DUE_WITHIN_DAYS
from runway.calculators.impacts import Impact, Impacts, days_of
from runway.calculators.outlook import DatedFlow
from runway.calculators.tray_priority import Reason, TrayGroup, TrayItem
from runway.orchestrators.tray_risks import mirror_rows, notice_rows, risk_rows, unrated_rows
from runway.orchestrators.tray_rows import Chip, NextStep, Subject, TrayRow, TraySources, What
from runway.papers.tray_words import ChipCode, Facts, Money, WhatCode

_PAYEE_FIELDS = frozenset({"vendor_external_id", "remit_to"})
_WAITING = frozenset({ApprovalStatus.WAITING, ApprovalStatus.WAITING_FOR_SECOND})


def rows_of(sources: TraySources) -> list[TrayRow]:
    """Every item of one business, with what it does to the runway."""
    rows = [*notice_rows(sources), *mirror_rows(sources)]
    if sources.forecast is not None:
        impacts = Impacts(sources.forecast.baseline)
        rows += _of_bills(sources, sources.forecast, impacts)
        rows += _of_invoices(sources, sources.forecast, impacts)
        rows += [*risk_rows(sources.forecast), *unrated_rows(sources.forecast)]
    return rows


def _of_bills(sources: TraySources, forecast: Forecast, impacts: Impacts) -> Iterable[TrayRow]:
    expected, flows = forecast.index.bill, forecast.index.bill_flows
    for external_id, bill in sources.bills.items():
        document = expected.get(external_id)
        if document is None or ("Bill", external_id) in sources.under_way:
            continue
        own = flows.get(external_id, [])
        offer = _offer(sources.discounted.get(external_id), document, forecast, planned=own)
        impact = impacts.of_paying(own) if own else None
        late = forecast.parts.late_by_habit.get(external_id)
        if row := bill_row(bill, document, sources.today, offer=offer, impact=impact, late_by_habit=late):
            yield row


def bill_row(
    bill: OpenBill,
    document: OpenDocument,
    today: date,
    *,
    offer: DiscountOffer | None,
    impact: Impact | None,
    late_by_habit: int | None = None,
) -> TrayRow | None:
    """None of a bill that gives nobody a reason: not due, not waiting, like no other."""
    standing, figures = bill.standing, bill.figures
    reasons: set[Reason] = set()
    chips: list[Chip] = []
    days = (document.ages_from - today).days
    due_on = document.ages_from
    if days <= DUE_WITHIN_DAYS:
        reasons.add(Reason.BILL_DUE)
        chips.append(Chip(ChipCode.DUE, {"days": days}))
        if late_by_habit is not None:
            chips.append(Chip(ChipCode.PAID_LATE, {"days": late_by_habit}))
    if offer is not None and offer.is_recommended:
        reasons.add(Reason.DISCOUNT_ENDS)
        chips.append(
            Chip(
                ChipCode.DISCOUNT_ENDS, {"saving": Money(offer.saving.value, offer.saving.unit), "until": offer.pay_by}
            )
        )
        due_on = min(due_on, offer.pay_by)
    if standing.status in _WAITING:
        reasons.add(Reason.WAITS_FOR_APPROVAL)
        is_first = standing.status is ApprovalStatus.WAITING
        chips.append(Chip(ChipCode.WAITING if is_first else ChipCode.WAITING_FOR_SECOND))
    if standing.changed:
        chips.append(Chip(ChipCode.CHANGED_AFTER_APPROVAL, {"fields": tuple(sorted(standing.changed))}))
        if _PAYEE_FIELDS & set(standing.changed):
            reasons.add(Reason.PAYEE_CHANGED)
    if bill.duplicates:
        reasons.add(Reason.POSSIBLE_DUPLICATE)
        chips.append(_lookalike(bill.duplicates[0].other))
    if not reasons:
        return None
    item = TrayItem(
        key=f"bill:{figures.id}",
        group=TrayGroup.PAY,
        reasons=frozenset(reasons),
        amount=document.open_amount,
        due_on=due_on,
        days=days_of(impact),
    )
    step = NextStep.APPROVE if standing.status in _WAITING else NextStep.PAY
    subject = Subject("bill", str(figures.id), figures.external_id)
    what = What(WhatCode.BILL, {"number": _number(figures), "party": figures.vendor_name or figures.vendor_external_id})
    return TrayRow(item, what, document.party_name, tuple(chips), step, subject, impact)


def _offer(
    bill: DiscountedBill | None, document: OpenDocument, forecast: Forecast, *, planned: Sequence[DatedFlow]
) -> DiscountOffer | None:
    if bill is None:
        return None
    return discount_offer(
        document.external_id,
        DiscountTerms(bill.percent, bill.discount_days, bill.net_days),
        issued_on=bill.issued_on,
        open_amount=document.open_amount,
        planned=planned,
        draws=forecast.baseline.draws,
        floor=forecast.report.floor.value or ZERO,
        basis=forecast.basis,
    )


def _of_invoices(sources: TraySources, forecast: Forecast, impacts: Impacts) -> Iterable[TrayRow]:
    expected, receipts = forecast.index.invoice, forecast.index.receipt
    promised = {key: one.invoice for key, one in sources.promises.items() if one.promised_on < sources.today}
    for external_id, invoice in {**promised, **sources.invoices}.items():
        document, receipt = expected.get(external_id), receipts.get(external_id)
        if document is None or receipt is None or ("InvoiceMail", external_id) in sources.under_way:
            continue
        impact = impacts.of_collecting(receipt) if receipt.amount else None
        promise = sources.promises.get(external_id)
        usual = forecast.index.usual(document)
        if row := invoice_row(
            invoice, document, sources.today, usual=usual, promise=promise, impact=impact, asks=receipt.asks_in_tray
        ):
            yield row


def invoice_row(
    invoice: InvoiceFigures,
    document: OpenDocument,
    today: date,
    *,
    usual: int | None,
    promise: OpenPromise | None,
    impact: Impact | None,
    asks: bool = False,
) -> TrayRow | None:
    """Args:
    invoice: as the mirror has it.
    document: as the forecast has it, after credits.
    today: the company's.
    usual: days after which this customer has nearly always paid, where it is later than that; None: it is not.
    promise: the open one, kept to or not.
    impact: what collecting it brings.
    asks: it is so late that the forecast leaves it out.
    """
    reasons: set[Reason] = set()
    chips: list[Chip] = []
    late = (today - document.ages_from).days
    if promise is not None and promise.promised_on >= today:
        return None  # they have said when, and it is not over
    if promise is not None:
        reasons.add(Reason.BROKEN_PROMISE)
        chips.append(Chip(ChipCode.BROKEN_PROMISE, {"promised": promise.promised_on}))
    if usual is not None:
        reasons.add(Reason.LATER_THAN_USUAL)
        chips.append(Chip(ChipCode.LATER_THAN_USUAL, {"late": late, "usual": max(usual, 0)}))
    if asks:
        chips.append(Chip(ChipCode.NOT_IN_FORECAST))
    if not reasons:
        return None
    item = TrayItem(
        key=f"invoice:{invoice.id}",
        group=TrayGroup.COLLECT,
        reasons=frozenset(reasons),
        amount=document.open_amount,
        due_on=document.ages_from,
        days=days_of(impact),
    )
    subject = Subject("invoice", str(invoice.id), invoice.external_id)
    party = invoice.customer_name or invoice.customer_external_id
    what = What(WhatCode.INVOICE, {"number": _number(invoice), "party": party})
    return TrayRow(item, what, document.party_name, tuple(chips), NextStep.REMIND, subject, impact)


def _number(document: BillFigures | InvoiceFigures) -> str:
    return document.doc_number or document.external_id


def _lookalike(other: Lookalike) -> Chip:
    number, amount = other.doc_number or other.external_id, Money(other.amount, other.currency)
    facts: Facts = {"kind": other.kind.value, "number": number, "on": other.on, "amount": amount}
    return Chip(ChipCode.POSSIBLE_DUPLICATE, facts)
