"""Why a note on an invoice is not taken, in words that a bookkeeper can act on. `code` names it for programs."""

from datetime import date
from decimal import Decimal

from infra.errors import Conflict, InvalidInput, NotFound


class NoteRefused(Conflict):
    """The invoice as we know it forbids it. Nothing was changed."""

    code = "refused"


class InvoiceDeleted(NoteRefused):
    code = "deleted"

    def __init__(self, invoice: str) -> None:
        super().__init__(f"{invoice} was deleted in QuickBooks. There is nothing to collect.")


class InvoicePaid(NoteRefused):
    code = "already_paid"

    def __init__(self, invoice: str) -> None:
        super().__init__(f"{invoice} is paid already: nothing is open on it.")


class AboveOpen(NoteRefused):
    code = "more_than_open"

    def __init__(self, invoice: str, *, amount: Decimal, open_amount: Decimal, currency: str) -> None:
        super().__init__(
            f"{amount:,.2f} {currency} is more than what is open on {invoice}: {open_amount:,.2f} {currency}. Give that or less."
        )


class PromiseInPast(InvalidInput):
    code = "promise_in_past"

    def __init__(self, promised_on: date, *, today: date) -> None:
        super().__init__(
            f"A promise is for a day to come; {promised_on.isoformat()} is before today, {today.isoformat()}."
        )


class ReasonEmpty(InvalidInput):
    code = "reason_empty"

    def __init__(self) -> None:
        super().__init__("Say why, in a few words: whoever reads it next was not there.")


class DisputeOpen(NoteRefused):
    code = "dispute_open"

    def __init__(self, invoice: str, reason: str) -> None:
        super().__init__(f"{invoice} is in dispute already: “{reason}”. Close that dispute before you open another.")


class NoteNotFound(NotFound):
    code = "note_not_found"

    def __init__(self, invoice: str, kind: str) -> None:
        super().__init__(f"{invoice} has no {kind} to close.")
