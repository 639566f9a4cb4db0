from uuid import UUID

from infra.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated


class BusinessNotFound(NotFound):
    def __init__(self, business_id: UUID) -> None:
        self.business_id = business_id
        super().__init__(f"There is no business {business_id}.")


class ConnectionNotFound(NotFound):
    def __init__(self, business_id: UUID, rail: str) -> None:
        self.business_id = business_id
        self.rail = rail
        super().__init__(f"Business {business_id} has never been connected to {rail}.")


class UnknownConnectState(Unauthenticated):
    """Never issued, used already, too old, or issued for another rail: the caller is not told which."""

    def __init__(self) -> None:
        super().__init__("This connect link is not valid any more. Begin the connection again.")


class ConnectRefused(Conflict):
    """The company that a redirect names is not taken. Its kinds are for our log: the caller hears the same words of each."""

    def __init__(self, rail: str) -> None:
        self.rail = rail
        super().__init__(
            f"This {rail} company cannot be connected to this business, and nothing was kept. Begin again, as someone who may "
            "open the company there; should another business here be connected to it, disconnect it there first."
        )


class AccountConnectedElsewhere(ConnectRefused):
    """The company is active under another business."""


class AccountNotOpened(ConnectRefused):
    """The grant does not open the company that came with it."""


class OtherAccountConnected(Conflict):
    """The business's mirror holds another company's books."""

    def __init__(self, business_id: UUID, rail: str) -> None:
        self.business_id = business_id
        self.rail = rail
        super().__init__(
            f"Business {business_id} keeps the books of another {rail} company. Add a business for this one."
        )


class UnreadableCursor(InvalidInput):
    def __init__(self) -> None:
        super().__init__(
            "The cursor cannot be read. Pass the last page's next_cursor, unchanged, or none for the first page."
        )


class TokenNameEmpty(InvalidInput):
    def __init__(self) -> None:
        super().__init__("A token needs a name that tells what it is for.")


class TokenOpensNothing(InvalidInput):
    def __init__(self) -> None:
        super().__init__("A token needs at least one business that it opens and one permission.")


class TokenNotFound(NotFound):
    def __init__(self, token_id: UUID) -> None:
        self.token_id = token_id
        super().__init__(f"No token {token_id} opens this business.")


class TokenUnknown(Unauthenticated):
    """Unknown, expired or revoked, or its person is disabled: the caller is not told which."""

    def __init__(self) -> None:
        super().__init__("This token is not valid, or not any more.")


class SessionUnknown(Unauthenticated):
    """Unknown, ended, expired, idle for too long: the caller is not told which."""

    def __init__(self) -> None:
        super().__init__("You are not signed in, or not any more. Sign in again.")


class BusinessOutOfReach(NotFound):
    """There is none of that id, or the caller does not belong to it: the caller is not told which."""

    def __init__(self) -> None:
        super().__init__("There is no such business for you.")


class BusinessNotNamed(InvalidInput):
    def __init__(self) -> None:
        super().__init__("You have several businesses. Name one by its id in the header X-Business-ID.")


class NotPermitted(Forbidden):
    def __init__(self, permission: str) -> None:
        self.permission = permission
        super().__init__(f"This needs the permission {permission}, which you do not have in this business.")


class MemberNotFound(NotFound):
    def __init__(self, user_id: UUID) -> None:
        self.user_id = user_id
        super().__init__(f"No member {user_id} belongs to this business.")


class IsFirmAdmin(Conflict):
    """Their role is the firm's to give and to take, not one of its businesses'."""

    def __init__(self, user_id: UUID) -> None:
        self.user_id = user_id
        super().__init__(f"{user_id} is an admin of the firm that keeps this business; their role is not changed here.")


class LastOwner(Conflict):
    def __init__(self) -> None:
        super().__init__("This is the business's last owner, and no firm keeps it. Make another member an owner first.")


class MoreThanOwn(Forbidden):
    """Nobody gives, or takes from another, what they do not have themselves."""

    def __init__(self, what: str) -> None:
        super().__init__(f"You cannot do this: {what}.")


class LimitWithoutApproval(InvalidInput):
    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__(f"An approval limit means nothing for the role {role}, which approves nothing.")


class FirmNotFound(NotFound):
    """There is none of that id, or the caller is not its admin: they are not told which."""

    def __init__(self) -> None:
        super().__init__("There is no such firm for you.")


class FirmNotNamed(InvalidInput):
    def __init__(self) -> None:
        super().__init__("You are an admin of several firms. Name one by its id in firm_id.")


class NotFirmAdmin(Forbidden):
    def __init__(self) -> None:
        super().__init__("This needs an admin of a firm, who is signed in with a second factor. A token does not do.")


class NoticeNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("No notice of this business has that id.")


class DriftItemNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("No open doubt about deletions of this business has that id.")
