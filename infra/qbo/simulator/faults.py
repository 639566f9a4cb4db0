"""QBO's two spellings of an error: the service fault of the books, the lower-case one of the gateway."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from infra.errors import OodalooError
from infra.qbo.simulator.timestamps import show_envelope_time

_MADE_INACTIVE = (
    "Something you're trying to use has been made inactive. "
    "Check the fields with accounts, customers, items, vendors or employees."
)


class ServiceFault(OodalooError):
    """The request reached the books and was refused."""

    def __init__(
        self,
        code: str,
        message: str,
        detail: str,
        *,
        element: str = "",
        status: int = 400,
        kind: str = "ValidationFault",
    ) -> None:
        self.code, self.message, self.detail, self.element = code, message, detail, element
        self.status, self.kind = status, kind
        super().__init__(f"{code} {message}: {detail}")

    def body(self, now: datetime) -> dict[str, Any]:
        return {"Fault": self.content(), "time": show_envelope_time(now)}

    def content(self) -> dict[str, Any]:
        """The Fault alone, as a batch item holds it."""
        error = {"Message": self.message, "Detail": self.detail, "code": self.code, "element": self.element}
        return {"Error": [error], "type": self.kind}


class GatewayFault(OodalooError):
    """The request never reached the books: token, scope, throttle."""

    def __init__(self, code: str, name: str, *, status: int, detail: str | None, kind: str) -> None:
        self.code, self.status, self.detail, self.kind = code, status, detail, kind
        self.message = f"message={name}; errorCode={int(code):06d}; statusCode={status}"
        super().__init__(self.message)

    def body(self, now: datetime) -> dict[str, Any]:
        error = {"message": self.message, "detail": self.detail, "code": self.code, "element": None}
        return {
            "warnings": None, "intuitObject": None, "fault": {"error": [error], "type": self.kind}, "report": None,
            "queryResponse": None, "batchItemResponse": [], "attachableResponse": [], "syncErrorResponse": None,
            "requestId": None, "time": int(now.timestamp() * 1000), "status": None, "cdcresponse": [],
        }  # fmt: skip

    def xml(self, now: datetime) -> str:
        detail = f"<Detail>{escape(self.detail)}</Detail>" if self.detail else ""
        return (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
            f'<IntuitResponse time="{show_envelope_time(now)}" xmlns="http://schema.intuit.com/finance/v3">'
            f"<Fault type={quoteattr(self.kind)}><Error code={quoteattr(self.code)}>"
            f"<Message>{escape(self.message)}</Message>{detail}</Error></Fault></IntuitResponse>"
        )


def bad_token(detail: str | None) -> GatewayFault:
    return GatewayFault("3200", "AuthenticationFailed", status=401, detail=detail, kind="AUTHENTICATION")


def wrong_realm() -> GatewayFault:
    return GatewayFault("3100", "ApplicationAuthorizationFailed", status=403, detail=None, kind="SERVICE")


def throttled() -> GatewayFault:
    detail = "The request limit was reached.  Try again later"
    return GatewayFault("3001", "ThrottleExceeded", status=429, detail=detail, kind="SERVICE")


def unparsable_query(detail: str) -> ServiceFault:
    return ServiceFault("4000", "Error parsing query", f"QueryParserError: {detail}")


def invalid_query(detail: str) -> ServiceFault:
    return ServiceFault("4001", "Invalid query", f"QueryValidationError: {detail}")


def unsupported(operation: str, *, status: int = 400) -> ServiceFault:
    return ServiceFault("500", "Unsupported Operation", f"Operation {operation} is not supported.", status=status)


def repeated_request(request_id: str) -> ServiceFault:
    return ServiceFault("600", "Duplicate Request ID", f"Duplicate Request ID : {request_id} has been used already.")


def batch_too_large(largest: int) -> ServiceFault:
    message = "Batch size exceeds allowed limit"
    return ServiceFault("1040", message, f"{message} : at most {largest} are allowed.")


def invalid_id(identifier: str) -> ServiceFault:
    return ServiceFault("2030", "Invalid ID", f"Invalid ID : {identifier} should be a number.", element="Id")


def not_in_plan(feature: str) -> ServiceFault:
    detail = f"Permission Denied Error : {feature} is not part of this company's subscription."
    return ServiceFault("5020", "Permission Denied Error", detail)


def no_such_report() -> ServiceFault:
    """Captured: a name that is misspelt, in its case too, is answered like one that the plan lacks."""
    detail = "Permission Denied Error : You do not have the access rights to use this feature."
    return ServiceFault("5020", "Permission Denied Error", detail, element="ReportName")


def report_too_large() -> ServiceFault:
    detail = "Result Set Big Error : Report too large, please customize"
    return ServiceFault("10100", "Result Set Big Error", detail, element="ReportName")


def unknown_property() -> ServiceFault:
    """Captured: it does not say which."""
    detail = "Property Name:failed to parse json object; a property specified is unsupported or invalid"
    return ServiceFault("2010", "Request has invalid or unsupported property", detail)


def wrong_amount(amount: Decimal, product: Decimal) -> ServiceFault:
    detail = (
        f"Amount calculation incorrect in the request. : Amount {amount} is not UnitPrice * Qty, which is {product}"
    )
    return ServiceFault("6070", "Amount is not equal to UnitPrice * Qty", detail, element="Amount")


def subscription_ended() -> ServiceFault:
    detail = "Subscription period has ended or canceled or there was a billing problem : the company is suspended."
    return ServiceFault("6190", "Invalid Company Status", detail)


def general_authentication() -> ServiceFault:
    detail = "AuthenticationErrorGeneral: SRV-110-Authentication Failure , statusCode: 401"
    return ServiceFault("100", "General Authentication Error", detail, status=401, kind="AuthenticationFault")


def no_access() -> ServiceFault:
    detail = "AuthorizationFailure: The user no longer has access to this company. , statusCode: 401"
    return ServiceFault("120", "Authorization Failure", detail, status=401, kind="AuthorizationFault")


def wrong_cluster() -> ServiceFault:
    detail = "WrongClusterError: -11017-You have accessed the wrong server. , statusCode: 401"
    return ServiceFault("130", "Accessing Wrong Cluster", detail, status=401, kind="AuthenticationFault")


def not_found(*, deleted: bool = False) -> ServiceFault:
    text = "Another user has deleted this transaction." if deleted else _MADE_INACTIVE
    return ServiceFault("610", "Object Not Found", f"Object Not Found : {text}")


def not_linkable(target: str) -> ServiceFault:
    detail = f"Transaction cannot be linked : {target} is unknown, of another kind or linked already."
    return ServiceFault("620", "Transaction cannot be linked", detail, element="LinkedTxn")


def unsupported_property(name: str, detail: str) -> ServiceFault:
    return ServiceFault("2010", "Request has invalid or unsupported property", f"{name}: {detail}", element=name)


def missing(element: str) -> ServiceFault:
    detail = f"Required parameter {element} is missing in the request"
    return ServiceFault(
        "2020", "Required param missing, need to supply the required value for the API", detail, element=element
    )


def too_long(element: str, *, longest: int, length: int) -> ServiceFault:
    detail = f"String length specified does not match the supported length. Min:0 Max:{longest} supported. Supplied length:{length}"
    return ServiceFault(
        "2050", "String length is either shorter or longer than supported by specification", detail, element=element
    )


def not_a_number(element: str) -> ServiceFault:
    return ServiceFault("2090", "Invalid Number", f"Invalid Number : {element}", element=element)


def not_in_enumeration(element: str, value: str) -> ServiceFault:
    return ServiceFault("2170", "Invalid Enumeration", f"Invalid Enumeration : {value}", element=element)


def bad_reference(group: str, identifier: str, *, element: str) -> ServiceFault:
    detail = f"Invalid Reference Id : {group} element id {identifier} not found"
    return ServiceFault("2500", "Invalid Reference Id", detail, element=element)


def inactive_reference(element: str, *, code: str = "610") -> ServiceFault:
    """QBO has answered it with 610 and with 2500."""
    message = "Object Not Found" if code == "610" else "Invalid Reference Id"
    return ServiceFault(code, message, f"{message} : {_MADE_INACTIVE}", element=element)


def stale() -> ServiceFault:
    detail = (
        "Stale Object Error : You and root were working on this at the same time. "
        "root finished before you did, so your work was not saved."
    )
    return ServiceFault("5010", "Stale Object Error", detail)


def refused(reason: str, *, element: str = "", code: str = "6000") -> ServiceFault:
    message = "A business validation error has occurred while processing your request"
    return ServiceFault(code, message, f"Business Validation Error: {reason}", element=element)


def duplicate_number(number: str, *, entity: str, identifier: str) -> ServiceFault:
    detail = (
        "Duplicate Document Number Error : You must specify a different number. This number has already been used. "
        f"DocNumber={number} is assigned to TxnType={entity} with TxnId={identifier}"
    )
    return ServiceFault("6140", "Duplicate Document Number Error", detail, element="DocNumber")


def books_closed() -> ServiceFault:
    detail = "Account Period Closed, Cannot Update Through Services API : The account period has closed."
    return ServiceFault("6210", "Account Period Closed", detail)


def duplicate_name() -> ServiceFault:
    detail = (
        "The name supplied already exists. : Another customer, vendor or employee is already using this name. "
        "Please use a different name."
    )
    return ServiceFault("6240", "Duplicate Name Exists Error", detail)


def deposited() -> ServiceFault:
    detail = "Deposited Transaction cannot be changed : remove it from the deposit first."
    return ServiceFault("6540", "Deposited Transaction cannot be changed", detail)


def system_failure(detail: str) -> ServiceFault:
    message = "An application error has occurred while processing your request"
    return ServiceFault("10000", message, f"System Failure Error: {detail}", status=500, kind="SystemFault")


COMPANY_REFUSALS: Final = {
    "100": general_authentication,
    "120": no_access,
    "130": wrong_cluster,
    "6190": subscription_ended,
}
"""What a whole company may answer with, by code: an admin's lever."""
