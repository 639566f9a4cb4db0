from domains.ap.errors import VendorNotFound
from domains.ap.mirrors import VENDORS_FROM_QBO
from domains.ap.models import Vendor
from domains.core.parties import PartyService
from infra.qbo.wire.reports import PayingParty


class VendorService(PartyService[Vendor]):
    """Whom we owe."""

    spec = VENDORS_FROM_QBO
    kind = PayingParty.VENDOR
    not_found = VendorNotFound
