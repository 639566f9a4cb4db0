"""The audit timeline in words: who did what to which thing, what it was before, why, and how we can prove it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from domains.core.access_log import AccessEvent
from domains.core.access_trail import csv_line
from infra.log_proof.seals import LoggedRow, Seal
from infra.log_proof.verified import UNCHANGED, Outcome
from runway.language.headline import headline
from runway.orchestrators.audit_events import AuditEvent, AuditKind
from runway.orchestrators.audit_timeline import ChainState
from runway.web.formats import ago, day, money, when
from runway.web.strings import _, keyed
from runway.web.views.progress import meant_view
from runway.web.views.standing import Pill
from runway.web.views.trail import who_is

KINDS = {
    AuditKind.DECISION: keyed("Approvals"),
    AuditKind.ACTION: keyed("Actions"),
    AuditKind.SETTING: keyed("Settings"),
    AuditKind.RITUAL: keyed("Ritual"),
    AuditKind.ACCESS: keyed("People and doors"),
    AuditKind.BOOKS: keyed("Books"),
}
_VERBS = {
    "approved": keyed("approved"),
    "unapproved": keyed("withdrew the approval of"),
    "approval_reopened": keyed("reopened, since it changed in QuickBooks:"),
    "requested": keyed("asked for"),
    "blocked": keyed("holds back"),
    "released": keyed("released"),
    "brought_forward": keyed("brought forward"),
    "unknown": keyed("does not know yet what became of"),
    "needs_review": keyed("asks somebody to look at"),
    "confirmed": keyed("recorded in QuickBooks:"),
    "failed": keyed("could not do"),
    "refused": keyed("could not record"),
    "cancelled": keyed("cancelled"),
    "set": keyed("set"),
    "changed": keyed("brought in changes by"),
    "started": keyed("started"),
    "decided": keyed("decided a step of"),
    "finished": keyed("finished"),
}
_DOORS = {
    AccessEvent.SIGNED_IN: keyed("signed in"),
    AccessEvent.SIGN_IN_REFUSED: keyed("was not let in"),
    AccessEvent.SECOND_FACTOR_REFUSED: keyed("gave a wrong second factor"),
    AccessEvent.PROVED_AGAIN: keyed("showed again who they are"),
    AccessEvent.SIGNED_OUT: keyed("signed out"),
    AccessEvent.SIGNED_OUT_EVERYWHERE: keyed("signed out everywhere"),
    AccessEvent.PASSWORD_CHANGED: keyed("changed the password of"),
    AccessEvent.PASSWORD_RESET_ASKED: keyed("asked for a new password for"),
    AccessEvent.SECOND_FACTOR_SET: keyed("set up a second factor"),
    AccessEvent.SECOND_FACTOR_REMOVED: keyed("removed the second factor of"),
    AccessEvent.RECOVERY_CODE_USED: keyed("used a recovery code"),
    AccessEvent.RECOVERY_CODES_MADE: keyed("made new recovery codes"),
    AccessEvent.USER_CREATED: keyed("made an account for"),
    AccessEvent.USER_DISABLED: keyed("disabled"),
    AccessEvent.USER_ENABLED: keyed("enabled"),
    AccessEvent.INVITED: keyed("invited somebody"),
    AccessEvent.INVITATION_REVOKED: keyed("withdrew an invitation"),
    AccessEvent.JOINED: keyed("let in"),
    AccessEvent.ROLE_CHANGED: keyed("changed the role of"),
    AccessEvent.REMOVED: keyed("removed"),
    AccessEvent.FIRM_CREATED: keyed("made a firm"),
    AccessEvent.BUSINESS_CREATED: keyed("made this business"),
    AccessEvent.TOKEN_CREATED: keyed("made a token"),
    AccessEvent.TOKEN_REVOKED: keyed("ended a token"),
    AccessEvent.TOKEN_FIRST_USED: keyed("came from there for the first time that day"),
    AccessEvent.TOKEN_REFUSED: keyed("showed a token that opens nothing"),
    AccessEvent.PERMISSION_REFUSED: keyed("was refused what their role does not have"),
    AccessEvent.BUSINESS_REFUSED: keyed("asked for a business that is not theirs"),
    AccessEvent.CONNECTION_CHANGED: keyed("changed the connection to QuickBooks"),
    AccessEvent.WEBHOOK_REFUSED: keyed("sent a webhook that was not signed"),
    AccessEvent.EXPORTED: keyed("exported the log"),
}
_OBJECTS = {
    "bill": keyed("bill"),
    "pay_bills": keyed("a payment"),
    "void_payment": keyed("voiding a payment"),
    "receive_payment": keyed("a customer's payment"),
    "approval_policy": keyed("what is to be approved"),
    "runway_settings": keyed("cash and floor"),
    "reminder_policy": keyed("how customers are reminded"),
    "digest_setting": keyed("the weekly digest"),
    "ritual": keyed("the ritual of the week of"),
    "backfill": keyed("the first reading"),
    "incremental": keyed("the schedule"),
    "rescan": keyed("reading again"),
    "reconciliation": keyed("the check against QuickBooks"),
    "compare": keyed("comparing every object"),
    "person": "",
    "door": "",
}
_LONGEST = 200
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_COLUMNS = (
    "at", "kind", "verb", "actor", "object_kind", "object_id", "object_name", "changes", "reason", "request_id",
)  # fmt: skip
CSV_HEAD = csv_line(_COLUMNS)


@dataclass(frozen=True)
class ChangeView:
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class EntryView:
    """`mark`: two letters of a person, empty for the system. `href` leads to the thing itself, `only` to entries of it alone."""

    at: datetime
    mark: str
    who: str
    verb: str
    what: str
    href: str | None
    only: str | None
    changes: Sequence[ChangeView]
    reason: str | None
    request_id: str
    figures: Sequence[tuple[str, str]]
    seal: str | None


@dataclass(frozen=True)
class DayView:
    day: date
    entries: Sequence[EntryView]


@dataclass(frozen=True)
class Shown:
    """What a view needs to know besides the entries."""

    path: str
    home_currency: str
    zone: ZoneInfo
    names: Mapping[UUID, str]


def days_of(events: Sequence[AuditEvent], seals: Mapping[LoggedRow, Seal], shown: Shown) -> list[DayView]:
    """By the company's calendar, the newest day first."""
    by_day = groupby(events, key=lambda one: one.at.astimezone(shown.zone).date())
    return [DayView(day, [entry_view(one, seals, shown) for one in group]) for day, group in by_day]


def entry_view(event: AuditEvent, seals: Mapping[LoggedRow, Seal], shown: Shown) -> EntryView:
    who, is_person = who_is(event.actor, shown.names), event.actor.startswith("user:")
    seal = seals.get(event.logged) if event.logged is not None else None
    return EntryView(
        at=event.at,
        mark=initials_of(who) if is_person else "",
        who=who if is_person or event.actor.startswith("token:") else _system_name(event.actor),
        verb=_verb(event),
        what=_what(event, shown),
        href=_href(event, shown.path),
        only=None if event.object_id is None else f"{shown.path}/audit?object={event.object_id}",
        changes=[_change(name, *pair) for name, pair in event.changes.items()],
        reason=event.reason,
        request_id=event.request_id,
        figures=_figures(event.figures),
        seal=None if seal is None else f"{seal.batch_no} · {seal.hash.hex()[:12]}",
    )


def chain_pill(chain: ChainState, *, now: datetime) -> Pill:
    """Whether the log is what was sealed, in a word."""
    if chain.head is None:
        return Pill(
            "plain", _("Not sealed yet"), _("The first entries are sealed some seconds after they are written.")
        )
    sealed = _("Sealed up to batch %(no)s.") % {"no": chain.head.batch_no}
    if chain.verified is None:
        return Pill("plain", _("Sealed"), f"{sealed} {_('The chain is verified every 15 minutes.')}")
    told = ago(max(0.0, (now - chain.verified.ended_at).total_seconds()))
    if chain.verified.outcome in UNCHANGED:
        return Pill("good", _("Chain verified, %(ago)s") % {"ago": told}, sealed)
    if chain.verified.outcome is Outcome.TAMPERED:
        return Pill("bad", _("The log was changed"), _("Verification found edits: whoever runs this must look now."))
    return Pill("warn", _("Chain not verified, %(ago)s") % {"ago": told}, f"{sealed} {chain.verified.outcome.value}")


def initials_of(name: str) -> str:
    """Two letters for a round mark: Ada Park is AP."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper() or "?"


def exported(event: AuditEvent) -> dict[str, Any]:
    """The entry for a file; instants in UTC."""
    return {
        "at": event.at,
        "kind": event.kind.value,
        "verb": event.verb,
        "actor": event.actor,
        "object_kind": event.object_kind,
        "object_id": event.object_id,
        "object_name": event.object_name,
        "changes": {name: [_json(one) for one in pair] for name, pair in event.changes.items()},
        "reason": event.reason,
        "request_id": event.request_id,
    }


def as_csv(event: AuditEvent) -> str:
    return csv_line(list(exported(event).values()))


def _system_name(actor: str) -> str:
    return {"cli": _("The operator"), "nobody": _("Somebody unknown")}.get(actor, _("system"))


def _verb(event: AuditEvent) -> str:
    if event.kind is AuditKind.ACCESS:
        known = _DOORS.get(event.verb)  # type: ignore[call-overload]  # a member is its text
        return _(known) if known else event.verb.replace(".", " ").replace("_", " ")
    return _(_VERBS[event.verb]) if event.verb in _VERBS else event.verb.replace("_", " ")


def _what(event: AuditEvent, shown: Shown) -> str:
    known = _OBJECTS.get(event.object_kind)
    words = [event.object_kind.replace("_", " ") if known is None else _(known) if known else ""]
    if event.object_kind == "person" and event.object_id is not None and event.actor != f"user:{event.object_id}":
        words.append(shown.names.get(event.object_id, ""))
    if event.intent is not None:
        meant = meant_view(event.intent, shown.home_currency)
        words += [money(meant.amount, meant.currency) if meant.amount else "", meant.who or ""]
    words.append(event.object_name or "")
    return " ".join(filter(None, words))


def _href(event: AuditEvent, path: str) -> str | None:
    if event.object_id is None:
        return None
    match event.kind:
        case AuditKind.DECISION:
            return f"{path}/bills/{event.object_id}"
        case AuditKind.ACTION:
            return f"{path}/payments/{event.object_id}"
        case _:
            return None


def _change(name: str, before: Any, after: Any) -> ChangeView:
    return ChangeView(name.replace("_", " "), _told(before), _told(after))


def _told(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return _("%(n)s of them") % {"n": len(value)} if value and isinstance(value[0], dict) else _words(value)
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return when(datetime.fromisoformat(value))
    return str(value).replace("_", " ")[:_LONGEST]


def _words(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))[:_LONGEST] or _("none")


def _figures(frozen: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """What the preview told, as it was frozen: the runway after it, and its low point."""
    answered = (frozen or {}).get("figures", {}).get("answered", {})
    after = answered.get("after") if isinstance(answered, Mapping) else None
    if not isinstance(after, Mapping):
        return []
    low = after.get("low") or {}
    told = [
        (_("Runway after it"), headline(str(after.get("display") or ""))),
        (_("Low point"), money(low["value"], low["unit"]) if low.get("value") is not None else None),
        (_("On"), day(date.fromisoformat(on)) if (on := after.get("low_on")) else None),
        (_("Shown at"), str((frozen or {}).get("shown_at", ""))[:16].replace("T", " ")),
    ]
    return [(label, str(value)) for label, value in told if value]


def _json(value: Any) -> Any:
    return value if isinstance(value, str | int | bool | None | list | dict) else str(value)
