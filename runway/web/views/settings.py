"""The settings of a client: which there are for this person, and what their forms show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from domains.core.access_service import Entry
from domains.core.member_service import Standing
from domains.core.permissions import BUSINESS_ROLES, Permission, Role
from runway.calculators.cash import CashExclusion, CashPosition
from runway.routes.runway_settings import SettingsOut
from runway.web.strings import _, keyed


@dataclass(frozen=True)
class Section:
    """One page of the settings. `permission` opens it; what it takes to change something there may be more."""

    key: str
    label: str
    about: str
    permission: Permission


SECTIONS = (
    Section("members", keyed("People"), keyed("Who belongs here, in which role, up to which amount, and who is invited."), Permission.MEMBERS_MANAGE),
    Section("tokens", keyed("API tokens"), keyed("Keys for programs: what they may do, until when, and when they were last used."), Permission.TOKENS_MANAGE),
    Section("connection", keyed("QuickBooks"), keyed("The connected company: connect, reconnect or disconnect it."), Permission.BOOKS_READ),
    Section("approvals", keyed("Approvals"), keyed("Which bills need an approval, and which need two people."), Permission.BOOKS_READ),
    Section("runway", keyed("Cash and floor"), keyed("Which accounts are cash, how much must always be there, and what counts."), Permission.BOOKS_READ),
    Section("mail", keyed("Mail"), keyed("The weekly digest, and how customers are reminded: steps, texts, hours and sender."), Permission.BOOKS_READ),
)  # fmt: skip


@dataclass(frozen=True)
class ShownSection:
    key: str
    label: str
    about: str


def sections_for(permissions: frozenset[Permission]) -> list[ShownSection]:
    return [ShownSection(one.key, _(one.label), _(one.about)) for one in SECTIONS if one.permission in permissions]


_ROLES = {
    Role.OWNER: keyed("Owner"),
    Role.APPROVER: keyed("Approver"),
    Role.BOOKKEEPER: keyed("Bookkeeper"),
    Role.VIEWER: keyed("Viewer"),
    Role.FIRM_ADMIN: keyed("Firm admin"),
}
_ROLES_ABOUT = {
    Role.OWNER: keyed("everything, these settings too"),
    Role.APPROVER: keyed("approves and pays, up to a limit"),
    Role.BOOKKEEPER: keyed("prepares, records what customers paid, sends reminders"),
    Role.VIEWER: keyed("looks, and changes nothing"),
}
_PERMISSIONS = {
    Permission.BOOKS_READ: keyed("Read the books"),
    Permission.BOOKS_SYNC: keyed("Ask for a refresh"),
    Permission.CONNECTION_MANAGE: keyed("Connect and disconnect QuickBooks"),
    Permission.BILLS_APPROVE: keyed("Approve bills"),
    Permission.PAYMENTS_EXECUTE: keyed("Pay bills"),
    Permission.RECEIPTS_RECORD: keyed("Record what customers paid"),
    Permission.REMINDERS_SEND: keyed("Send reminders"),
    Permission.SETTINGS_MANAGE: keyed("Change settings"),
    Permission.MEMBERS_MANAGE: keyed("Invite and remove people"),
    Permission.TOKENS_MANAGE: keyed("Make and end tokens"),
    Permission.AUDIT_READ: keyed("Read the audit log"),
    Permission.AUDIT_EXPORT: keyed("Export the audit log"),
}


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    about: str = ""


def role_name(role: Role | str) -> str:
    return _(_ROLES[Role(role)])


def role_choices() -> list[Choice]:
    return [Choice(role.value, _(_ROLES[role]), _(_ROLES_ABOUT[role])) for role in BUSINESS_ROLES]


def permission_name(permission: Permission | str) -> str:
    return _(_PERMISSIONS[Permission(permission)])


def permission_choices(entry: Entry) -> list[Choice]:
    """Those that the person has: nobody gives more."""
    return [Choice(one.value, _(_PERMISSIONS[one])) for one in Permission if one in entry.permissions]


def changes_of(role: str, limit: Decimal | None) -> dict[str, object]:
    """What a member's form asks for: an empty limit is no limit, and a role that approves nothing has none to set."""
    has_limit = Standing(Role(role), None).may_approve
    return {"role": role} | ({"approval_limit": limit} if has_limit else {})


DEFAULT, COUNTS, COUNTS_NOT = "default", "counts", "counts_not"
_WHY = {
    CashExclusion.CLIENT_MONEY: keyed("does not count: clients' money"),
    CashExclusion.PAYROLL_TAX: keyed("does not count: payroll tax"),
    CashExclusion.RESTRICTED: keyed("does not count: earmarked"),
    CashExclusion.SWITCHED_OFF: keyed("does not count: switched off"),
    CashExclusion.INACTIVE: keyed("does not count: inactive"),
}


@dataclass(frozen=True)
class CashAccountView:
    """A bank account, whether it is operating cash now, and what was decided about it: one of the three words above."""

    id: str
    name: str
    balance: Decimal
    currency: str
    now: str
    is_cash: bool
    choice: str


def cash_accounts(position: CashPosition, settings: SettingsOut, *, home_currency: str) -> list[CashAccountView]:
    counted = [(one, True, _("counts as cash")) for one in position.counted]
    excluded = [(one.account, False, _(_WHY[one.why])) for one in position.excluded]
    return [
        CashAccountView(
            id=one.account_id,
            name=one.name,
            balance=one.balance,
            currency=one.currency or home_currency,
            now=now,
            is_cash=is_cash,
            choice=_choice(one.account_id, settings),
        )
        for one, is_cash, now in sorted([*counted, *excluded], key=lambda each: each[0].name.casefold())
    ]


def _choice(account_id: str, settings: SettingsOut) -> str:
    if account_id in settings.counted_accounts:
        return COUNTS
    return COUNTS_NOT if account_id in settings.uncounted_accounts else DEFAULT


_TRISTATE = {None: DEFAULT, True: "yes", False: "no"}


def runway_values(settings: SettingsOut) -> dict[str, str]:
    """What the form holds before anybody types."""
    kind = "amount" if settings.floor_amount is not None else "days" if settings.floor_days is not None else DEFAULT
    return {
        "floor": kind,
        "floor_amount": settings.floor_amount or "",
        "floor_days": "" if settings.floor_days is None else str(settings.floor_days),
        "filing_day": "" if settings.filing_day is None else str(settings.filing_day),
        "counts_owner_draws": "yes" if settings.counts_owner_draws else "",
        "counts_uninvoiced_sales": _TRISTATE[settings.counts_uninvoiced_sales],
        "counts_to_come": "yes" if settings.counts_to_come else "",
        "bills_by_habit": "yes" if settings.bills_by_habit else "",
    }


def wanted_runway(values: Mapping[str, str], accounts: Sequence[str]) -> dict[str, object]:
    """The form's fields as the API's own body takes them; `accounts` are the ids that the form named."""
    kind, choices = values.get("floor"), {one: values.get(f"account.{one}", DEFAULT) for one in accounts}
    sales = {"yes": True, "no": False}.get(values.get("counts_uninvoiced_sales", ""))
    return {
        "floor_amount": values.get("floor_amount", "") if kind == "amount" else None,
        "floor_days": values.get("floor_days", "") if kind == "days" else None,
        "counted_accounts": [one for one, choice in choices.items() if choice == COUNTS],
        "uncounted_accounts": [one for one, choice in choices.items() if choice == COUNTS_NOT],
        "filing_day": values.get("filing_day") or None,
        "counts_owner_draws": values.get("counts_owner_draws") == "yes",
        "counts_uninvoiced_sales": sales,
        "counts_to_come": values.get("counts_to_come") == "yes",
        "bills_by_habit": values.get("bills_by_habit") == "yes",
    }
