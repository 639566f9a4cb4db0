"""The oracle's own copy of who may do what, and of what each route asks for. Nothing here is read from the product."""

from benchmarks.proofs.tenancy.page_rights import PAGE_DOORS, PAGE_NEEDS

_VIEWER = {"books.read"}
_BOOKKEEPER = {"books.read", "books.sync", "receipts.record", "reminders.send"}
_APPROVER = {"books.read", "books.sync", "bills.approve", "payments.execute", "receipts.record"}
_ALL = {
    "books.read", "books.sync", "connection.manage", "bills.approve", "payments.execute", "receipts.record", "reminders.send",
    "settings.manage", "members.manage", "tokens.manage", "audit.read", "audit.export",
}  # fmt: skip

ROLES: dict[str, frozenset[str]] = {
    "firm_admin": frozenset(_ALL),
    "owner": frozenset(_ALL),
    "approver": frozenset(_APPROVER),
    "bookkeeper": frozenset(_BOOKKEEPER),
    "viewer": frozenset(_VIEWER),
}
WITH_FACTOR = frozenset(
    {"bills.approve", "payments.execute", "settings.manage", "connection.manage", "members.manage", "tokens.manage"}
)
WITH_FRESH_PROOF = frozenset({"connection.manage", "members.manage", "tokens.manage"})
# It leads out to the consent page, and so opens a door though its method is safe.
FRESH_THOUGH_SAFE = frozenset({("GET", "/api/v1/qbo/connect"), ("GET", "/c/{business_id}/settings/connection/connect")})

_BOOKS = (
    "/bills",
    "/bills/{bill_id}",
    "/bills/{bill_id}/history",
    "/invoices",
    "/invoices/{invoice_id}",
    "/invoices/{invoice_id}/history",
    "/vendors",
    "/customers",
    "/accounts",
    "/payments",
    "/runway",
    "/runway/settings",
    "/forecast",
    "/dashboard",
    "/operational",
    "/forecast/accuracy",
    "/sync",
    "/qbo/connection",
    "/qbo_setup/{business_id}/health",
    "/drift",
    "/notices",
    "/kpis",
    "/ageing",
    "/vendors/{vendor_id}/payments",
    "/customers/{customer_id}/payments",
    "/sync/budget",
    "/log/head",
    "/log/proof",
    "/approvals",
    "/approval-policy",
    "/collections",
    "/collections/policy",
    "/customers/{customer_id}/reminders",
    "/actions",
    "/payments/{payment_id}",
    "/payments/{payment_id}/events",
    "/payments/{payment_id}/trail",
    "/plans/pay",
    "/plans/discounts",
    "/scenarios",
    "/scenarios/compare",
    "/tray",
    "/ritual",
    "/digest",
    "/digest/settings",
)
_SYNCING = (
    "/drift/{item_id}/confirm", "/sync/compare", "/sync/reconcile", "/notices/{notice_id}/seen", "/sync/failed/{job_id}/retry",
    "/scenarios", "/tray/{item}/assign", "/tray/{item}/snooze", "/tray/{item}/ask", "/tray/{item}/dismiss", "/tray/{item}/restore",
    "/ritual/start", "/ritual/steps/{step}", "/ritual/finish",
    "/digest/send",
)  # fmt: skip
_PAYING = ("execute", "cancel", "void", "review")
NEEDS: dict[tuple[str, str], str] = {
    **PAGE_NEEDS,
    **{("GET", f"/api/v1{path}"): "books.read" for path in _BOOKS},
    **{("POST", f"/api/v1{path}"): "books.sync" for path in _SYNCING},
    **{("POST", f"/api/v1/bills/{{bill_id}}/{verb}"): "bills.approve" for verb in ("approve", "unapprove")},
    **{
        ("POST", f"/api/v1/invoices/{{invoice_id}}/{note}{end}"): "reminders.send"
        for note in ("promise", "dispute", "write-off-note")
        for end in ("", "/close")
    },
    ("PUT", "/api/v1/approval-policy"): "settings.manage",
    ("PUT", "/api/v1/digest/settings"): "settings.manage",
    ("PUT", "/api/v1/portfolio/assignee"): "books.sync",
    ("POST", "/api/v1/preview"): "books.read",
    ("DELETE", "/api/v1/scenarios/{scenario_id}"): "books.sync",
    ("PUT", "/api/v1/plans/discounts/{terms_external_id}"): "settings.manage",
    ("DELETE", "/api/v1/plans/discounts/{terms_external_id}"): "settings.manage",
    ("PUT", "/api/v1/runway/settings"): "settings.manage",
    ("PUT", "/api/v1/bills/{bill_id}/must-pay"): "bills.approve",
    ("DELETE", "/api/v1/bills/{bill_id}/must-pay"): "bills.approve",
    ("PUT", "/api/v1/invoices/{invoice_id}/expected-date"): "reminders.send",
    ("DELETE", "/api/v1/invoices/{invoice_id}/expected-date"): "reminders.send",
    ("PUT", "/api/v1/collections/policy"): "settings.manage",
    ("PUT", "/api/v1/customers/{customer_id}/reminders"): "reminders.send",
    ("POST", "/api/v1/collections/run"): "reminders.send",
    **{("POST", f"/api/v1/payments/{{payment_id}}/{verb}"): "payments.execute" for verb in _PAYING},
    ("POST", "/api/v1/bills/{bill_id}/pay"): "payments.execute",
    ("POST", "/api/v1/payments/batch-execute"): "payments.execute",
    ("POST", "/api/v1/invoices/{invoice_id}/record-payment"): "receipts.record",
    ("POST", "/api/v1/invoices/{invoice_id}/send-reminder"): "reminders.send",
    ("GET", "/qbo_setup/{business_id}/health"): "books.read",
    ("GET", "/api/v1/sync/failed"): "books.sync",
    ("GET", "/api/v1/qbo/connect"): "connection.manage",
    ("DELETE", "/api/v1/qbo/connection"): "connection.manage",
    ("GET", "/api/v1/members"): "members.manage",
    ("PATCH", "/api/v1/members/{user_id}"): "members.manage",
    ("DELETE", "/api/v1/members/{user_id}"): "members.manage",
    ("GET", "/api/v1/invitations"): "members.manage",
    ("POST", "/api/v1/invitations"): "members.manage",
    ("DELETE", "/api/v1/invitations/{invitation_id}"): "members.manage",
    ("GET", "/api/v1/tokens"): "tokens.manage",
    ("POST", "/api/v1/tokens"): "tokens.manage",
    ("DELETE", "/api/v1/tokens/{token_id}"): "tokens.manage",
    ("GET", "/api/v1/audit"): "audit.read",
    ("GET", "/api/v1/audit/export"): "audit.export",
}
DOORS: dict[tuple[str, str], str] = {
    **PAGE_DOORS,
    ("GET", "/api/v1/me"): "recognised",
    ("GET", "/api/v1/firm/tray"): "recognised",
    ("GET", "/api/v1/portfolio"): "recognised",
    ("GET", "/api/v1/digest/sends/{ask_id}"): "recognised",
    ("POST", "/api/v1/digest/send-all"): "firm_admin",
    ("GET", "/api/v1/businesses"): "recognised",
    ("POST", "/api/v1/businesses"): "firm_admin",
    ("GET", "/admin/health"): "firm_admin",
    ("GET", "/api/v1/admin/health"): "firm_admin",
    ("GET", "/metrics"): "metrics",
}
