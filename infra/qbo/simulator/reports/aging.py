"""AgedPayables and AgedReceivables, and the balances by name: what is open on a day, by how long it is due."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from infra.money import ZERO
from infra.qbo.simulator.books.company import Company
from infra.qbo.simulator.books.ledger import Key
from infra.qbo.simulator.books.store import Body
from infra.qbo.simulator.reports import rendering
from infra.qbo.simulator.reports.accounts import AccountTree
from infra.qbo.simulator.reports.names import name_label, parent_of
from infra.qbo.simulator.reports.open_items import OpenItem, open_items
from infra.qbo.simulator.reports.parameters import ReportRequest
from infra.qbo.simulator.reports.rendering import Amounts, Column, Node, add_columns, node_rows, total_row


@dataclass(frozen=True, slots=True)
class Side:
    """Payables or receivables. `sign` turns a debit into what the report calls positive."""

    name_kind: str
    account_type: str
    sign: int


PAYABLES: Final = Side("Vendor", "Accounts Payable", -1)
RECEIVABLES: Final = Side("Customer", "Accounts Receivable", 1)


def aged_summary(company: Company, request: ReportRequest, *, side: Side, name: str, time: str) -> Body:
    titles = bucket_titles(request)
    by_name: defaultdict[Key | None, list[Decimal | None]] = defaultdict(lambda: [None] * len(titles))
    for item in items_of(company, request, side):
        row, bucket = by_name[item.name], bucket_of(item, request)
        row[bucket] = (row[bucket] or ZERO) + side.sign * item.open
    amounts = {whose: [*row, sum((cell for cell in row if cell is not None), ZERO)] for whose, row in by_name.items()}
    header = rendering.header(name, request, time=time, with_basis=False)
    header["Option"] = _options(request, has_data=bool(amounts))
    columns = [Column("", side.name_kind), *(Column(title, "Money") for title in [*titles, "Total"])]
    return rendering.report(header, columns, _rows(company, amounts, request, width=len(titles) + 1))


def name_balances(company: Company, request: ReportRequest, *, side: Side, name: str, time: str) -> Body:
    """VendorBalance and CustomerBalance: the totals alone."""
    by_name: defaultdict[Key | None, Decimal] = defaultdict(lambda: ZERO)
    for item in items_of(company, request, side):
        by_name[item.name] += side.sign * item.open
    header = rendering.header(name, request, time=time, with_basis=False, with_period=False)
    header["Option"] = _options(request, has_data=bool(by_name))
    rows = _rows(company, {whose: [total] for whose, total in by_name.items()}, request, width=1)
    return rendering.report(header, [Column("", side.name_kind), Column("Total", "Money")], rows)


def items_of(company: Company, request: ReportRequest, side: Side) -> list[OpenItem]:
    """What is open on the report's day, of the customers or vendors that it asks for.

    With aging_method Current ages are as of today; whether payments up to today count is a switch.
    """
    accounts = AccountTree(company.stores).of_type(side.account_type)
    until = request.today if request.counts_later_payments else None
    found = open_items(company, accounts, on=request.report_on, applied_until=until)
    wanted = request.vendors if side is PAYABLES else request.customers
    return [item for item in found if not wanted or (item.name is not None and item.name[1] in wanted)]


def bucket_titles(request: ReportRequest) -> list[str]:
    """`num_periods` counts the open last one."""
    days, count = request.aging_days, request.aging_periods
    spans = [f"{n * days + 1} - {(n + 1) * days}" for n in range(count - 1)]
    return ["Current", *spans, f"{(count - 1) * days + 1} and over"]


def bucket_of(item: OpenItem, request: ReportRequest) -> int:
    late = days_late(item, request)
    return 0 if late <= 0 else min((late - 1) // request.aging_days + 1, request.aging_periods)


def days_late(item: OpenItem, request: ReportRequest) -> int:
    as_of: date = request.today if request.aging_method == "Current" else request.report_on
    return (as_of - (item.entry.txn_on if request.ages_from_txn_date else item.due_on)).days


def _options(request: ReportRequest, *, has_data: bool) -> list[Body]:
    return rendering.options(("report_date", request.report_on.isoformat()), has_data=has_data)


def _rows(company: Company, amounts: dict[Key | None, Amounts], request: ReportRequest, *, width: int) -> list[Body]:
    if not amounts:
        return []
    nodes = rendering.sorted_nodes(_name_nodes(company, amounts, width=width), request)
    totals = add_columns(node.totals() for node in nodes)
    return [*node_rows(nodes, leaf_type=None), total_row("TOTAL", totals, group="GrandTotal")]


def _name_nodes(company: Company, amounts: dict[Key | None, Amounts], *, width: int) -> list[Node]:
    """By name, jobs under their customers; a customer without anything of its own stands there for its jobs."""
    below: defaultdict[Key | None, list[Key]] = defaultdict(list)
    seen: set[Key] = set()
    for whose in amounts:
        climbing = whose
        while climbing is not None and climbing not in seen:
            seen.add(climbing)
            parent = parent_of(company, climbing)
            below[parent].append(climbing)
            climbing = parent

    def build(names: Iterable[Key]) -> list[Node]:
        made = [
            Node(
                name_label(company, name, full=False),
                amounts.get(name, [None] * width),
                name[1],
                None,
                build(below[name]),
            )
            for name in list(names)
        ]
        return sorted(made, key=lambda node: node.label.lower())

    nodes = build(below[None])
    if None in amounts:
        nodes.append(Node(name_label(company, None), amounts[None]))
    return nodes
