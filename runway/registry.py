"""Every model module and every mirror spec, listed once: migrations, wiring and the sync read this list."""

from collections.abc import Callable, Mapping
from typing import Any

from domains.ap import approval_models, discount_models, mark_models
from domains.ap import models as ap_models
from domains.ap.actions import AP_ACTIONS
from domains.ap.mirrors import BILL_PAYMENTS_FROM_QBO, BILLS_FROM_QBO, VENDOR_CREDITS_FROM_QBO, VENDORS_FROM_QBO
from domains.ar import expected_models, note_models, reminder_models
from domains.ar import models as ar_models
from domains.ar.actions import AR_ACTIONS
from domains.ar.mirrors import (
    CREDIT_MEMOS_FROM_QBO,
    CUSTOMERS_FROM_QBO,
    INVOICES_FROM_QBO,
    RECEIPTS_FROM_QBO,
    SALES_RECEIPTS_FROM_QBO,
)
from domains.cash import models as cash_models
from domains.cash import settings_models
from domains.cash.mirrors import (
    ACCOUNTS_FROM_QBO,
    DEPOSITS_FROM_QBO,
    JOURNAL_ENTRIES_FROM_QBO,
    PURCHASES_FROM_QBO,
    TRANSFERS_FROM_QBO,
)
from domains.core import access_log as access_log_models
from domains.core import assignees as assignee_models
from domains.core import decision_models, digest_models, forecast_models, kept_trays, notice_models, ritual_models
from domains.core import kept_forecasts as kept_models
from domains.core import models as core_models
from domains.core import people as people_models
from domains.core import standpoints as standpoint_models
from domains.core.mirrors import COMPANY_INFO_FROM_QBO, PREFERENCES_FROM_QBO
from infra.actions import models as action_models
from infra.actions.spec import ActionSpec
from infra.db.base import Base
from infra.db.roles import ACCESS
from infra.jobs import cron as cron_models
from infra.jobs import outbox as outbox_models
from infra.jobs import webhook_inbox as webhook_models
from infra.log_proof import models as log_proof_models
from infra.mail import models as mail_models
from infra.security import rail_tokens as rail_token_models
from infra.security.sealed_columns import Context, SealedColumn
from infra.sync import cache as cache_models
from infra.sync import call_counts as call_count_models
from infra.sync import drift as drift_models
from infra.sync import quarantine as quarantine_models
from infra.sync import refresh_lease as lease_models
from infra.sync import runs as run_models
from infra.sync import scans as scan_models
from infra.sync import timing as timing_models
from infra.sync.spec import AnySpec

# Importing a module is what registers its tables on `Base.metadata`.
MODEL_MODULES = (
    core_models,
    people_models,
    access_log_models,
    ap_models,
    approval_models,
    mark_models,
    ar_models,
    note_models,
    reminder_models,
    expected_models,
    cash_models,
    settings_models,
    outbox_models,
    cron_models,
    mail_models,
    rail_token_models,
    run_models,
    log_proof_models,
    lease_models,
    timing_models,
    cache_models,
    call_count_models,
    quarantine_models,
    drift_models,
    scan_models,
    webhook_models,
    notice_models,
    kept_models,
    forecast_models,
    standpoint_models,
    digest_models,
    decision_models,
    ritual_models,
    assignee_models,
    kept_trays,
    discount_models,
    action_models,
)

METADATA = Base.metadata


def _of_grant(column: str) -> Callable[[Mapping[str, Any]], Context]:
    return lambda row: (str(row["business_id"]), row["rail"], column)


# Every column of sealed text: `oodaloo keys rotate` seals these anew, and a test finds one that is missing.
SEALED_COLUMNS = (
    *(
        SealedColumn("rail_token", f"{name}_sealed", keys=("business_id", "rail"), context_of=_of_grant(name))
        for name in ("access_token", "refresh_token", "previous_refresh_token")
    ),
    SealedColumn("app_user", "totp_secret_sealed", role=ACCESS),
    SealedColumn("mail", "body_sealed", role=ACCESS),
    SealedColumn("mail", "html_sealed", role=ACCESS),
)

MIRROR_SPECS: tuple[AnySpec, ...] = (
    COMPANY_INFO_FROM_QBO,
    PREFERENCES_FROM_QBO,
    ACCOUNTS_FROM_QBO,
    VENDORS_FROM_QBO,
    CUSTOMERS_FROM_QBO,
    BILLS_FROM_QBO,
    BILL_PAYMENTS_FROM_QBO,
    VENDOR_CREDITS_FROM_QBO,
    INVOICES_FROM_QBO,
    RECEIPTS_FROM_QBO,
    CREDIT_MEMOS_FROM_QBO,
    SALES_RECEIPTS_FROM_QBO,
    PURCHASES_FROM_QBO,
    DEPOSITS_FROM_QBO,
    TRANSFERS_FROM_QBO,
    JOURNAL_ENTRIES_FROM_QBO,
)

# Every write on a rail's books, by operation.
ACTION_SPECS: Mapping[str, ActionSpec] = {spec.operation: spec for spec in (*AP_ACTIONS, *AR_ACTIONS)}
