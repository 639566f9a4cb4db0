"""One business's reminders, as the documentation shows them."""

from typing import Any, Final

from runway.routes.action_out import ACTION_EXAMPLE

_ID = "0198c7d2-6a35-7c1e-9f0e-3b1f0a5d2c11"
LEVEL_EXAMPLE: Final[dict[str, Any]] = {"days": 14, "tone": "firm", "subject": None, "text": None}
MADE_EXAMPLE: Final[dict[str, Any]] = {"version": 1, "set_at": "2026-03-15T18:55:00Z", "actor": f"user:{_ID}"}
POLICY_EXAMPLE: Final[dict[str, Any]] = {
    "is_on": True,
    "levels": [LEVEL_EXAMPLE],
    "quiet_days": 7,
    "send_from": 9,
    "send_until": 17,
    "on_weekends": False,
    "sender_name": "Dune Works, accounts",
    "reply_to": "accounts@example.com",
    "placeholders": ["business", "count", "customer", "days_overdue", "invoices", "total"],
    **MADE_EXAMPLE,
}
INVOICE_EXAMPLE: Final[dict[str, Any]] = {
    "id": _ID, "external_id": "98", "doc_number": "1071", "due_on": "2026-03-01", "days_overdue": 15, "balance": "120.50",
    "currency": "USD", "reached": 2, "next_level": 3, "why": None, "next_on": "2026-03-16", "is_disputed": False, "promise": None,
}  # fmt: skip
_FIGURE: dict[str, Any] = {
    "value": "120.50", "unit": "USD", "as_of": "2026-03-16", "source": "qbo", "n": 1, "n_of": "invoices", "note": None, "reason": None,
}  # fmt: skip
_CUSTOMER: dict[str, Any] = {"customer_id": _ID, "external_id": "58", "name": "Dune Works"}
CUSTOMER_EXAMPLE: Final[dict[str, Any]] = {
    **_CUSTOMER,
    "send_to": ["ap@example.com"],
    "overdue": _FIGURE,
    "days_overdue": 15,
    "level": 2,
    "last_contact_on": "2026-03-04",
    "next_on": "2026-03-16",
    "why": None,
    "is_disputed": False,
    "promise": {"on": "2026-03-10", "amount": "120.50", "is_broken": True},
    "invoices": [INVOICE_EXAMPLE],
}
COLLECTIONS_EXAMPLE: Final[dict[str, Any]] = {
    "day": "2026-03-16",
    "is_on": True,
    "overdue": _FIGURE,
    "customers_count": 1,
    "customers": [CUSTOMER_EXAMPLE],
}
RUN_EXAMPLE: Final[dict[str, Any]] = {
    "day": "2026-03-16",
    "dry_run": False,
    "closed": None,
    "accepted": 1,
    "refused": 0,
    "recipients": [
        {
            **_CUSTOMER,
            "send_to": ["ap@example.com"],
            "invoices": [INVOICE_EXAMPLE],
            "action": ACTION_EXAMPLE | {"operation": "remind_customer", "words": "The reminder is in the mail, 14:03."},
            "refusal": None,
        }
    ],
    "not_reminded": [{**_CUSTOMER, "external_id": "7", "why": "paused", "next_on": "2026-03-20"}],
}
CUSTOMER_REMINDERS_EXAMPLE: Final[dict[str, Any]] = {
    "customer_id": _ID,
    "name": "Dune Works",
    "is_excluded": False,
    "paused_until": "2026-03-20",
    "levels": [LEVEL_EXAMPLE],
    "send_to": "ap@example.com",
    **MADE_EXAMPLE,
    "steps": [{"invoice_id": _ID, "level": 2, "asked_on": "2026-03-04", "is_mailed": True, "action_id": _ID}],
    "promises": [
        {
            "invoice_id": _ID, "invoice": "1071", "promised_on": "2026-03-10", "amount": "120.50", "currency": "USD",
            "state": "broken", "paid_on": "2026-03-12", "recorded_at": "2026-03-02T18:55:00Z", "closed_because": None,
        }
    ],
    "promises_kept": 0,
    "promises_broken": 1,
}  # fmt: skip
