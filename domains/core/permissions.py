"""Who may do what. This table alone decides; `docs/guide/roles.md` shows it, and a test holds the two together."""

from collections.abc import Mapping
from enum import StrEnum


class Permission(StrEnum):
    BOOKS_READ = "books.read"
    BOOKS_SYNC = "books.sync"  # ask for a refresh or a full compare
    CONNECTION_MANAGE = "connection.manage"
    BILLS_APPROVE = "bills.approve"  # up to the approval limit
    PAYMENTS_EXECUTE = "payments.execute"  # up to the approval limit
    RECEIPTS_RECORD = "receipts.record"  # what customers paid: nothing leaves an account by it
    REMINDERS_SEND = "reminders.send"
    SETTINGS_MANAGE = "settings.manage"
    MEMBERS_MANAGE = "members.manage"
    TOKENS_MANAGE = "tokens.manage"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORT = "audit.export"


class Role(StrEnum):
    FIRM_ADMIN = "firm_admin"
    OWNER = "owner"
    APPROVER = "approver"
    BOOKKEEPER = "bookkeeper"
    VIEWER = "viewer"


BUSINESS_ROLES = (Role.OWNER, Role.APPROVER, Role.BOOKKEEPER, Role.VIEWER)

_VIEWER = frozenset({Permission.BOOKS_READ})
_BOOKKEEPER = _VIEWER | {Permission.BOOKS_SYNC, Permission.RECEIPTS_RECORD, Permission.REMINDERS_SEND}
_APPROVER = _VIEWER | {
    Permission.BOOKS_SYNC,
    Permission.BILLS_APPROVE,
    Permission.PAYMENTS_EXECUTE,
    Permission.RECEIPTS_RECORD,
}

MAY: Mapping[Role, frozenset[Permission]] = {
    Role.FIRM_ADMIN: frozenset(Permission),
    Role.OWNER: frozenset(Permission),
    Role.APPROVER: _APPROVER,
    Role.BOOKKEEPER: _BOOKKEEPER,
    Role.VIEWER: _VIEWER,
}

# What a person may do only with a second factor, whatever their role: to move money, to say what that takes, and to open the door to others.
WITH_SECOND_FACTOR = frozenset(
    {
        Permission.BILLS_APPROVE,
        Permission.PAYMENTS_EXECUTE,
        Permission.SETTINGS_MANAGE,  # what is to be approved is one of them
        Permission.CONNECTION_MANAGE,
        Permission.MEMBERS_MANAGE,
        Permission.TOKENS_MANAGE,
    }
)
# What a person at a browser changes only when they have just shown who they are.
FRESHLY_PROVED = frozenset({Permission.CONNECTION_MANAGE, Permission.MEMBERS_MANAGE, Permission.TOKENS_MANAGE})
