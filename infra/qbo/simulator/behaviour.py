"""Where the public record leaves QBO's behaviour open: each doubt is a switch with both answers.

Marks: `sure` both were seen, `likely` the default has evidence, `unverified` nobody has shown it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, get_args, get_type_hints

from infra.errors import OodalooError


class UnknownBehaviour(OodalooError):
    """A switch that does not exist, or a value that it cannot take."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(f"Behaviour {name}: {problem}.")


def _switch(mark: Literal["sure", "likely", "unverified"], meaning: str, *, default: Any) -> Any:
    return field(default=default, metadata={"mark": mark, "meaning": meaning})


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The defaults are what the evidence favours. `table()` renders all switches with their marks."""

    answers_without_accept: Literal["xml", "json"] = _switch(
        "sure", "Form of an answer when the request names none (`*/*` counts as none).", default="xml"
    )
    throttle_body: Literal["xml", "json"] = _switch(
        "sure", "Form of a 429: XML has been sent to JSON clients; `json` follows Accept.", default="xml"
    )
    auth_body: Literal["xml", "json"] = _switch(
        "sure", "Form of a 401 or 403: XML has been sent to JSON clients; `json` follows Accept.", default="json"
    )
    throttle_status: Literal["429", "403"] = _switch(
        "sure", "HTTP status of the throttle; 403 until 2016.", default="429"
    )
    no_bearer_code: Literal["3200", "100"] = _switch(
        "likely", "Code of a request without a bearer token: the gateway's, or the service fault 100.", default="3200"
    )
    faults_with_200: bool = _switch("sure", "Service faults come with HTTP 200.", default=False)
    unsupported_status: Literal["400", "405", "500"] = _switch(
        "likely", "HTTP status of a wrong verb or content type, whose code is 500.", default="400"
    )
    mixed_case_paths: bool = _switch(
        "likely", "`/Bill/1` is `/bill/1`; otherwise 500 Unsupported Operation.", default=True
    )
    largest_request_bytes: int = _switch("unverified", "Longer bodies get 413.", default=1_000_000)
    requestid_replay: Literal["replay", "ignored"] = _switch(
        "sure",
        "A requestid seen before: the first answer again, or the request is executed once more.",
        default="replay",
    )
    requestid_running: Literal["wait", "600"] = _switch(
        "unverified", "The first request of a requestid still runs: wait for its answer, or 600.", default="wait"
    )
    requestid_other_body: Literal["replay", "600"] = _switch(
        "likely", "A requestid seen before with another body: the first answer, or 600.", default="replay"
    )
    requestid_keeps_faults: bool = _switch("unverified", "A refused request is replayed too.", default=False)
    requestid_kept_hours: int = _switch("unverified", "How long a requestid is remembered; 0 is for ever.", default=0)
    bill_sparse: bool = _switch("sure", "Bill and BillPayment honour `sparse` beyond a void.", default=False)
    void_everything: bool = _switch(
        "likely",
        "Bill, VendorCredit, CreditMemo, Purchase, Deposit, Transfer and JournalEntry can be voided.",
        default=False,
    )
    void_paid_invoice: Literal["unlink", "refuse"] = _switch(
        "unverified", "Voiding an invoice with payments: they become unapplied, or 6000.", default="unlink"
    )
    send_moves_token: bool = _switch(
        "likely", "E-mailing a document bumps its SyncToken, not its time alone.", default=False
    )
    duplicate_numbers: Literal["preference", "always", "never"] = _switch(
        "likely", "When a second bill of one DocNumber is refused with 6140.", default="preference"
    )
    inactive_reference: Literal["610", "2500"] = _switch(
        "likely", "Code of a reference to an inactive name, account or item.", default="610"
    )
    deleted_suffix: bool = _switch("likely", "Inactive list objects are shown as `Name (deleted)`.", default=True)
    name_characters: bool = _switch(
        "likely", "Colons, tabs and line breaks are refused in a DisplayName.", default=True
    )
    merge_moves_transactions: bool = _switch(
        "unverified", "A merge moves time and SyncToken of the transactions it re-points.", default=False
    )
    payment_shows_payable_account: bool = _switch(
        "likely", "The server adds APAccountRef to a BillPayment that came without.", default=False
    )
    sales_amount_check: bool = _switch("likely", "An Amount that is not Qty times UnitPrice is 6070.", default=True)
    projections: bool = _switch(
        "likely", "`SELECT Id, DocNumber FROM …` answers sparse objects, not 4001.", default=True
    )
    query_lag_seconds: int = _switch(
        "likely", "A new object is found by Id at once, by a query only after this.", default=0
    )
    cdc_empty_group: Literal["empty", "omitted"] = _switch(
        "likely", "CDC of an entity without changes: `{}`, or no element at all.", default="empty"
    )

    unknown_properties: Literal["refuse", "ignore"] = _switch(
        "likely", "A property that the entity does not have: 2010, or it is left out unsaid.", default="refuse"
    )
    report_name_any_case: bool = _switch(
        "likely", "`/reports/cashflow` is CashFlow; otherwise 5020, as for a report that there is not.", default=False
    )
    report_dates: Literal["dates", "macro"] = _switch(
        "likely", "Which counts when a request has `date_macro` and dates of its own.", default="dates"
    )
    report_sorts_by: Literal["total", "name"] = _switch(
        "unverified", "What `sort_order` puts the rows of a summary report in order by.", default="total"
    )
    report_bad_values: Literal["refuse", "ignore"] = _switch(
        "unverified", "A parameter whose value cannot be read: 2010 or 2170, or as if not given.", default="refuse"
    )
    report_largest_cells: int = _switch("likely", "A report of more cells is refused with 10100.", default=400_000)
    aging_current_counts_payments: bool = _switch(
        "unverified",
        "`aging_method=Current` counts payments up to today; otherwise the ages alone are as of today.",
        default=True,
    )
    aged_detail_form: Literal["summed", "titled"] = _switch(
        "sure",
        "Aged details with Summary rows and ColKeys (2018), or totals as titled sections and keys as ColType (2016).",
        default="summed",
    )
    cloud_event_form: Literal["plain", "alternative_ids"] = _switch(
        "sure",
        "A CloudEvent's `datacontenttype` and empty `data`, or none and `data.alternative_ids`.",
        default="plain",
    )
    cloud_event_merged_id: Literal["absent", "data"] = _switch(
        "unverified",
        "A CloudEvent of a merge leaves the retired Id out, or has it as `data.deleted_id`.",
        default="absent",
    )

    def changed(self, settings: Mapping[str, Any]) -> "Behaviour":
        """A copy with `settings`, values as text or JSON.

        Raises:
            UnknownBehaviour: name or value.
        """
        kinds = get_type_hints(Behaviour)
        values = {}
        for name, value in settings.items():
            if name not in kinds:
                raise UnknownBehaviour(name, f"there is no such switch; there are {', '.join(kinds)}")
            values[name] = _read(name, str(value), kinds[name])
        return replace(self, **values)


DEFAULT: Final = Behaviour()


def read_settings(words: list[str]) -> Behaviour:
    """From `name=value` words of a command line.

    Raises:
        UnknownBehaviour: name or value.
    """
    pairs = [word.partition("=") for word in words]
    return DEFAULT.changed({name.strip(): value.strip() for name, _, value in pairs})


def table() -> str:
    """Every switch as a Markdown table, for the guide."""
    rows = ["| switch | default | other values | evidence | meaning |", "|---|---|---|---|---|"]
    kinds = get_type_hints(Behaviour)
    for switch in fields(Behaviour):
        default = str(switch.default).lower()
        others = ", ".join(f"`{value}`" for value in _values(kinds[switch.name]) if value != default)
        facts = switch.metadata
        rows.append(f"| `{switch.name}` | `{default}` | {others} | {facts['mark']} | {facts['meaning']} |")
    return "\n".join(rows) + "\n"


def _values(kind: Any) -> tuple[str, ...]:
    if kind is bool:
        return ("true", "false")
    return ("a number",) if kind is int else get_args(kind)


def _read(name: str, text: str, kind: Any) -> Any:
    if kind is int:
        if text.isdecimal():
            return int(text)
        raise UnknownBehaviour(name, "must be a whole number")
    value = text.lower()
    if value not in _values(kind):
        raise UnknownBehaviour(name, f"must be one of {', '.join(_values(kind))}, not {text}")
    return value == "true" if kind is bool else value
