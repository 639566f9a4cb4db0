"""Companies made by code: the demo company of `oodaloo demo`, and large ones for tests and benchmarks."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from infra import exact_json
from infra.money import ZERO
from infra.qbo.simulator.files.company_file import FORMAT, HEALTHY, IN_TROUBLE, TIGHT, CompanyFile
from infra.qbo.simulator.files.demo_company import profile
from infra.qbo.simulator.files.demo_company.story import Draws, first_day, is_draw_day, tell
from infra.qbo.simulator.files.large_company import LargeCompany, envelope, transactions
from infra.qbo.simulator.files.small_companies import story as small_story
from infra.qbo.simulator.files.small_companies.electrician import ELECTRICIAN
from infra.qbo.simulator.files.small_companies.joiner import JOINER
from infra.qbo.simulator.files.small_companies.trade import Trade

_WINDOW_DAYS: Final = 90
_CASH_BEFORE_WINDOW: Final = Decimal(84_000)
_CASH_NOW: Final = Decimal(52_000)
_OPENING: Final = Decimal(82_000)
_STEP: Final = Decimal(50)
_RESERVE: Final = Decimal(60_000)
_SMALL: Final = {TIGHT: ELECTRICIAN, IN_TROUBLE: JOINER}


def demo_company(today: date, *, seed: int = 20, reserve: Decimal = ZERO) -> CompanyFile:
    """Marrow Street Bakehouse with 18 months of books up to yesterday; the same for the same day, seed and reserve.

    The owner's draws are what makes ends meet: they are set so that bank money stood near 84,000 ninety days ago and stands
    near 52,000 now, which is a burn runway of about five months; `reserve` comes on top of each.
    """
    window_from = today - timedelta(days=_WINDOW_DAYS)
    none = Draws(ZERO, ZERO, window_from)
    opening = _OPENING + reserve
    dry = tell(today, seed=seed, opening=opening, draws=none)
    before = sum((amount for day, amount in dry.bank_moves.items() if day < window_from), start=ZERO)
    during = sum((amount for day, amount in dry.bank_moves.items() if day >= window_from), start=ZERO)
    draws = Draws(
        earlier=_each(before - _CASH_BEFORE_WINDOW - reserve, first_day(today), window_from),
        later=_each(during - (_CASH_NOW - _CASH_BEFORE_WINDOW), window_from, today),
        changes_on=window_from,
    )
    books = tell(today, seed=seed, opening=opening, draws=draws)
    return CompanyFile(
        format=FORMAT,
        company=profile.COMPANY | {"CompanyStartDate": first_day(today).isoformat()},
        realm_id=profile.REALM_ID,
        last_day=today - timedelta(days=1),
        tax_accounts={"1": profile.SALES_TAX},
        accounts=profile.account_bodies(),
        terms=profile.term_bodies(),
        items=profile.item_bodies(),
        vendors=profile.vendor_bodies(),
        customers=profile.customer_bodies(),
        transactions=books.transactions,
    )


def sample_company(word: str, *, today: date) -> CompanyFile:
    """One of the companies of `SAMPLES`."""
    if word in _SMALL:
        return small_company(_SMALL[word], today=today)
    return demo_company(today, reserve=_RESERVE if word == HEALTHY else ZERO)


def small_company(trade: Trade, *, today: date, seed: int = 5) -> CompanyFile:
    """A small business with seven months of books up to yesterday; the same for the same day and seed.

    What it began with is set so that its bank holds `trade.cash_now` this morning.
    """
    dry = small_story.tell(trade, today=today, seed=seed, opening=ZERO)
    opening = trade.cash_now - sum(dry.balances.values(), start=ZERO)
    books = small_story.tell(trade, today=today, seed=seed, opening=opening)
    return CompanyFile(
        format=FORMAT,
        company=trade.company | {"CompanyStartDate": small_story.first_day(today).isoformat()},
        realm_id=trade.realm_id,
        last_day=today - timedelta(days=1),
        **trade.lists(),
        transactions=books.transactions,
    )


def generate_large(size: LargeCompany, *, today: date) -> CompanyFile:
    """A large company in memory. The counts are exact; payments come on top of them."""
    return CompanyFile(**envelope(size, today=today), transactions=list(transactions(size, today=today)))


def write_large(size: LargeCompany, out: Path, *, today: date) -> int:
    """The same company as a file, one transaction a line; answers the number of transactions.

    The file appears under its name only when it is complete.
    """
    unfinished = out.with_name(out.name + ".part")
    written = 0
    with unfinished.open("wb") as file:
        head = exact_json.dumps(envelope(size, today=today))
        file.write(head[:-1] + b',"transactions":[')
        for transaction in transactions(size, today=today):
            file.write(b",\n" if written else b"\n")
            file.write(exact_json.dumps(transaction))
            written += 1
        file.write(b"\n]}\n")
    unfinished.replace(out)
    return written


def _each(total: Decimal, start: date, end: date) -> Decimal:
    """`total` spread over the draw days of [start, end), in steps of fifty; never negative."""
    days = sum(is_draw_day(start + timedelta(days=n)) for n in range((end - start).days))
    return max(ZERO, total / days // _STEP * _STEP) if days else ZERO
