from domains.ar.errors import CustomerNotFound
from domains.ar.mirrors import CUSTOMERS_FROM_QBO
from domains.ar.models import Customer
from domains.core.parties import PartyService
from infra.qbo.wire.reports import PayingParty


class CustomerService(PartyService[Customer]):
    """Who owes us."""

    spec = CUSTOMERS_FROM_QBO
    kind = PayingParty.CUSTOMER
    not_found = CustomerNotFound
