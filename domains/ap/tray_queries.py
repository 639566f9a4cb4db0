"""Open bills of several businesses as the tray needs them: a number of statements that grows with neither bills nor businesses."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domains.ap.approval_models import ApprovalPolicyRow, BillApproval
from domains.ap.approval_queries import lookalike_of
from domains.ap.approvals import (
    DEFAULT_POLICY,
    ApprovalFact,
    ApprovalPolicy,
    BillFigures,
    Material,
    Standing,
    remit_address,
    standing_of,
)
from domains.ap.duplicates import (
    SAME_AMOUNT_WITHIN_DAYS,
    SPENT_WITHIN_DAYS,
    Duplicate,
    Strength,
    find_duplicates,
)
from domains.core.ledger import LEDGER
from domains.core.lookalikes import Lookalike, LookalikeKind

_FIELDS = ", ".join(f"b.{name}" for name in BillFigures._fields)

# By the rail's ids, which are unique within one business alone.
_NAMED = text(f"""
SELECT b.business_id, b.terms_external_id, {_FIELDS}
FROM unnest(CAST(:business_ids AS uuid[]), CAST(:external_ids AS text[])) AS w(business_id, external_id)
JOIN bill AS b ON b.business_id = w.business_id AND b.rail = :rail AND b.external_id = w.external_id
WHERE b.deleted_at IS NULL AND b.balance <> 0
""")  # noqa: S608  # names of our own columns

_ADDRESSES = text("""
SELECT b.id, queryable(b.payload) -> 'RemitToAddr', queryable(b.payload) -> 'VendorAddr', v.address
FROM bill AS b
LEFT JOIN LATERAL (
  SELECT CASE WHEN deleted_at IS NULL THEN queryable(payload) -> 'BillAddr' END AS address FROM vendor
  WHERE business_id = b.business_id AND rail = b.rail AND external_id = b.vendor_external_id OFFSET 0
) AS v ON true
WHERE b.business_id = ANY(:business_ids) AND b.id = ANY(:bill_ids)
""")

# Bills of the same vendor and the same amount, or the same number, near each open bill; and what was spent on the spot.
# What is compared comes in, and is no row behind row-level security: otherwise neither number nor day would find its index.
_ALIKE = text("""
WITH b AS MATERIALIZED (
  SELECT business_id, id, vendor, total, issued_on - :before AS since, issued_on + :after AS until, left(lower(number), 200) AS number_folded
  FROM unnest(
    CAST(:business_ids AS uuid[]), CAST(:bill_ids AS uuid[]), CAST(:vendors AS text[]), CAST(:totals AS numeric[]),
    CAST(:issued AS date[]), CAST(:numbers AS text[])
  ) AS b(business_id, id, vendor, total, issued_on, number)
)
SELECT b.id, 'bill' AS kind, o.id, o.external_id, o.doc_number, o.vendor_external_id, o.vendor_name, o.issued_on, o.total, o.currency
FROM b
JOIN bill AS o ON o.business_id = b.business_id AND o.vendor_external_id = b.vendor AND o.issued_on BETWEEN b.since AND b.until
WHERE o.rail = :rail AND o.deleted_at IS NULL AND o.id <> b.id AND o.total BETWEEN b.total - 0.01 AND b.total + 0.01
UNION
SELECT b.id, 'bill', o.id, o.external_id, o.doc_number, o.vendor_external_id, o.vendor_name, o.issued_on, o.total, o.currency
FROM b
JOIN bill AS o ON o.business_id = b.business_id AND o.vendor_external_id = b.vendor AND o.number_folded = b.number_folded
WHERE o.rail = :rail AND o.deleted_at IS NULL AND o.id <> b.id
UNION ALL
SELECT b.id, 'purchase', p.id, p.external_id, p.doc_number, p.entity_external_id, p.entity_name, p.spent_on, p.total, p.currency
FROM b
JOIN purchase AS p ON p.business_id = b.business_id AND p.spent_on BETWEEN b.since AND b.until
  AND p.entity_type = 'Vendor' AND p.entity_external_id = b.vendor
WHERE p.rail = :rail AND p.deleted_at IS NULL AND NOT p.is_credit AND p.total BETWEEN b.total - 0.01 AND b.total + 0.01
""")


# Of open bills whose terms somebody has confirmed, those whose discount can still be taken.
_DISCOUNTED = text("""
SELECT b.business_id, b.external_id, b.issued_on, t.percent, t.discount_days, t.net_days
FROM discount_term AS t
JOIN bill AS b ON b.business_id = t.business_id AND b.terms_external_id = t.terms_external_id
WHERE t.business_id = ANY(:business_ids) AND b.rail = :rail AND b.deleted_at IS NULL AND b.balance > 0
  AND b.issued_on + t.discount_days >= :today
""")


@dataclass(frozen=True)
class DiscountedBill:
    """`percent` of 100 is not paid when the bill is paid within `discount_days` of its date."""

    external_id: str
    issued_on: date
    percent: Decimal
    discount_days: int
    net_days: int


@dataclass(frozen=True)
class OpenBill:
    """One open bill: how its approval stands, its terms, and what it looks like (weak resemblances left out)."""

    standing: Standing
    terms_external_id: str | None
    duplicates: Sequence[Duplicate] = ()

    @property
    def figures(self) -> BillFigures:
        return self.standing.bill


async def list_open_bills(
    session: AsyncSession, named: Collection[tuple[UUID, str]], home_currencies: Mapping[UUID, str]
) -> dict[UUID, dict[str, OpenBill]]:
    """Business → the rail's id → bill, of those (business, the rail's id) named that are open."""
    if not named:
        return {}
    asked = {
        "business_ids": [business_id for business_id, _ in named],
        "external_ids": [external_id for _, external_id in named],
        "rail": LEDGER.value,
    }
    rows = [(row[0], row[1], BillFigures(*row[2:])) for row in await session.execute(_NAMED, asked)]
    businesses = list(home_currencies)
    policies = await _policies(session, businesses)
    facts = await _facts(session, businesses, [bill.id for *_, bill in rows])
    addresses = await _remit_addresses(session, businesses, list(facts))
    alike = await _duplicates(session, rows, home_currencies)
    found: dict[UUID, dict[str, OpenBill]] = defaultdict(dict)
    for business_id, terms, bill in rows:
        home = home_currencies[business_id]
        known = bill.id in addresses
        material = Material.of(bill, remit_to=addresses[bill.id], home_currency=home) if known else None
        standing = standing_of(
            bill,
            facts.get(bill.id, ()),
            material=material,
            policy=policies.get(business_id, DEFAULT_POLICY),
            home_currency=home,
        )
        found[business_id][bill.external_id] = OpenBill(standing, terms, alike.get(bill.id, ()))
    return found


async def list_discounted(
    session: AsyncSession, business_ids: Collection[UUID], *, today: date
) -> dict[UUID, dict[str, DiscountedBill]]:
    """Business → the rail's id → bill."""
    asked = {"business_ids": list(business_ids), "rail": LEDGER.value, "today": today}
    found: dict[UUID, dict[str, DiscountedBill]] = defaultdict(dict)
    for business_id, *columns in await session.execute(_DISCOUNTED, asked):
        bill = DiscountedBill(*columns)
        found[business_id][bill.external_id] = bill
    return found


async def _policies(session: AsyncSession, business_ids: Sequence[UUID]) -> dict[UUID, ApprovalPolicy]:
    rows = await session.scalars(
        select(ApprovalPolicyRow)
        .where(ApprovalPolicyRow.business_id.in_(business_ids))
        .order_by(ApprovalPolicyRow.version)
    )
    return {  # the latest version of each stays
        row.business_id: ApprovalPolicy(
            version=row.version,
            needed_from=row.needed_from,
            two_people_above=row.two_people_above,
            payer_may_be_only_approver=row.payer_may_be_only_approver,
        )
        for row in rows
    }


async def _facts(
    session: AsyncSession, business_ids: Sequence[UUID], bill_ids: Sequence[UUID]
) -> dict[UUID, list[ApprovalFact]]:
    columns = [getattr(BillApproval, name) for name in ApprovalFact._fields]
    query = select(*columns).where(BillApproval.business_id.in_(business_ids), BillApproval.bill_id.in_(bill_ids))
    facts: dict[UUID, list[ApprovalFact]] = defaultdict(list)
    for row in await session.execute(query.order_by(BillApproval.bill_id, BillApproval.version)):
        facts[row.bill_id].append(ApprovalFact(*row))
    return facts


async def _remit_addresses(
    session: AsyncSession, business_ids: Sequence[UUID], bill_ids: Sequence[UUID]
) -> dict[UUID, str | None]:
    if not bill_ids:
        return {}
    rows = await session.execute(_ADDRESSES, {"business_ids": list(business_ids), "bill_ids": list(bill_ids)})
    return {
        bill_id: remit_address(*(one if isinstance(one, dict) else None for one in addresses))
        for bill_id, *addresses in rows
    }


async def _duplicates(
    session: AsyncSession,
    bills: Sequence[tuple[UUID, str | None, BillFigures]],
    home_currencies: Mapping[UUID, str],
) -> dict[UUID, list[Duplicate]]:
    homes = {bill.id: home_currencies[business_id] for business_id, _, bill in bills}
    others: dict[UUID, list[Lookalike]] = defaultdict(list)
    asked = {
        "business_ids": [business_id for business_id, *_ in bills],
        "bill_ids": [bill.id for *_, bill in bills],
        "vendors": [bill.vendor_external_id for *_, bill in bills],
        "totals": [bill.total for *_, bill in bills],
        "issued": [bill.issued_on for *_, bill in bills],
        "before": SPENT_WITHIN_DAYS,
        "after": SAME_AMOUNT_WITHIN_DAYS,
        "numbers": [bill.doc_number for *_, bill in bills],
        "rail": LEDGER.value,
    }
    for bill_id, kind, *columns in await session.execute(_ALIKE, asked):
        *known, currency = columns
        others[bill_id].append(_lookalike(kind, *known, currency=currency or homes[bill_id]))
    found = {}
    for _, _, bill in bills:
        alike = find_duplicates(lookalike_of(bill, home_currency=homes[bill.id]), others.get(bill.id, ()))
        if telling := [one for one in alike if one.strength > Strength.WEAK]:
            found[bill.id] = telling
    return found


def _lookalike(
    kind: str, id_: UUID, external_id: str, number: str | None, party: str, name: str | None, on: date, amount: Decimal,
    *, currency: str,
) -> Lookalike:  # fmt: skip
    return Lookalike(LookalikeKind(kind), id_, external_id, number, party, name, on, amount, currency)
