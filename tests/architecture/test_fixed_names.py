"""The names that the specification fixes, each with its parameters. A stub would count as being there, so there are none."""

import ast
import inspect
from importlib import import_module
from typing import Any

import pytest

from tests.architecture.source import modules

RAW, SYNC = "infra.qbo.raw_client.QBORawClient", "infra.qbo.sync_service.QBOSyncService"

# dotted name → its parameters as written, without `self`; None for a class that is fixed by its name alone.
HERE: dict[str, str | None] = {
    RAW: None,
    f"{RAW}.get_bills_from_qbo": "due_days: int = 30",
    f"{RAW}.get_invoices_from_qbo": "aging_days: int | None = None",
    f"{RAW}.get_customers_from_qbo": "",
    f"{RAW}.get_vendors_from_qbo": "",
    f"{RAW}.get_accounts_from_qbo": "",
    f"{RAW}.get_company_info_from_qbo": "",
    f"{RAW}.get_kpi_data": "as_of: date | None = None, *, days: int = 30",
    f"{RAW}.get_aging_report": "kind: AgingKind, as_of: date | None = None",
    f"{RAW}.get_payment_history": "entity_type: PayingParty, entity_id: str",
    f"{RAW}.create_payment_in_qbo": "payment: bytes, *, request_id: str",
    SYNC: None,
    f"{SYNC}.execute_qbo_call": "operation: str, call: Callable[[QBORawClient], Awaitable[T]], *, "
    "strategy: SyncStrategy = SyncStrategy.ON_DEMAND",
    f"{SYNC}.get_cache": "key: str",
    f"{SYNC}.set_cache": "key: str, value: Any, *, asked_at: datetime, good_for: timedelta = GOOD_FOR",
    f"{SYNC}.get_kpi_data": "as_of: date | None = None, *, days: int = 30, freshness: FreshnessNeed = ON_DEMAND",
    f"{SYNC}.get_aging_report": "kind: AgingKind, as_of: date | None = None, *, freshness: FreshnessNeed = ON_DEMAND",
    f"{SYNC}.get_payment_history": "entity_type: PayingParty, entity_id: str, *, freshness: FreshnessNeed = ON_DEMAND",
    f"{SYNC}.get_bills": "*, freshness: FreshnessNeed = ON_DEMAND",
    f"{SYNC}.get_bills_by_due_days": "days: int, *, freshness: FreshnessNeed = ON_DEMAND",
    f"{SYNC}.get_invoices": "*, freshness: FreshnessNeed = ON_DEMAND",
    f"{SYNC}.get_bills_for_digest": "external_ids: Sequence[str], *, freshness: FreshnessNeed = ON_DEMAND",
    f"{SYNC}.get_invoices_for_digest": "external_ids: Sequence[str], *, freshness: FreshnessNeed = ON_DEMAND",
    f"{SYNC}.get_company_info": "*, freshness: FreshnessNeed = ON_DEMAND",
    f"{SYNC}.should_sync": "strategy: SyncStrategy",
    f"{SYNC}.record_sync": "run_id: UUID, tally: PullTally",
    f"{SYNC}.schedule_reconciliation": "touched: Mapping[str, Sequence[str]] | None = None",
    f"{SYNC}.reconcile_action": "touched: Mapping[str, Sequence[str]], *, actor: str",
    f"{SYNC}.create_payment_immediate": "payment: bytes, *, request_id: str",
    f"{SYNC}.record_payment": "payment: bytes, *, request_id: str",
    "infra.actions.identity.IdentityGraph": None,
    "infra.sync.smart_sync.SmartSyncService": None,
    "infra.sync.timing.SyncTimingManager": None,
    "infra.sync.cache.SyncCache": None,
    "infra.sync.freshness.SyncStrategy": None,
    "infra.sync.transaction_log.TransactionLogService": None,
    "infra.sync.transaction_log.TransactionLogService.append_event": "spec: AnySpec, event: LogEvent",
    "infra.db.tenancy.TenantAwareService": None,
    "domains.ap.bill_service.BillService": None,
    "domains.ap.bill_service.BillService.get_bills_due_in_days": "days: int = 30, *, freshness: FreshnessNeed = ON_DEMAND",
    "domains.ap.payment_service.PaymentService": None,
    "domains.ar.invoice_service.InvoiceService": None,
    "domains.ar.collections_service.CollectionsService": None,
    "runway.calculators.runway.RunwayCalculator": None,
    "runway.orchestrators.digest.DigestDataOrchestrator": None,
    "runway.orchestrators.kpis.KPIService": None,
    "runway.orchestrators.tray.TrayService": None,
}

# Methods that nothing of ours calls yet, and why. `record_payment` of the sync service is hidden behind CollectionsService's.
UNASKED: dict[str, str] = {
    "get_bills_from_qbo": "the mirror is filled by pages and changes",
    "get_invoices_from_qbo": "the mirror is filled by pages and changes",
    "get_customers_from_qbo": "the mirror is filled by pages and changes",
    "get_vendors_from_qbo": "the mirror is filled by pages and changes",
    "get_accounts_from_qbo": "the mirror is filled by pages and changes",
    "create_payment_immediate": "an action keeps one client of the company from its look to the answer",
    "get_bills": "the list of bills has filters and pages of its own",
    "get_bills_due_in_days": "what is due soon is read off the forecast",
}


def find(dotted: str) -> object:
    """The class or method of that dotted name."""
    parts = dotted.split(".")
    depth = next(number for number, part in enumerate(parts) if part[0].isupper())
    found: object = import_module(".".join(parts[:depth]))
    for part in parts[depth:]:
        found = getattr(found, part)
    return found


def written_parameters(dotted: str) -> str:
    """As the source has them, in the class or the one it takes them from: what a reader of the specification would compare."""
    found: Any = find(dotted)
    owner, method = found.__qualname__.split(".")
    tree = modules()[found.__module__.replace(".", "/") + ".py"]
    (cls,) = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == owner]
    (function,) = [
        node for node in cls.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == method
    ]
    return ast.unparse(function.args).removeprefix("self").removeprefix(", ")


@pytest.mark.parametrize("dotted", sorted(HERE))
def test_a_fixed_name_is_where_it_was_promised(dotted: str) -> None:
    found, parameters = find(dotted), HERE[dotted]
    if parameters is None:
        assert inspect.isclass(found)
        return
    assert inspect.iscoroutinefunction(found)
    expected = ast.unparse(ast.parse(f"def f({parameters}): ...").body[0].args)  # type: ignore[attr-defined]  # a def
    assert written_parameters(dotted) == expected


def test_each_fixed_name_has_one_row() -> None:
    here = {
        dotted.rsplit(".", 1)[1] if parameters is None else ".".join(dotted.split(".")[-2:])
        for dotted, parameters in HERE.items()
    }
    assert len(here) == len(HERE)


def test_each_fixed_name_is_asked_for_or_listed_as_not() -> None:
    """By its name: an attribute that is called or passed on, anywhere in what is shipped."""
    used = {node.attr for tree in modules().values() for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    fixed = {dotted.rsplit(".", 1)[1] for dotted, parameters in HERE.items() if parameters is not None}
    assert fixed - used == set(UNASKED)
