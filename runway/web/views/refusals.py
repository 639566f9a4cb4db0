"""Why something was refused, for whoever fills in a form: the domain's own words, and what to do about it in the form instead of in a request."""

from dataclasses import dataclass
from uuid import UUID

from domains.ap.approval_errors import DuplicateReasonEmpty, LooksLikeDuplicate, NotAsSeen
from domains.ap.payment_errors import BillBeingPaid, DayReversed, PaidAlike
from domains.ar.collection_errors import InvoiceBusy
from domains.core.decision_errors import SeenFiguresNotFound
from infra.actions.errors import KeyUsedForOther
from infra.errors import OodalooError
from runway.web.strings import _


@dataclass(frozen=True)
class RefusalView:
    """`needs`: the field that would let it through, which the form then shows. `action_id`: the action that stands in the way."""

    words: str
    needs: str | None = None
    action_id: UUID | None = None


def refusal_view(error: OodalooError) -> RefusalView:
    text = str(error)
    view = RefusalView(text)
    match error:
        case PaidAlike():
            more = _("If this is another payment, tick the box below; the log keeps who confirmed it.")
            view = RefusalView(f"{_first(text)} {more}", needs="confirm_similar")
        case LooksLikeDuplicate():
            more = _("If it is to be paid all the same, say why below; the reason is kept.")
            view = RefusalView(f"{_first(text)} {more}", needs="duplicate_reason")
        case DuplicateReasonEmpty():
            view = RefusalView(_("Say why this is no duplicate, or leave it empty."), needs="duplicate_reason")
        case BillBeingPaid(intent_id=intent_id) | InvoiceBusy(intent_id=intent_id):
            view = RefusalView(text.replace(f": {intent_id}", ""), action_id=intent_id)
        case KeyUsedForOther(intent_id=intent_id):
            words = _("This form was sent before with something else in it. Load the page again.")
            view = RefusalView(words, action_id=intent_id)
        case DayReversed():
            view = RefusalView(_("A payment is scheduled for a day after today; for now, choose today."))
        case SeenFiguresNotFound():
            view = RefusalView(_("The preview is older than a week. Look at it again, then confirm."))
        case NotAsSeen():
            view = RefusalView(text, needs="look_again")
    return view


def _first(text: str) -> str:
    """Without what a program would do about it."""
    return text.partition(" If ")[0]
