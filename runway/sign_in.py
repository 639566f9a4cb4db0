"""The development sign-in: one token for one business, made on the machine itself."""

from datetime import timedelta

from infra.clock import SystemClock
from infra.db.unit_of_work import UnitOfWorkFactory
from runway.operator import Operator
from runway.operator.terms import IssuedToken

__all__ = ["IssuedToken", "issue_token"]


async def issue_token(
    uow_factory: UnitOfWorkFactory, business_name: str, *, name: str, lifetime: timedelta
) -> IssuedToken:
    """A service's token, with all permissions, as `Operator.issue_token`; `uow_factory` is of the role oodaloo_access."""
    return await Operator(uow_factory, clock=SystemClock()).issue_token(business_name, name=name, lifetime=lifetime)
