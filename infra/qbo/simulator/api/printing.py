"""A sales document as a PDF of our own making: enough for a client to store, open and read."""

from collections.abc import Iterator
from typing import Final

from infra.money import to_cents
from infra.qbo.simulator import faults
from infra.qbo.simulator.books.ledger import money
from infra.qbo.simulator.books.store import Body

_TITLES: Final = {
    "Invoice": "INVOICE",
    "SalesReceipt": "SALES RECEIPT",
    "CreditMemo": "CREDIT MEMO",
    "Payment": "PAYMENT RECEIPT",
}
_LINES_A_PAGE: Final = 46
_LEADING: Final = 15
_WIDTH: Final = 74


def print_document(entity: str, body: Body, *, company_name: str) -> bytes:
    """Raises:
    ServiceFault: 500 for an entity that QBO does not print.
    """
    if entity not in _TITLES:
        raise faults.unsupported("pdf")
    lines = list(_text(entity, body, company_name))
    pages = [lines[start : start + _LINES_A_PAGE] for start in range(0, len(lines), _LINES_A_PAGE)]
    return _pdf([_content(page) for page in pages])


def _text(entity: str, body: Body, company_name: str) -> Iterator[str]:
    number = body.get("DocNumber", body["Id"])
    yield company_name
    yield ""
    yield f"{_TITLES[entity]} {number}"
    yield f"Date: {body['TxnDate']}"
    if "DueDate" in body:
        yield f"Due: {body['DueDate']}"
    yield f"To: {(body.get('CustomerRef') or {}).get('name', '')}"
    yield ""
    yield _columns("Activity", "Qty", "Rate", "Amount")
    yield "-" * _WIDTH
    for line in body.get("Line", ()):
        if line.get("DetailType") != "SubTotalLineDetail":
            yield _line(line)
    yield "-" * _WIDTH
    yield _columns("Tax", "", "", _amount((body.get("TxnTaxDetail") or {}).get("TotalTax")))
    yield _columns("Total", "", "", _amount(body["TotalAmt"]))
    if "Balance" in body:
        yield _columns("Balance due", "", "", _amount(body["Balance"]))
    if "PrivateNote" in body and body["PrivateNote"].startswith("Voided"):
        yield "VOID"


def _line(line: Body) -> str:
    detail = line.get("SalesItemLineDetail") or {}
    name = line.get("Description") or (detail.get("ItemRef") or {}).get("name") or ""
    if not name and line.get("LinkedTxn"):
        name = f"{line['LinkedTxn'][0]['TxnType']} {line['LinkedTxn'][0]['TxnId']}"
    price = detail.get("UnitPrice")
    return _columns(
        name, str(detail.get("Qty", "")), "" if price is None else _amount(price), _amount(line.get("Amount"))
    )


def _columns(name: str, quantity: str, rate: str, amount: str) -> str:
    return f"{name.splitlines()[0][:40] if name else '':<40}{quantity:>8}{rate:>12}{amount:>14}"


def _amount(value: object) -> str:
    return f"{to_cents(money(value)):,.2f}"


def _content(lines: list[str]) -> bytes:
    """A page's drawing: Courier, so that spaces make columns."""
    shown = b"".join(b"(%s) Tj T*\n" % _escaped(line) for line in lines)
    return b"BT /F1 10 Tf %d TL 56 750 Td\n%sET" % (_LEADING, shown)


def _escaped(line: str) -> bytes:
    text = line.encode("cp1252", errors="replace")
    return text.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _pdf(contents: list[bytes]) -> bytes:
    """Objects 1 catalogue, 2 pages, 3 font, then a page and its content each; the table of their offsets at the end."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(contents)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
    ]
    for number, content in enumerate(contents):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            b"/Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (5 + 2 * number)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, held in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, held)
    start = len(out)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)
