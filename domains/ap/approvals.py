"""When a bill is approved, and when it may be paid. Pure: rows in, a standing or a refusal out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from domains.core.access_service import Entry
from domains.core.ledger import in_home_currency
from infra import exact_json
from infra.money import ZERO

_ADDRESS_PARTS = (
    "Line1", "Line2", "Line3", "Line4", "Line5", "City", "CountrySubDivisionCode", "PostalCode", "Country",
)  # fmt: skip


class Decision(StrEnum):
    """What ends or makes approvals; each is the `transaction_type` of the bill's log row that tells of it."""

    APPROVED = "approved"
    UNAPPROVED = "unapproved"
    REOPENED = "approval_reopened"  # a material edit in the ledger ended them


class ApprovalStatus(StrEnum):
    NOT_NEEDED = "not_needed"
    WAITING = "waiting"
    WAITING_FOR_SECOND = "waiting_for_second"
    APPROVED = "approved"


@dataclass(frozen=True)
class Signatory:
    """Who decides. `user_id` is the person, or the one a token acts for; a service's token is no person, and never a second one."""

    actor: str
    user_id: UUID | None

    @classmethod
    def of(cls, entry: Entry) -> "Signatory":
        principal = entry.principal
        return cls(principal.actor, principal.user_id)

    @property
    def key(self) -> str:
        """The same for a person and for every token that acts for them."""
        return self.actor if self.user_id is None else f"user:{self.user_id}"


@dataclass(frozen=True)
class ApprovalPolicy:
    """What a business asks for, in home currency; what `ApprovalPolicyRow` says of it. Version 0: nobody has set anything yet."""

    version: int = 0
    needed_from: Decimal = ZERO
    two_people_above: Decimal | None = None
    payer_may_be_only_approver: bool = True
    first_set_at: datetime | None = None
    set_at: datetime | None = None
    actor: str | None = None

    def needs_approval(self, home_amount: Decimal | None) -> bool:
        """An amount that is not known might be any."""
        return home_amount is None or home_amount >= self.needed_from

    def needs_two(self, home_amount: Decimal | None) -> bool:
        return self.two_people_above is not None and (home_amount is None or home_amount > self.two_people_above)

    def facts(self) -> dict[str, Any]:
        """As the log keeps it."""
        return {
            "version": self.version,
            "needed_from": self.needed_from,
            "two_people_above": self.two_people_above,
            "payer_may_be_only_approver": self.payer_may_be_only_approver,
        }


DEFAULT_POLICY = ApprovalPolicy()


class BillFigures(NamedTuple):
    """A bill as approvals need it, a deleted one too."""

    id: UUID
    external_id: str
    doc_number: str | None
    vendor_external_id: str
    vendor_name: str | None
    issued_on: date
    due_on: date | None
    total: Decimal
    balance: Decimal
    currency: str | None
    exchange_rate: Decimal | None
    version: int
    deleted_at: datetime | None

    @property
    def words(self) -> str:
        number = f"Bill {self.doc_number}" if self.doc_number else f"The bill {self.external_id}"
        return f"{number} of {self.vendor_name or f'vendor {self.vendor_external_id}'}"

    def in_home(self, amount: Decimal, home_currency: str) -> Decimal | None:
        """An amount of the bill in home currency; None where the rate is not known."""
        if self.currency in {None, home_currency}:
            return amount
        return None if self.exchange_rate is None else in_home_currency(amount, self.exchange_rate)


@dataclass(frozen=True)
class Material:
    """What an approval is of: change any of it, and it is another bill. `remit_to` is where the money is to go, None: not told."""

    total: Decimal
    currency: str
    vendor_external_id: str
    due_on: date | None
    remit_to: str | None

    @classmethod
    def of(cls, bill: BillFigures, *, remit_to: str | None, home_currency: str) -> "Material":
        return cls(bill.total, bill.currency or home_currency, bill.vendor_external_id, bill.due_on, remit_to)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical values, in hexadecimal: 120.5 and 120.50000 are one amount."""
        total = format(self.total.normalize(), "f")
        parts = [total, self.currency, self.vendor_external_id, self.due_on, self.remit_to]
        return sha256(exact_json.dumps(parts)).hexdigest()

    def changes_from(self, before: "Material") -> dict[str, tuple[Any, Any]]:
        """Field → (before, now) of what differs."""
        names = ("total", "currency", "vendor_external_id", "due_on", "remit_to")
        pairs = {name: (getattr(before, name), getattr(self, name)) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


class ApprovalFact(NamedTuple):
    """One row of `bill_approval`."""

    bill_id: UUID
    version: int
    decision: str
    actor: str
    user_id: UUID | None
    total: Decimal
    currency: str
    vendor_external_id: str
    due_on: date | None
    remit_to: str | None
    fingerprint: str
    recorded_at: datetime

    @property
    def by(self) -> Signatory:
        return Signatory(self.actor, self.user_id)

    @property
    def material(self) -> Material:
        return Material(self.total, self.currency, self.vendor_external_id, self.due_on, self.remit_to)


@dataclass(frozen=True)
class Standing:
    """How the approval of one bill stands.

    Attributes:
        approvals: those that count, the earliest first.
        changed: what a material edit changed since the last approval, which therefore counts no more; field → (then, now).
        home_amount: the bill's total in home currency; None where its rate is not known.
        material: what an approval now would be of; None where nobody asked.
    """

    bill: BillFigures
    status: ApprovalStatus
    needs_two: bool
    home_amount: Decimal | None
    approvals: tuple[ApprovalFact, ...]
    changed: Mapping[str, tuple[Any, Any]]
    material: Material | None

    @property
    def people(self) -> frozenset[UUID]:
        """Who approved, programs left out."""
        return frozenset(one.user_id for one in self.approvals if one.user_id is not None)

    def is_by(self, signatory: Signatory) -> bool:
        return any(one.by.key == signatory.key for one in self.approvals)


def standing_of(
    bill: BillFigures,
    facts: Sequence[ApprovalFact],
    *,
    material: Material | None,
    policy: ApprovalPolicy,
    home_currency: str,
) -> Standing:
    """What the bill's facts, in order of version, come to. `material` is the bill's now; None only where it has no facts."""
    home = bill.in_home(bill.total, home_currency)
    needs_two = policy.needs_two(home)
    given: dict[str, ApprovalFact] = {}
    last: ApprovalFact | None = None
    for fact in facts:
        match fact.decision:
            case Decision.APPROVED:
                given[fact.by.key] = last = fact
            case Decision.REOPENED:
                given.clear()
            case _:
                given.clear()
                last = None
    now = None if material is None else material.fingerprint
    counting = tuple(sorted((one for one in given.values() if one.fingerprint == now), key=lambda one: one.version))
    status = _status(counting, home, policy)
    is_outdated = material is not None and last is not None and not counting
    changed = material.changes_from(last.material) if is_outdated and material and last else {}
    return Standing(bill, status, needs_two, home, counting, changed, material)


def with_approvals(standing: Standing, approvals: Sequence[ApprovalFact], *, policy: ApprovalPolicy) -> Standing:
    """The standing once these count, of the bill as it was read, and nothing that was before."""
    status = _status(approvals, standing.home_amount, policy)
    return replace(standing, status=status, approvals=tuple(approvals), changed={})


def _status(approvals: Sequence[ApprovalFact], home_amount: Decimal | None, policy: ApprovalPolicy) -> ApprovalStatus:
    needs_two = policy.needs_two(home_amount)
    if not approvals:
        is_needed = needs_two or policy.needs_approval(home_amount)
        return ApprovalStatus.WAITING if is_needed else ApprovalStatus.NOT_NEEDED
    people = {one.user_id for one in approvals if one.user_id is not None}
    if needs_two and len(people) < 2:  # noqa: PLR2004  # two people
        return ApprovalStatus.WAITING_FOR_SECOND
    return ApprovalStatus.APPROVED


def remit_address(*addresses: Mapping[str, Any] | None) -> str | None:
    """Where to send the money: the first address that says anything, in one line. Coordinates and ids are no part of it."""
    for address in addresses:
        parts = [" ".join(str((address or {}).get(name) or "").split()) for name in _ADDRESS_PARTS]
        if line := ", ".join(part for part in parts if part):
            return line
    return None
