"""Who may pay what is approved. Amounts are in dollars unless a test says otherwise."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domains.ap.approval_errors import (
    AboveReleaseLimit,
    ApprovalMissing,
    ApprovalOutdated,
    BillDeleted,
    NothingOpen,
    PayerIsOnlyApprover,
    RateUnknown,
    SecondApprovalMissing,
    SecondPersonMissing,
)
from domains.ap.approvals import (
    DEFAULT_POLICY,
    ApprovalFact,
    ApprovalPolicy,
    ApprovalStatus,
    BillFigures,
    Decision,
    Material,
    Signatory,
    Standing,
    remit_address,
    standing_of,
)
from domains.ap.releases import refusal_to_pay
from infra.errors import OodalooError

NOW = datetime(2026, 3, 15, 19, 0, tzinfo=UTC)
ADA, BEN = (Signatory(f"user:{UUID(int=number)}", UUID(int=number)) for number in (1, 2))
ADAS_TOKEN = Signatory("token:9", ADA.user_id)
SERVICE = Signatory("token:8", None)


def bill(total: str = "100", **changes: object) -> BillFigures:
    figures = BillFigures(
        id=uuid4(), external_id="7", doc_number="HS-118", vendor_external_id="31", vendor_name="Harbor Supply",
        issued_on=date(2026, 3, 1), due_on=date(2026, 3, 31), total=Decimal(total), balance=Decimal(total), currency="USD",
        exchange_rate=Decimal(1), version=1, deleted_at=None,
    )  # fmt: skip
    return figures._replace(**changes)  # type: ignore[arg-type]  # a test's own fields


def material(of: BillFigures, remit_to: str | None = "1 Quay") -> Material:
    return Material.of(of, remit_to=remit_to, home_currency="USD")


def said(decision: Decision, by: Signatory, of: Material, *, version: int = 2) -> ApprovalFact:
    return ApprovalFact(
        uuid4(), version, decision.value, by.actor, by.user_id, of.total, of.currency, of.vendor_external_id, of.due_on,
        of.remit_to, of.fingerprint, NOW,
    )  # fmt: skip


def stands(
    of: BillFigures, *approvers: Signatory, policy: ApprovalPolicy = DEFAULT_POLICY, now: Material | None = None
) -> Standing:
    facts = [said(Decision.APPROVED, by, material(of), version=number) for number, by in enumerate(approvers, 2)]
    return standing_of(of, facts, material=now or material(of), policy=policy, home_currency="USD")


def refused(
    *standings: Standing,
    policy: ApprovalPolicy = DEFAULT_POLICY,
    payer: Signatory = ADA,
    limit: str | None = None,
    amounts: list[str] | None = None,
) -> OodalooError | None:
    paid = [Decimal(amount) for amount in amounts] if amounts else [one.bill.balance for one in standings]
    return refusal_to_pay(
        list(zip(standings, paid, strict=True)),
        policy=policy,
        payer=payer,
        limit=Decimal(limit) if limit else None,
        home_currency="USD",
    )


def test_an_approved_bill_may_be_paid_by_whoever_approved_it_unless_the_business_says_otherwise() -> None:
    apart = ApprovalPolicy(version=1, payer_may_be_only_approver=False)
    assert refused(stands(bill(), ADA)) is None
    assert isinstance(refused(stands(bill(), ADA), policy=apart), PayerIsOnlyApprover)
    assert refused(stands(bill(), ADA), policy=apart, payer=BEN) is None
    assert refused(stands(bill(), ADA, BEN), policy=apart) is None


@pytest.mark.parametrize("payer", [ADA, ADAS_TOKEN])
def test_a_token_is_the_person_it_acts_for(payer: Signatory) -> None:
    apart = ApprovalPolicy(version=1, payer_may_be_only_approver=False)
    for approver in (ADA, ADAS_TOKEN):
        assert isinstance(refused(stands(bill(), approver), policy=apart, payer=payer), PayerIsOnlyApprover)
    assert stands(bill(), ADA, ADAS_TOKEN).people == {ADA.user_id}


def test_a_services_token_is_nobody_when_a_second_person_is_asked_for() -> None:
    apart = ApprovalPolicy(version=1, payer_may_be_only_approver=False)
    assert refused(stands(bill(), SERVICE)) is None
    assert isinstance(refused(stands(bill(), SERVICE), policy=apart), PayerIsOnlyApprover)
    two = ApprovalPolicy(version=1, two_people_above=Decimal(50))
    assert stands(bill(), ADA, SERVICE, policy=two).status is ApprovalStatus.WAITING_FOR_SECOND
    assert refused(stands(bill(), ADA), policy=apart, payer=SERVICE) is None


def test_a_bill_below_the_amount_needs_nobody_and_one_at_it_does() -> None:
    policy = ApprovalPolicy(version=1, needed_from=Decimal(100))
    assert refused(stands(bill("99.99"), policy=policy), policy=policy) is None
    assert isinstance(refused(stands(bill("100"), policy=policy), policy=policy), ApprovalMissing)
    assert stands(bill("99.99"), policy=policy).status is ApprovalStatus.NOT_NEEDED


def test_above_the_limit_two_people_approve() -> None:
    policy = ApprovalPolicy(version=1, two_people_above=Decimal(100))
    assert refused(stands(bill("100"), ADA, policy=policy), policy=policy) is None
    above = bill("100.01")
    assert isinstance(refused(stands(above, ADA, policy=policy), policy=policy, payer=BEN), SecondApprovalMissing)
    assert refused(stands(above, ADA, BEN, policy=policy), policy=policy) is None


def test_many_small_bills_at_once_are_one_large_payment() -> None:
    policy = ApprovalPolicy(version=1, needed_from=Decimal(50), two_people_above=Decimal(100))
    approved, unneeded = stands(bill("90"), ADA, policy=policy), stands(bill("40"), policy=policy)
    assert refused(approved, policy=policy) is None
    assert isinstance(refused(approved, unneeded, policy=policy), SecondPersonMissing)
    assert isinstance(
        refused(approved, unneeded, policy=policy, payer=BEN), SecondPersonMissing
    )  # nobody else saw the small one
    approved_by_ben = stands(bill("40"), BEN, policy=policy)
    assert refused(stands(bill("90"), BEN, policy=policy), approved_by_ben, policy=policy) is None
    assert refused(approved, unneeded, policy=policy, amounts=["60", "40"]) is None  # a hundred and no more


def test_the_payers_limit_is_of_all_bills_together_in_home_currency() -> None:
    euro = bill("100", currency="EUR", exchange_rate=Decimal("1.10"))
    assert refused(stands(euro, ADA), limit="110.00") is None
    assert isinstance(refused(stands(euro, ADA), limit="109.99"), AboveReleaseLimit)
    assert isinstance(refused(stands(bill("60"), ADA), stands(bill("60"), ADA), limit="100"), AboveReleaseLimit)


def test_without_a_rate_nothing_can_be_held_against_a_limit() -> None:
    euro = bill("100", currency="EUR", exchange_rate=None)
    assert isinstance(refused(stands(euro, ADA)), RateUnknown)
    policy = ApprovalPolicy(version=1, needed_from=Decimal(1_000_000))
    assert stands(euro, policy=policy).status is ApprovalStatus.WAITING


def test_what_is_paid_or_deleted_is_not_paid() -> None:
    assert isinstance(refused(stands(bill(balance=Decimal(0)), ADA)), NothingOpen)
    assert isinstance(refused(stands(bill(deleted_at=NOW), ADA)), BillDeleted)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"total": Decimal("100.01")}, "total"),
        ({"vendor_external_id": "32"}, "vendor_external_id"),
        ({"due_on": date(2026, 4, 1)}, "due_on"),
        ({"due_on": None}, "due_on"),
        ({"currency": "EUR"}, "currency"),
    ],
)
def test_a_material_edit_takes_the_approval_away(change: dict[str, object], field: str) -> None:
    before = bill()
    standing = stands(before, ADA, now=material(before._replace(**change)))  # type: ignore[arg-type]  # as above
    assert (standing.status, list(standing.changed)) == (ApprovalStatus.WAITING, [field])
    refusal = refused(standing)
    assert isinstance(refusal, ApprovalOutdated)
    assert field.replace("_", " ") in str(refusal)


def test_so_does_another_address_for_the_money() -> None:
    before = bill()
    standing = stands(before, ADA, now=material(before, remit_to="2 Elsewhere"))
    assert standing.changed == {"remit_to": ("1 Quay", "2 Elsewhere")}


@pytest.mark.parametrize(
    "change",
    [
        {"balance": Decimal(1)},
        {"doc_number": "other"},
        {"version": 9},
        {"total": Decimal("100.00000")},
        {"vendor_name": "x"},
    ],
)
def test_what_is_not_material_leaves_it(change: dict[str, object]) -> None:
    before = bill()
    after = before._replace(**change)  # type: ignore[arg-type]  # as above
    assert stands(before, ADA, now=material(after)).status is ApprovalStatus.APPROVED


def test_a_withdrawal_or_a_reopening_ends_all_approvals_and_a_new_one_counts() -> None:
    one = bill()
    for ended in (Decision.UNAPPROVED, Decision.REOPENED):
        facts = [said(Decision.APPROVED, by, material(one), version=2 + n) for n, by in enumerate((ADA, BEN))]
        facts.append(said(ended, SERVICE, material(one), version=4))
        gone = standing_of(one, facts, material=material(one), policy=DEFAULT_POLICY, home_currency="USD")
        assert (gone.status, gone.approvals) == (ApprovalStatus.WAITING, ())
        facts.append(said(Decision.APPROVED, BEN, material(one), version=5))
        again = standing_of(one, facts, material=material(one), policy=DEFAULT_POLICY, home_currency="USD")
        assert [fact.version for fact in again.approvals] == [5]


def test_an_address_is_its_lines_and_nothing_else() -> None:
    quay = {"Id": "9", "Line1": " 1  Quay ", "City": "Bayshore", "PostalCode": "94326", "Lat": "37.4", "Line2": ""}
    assert remit_address(None, {"Id": "8", "Lat": "INVALID"}, quay, {"Line1": "no"}) == "1 Quay, Bayshore, 94326"
    assert remit_address(None, {}, None) is None
