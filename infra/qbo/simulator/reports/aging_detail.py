"""AgedPayableDetail and AgedReceivableDetail: each open transaction under how long it is due, the oldest first."""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from infra.money import ZERO
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.store import Body
from infra.qbo.simulator.reports import rendering
from infra.qbo.simulator.reports.aging import PAYABLES, Side, bucket_of, bucket_titles, days_late, items_of
from infra.qbo.simulator.reports.columns import DetailColumn, chosen
from infra.qbo.simulator.reports.names import NOT_SPECIFIED, name_label
from infra.qbo.simulator.reports.open_items import OpenItem
from infra.qbo.simulator.reports.parameters import ReportRequest
from infra.qbo.simulator.reports.rendering import Column, cell, detail_text
from infra.qbo.simulator.reports.transactions import doc_number, memo_of, term_of, txn_type

_PAYABLE: Final = (
    "tx_date",
    "txn_type",
    "doc_num",
    "vend_name",
    "due_date",
    "past_due",
    "subt_neg_amount",
    "subt_neg_open_bal",
)
_RECEIVABLE: Final = ("tx_date", "txn_type", "doc_num", "cust_name", "due_date", "subt_amount", "subt_open_bal")


def aged_detail(company: Company, request: ReportRequest, *, side: Side, name: str, time: str) -> Body:
    columns = chosen(request.columns, default=_PAYABLE if side is PAYABLES else _RECEIVABLE)
    by_bucket: defaultdict[int, list[OpenItem]] = defaultdict(list)
    for item in items_of(company, request, side):
        if request.due.start <= item.due_on <= request.due.end and _is_late_enough(item, request):
            by_bucket[bucket_of(item, request)].append(item)
    header = rendering.header(name, request, time=time, with_basis=False)
    day = ("report_date", request.report_on.isoformat())
    header["Option"] = rendering.options(day, has_data=bool(by_bucket))
    titles = ["Current", *(f"{title} days past due" for title in bucket_titles(request)[1:])]
    titles[-1] = titles[-1].replace("and over", "or more")
    sections = [
        _section(company, request, side, titles[bucket], by_bucket[bucket], columns)
        for bucket in sorted(by_bucket, reverse=True)
    ]
    if company.behaviour.aged_detail_form == "titled":
        return _titled(header, columns, sections)
    rows = list(sections)
    if rows:
        everything = [item for items in by_bucket.values() for item in items]
        rows.append({"Summary": {"ColData": _totals("TOTAL", everything, side, columns)}, "type": "Section"})
    return rendering.report(header, [column.shown for column in columns], rows)


def _titled(header: Body, columns: list[DetailColumn], sections: list[Body]) -> Body:
    """As in 2016: a section's total is a section of its own, whose empty Rows the last one lacks."""
    rows: list[Body] = []
    for section in sections:
        total = {"Header": section.pop("Summary"), "Rows": {}, "type": "Section"}
        rows += [section, total]
    if rows:
        del rows[-1]["Rows"]
    for element in ("StartPeriod", "DateMacro"):
        header.pop(element, None)
    return rendering.report(header, [Column(column.shown.title, column.key) for column in columns], rows)


def _is_late_enough(item: OpenItem, request: ReportRequest) -> bool:
    return request.past_due_over is None or days_late(item, request) >= request.past_due_over


def _section(
    company: Company, request: ReportRequest, side: Side, title: str, items: list[OpenItem], columns: list[DetailColumn]
) -> Body:
    ordered = sorted(items, key=lambda item: (item.entry.txn_on, int(item.key[1]), item.key[0]))
    if request.sort_order == "descend":
        ordered.reverse()
    rows = [
        {
            "ColData": [
                _CELLS[column.key](company, request, side, item) if column.key in _CELLS else cell("")
                for column in columns
            ],
            "type": "Data",
        }
        for item in ordered
    ]
    return {
        "Header": rendering.heading(title, len(columns) - 1),
        "Rows": {"Row": rows},
        "Summary": {"ColData": _totals(f"Total for {title}", items, side, columns)},
        "type": "Section",
    }


def _totals(label: str, items: list[OpenItem], side: Side, columns: list[DetailColumn]) -> list[Body]:
    cells = [cell(label)]
    for column in columns[1:]:
        picked = _MONEY.get(column.key)
        total = None if picked is None else side.sign * sum((picked(item) for item in items), ZERO)
        cells.append(cell(detail_text(total)))
    return cells


def _amount(item: OpenItem) -> Decimal:
    return item.amount


def _open(item: OpenItem) -> Decimal:
    return item.open


_MONEY: Final[dict[str, Callable[[OpenItem], Decimal]]] = {
    "subt_neg_amount": _amount, "subt_amount": _amount, "subt_neg_open_bal": _open, "subt_open_bal": _open,
}  # fmt: skip


def _name_cell(company: Company, _request: ReportRequest, _side: Side, item: OpenItem) -> Body:
    label = name_label(company, item.name)
    return cell("" if label == NOT_SPECIFIED else label, item.name[1] if item.name else "")


def _money_cell(key: str) -> Callable[[Company, ReportRequest, Side, OpenItem], Body]:
    return lambda _company, _request, side, item: cell(detail_text(side.sign * _MONEY[key](item)))


_CELLS: Final[dict[str, Callable[[Company, ReportRequest, Side, OpenItem], Body]]] = {
    "tx_date": lambda _c, _r, _s, item: cell(item.entry.txn_on.isoformat()),
    "txn_type": lambda company, _r, _s, item: cell(txn_type(company, item.key, item.entry), item.key[1]),
    "doc_num": lambda company, _r, _s, item: cell(doc_number(company, item.key, item.entry)),
    "vend_name": _name_cell,
    "cust_name": _name_cell,
    "due_date": lambda _c, _r, _s, item: cell(item.due_on.isoformat()),
    "past_due": lambda _c, request, _s, item: cell(str(days_late(item, request))),
    "memo": lambda company, _r, _s, item: cell(memo_of(company, item.key)),
    "term_name": lambda company, _r, _s, item: cell(term_of(company, item.key)),
    **{key: _money_cell(key) for key in _MONEY},
}
