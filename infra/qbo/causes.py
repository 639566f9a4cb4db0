"""Why an object differs, as far as its two states tell, and by how much. The quirks are those of QBO's own API."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Final

from infra.money import to_cents
from infra.sync.drift import Drift, DriftCause, DriftKind
from infra.sync.reconciliation import Difference
from infra.sync.spec import Payload

_ENVELOPE: Final = frozenset({"MetaData", "SyncToken", "domain", "sparse"})
_BALANCES: Final = frozenset(
    {"Balance", "BalanceWithJobs", "CurrentBalance", "CurrentBalanceWithSubAccounts", "HomeBalance", "UnappliedAmt", "RemainingCredit", "LinkedTxn"}
)  # fmt: skip
_SIZES: Final = ("TotalAmt", "Balance", "CurrentBalance", "UnappliedAmt", "RemainingCredit", "Amount")
# What makes a posting: a change of one of these, dated in a closed period, changes that period.
POSTING: Final = (
    "TotalAmt", "Amount", "TxnDate", "Line", "VendorRef", "CustomerRef", "AccountRef", "DepositToAccountRef", "FromAccountRef",
    "ToAccountRef", "APAccountRef", "ARAccountRef", "CurrencyRef", "ExchangeRate", "CheckPayment", "CreditCardPayment", "Credit",
)  # fmt: skip
PARTIES: Final = {"VendorRef": "Vendor", "CustomerRef": "Customer"}
_ZERO = Decimal(0)


def explain(difference: Difference, *, closed_on: date | None) -> Drift:
    """The item to write. A merge is told from an inactivation once the whole run is over (`merged`)."""
    before, after = difference.before or {}, difference.after or {}
    fields = changed_fields(before, after) if difference.before and difference.after else {}
    is_closed = is_in_closed_period(before, after, closed_on)
    details: dict[str, Any] = {
        "doc_number": after.get("DocNumber") or before.get("DocNumber"),
        "name": after.get("DisplayName") or before.get("DisplayName") or after.get("Name") or before.get("Name"),
        "on": after.get("TxnDate") or before.get("TxnDate"),
        "version": [before.get("SyncToken"), after.get("SyncToken")],
        "fields": fields,
    }
    if is_closed:
        details["in_closed_period"] = True
    return Drift(
        difference.kind,
        difference.entity,
        difference.external_id,
        _cause(difference, set(fields), is_closed=is_closed),
        size=_size(before, after),
        details={key: value for key, value in details.items() if value not in (None, {})},
    )


def changed_fields(before: Payload, after: Payload) -> dict[str, list[Any]]:
    """Field to [before, after], the envelope left out."""
    names = sorted((before.keys() | after.keys()) - _ENVELOPE)
    return {name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)}


def is_in_closed_period(before: Payload, after: Payload, closed_on: date | None) -> bool:
    """Whether the object's date lies, or lay, on or before the day on which the books were closed."""
    if closed_on is None:
        return False
    return any(day is not None and day <= closed_on for day in (_date(before), _date(after)))


def repointed(difference: Difference) -> list[tuple[str, str]]:
    """The (entity, id) of names that a document named and does not name any more."""
    if not difference.before or not difference.after:
        return []
    return [
        (entity, was)
        for field, entity in PARTIES.items()
        if (was := _ref(difference.before, field)) and was != _ref(difference.after, field)
    ]


def is_inactivation(difference: Difference) -> bool:
    before, after = difference.before or {}, difference.after or {}
    return before.get("Active", True) is not False and after.get("Active") is False


def _cause(difference: Difference, changed: set[str], *, is_closed: bool) -> DriftCause:
    if difference.kind is DriftKind.NOT_DELETED:
        return DriftCause.MISSED_DELETION
    if difference.kind is not DriftKind.DIFFERENT:
        return DriftCause.CLOSED_PERIOD if is_closed else DriftCause.MISSED_CHANGE
    return _cause_of_change(difference, changed, is_closed=is_closed)


def _cause_of_change(difference: Difference, changed: set[str], *, is_closed: bool) -> DriftCause:
    before, after = difference.before or {}, difference.after or {}
    is_same_version = before.get("SyncToken") == after.get("SyncToken")
    causes = (
        (
            DriftCause.VOID,
            bool(_amount(before, "TotalAmt")) and "TotalAmt" in changed and not _amount(after, "TotalAmt"),
        ),
        (DriftCause.INACTIVATION, is_inactivation(difference)),
        (DriftCause.DEPOSITED_PAYMENT, changed == {"LinkedTxn"} and _deposits(before) != _deposits(after)),
        (DriftCause.BALANCE_WITHOUT_TOKEN, is_same_version and changed <= _BALANCES),
        (DriftCause.CLOSED_PERIOD, is_closed and bool(changed & set(POSTING))),
        (DriftCause.SILENT_CHANGE, is_same_version),
    )
    return next((cause for cause, applies in causes if applies), DriftCause.MISSED_CHANGE)


def _size(before: Payload, after: Payload) -> Decimal | None:
    """The largest of what the object's sums differ by, in home currency."""
    rate = _amount(after or before, "ExchangeRate") or Decimal(1)
    names = [name for name in _SIZES if name in before or name in after]
    if not names:
        return None
    return to_cents(max(abs(_amount(before, name) - _amount(after, name)) for name in names) * rate)


def _amount(payload: Payload, name: str) -> Decimal:
    value = payload.get(name)
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else _ZERO


def _date(payload: Payload) -> date | None:
    try:
        return date.fromisoformat(str(payload.get("TxnDate")))
    except ValueError:
        return None


def _ref(payload: Payload, field: str) -> str | None:
    ref = payload.get(field)
    return ref.get("value") if isinstance(ref, dict) else None


def _deposits(payload: Payload) -> set[str]:
    links: Iterable[Any] = payload.get("LinkedTxn") or ()
    return {str(link.get("TxnId")) for link in links if link.get("TxnType") == "Deposit"}
