"""What can go wrong between a person and the door. Texts are for the person and tell no stranger who has an account."""

from infra.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated


class PasswordRefused(InvalidInput):
    """The text tells why."""


class EmailMalformed(InvalidInput):
    def __init__(self) -> None:
        super().__init__("This is not an e-mail address.")


class NameEmpty(InvalidInput):
    def __init__(self) -> None:
        super().__init__("A person needs a name.")


class EmailTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("There is a user with this e-mail address already.")


class UserNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such user.")


class SignInRefused(Unauthenticated):
    """Unknown, disabled, without a password, or a wrong one: the caller is not told which."""

    def __init__(self) -> None:
        super().__init__("This e-mail address and this password do not go together.")


class CodeRefused(Unauthenticated):
    """Wrong, or used already."""

    def __init__(self) -> None:
        super().__init__("This code is not right, or it was used before. Wait for the next one.")


class SecondFactorExists(Conflict):
    def __init__(self) -> None:
        super().__init__("You have a second factor. Remove it before you set up another.")


class SecondFactorAbsent(Conflict):
    def __init__(self) -> None:
        super().__init__("There is no second factor to do this with. Set one up first.")


class SecondFactorMissing(Forbidden):
    """The role has the permission; the person has not proved enough to use it."""

    def __init__(self, permission: str) -> None:
        self.permission = permission
        super().__init__(
            f"This needs the permission {permission}. Your role has it, but only with a second factor: set one up at "
            "/account/second-factor."
        )


class ProofTooOld(Forbidden):
    """The session is good; for this the person shows once more who they are."""

    def __init__(self) -> None:
        super().__init__(
            "Show once more who you are, at /sign-in/again: for this it must not be longer ago than five minutes."
        )


class LinkGone(NotFound):
    """Unknown, used, withdrawn or too old: whoever opens it is not told which."""

    def __init__(self) -> None:
        super().__init__("This link does not work any more. Links work once and for a limited time: ask for a new one.")


class InvitationForAnother(Forbidden):
    def __init__(self) -> None:
        super().__init__("This invitation was sent to another e-mail address than the one you are signed in with.")


class AlreadyMember(Conflict):
    def __init__(self) -> None:
        super().__init__("They belong here already. Change their role instead of inviting them.")


class InvitationNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no open invitation of that id here.")


class SignInToAccept(Conflict):
    """There is an account for the invited address."""

    def __init__(self) -> None:
        super().__init__(
            "You have an account with this e-mail address. Sign in, and the invitation is yours to accept."
        )
