"""Who lives in the demo: one person, the firm they work at, and the businesses whose books it keeps."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

from pydantic import SecretStr

from domains.core.passwords import refuse_weak
from domains.core.sign_in_errors import PasswordRefused
from infra import exact_json
from infra.clock import SystemClock
from infra.db.engine import create_engine
from infra.db.unit_of_work import unit_of_work_factory
from infra.errors import InvalidInput
from infra.qbo.simulator.files import company_file
from infra.qbo.simulator.files.small_companies.electrician import ELECTRICIAN
from infra.qbo.simulator.files.small_companies.joiner import JOINER
from runway.operator import Operator
from runway.operator.terms import Place

_TOKEN_LIFETIME = timedelta(days=7)
_FIRM, _EMAIL, _NAME = "Larkspur Bookkeeping", "owner@demo.example", "Dana Demo"
_PASSWORD_BYTES = 12


@dataclass(frozen=True)
class Sample:
    """A business of the demo: `books` are a file or a word of the simulator's, `state` how it fares."""

    name: str
    books: str
    state: str = ""


SAMPLES: Final = (
    Sample("Marrow Street Bakehouse", company_file.HEALTHY, "healthy"),
    Sample("Copper Gate Electric", company_file.TIGHT, "tight: below its floor in about five weeks"),
    Sample("Quill Lane Joinery", company_file.IN_TROUBLE, "in trouble: less than three weeks of cash"),
)


@dataclass(frozen=True)
class Owner:
    """Who the demo's user is: by token for programs, one for each business, by password for the pages."""

    tokens: Sequence[str]
    email: str
    password: SecretStr


def samples(company: str | None) -> Sequence[Sample]:
    """The three, or the one that was asked for.

    Raises:
        InvalidInput: no file is there.
    """
    if company is None:
        return SAMPLES
    known = [sample for sample in SAMPLES if sample.books == company]
    if not known and not Path(company).is_file():
        words = ", ".join(company_file.SAMPLES)
        raise InvalidInput(f"There is no company file {company}. Give a file's path, or one of the words {words}.")
    return known or [Sample("Demo company", str(Path(company).resolve()))]


def write_trouble(file: Path) -> None:
    """What goes wrong in the three: the first payment of the one in trouble is refused, of the tight one answered late."""
    payment = {"entity": "BillPayment", "verb": "create", "count": 1}
    file.write_bytes(
        exact_json.dumps(
            [
                {
                    "name": "first-payment-refused",
                    "match": {**payment, "realm": JOINER.realm_id},
                    "effect": {"do": "answer", "status": 400, "body": "fault", "code": "5020"},
                },
                {
                    "name": "first-payment-late",
                    "match": {**payment, "realm": ELECTRICIAN.realm_id},
                    "effect": {"do": "late", "after_seconds": 6},
                },
            ]
        )
    )


def make_owner(database_access_url: str, businesses: Sequence[Sample]) -> Owner:
    """The firm with these businesses, and the person who is its admin."""

    async def make() -> Owner:
        engine = create_engine(database_access_url, pool_size=1)
        try:
            operator = Operator(unit_of_work_factory(engine), clock=SystemClock())
            firm = str((await operator.create_firm(_FIRM)).id)
            tokens = []
            for sample in businesses:
                business = await operator.create_business(sample.name, firm=firm)
                issued = await operator.issue_token(str(business.id), name="demo", lifetime=_TOKEN_LIFETIME)
                tokens.append(issued.token)
            password = _new_password()
            await operator.create_user(_EMAIL, name=_NAME, place=Place(firm=firm), password=password)
            return Owner(tokens, _EMAIL, password)
        finally:
            await engine.dispose()

    return asyncio.run(make())


def _new_password() -> SecretStr:
    """A random one may look like a listed one: the list is right for all but one word in 300."""
    while True:
        password = token_urlsafe(_PASSWORD_BYTES)
        try:
            refuse_weak(password, email=_EMAIL, name=_NAME)
        except PasswordRefused:
            continue
        return SecretStr(password)
