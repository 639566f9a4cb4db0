"""QBO's report JSON: header, columns, rows. Every cell is a string; nothing is computed here but sums of rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from infra.money import ZERO, to_cents
from infra.qbo.simulator.books.store import Body
from infra.qbo.simulator.reports.parameters import ReportRequest

Amounts = list[Decimal | None]
"""One a money column; None is nothing to show, which is not zero."""


@dataclass(slots=True)
class Node:
    """An account or a name with what it has itself in each column, over those that it totals."""

    label: str
    amounts: Amounts
    id: str | None = None
    group: str | None = None
    children: list["Node"] = field(default_factory=list)

    def totals(self) -> Amounts:
        return add_columns([self.amounts, *(child.totals() for child in self.children)])


@dataclass(frozen=True, slots=True)
class Column:
    """`kind` is the ColType; a name without `key` has no ColKey."""

    title: str
    kind: str
    key: str | None = None
    more: tuple[tuple[str, str], ...] = ()

    def body(self) -> Body:
        shown: Body = {"ColTitle": self.title, "ColType": self.kind}
        pairs = [*self.more, *([("ColKey", self.key)] if self.key else [])]
        if pairs:
            shown["MetaData"] = [{"Name": name, "Value": value} for name, value in pairs]
        return shown


def report(header: Body, columns: Iterable[Column], rows: list[Body]) -> Body:
    return {
        "Header": header,
        "Columns": {"Column": [column.body() for column in columns]},
        "Rows": {"Row": rows} if rows else {},
    }


def header(
    name: str,
    request: ReportRequest,
    *,
    time: str,
    with_basis: bool = True,
    with_period: bool = True,
    summary: str = "",
) -> Body:
    """`time` is the instant as QBO shows it. Options come from `options`."""
    shown: Body = {"Time": time, "ReportName": name}
    if request.date_macro is not None:
        shown["DateMacro"] = request.date_macro
    if with_basis:
        shown["ReportBasis"] = request.basis
    if with_period:
        shown |= {"StartPeriod": request.period.start.isoformat(), "EndPeriod": request.period.end.isoformat()}
    if summary:
        shown["SummarizeColumnsBy"] = summary
    shown["Currency"] = "USD"
    if request.customers:
        shown["Customer"] = ",".join(sorted(request.customers))
    if request.vendors:
        shown["Vendor"] = ",".join(sorted(request.vendors))
    return shown


def options(*pairs: tuple[str, str], has_data: bool) -> list[Body]:
    return [{"Name": n, "Value": v} for n, v in (*pairs, ("NoReportData", "false" if has_data else "true"))]


def amount_text(amount: Decimal | None) -> str:
    """As summary reports print it: two places, `0.00` for zero."""
    if amount is None:
        return ""
    cents = to_cents(amount)
    return f"{cents:f}" if cents else "0.00"


def detail_text(amount: Decimal | None) -> str:
    """As detail reports print it: without a zero before the point."""
    text = amount_text(amount)
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def cell(value: str, identifier: str | None = None) -> Body:
    return {"value": value} if identifier is None else {"value": value, "id": identifier}


def line(label: str, amounts: Amounts, *, identifier: str | None = None) -> list[Body]:
    return [cell(label, identifier), *(cell(amount_text(amount)) for amount in amounts)]


def heading(label: str, columns: int, *, identifier: str | None = None) -> Body:
    """A header row: a label over `columns` empty cells."""
    return {"ColData": [cell(label, identifier), *(cell("") for _ in range(columns))]}


def section(title: str, rows: list[Body], totals: Amounts, *, group: str, label: str | None = None) -> Body:
    """A titled group of rows and its total; without rows QBO leaves `Rows` out."""
    shown: Body = {"Header": heading(title, len(totals))}
    if rows:
        shown["Rows"] = {"Row": rows}
    return shown | {
        "Summary": {"ColData": line(label or f"Total {title}", zeros_for_none(totals))},
        "type": "Section",
        "group": group,
    }


def total_row(label: str, totals: Amounts, *, group: str) -> Body:
    return {"Summary": {"ColData": line(label, zeros_for_none(totals))}, "type": "Section", "group": group}


def node_rows(nodes: Sequence[Node], *, leaf_type: str | None = "Data") -> list[Body]:
    """A leaf is a row; a node over others is a section whose header carries what it has itself."""
    rows: list[Body] = []
    for node in nodes:
        own = line(node.label, node.amounts, identifier=node.id)
        if not node.children:
            row: Body = {"ColData": own}
            if leaf_type:
                row["type"] = leaf_type
            if node.group:
                row["group"] = node.group
            rows.append(row)
            continue
        rows.append({
            "Header": {"ColData": own},
            "Rows": {"Row": node_rows(node.children, leaf_type=leaf_type)},
            "Summary": {"ColData": line(f"Total {node.label}", zeros_for_none(node.totals()))},
            "type": "Section",
        })  # fmt: skip
    return rows


def sorted_nodes(nodes: list[Node], request: ReportRequest) -> list[Node]:
    """When the request asks for an order: by their last column (the total), or by name; else as they stand."""
    order, by_name = request.sort_order, request.sorts_by == "name"
    for node in nodes:
        node.children = sorted_nodes(node.children, request)
    if order is None:
        return nodes
    is_falling = order == "descend"
    if by_name:
        return sorted(nodes, key=lambda node: node.label.lower(), reverse=is_falling)
    return sorted(nodes, key=lambda node: node.totals()[-1] or ZERO, reverse=is_falling)


def add_columns(rows: Iterable[Sequence[Decimal | None]]) -> Amounts:
    """Column by column; a column in which nobody has anything stays None."""
    sums: Amounts = []
    for column in zip(*rows, strict=True):
        known = [amount for amount in column if amount is not None]
        sums.append(sum(known, ZERO) if known else None)
    return sums


def less(amounts: Amounts, others: Amounts) -> Amounts:
    pairs = zip(amounts, others, strict=True)
    return [(one or ZERO) - (other or ZERO) for one, other in pairs]


def plus(amounts: Amounts, others: Amounts) -> Amounts:
    return [(one or ZERO) + (other or ZERO) for one, other in zip(amounts, others, strict=True)]


def zeros_for_none(amounts: Amounts) -> Amounts:
    return [amount or ZERO for amount in amounts]
