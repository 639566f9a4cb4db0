"""Every SELECT over approvals: a fixed number of statements, however many bills are asked for."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.approval_models import ApprovalPolicyRow, BillApproval
from domains.ap.approvals import (
    DEFAULT_POLICY,
    ApprovalFact,
    ApprovalPolicy,
    BillFigures,
    Decision,
    Material,
    Standing,
    remit_address,
    standing_of,
)
from domains.ap.duplicates import amounts_around, fold_name, fold_number, number_end, window
from domains.ap.models import Bill, Vendor
from domains.core.ledger import LEDGER, live
from domains.core.lookalikes import Lookalike, LookalikeKind, LookalikeSearch
from infra.db.reads import Read, Statement, read_in

# A bill's own address first: it was written on it. The vendor's where the bill has none.
_ADDRESSES = text("""
SELECT b.id, queryable(b.payload) -> 'RemitToAddr', queryable(b.payload) -> 'VendorAddr', v.address
FROM bill AS b
LEFT JOIN LATERAL (
  SELECT CASE WHEN deleted_at IS NULL THEN queryable(payload) -> 'BillAddr' END AS address FROM vendor
  WHERE business_id = b.business_id AND rail = b.rail AND external_id = b.vendor_external_id OFFSET 0
) AS v ON true
WHERE b.business_id = :business_id AND b.id = ANY(:bill_ids)
""")

# Open bills whose latest word is an approval, and which something has happened to since (or to their vendor).
_TO_LOOK_AT = text("""
SELECT b.id FROM bill AS b
CROSS JOIN LATERAL (
  SELECT a.version, a.decision FROM bill_approval AS a
  WHERE a.business_id = b.business_id AND a.bill_id = b.id ORDER BY a.version DESC LIMIT 1
) AS latest
WHERE b.business_id = :business_id AND b.rail = :rail AND b.deleted_at IS NULL AND b.balance <> 0
  AND latest.decision = 'approved' AND (b.version > latest.version OR :any_version)
ORDER BY b.id
""")

_LAST_DECIDED = text("""
SELECT b.id, greatest(
  (SELECT max(recorded_at) FROM bill_approval WHERE business_id = b.id),
  (SELECT max(set_at) FROM approval_policy WHERE business_id = b.id),
  (SELECT max(confirmed_at) FROM discount_term WHERE business_id = b.id)
)
FROM unnest(CAST(:business_ids AS uuid[])) AS b(id)
""")
_BUSINESS, _BILLS = bindparam("business_id", type_=Uuid), bindparam("bill_ids", type_=ARRAY(Uuid))
_OF_POLICY: tuple[Any, ...] = (
    ApprovalPolicyRow.version,
    ApprovalPolicyRow.needed_from,
    ApprovalPolicyRow.two_people_above,
    ApprovalPolicyRow.payer_may_be_only_approver,
    func.min(ApprovalPolicyRow.set_at).over(),
    ApprovalPolicyRow.set_at,
    ApprovalPolicyRow.actor,
)
_POLICY = Statement(
    select(*_OF_POLICY)
    .where(ApprovalPolicyRow.business_id == _BUSINESS)
    .order_by(ApprovalPolicyRow.version.desc())
    .limit(1),
    ApprovalPolicy,
)
_FIGURES = Statement(
    select(*(getattr(Bill, name) for name in BillFigures._fields)).where(
        Bill.business_id == _BUSINESS, Bill.rail == LEDGER.value, Bill.id == any_(_BILLS)
    ),
    BillFigures,
)
_FACTS = Statement(
    select(*(getattr(BillApproval, name) for name in ApprovalFact._fields))
    .where(BillApproval.business_id == _BUSINESS, BillApproval.bill_id == any_(_BILLS))
    .order_by(BillApproval.bill_id, BillApproval.version),
    ApprovalFact,
)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")


async def hold_approvals(session: AsyncSession, business_id: UUID, of: UUID | None = None) -> None:
    """Whoever decides on this bill waits for whoever does; without one, on the policy. Taken before the mirror's own lock, never after.

    Several are taken in the order of their ids.
    """
    await session.execute(_LOCK, {"what": f"approvals:{business_id}:{of or 'policy'}"})


async def find_policy(session: AsyncSession, business_id: UUID) -> ApprovalPolicy:
    """What counts now; the default where nobody has set anything."""
    return policy_of((await read_in(session, read_policy(business_id)))[0])


def read_policy(business_id: UUID) -> Read[ApprovalPolicy]:
    return _POLICY.with_(business_id=business_id)


def policy_of(found: Sequence[ApprovalPolicy]) -> ApprovalPolicy:
    """Of what `read_policy` found."""
    return found[0] if found else DEFAULT_POLICY


async def list_figures(session: AsyncSession, business_id: UUID, bill_ids: Collection[UUID]) -> list[BillFigures]:
    """The ledger's bills by our id, deleted ones too."""
    return (await read_in(session, _FIGURES.with_(business_id=business_id, bill_ids=list(bill_ids))))[0]


async def list_standings(
    session: AsyncSession,
    business_id: UUID,
    bill_ids: Collection[UUID],
    *,
    policy: ApprovalPolicy,
    home_currency: str,
    with_material: bool = False,
) -> dict[UUID, Standing]:
    """How each bill stands, deleted ones too; what is not there is left out. `with_material`: the fingerprint of each."""
    figures, approvals = await read_in(session, *read_standings(business_id, bill_ids))
    return await standings_of(
        session,
        business_id,
        figures,
        approvals,
        policy=policy,
        home_currency=home_currency,
        with_material=with_material,
    )


def read_standings(business_id: UUID, bill_ids: Collection[UUID]) -> tuple[Read[BillFigures], Read[ApprovalFact]]:
    """For `standings_of`."""
    asked = {"business_id": business_id, "bill_ids": list(bill_ids)}
    return _FIGURES.with_(**asked), _FACTS.with_(**asked)


async def standings_of(
    session: AsyncSession,
    business_id: UUID,
    figures: Sequence[BillFigures],
    approvals: Sequence[ApprovalFact],
    *,
    policy: ApprovalPolicy,
    home_currency: str,
    with_material: bool = False,
) -> dict[UUID, Standing]:
    """Of what `read_standings` found; one statement more where addresses count."""
    facts = _by_bill(approvals)
    asked = [bill.id for bill in figures if with_material or bill.id in facts]
    addresses = await list_addresses(session, business_id, asked)
    found = {}
    for bill in figures:
        is_known = bill.id in addresses
        material = Material.of(bill, remit_to=addresses[bill.id], home_currency=home_currency) if is_known else None
        found[bill.id] = standing_of(
            bill, facts.get(bill.id, ()), material=material, policy=policy, home_currency=home_currency
        )
    return found


async def list_facts(
    session: AsyncSession, business_id: UUID, bill_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[ApprovalFact]]:
    """The rows of each bill in order of version; a bill without any is left out."""
    if not bill_ids:
        return {}
    return _by_bill((await read_in(session, _FACTS.with_(business_id=business_id, bill_ids=list(bill_ids))))[0])


def _by_bill(approvals: Sequence[ApprovalFact]) -> Mapping[UUID, Sequence[ApprovalFact]]:
    facts: defaultdict[UUID, list[ApprovalFact]] = defaultdict(list)
    for fact in approvals:
        facts[fact.bill_id].append(fact)
    return facts


async def list_addresses(
    session: AsyncSession, business_id: UUID, bill_ids: Collection[UUID]
) -> dict[UUID, str | None]:
    if not bill_ids:
        return {}
    rows = await session.execute(_ADDRESSES, {"business_id": business_id, "bill_ids": list(bill_ids)})
    return {bill_id: remit_address(*map(_address, addresses)) for bill_id, *addresses in rows}


def _address(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, dict) else None


async def list_approved_to_look_at(session: AsyncSession, business_id: UUID, *, any_version: bool) -> list[UUID]:
    """Open bills with approvals to be held against the books again; `any_version`: those that did not change themselves too."""
    asked = {"business_id": business_id, "rail": LEDGER.value, "any_version": any_version}
    return list((await session.execute(_TO_LOOK_AT, asked)).scalars())


async def list_lookalikes(session: AsyncSession, search: LookalikeSearch) -> list[Lookalike]:
    """Bills, open or paid."""
    is_alike = Bill.total.between(search.least, search.most) & Bill.issued_on.between(search.since, search.until)
    if search.number_end:
        bare = func.lower(func.regexp_replace(Bill.doc_number, "[^[:alnum:]]", "", "g"))
        is_alike |= bare.endswith(search.number_end, autoescape=True)
    query = select(
        Bill.id, Bill.external_id, Bill.doc_number, Bill.vendor_external_id, Bill.vendor_name, Bill.issued_on, Bill.total,
        func.coalesce(Bill.currency, search.home_currency),
    ).where(*live(Bill, search.business_id), Bill.vendor_external_id.in_(search.party_external_ids), is_alike)  # fmt: skip
    return [Lookalike(LookalikeKind.BILL, *row) for row in await session.execute(query)]


async def search_for(
    session: AsyncSession, business_id: UUID, bill: BillFigures, *, home_currency: str
) -> LookalikeSearch:
    """Where duplicates of a bill may be: its vendor, and every other that has the same name but for case and legal form."""
    parties = {bill.vendor_external_id}
    if name := fold_name(bill.vendor_name):
        # Deleted ones too: a vendor that was merged into another is gone, its documents may not be.
        bare = func.regexp_replace(func.lower(Vendor.display_name), "[^[:alnum:]]", "", "g")
        vendors = await session.execute(
            select(Vendor.external_id, Vendor.display_name).where(
                Vendor.business_id == business_id,
                Vendor.rail == LEDGER.value,
                bare.contains(name.partition(" ")[0], autoescape=True),
            )
        )
        parties |= {external_id for external_id, display_name in vendors if fold_name(display_name) == name}
    least, most = amounts_around(bill.total)
    since, until = window(bill.issued_on)
    return LookalikeSearch(
        business_id=business_id,
        party_external_ids=parties,
        least=least,
        most=most,
        since=since,
        until=until,
        number_end=number_end(fold_number(bill.doc_number)),
        home_currency=home_currency,
    )


def lookalike_of(bill: BillFigures, *, home_currency: str) -> Lookalike:
    return Lookalike(
        LookalikeKind.BILL, bill.id, bill.external_id, bill.doc_number, bill.vendor_external_id, bill.vendor_name, bill.issued_on,
        bill.total, bill.currency or home_currency,
    )  # fmt: skip


async def find_last_decision(session: AsyncSession, business_id: UUID, bill_id: UUID) -> Decision | None:
    decision = await session.scalar(
        select(BillApproval.decision)
        .where(BillApproval.business_id == business_id, BillApproval.bill_id == bill_id)
        .order_by(BillApproval.version.desc())
        .limit(1)
    )
    return None if decision is None else Decision(decision)


async def list_last_decided(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """Business → when anything of its approvals was last written down, or what they are asked for; one without is not in it."""
    rows = await session.execute(_LAST_DECIDED, {"business_ids": list(business_ids)})
    return {business_id: at for business_id, at in rows if at is not None}
