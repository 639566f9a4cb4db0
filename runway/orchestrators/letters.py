"""What we write to people: plain text, one link at most, and what to do if it was not they who asked."""

from datetime import timedelta

from pydantic import SecretStr

from domains.core.invitations import INVITED_FOR, Invited
from domains.core.password_resets import RESET_FOR
from domains.core.permissions import Role

_ROLES = {
    Role.FIRM_ADMIN: "an admin of the firm",
    Role.OWNER: "an owner",
    Role.APPROVER: "an approver",
    Role.BOOKKEEPER: "a bookkeeper",
    Role.VIEWER: "a viewer",
}


def role_in_words(role: Role) -> str:
    return _ROLES[role]


def invitation(invited: Invited, *, public_url: str, sender: str | None) -> tuple[str, SecretStr]:
    """Subject and text."""
    who = f"{sender} invites you" if sender else "You are invited"
    days = INVITED_FOR // timedelta(days=1)
    role = role_in_words(Role(invited.invitation.role))
    text = f"""Hello,

{who} to {_line(invited.place)} on Oodaloo, as {role}. Accept here:

{public_url}/invitations/{invited.secret.get_secret_value()}

The link works once, for {days} days, and only for this address. If you do not know what this is about, do nothing.
"""
    return f"You are invited to {_line(invited.place)}", SecretStr(text)


def password_reset(secret: SecretStr, *, public_url: str) -> tuple[str, SecretStr]:
    """Subject and text."""
    minutes = RESET_FOR // timedelta(minutes=1)
    text = f"""Hello,

somebody asked for a new password for your account on Oodaloo. If that was you, choose one here:

{public_url}/reset-password/{secret.get_secret_value()}

The link works once, for {minutes} minutes. If it was not you, do nothing: your password stays as it is.
"""
    return "A new password for Oodaloo", SecretStr(text)


def security_notice(what: str, *, public_url: str) -> tuple[str, SecretStr]:
    """Subject and text; `what` is a sentence."""
    text = f"""Hello,

{what} Every other browser was signed out.

If that was not you, take your account back at once: {public_url}/forgot-password
"""
    return "A change to your account on Oodaloo", SecretStr(text)


def _line(text: str) -> str:
    return " ".join(text.split())
