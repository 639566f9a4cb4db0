"""The oracle's own copy of what each page asks for. Nothing here is read from the product."""

CLIENT_PAGES = "/c/{business_id}"
_BILL, _INVOICE, _PAYMENT = "/payables/{bill_id}", "/receivables/{invoice_id}", "/payments/{payment_id}"

_READ = (
    "", "/weeks/{starts_on}/{group}", "/tray", "/tray/{item}", "/payables", "/payables.csv", "/payables/selection", _BILL,
    f"{_BILL}/preview", f"{_BILL}/outlook", "/receivables", "/receivables.csv", "/receivables/selection", _INVOICE, f"{_INVOICE}/preview", f"{_INVOICE}/outlook", _PAYMENT,
    f"{_PAYMENT}/progress", "/vendors/{vendor_id}", "/customers/{customer_id}", "/ritual", "/ritual/rail/{step}",
    "/ritual/{step}", "/digest", "/digest/letter", "/digest.pdf", "/digest/sends/{ask_id}", "/health", "/start", "/settings",
    "/settings/connection", "/settings/approvals", "/settings/runway", "/settings/mail",
)  # fmt: skip
_SYNC = (
    "/tray/{item}/snooze", "/tray/{item}/assign", "/tray/{item}/ask", "/tray/{item}/dismiss", "/tray/{item}/restore",
    "/ritual/start", "/ritual/finish", "/ritual/{step}", "/digest/send", "/health/sync", "/health/check", "/health/compare",
    "/health/drift/{item_id}/confirm", "/health/failed/{job_id}/retry",
)  # fmt: skip
_APPROVE = (
    "/payables/approve", f"{_BILL}/approve", f"{_BILL}/unapprove", f"{_BILL}/must-pay", f"{_BILL}/must-pay/end",
)  # fmt: skip
_PAY = ("/payables/pay", f"{_BILL}/pay", *(f"{_PAYMENT}/{verb}" for verb in ("cancel", "execute", "void", "review")))
_REMIND = (
    "/receivables/remind", "/customers/{customer_id}/reminders", f"{_INVOICE}/remind", f"{_INVOICE}/expected-date",
    f"{_INVOICE}/expected-date/end",
    *(f"{_INVOICE}/{note}{end}" for note in ("promise", "dispute", "write-off-note") for end in ("", "/close")),
)  # fmt: skip
_SETTINGS = ("/digest/settings", "/settings/approvals", "/settings/runway", "/settings/mail")
_MEMBERS = (
    "/settings/members/invite", "/settings/members/invitations/{invitation_id}/withdraw", "/settings/members/{user_id}",
    "/settings/members/{user_id}/remove",
)  # fmt: skip
_TOKENS = ("/settings/tokens", "/settings/tokens/{token_id}/revoke")

PAGE_NEEDS: dict[tuple[str, str], str] = {
    (method, CLIENT_PAGES + path): need
    for need, method, paths in (
        ("books.read", "GET", _READ),
        ("books.sync", "POST", _SYNC),
        ("bills.approve", "POST", _APPROVE),
        ("payments.execute", "GET", (f"{_BILL}/pay",)),
        ("payments.execute", "POST", _PAY),
        ("receipts.record", "POST", (f"{_INVOICE}/record-payment", f"{_PAYMENT}/undo")),
        ("reminders.send", "POST", _REMIND),
        ("settings.manage", "POST", _SETTINGS),
        ("connection.manage", "GET", ("/settings/connection/connect",)),
        ("connection.manage", "POST", ("/settings/connection/disconnect",)),
        ("members.manage", "GET", ("/settings/members",)),
        ("members.manage", "POST", _MEMBERS),
        ("tokens.manage", "GET", ("/settings/tokens",)),
        ("tokens.manage", "POST", _TOKENS),
        ("audit.read", "GET", ("/audit",)),
        ("audit.export", "GET", ("/audit/export",)),
    )
    for path in paths
}
PAGE_DOORS: dict[tuple[str, str], str] = {
    ("GET", "/"): "signed_in",
    ("GET", "/tray"): "signed_in",
    ("GET", "/firm"): "signed_in",
    ("POST", "/firm/businesses"): "firm_admin",
    ("GET", "/tour/{number}"): "signed_in",
    ("POST", "/tour/end"): "signed_in",
    ("POST", "/account/theme"): "signed_in",
}
