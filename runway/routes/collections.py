from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from domains.ar.reminder_plan import PlannedCustomer
from infra.errors import OodalooError
from runway.calculators.figures import Basis
from runway.orchestrators.reminding import Mailed, Ran
from runway.routes.access import Caller, ReadsBooks, SendsReminders
from runway.routes.action_answers import asking_of, show
from runway.routes.answers import Answer, FreshnessOut, plain_amount, send
from runway.routes.asked import AskedFreshness, Strict
from runway.routes.csv_answers import AskedFormat, in_csv_too, send_csv, wants_csv
from runway.routes.documentation import books_example, documented, read_of_books
from runway.routes.errors import kind_of
from runway.routes.idempotency import IdempotencyKey
from runway.routes.pay_bills import RefusalOut
from runway.routes.problems import TYPE_PREFIX
from runway.routes.read_route import ReadRoute
from runway.routes.reminder_answers import (
    INVOICES,
    ChasedCustomerOut,
    ChasedInvoiceOut,
    CollectionsOut,
    NotRemindedOut,
    RecipientOut,
    RunOut,
    overdue_of,
    overdue_sum,
)
from runway.routes.reminder_examples import COLLECTIONS_EXAMPLE, RUN_EXAMPLE
from runway.routes.runway_answer import FigureOut

router = APIRouter(prefix="/api/v1", tags=["collections"], route_class=ReadRoute)

_COLUMNS = (
    "customer", "customer_id", "overdue", "currency", "invoices", "days_overdue", "level", "last_contact_on", "next_on", "why",
    "is_disputed", "promised_on", "promise_broken", "send_to",
)  # fmt: skip


class AskedCollections(AskedFormat, AskedFreshness):
    limit: int = Field(default=200, ge=1, le=2000, description="Customers. A table (CSV) holds all.")


class WantedRun(Strict):
    dry_run: bool = Field(default=False, description="Shows what would be sent now, and sends nothing.")


@router.get(
    "/collections",
    summary="Customers to chase",
    response_model=Answer[CollectionsOut],
    responses=in_csv_too(read_of_books(books_example(COLLECTIONS_EXAMPLE)), _COLUMNS),
)
async def list_collections(
    request: Request, caller: ReadsBooks, asked: Annotated[AskedCollections, Query()]
) -> Response:
    """Who is overdue, how far their reminders have come, when the next one goes out, and why not before."""
    fetched = await caller.services.reminding.look(freshness=asked.need())
    plan = fetched.value
    chased = sorted(
        (one for one in plan.customers if one.mailed or overdue_of(one)),
        key=lambda one: (-overdue_sum([one])[0], one.debtor.external_id),
    )
    basis = Basis(plan.day, "qbo", caller.home_currency)
    if wants_csv(request, asked.format):
        rows = (_row(ChasedCustomerOut.of(one, basis)) for one in chased)
        return send_csv(_COLUMNS, rows, name="collections", freshness=fetched.freshness)
    amount, count = overdue_sum(chased)
    data = CollectionsOut(
        day=plan.day,
        is_on=plan.kept.rules.is_on,
        overdue=FigureOut.model_validate(basis.figure(amount, basis.currency, n=count, n_of=INVOICES)),
        customers_count=len(chased),
        customers=[ChasedCustomerOut.of(one, basis) for one in chased[: asked.limit]],
    )
    return send(request, Answer[CollectionsOut](data=data, freshness=FreshnessOut.of(fetched.freshness)))


@router.post(
    "/collections/run",
    summary="Send the day's reminders",
    responses=documented(books_example(RUN_EXAMPLE)),
)
async def run_collections(
    request: Request, caller: SendsReminders, key: IdempotencyKey, wanted: WantedRun | None = None
) -> Answer[RunOut]:
    """One mail a customer about all of theirs whose step has come. Each invoice is read in QuickBooks just before its mail goes out:
    what has been paid is not in it. The same key again tells what became of the same mails.

    409 while reminders are off, and outside the hours of the policy; a dry run says so in `closed`.
    """
    asked, reminding = wanted or WantedRun(), caller.services.reminding
    if asked.dry_run:
        fetched = await reminding.preview()
    else:
        fetched = await reminding.run(asking=asking_of(request, caller, key, body=asked))
    data = _told(caller, fetched.value, is_dry=asked.dry_run)
    return Answer[RunOut](data=data, freshness=FreshnessOut.of(fetched.freshness))


def _told(caller: Caller, ran: Ran, *, is_dry: bool) -> RunOut:
    refused = sum(one.refusal is not None for one in ran.mailed)
    mailed = {one.customer.debtor.external_id for one in ran.mailed if one.customer is not None}
    left = [one for one in ran.plan.customers if one.debtor.external_id not in mailed and overdue_of(one)]
    return RunOut(
        day=ran.plan.day,
        dry_run=is_dry,
        closed=ran.closed,
        accepted=len(ran.mailed) - refused,
        refused=refused,
        recipients=[_recipient(caller, one) for one in ran.mailed],
        not_reminded=[_left(one) for one in left],
    )


def _recipient(caller: Caller, one: Mailed) -> RecipientOut:
    customer, intent = one.customer, one.intent
    meant = intent.meaning if intent is not None else {}
    listed = {line["invoice"] for line in meant.get("invoices", ())}
    shown = [] if customer is None else [each for each in customer.invoices if each.invoice.external_id in listed]
    if customer is not None and intent is None:
        shown = customer.mailed
    return RecipientOut(
        customer_id=customer.debtor.id if customer else None,
        external_id=customer.debtor.external_id if customer else meant["customer"],
        name=customer.debtor.name if customer else meant["customer_name"],
        send_to=list(meant.get("send_to") or (customer.send_to if customer else ())),
        invoices=[ChasedInvoiceOut.of(each) for each in shown],
        action=None if intent is None else show(caller, intent),
        refusal=None if one.refusal is None else _refusal(one.refusal),
    )


def _left(one: PlannedCustomer) -> NotRemindedOut:
    debtor = one.debtor
    return NotRemindedOut(
        customer_id=debtor.id,
        external_id=debtor.external_id,
        name=debtor.name,
        why=one.why or overdue_of(one)[0].why or "not_yet",
        next_on=one.next_on,
    )


def _refusal(error: OodalooError) -> RefusalOut:
    kind = kind_of(error)
    return RefusalOut(
        type=TYPE_PREFIX + kind.name, status=kind.status.value, code=getattr(error, "code", None), detail=str(error)
    )


def _row(one: ChasedCustomerOut) -> dict[str, object]:
    return {
        "customer": one.name,
        "customer_id": one.external_id,
        "overdue": plain_amount(one.overdue.value),
        "currency": one.overdue.unit,
        "invoices": one.overdue.n,
        "days_overdue": one.days_overdue,
        "level": one.level,
        "last_contact_on": one.last_contact_on,
        "next_on": one.next_on,
        "why": one.why.value if one.why else None,
        "is_disputed": one.is_disputed,
        "promised_on": one.promise.on if one.promise else None,
        "promise_broken": one.promise.is_broken if one.promise else None,
        "send_to": "; ".join(one.send_to),
    }
