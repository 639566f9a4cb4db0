"""Why QuickBooks said no, by its code, in words that a bookkeeper understands and can act on.

Intuit's own texts are in the company's language and often name nothing; where they name something they are added, never used alone.
"""

from typing import Final

from infra.qbo.faults import Fault
from infra.redaction import redact_text

_LONGEST_DETAIL = 300
_OURS = (
    "We sent something that QuickBooks does not accept, and nothing was recorded. This is a fault of ours: tell support"
)

REFUSED: Final = {
    "500": f"QuickBooks does not offer this for this kind of document. {_OURS}.",
    "610": "Something that this uses is gone or was made inactive in QuickBooks: the document, its vendor or customer, or the account. "
    "Open it there, make it active again or choose another, and start again.",
    "620": "QuickBooks cannot link this to one of the documents: meanwhile it was paid, deleted, or changed to another vendor or "
    "customer. Look at the document in QuickBooks and start again.",
    "2010": f"{_OURS}.",
    "2020": f"QuickBooks misses a value that it needs. {_OURS}.",
    "2030": f"QuickBooks does not know an id that we sent. {_OURS}.",
    "2050": "A text is too long for QuickBooks: a number may have 21 characters, a memo 4,000. Shorten it and start again.",
    "2090": f"QuickBooks cannot read an amount that we sent. {_OURS}.",
    "2170": f"QuickBooks does not know a choice that we sent. {_OURS}.",
    "2500": "QuickBooks no longer has one of the accounts, vendors, customers or items that this names, or it was made inactive. "
    "Make it active again there or choose another, and start again.",
    "5020": "QuickBooks does not allow this: the person who connected QuickBooks lacks the right to record it, or the company's plan "
    "does not include it. Ask the company's QuickBooks administrator.",
    "6070": f"A line's amount is not its quantity times its price. {_OURS}.",
    "6190": "The company's QuickBooks subscription has ended or is suspended, so that nothing can be recorded. Renew it in QuickBooks, "
    "then start again.",
    "6210": "The books are closed for this date. Choose a date after the closing date, or have the closing date moved in QuickBooks "
    "(Account and settings, Advanced), and start again.",
    "6240": "This name is used already by another vendor, customer or employee. Choose another name.",
    "6540": "This payment has been deposited, and QuickBooks does not let a deposited payment be changed. Take it out of its bank "
    "deposit in QuickBooks first, then start again.",
}
"""Codes that mean just this: the request was read, and nothing of it was recorded."""

STALE: Final = "5010"
DUPLICATE_NUMBER: Final = "6140"

_OTHER: Final = {
    STALE: "Somebody changed it in QuickBooks at the same moment, so nothing of ours was saved. We look at it again.",
    DUPLICATE_NUMBER: "This number is used already in QuickBooks. Choose another number, or leave it empty.",
    "600": "QuickBooks says that it has had this request before. We are looking for what came of it.",
    "6000": "QuickBooks turned it down without a reason that can be told apart. Most often the amount is more than what is open, the "
    "currency is not the vendor's or customer's, or the account is of the wrong type. It says itself that trying again may help, so "
    "we check that nothing was recorded before we call it off.",
}
# What they name is worth showing: the document that has the number, the rule that was broken.
_TELLING: Final = frozenset({DUPLICATE_NUMBER, "6000", "620", "5020"})

NOT_REACHED: Final = "QuickBooks could not be reached, so nothing was sent. It is tried again by itself."
HELD_BACK: Final = "Nothing was sent: QuickBooks has been failing, or has no room for another call just now. It is tried again by itself."
THROTTLED: Final = (
    "QuickBooks has too many calls for this company just now and did not look at this one. It is tried again by itself."
)
NOT_LET_IN: Final = (
    "QuickBooks does not take our access just now and did not look at this. It is tried again by itself."
)
ACCESS_GONE: Final = "QuickBooks no longer lets us in. An administrator of the company must connect it again; what waits goes out by itself afterwards."
NOT_CONFIRMED: Final = "QuickBooks has not confirmed it. We are checking; please do not record it elsewhere meanwhile."


def words_for(fault: Fault) -> str:
    """Ours for the code, with Intuit's own added where it tells more."""
    ours = REFUSED.get(fault.code) or _OTHER.get(fault.code)
    if ours is None:
        return f"{NOT_CONFIRMED} (QuickBooks' code is {fault.code or 'missing'}.)"
    if fault.code not in _TELLING or not (told := _shown(fault)):
        return ours
    return f"{ours} QuickBooks says: {told}"


def _shown(fault: Fault) -> str:
    text = redact_text(" ".join((fault.detail or fault.message).split()))
    return text if len(text) <= _LONGEST_DETAIL else f"{text[: _LONGEST_DETAIL - 1]}…"
