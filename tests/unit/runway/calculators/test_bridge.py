"""The bridge between two forecasts: a week by hand, and what must hold of any two."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domains.core.movements import CashMovement
from runway.calculators.ageing import OpenDocument
from runway.calculators.bridge import OLDEST_DAYS, Bridge, bridge
from runway.calculators.bridge_causes import BridgeCause
from runway.calculators.expected_dates import ExpectedBy, Override
from runway.calculators.figures import Basis
from runway.calculators.floor import AbsoluteFloor
from runway.calculators.forecast import Forecast, ForecastRules, forecast
from runway.calculators.forecast_runway import crossing_of
from runway.calculators.groundwork import Books
from runway.calculators.lately import Booked, BookedAs, Lately, PaidDocument
from runway.calculators.outlook import DatedFlow, PathRow, cash_path
from runway.calculators.runway import RunwayInputs
from runway.calculators.standpoint import KnownDocument, Standpoint, SteadyBurn, standpoint_of
from runway.calculators.to_come import Settled
from tests.unit.runway.calculators.making import NOW, T, make_account, make_movement

# T of `making` is Friday 21 November; the earlier forecast is that of the Monday before the last.
THEN = T - timedelta(days=11)
TODAY = THEN + timedelta(days=7)
BASIS = Basis(as_of=TODAY, source="qbo")
RULES = ForecastRules(floor=AbsoluteFloor(Decimal(1000)), counts_to_come=False, counts_uninvoiced_sales=False)
OLD = make_movement(-1, 211, external_id="old")


def moved(amount: int, on_day: int, source: str, **more: Any) -> CashMovement:
    """`on_day` counts from the earlier forecast."""
    identifier = more.pop("external_id", f"{source}/{on_day}/{amount}")
    ago = (T - THEN).days - on_day
    return make_movement(amount, ago, source=source, external_id=identifier, **more)


def document(external_id: str, amount: int, due_in: int, *, party: str = "p") -> OpenDocument:
    """`due_in` counts from the earlier forecast."""
    due_on = THEN + timedelta(days=due_in)
    return OpenDocument(external_id, party, f"Party {party}", due_on - timedelta(days=30), due_on, Decimal(amount))


def settled(document_id: str, amount: int, on_day: int) -> Settled:
    on = THEN + timedelta(days=on_day)
    return Settled(on, on - timedelta(days=20), Decimal(amount), "Party p", document_id)


def promised(external_id: str, on_day: int) -> Override:
    on = THEN + timedelta(days=on_day)
    return Override(external_id, ExpectedBy.PROMISE, "Ada", made_on=THEN, on=on)


def made(cash: int, as_of: Any, *movements: CashMovement, rules: ForecastRules = RULES, **more: Any) -> Forecast:
    accounts = (make_account("checking", subtype="Checking", balance=Decimal(cash)), *more.pop("accounts", ()))
    basis = Basis(as_of=as_of, source="qbo")
    inputs = RunwayInputs(basis=basis, accounts=accounts, movements=[OLD, *movements], synced_at=NOW, now=NOW)
    return forecast(Books(runway=inputs, **more), company_id="company", rules=rules)


def between(before: Forecast, now: Forecast) -> Bridge:
    found = bridge(standpoint_of(before), standpoint_of(now), basis=now.basis)
    assert found is not None
    return found


def told(found: Bridge) -> dict[BridgeCause, Any]:
    """Cause → days, cash, balance."""
    return {one.cause: (one.days.value, one.cash.value, one.balance.value) for one in found.steps}


def test_golden_a_week_by_hand() -> None:
    """Monday the 10th: cash 10,000, floor 1,000. Invoices: i1 of 2,000 promised for the 12th, i2 of 3,000 for the 14th. Bills: b1 of
    4,000 due on the 13th, b2 of 1,500 on the 24th, b3 of 8,300 on 16 December, b4 of 2,000 on 30 December. Expected: 12,000 on the
    12th, 8,000 on the 13th, 11,000 on the 14th, 9,500 on the 24th, 1,200 on 16 December, -800 on the 30th: 50 days.

    Monday the 17th: i1 came (+2,000). i2 did not, and is promised for the 20th now. b1 waits: overdue, so today. b2 was paid a
    week early (-1,500). b5 is new: 300 on the 20th. i3 is new: 400, promised for 2 December. 350 were spent on something. So cash
    is 10,150; then -4,000 today, +2,700 on the 20th, +400 on 2 December: 9,250; 950 on 16 December, below the floor: 29 days. And
    -1,050 on the 30th. In the middle of the draws a week like the one of the 350 comes once more: -1,400 by 9 February.
    """
    bills = [document("b1", 4000, 3), document("b3", 8300, 36), document("b4", 2000, 50)]
    invoices = [document("i1", 2000, 2), document("i2", 3000, 4), document("i3", 400, 22)]
    before = made(
        10000,
        THEN,
        bills=[*bills, document("b2", 1500, 14)],
        invoices=invoices[:2],
        rules=replace(RULES, overrides=[promised("i1", 2), promised("i2", 4)]),
    )
    now = made(
        10150,
        TODAY,
        moved(2000, 2, "Receipt"),
        moved(-1500, 5, "BillPayment"),
        moved(-350, 6, "Purchase", counterparty="Hardware"),
        bills=[*bills, document("b5", 300, 10)],
        invoices=invoices[1:],
        collected=[settled("i1", 2000, 2)],
        paid=[settled("b2", 1500, 5)],
        rules=replace(RULES, overrides=[promised("i2", 10), promised("i3", 22)]),
    )
    found = between(before, now)
    assert [found.runway.before.value, found.runway.now.value, found.runway.change.value] == [50, 29, -21]
    assert [found.cash.before.value, found.cash.now.value, found.cash.change.value] == [10000, 10150, 150]
    assert [found.balance.before.value, found.balance.now.value, found.balance.change.value] == [-800, -1400, -600]
    assert told(found) == {
        BridgeCause.EXPECTED: (-7, 1000, 0),  # 2,000 + 3,000 - 4,000 were to come by now, and seven days have gone
        BridgeCause.RECEIPTS_LATER: (0, -3000, 0),
        BridgeCause.NEW_INVOICES: (0, 0, 400),
        BridgeCause.BILLS_PAID: (0, -1500, 0),
        BridgeCause.BILLS_PUT_OFF: (0, 4000, 0),
        BridgeCause.NEW_BILLS: (0, 0, -300),
        BridgeCause.UNPLANNED: (-14, -350, -350),
        BridgeCause.MODEL: (0, 0, -350),
    }
    heaviest = {one.cause: (one.largest.external_id, one.largest.amount) for one in found.steps if one.largest}
    assert heaviest[BridgeCause.UNPLANNED] == ("Purchase/6/-350", Decimal(-350))
    assert heaviest[BridgeCause.RECEIPTS_LATER] == ("i2", Decimal(-3000))


def plain(cash: int = 5000, as_of: Any = TODAY, *movements: CashMovement, **more: Any) -> Forecast:
    """A bill of 6,000 in fifty days is all there is."""
    fields: dict[str, Any] = {"bills": [document("rent", 6000, 50)]} | more
    return made(cash, as_of, *movements, **fields)


EARLIER = plain(5000, THEN)


@pytest.mark.parametrize(
    ("cause", "now", "moves"),
    [
        pytest.param(
            BridgeCause.SETTINGS,
            plain(rules=replace(RULES, floor=AbsoluteFloor(Decimal(6000)))),
            (-43, 0, 0),
            id="a higher floor",
        ),
        pytest.param(
            BridgeCause.SETTINGS,
            plain(accounts=[make_account("savings", balance=Decimal(100))]),
            (0, 100, 100),
            id="another account counts",
        ),
        pytest.param(BridgeCause.UNEXPLAINED, plain(4900), (0, -100, -100), id="cash that no document tells of"),
        pytest.param(
            BridgeCause.NOT_OPERATING,
            plain(
                4900,
                TODAY,
                moved(-100, 3, "Transfer", counter_account_id="loan"),
                accounts=[make_account("loan", "Equity", "OwnersEquity"), make_account("off", is_operating=False)],
                rules=replace(RULES, flows=replace(RULES.flows, count_owner_draws=False)),
            ),
            (0, -100, -100),
            id="the owner drew",
        ),
        pytest.param(
            BridgeCause.BILLS_CHANGED,
            plain(bills=[document("rent", 4000, 50)]),
            (None, 0, 2000),
            id="a bill was edited",
        ),
        pytest.param(
            BridgeCause.DATES_CHANGED, plain(bills=[document("rent", 6000, 40)]), (-10, 0, 0), id="a bill was re-dated"
        ),
        pytest.param(
            BridgeCause.OTHER_INCOME, plain(5100, TODAY, moved(100, 1, "Deposit")), (0, 100, 100), id="a refund"
        ),
        pytest.param(
            BridgeCause.RECEIPTS_UNBANKED,
            plain(5100, TODAY, moved(100, 1, "Receipt")),
            (0, 100, 100),
            id="a payment on account",
        ),
    ],
)
def test_each_cause_is_named(cause: BridgeCause, now: Forecast, moves: tuple[int | None, int, int]) -> None:
    found = between(EARLIER, now)
    steps = told(found)
    assert steps.keys() == {BridgeCause.EXPECTED, cause}
    assert steps[cause] == moves
    assert steps[BridgeCause.EXPECTED] == (None if moves[0] is None else -7, 0, 0)


def test_what_was_known_is_not_told_again_and_what_is_entered_late_is() -> None:
    """Dated before the earlier forecast: one line was in it, the other was entered since."""
    known, late = moved(-40, -3, "Purchase", external_id="known"), moved(-60, -2, "Purchase", external_id="late")
    found = between(plain(5000, THEN, known), plain(4940, TODAY, known, late))
    assert told(found)[BridgeCause.UNPLANNED][1] == -60


def test_an_invoice_paid_into_undeposited_funds_is_not_banked_yet() -> None:
    promise = replace(RULES, overrides=[promised("i", 3)])
    before = plain(5000, THEN, invoices=[document("i", 800, 3)], rules=promise)
    waiting = make_account("clearing", "Other Current Asset", "UndepositedFunds", balance=Decimal(800))
    receipt = moved(800, 3, "Receipt", account_id="clearing")
    now = plain(5000, TODAY, receipt, accounts=[waiting], collected=[settled("i", 800, 3)])
    steps = told(between(before, now))
    assert steps.keys() == {BridgeCause.EXPECTED, BridgeCause.RECEIPTS_UNBANKED}
    assert steps[BridgeCause.RECEIPTS_UNBANKED] == (0, -800, 0)


def test_without_a_number_of_days_money_is_told_all_the_same() -> None:
    found = between(made(5000, THEN), made(4900, TODAY))
    assert (found.runway.change.value, found.runway.change.reason) == (None, "No cash-out in sight")
    assert told(found) == {BridgeCause.EXPECTED: (None, 0, 0), BridgeCause.UNEXPLAINED: (None, -100, -100)}


def test_a_path_without_an_end_on_the_way_counts_as_the_cap() -> None:
    """The bill is less by 2,000, so nothing crosses; a new one of 3,000 does."""
    now = plain(bills=[document("rent", 4000, 50), document("new", 3000, 60)])
    found = between(EARLIER, now)
    steps = told(found)
    assert [steps[one][0] for one in (BridgeCause.BILLS_CHANGED, BridgeCause.NEW_BILLS)] == [687, -677]
    assert found.runway.change.value == 3
    assert "730" in (found.steps[1].days.note or "")


def test_only_the_last_weeks_and_known_cash_have_a_bridge() -> None:
    now = standpoint_of(plain())
    for ago in (0, OLDEST_DAYS + 1, -7):
        assert bridge(standpoint_of(plain(5000, TODAY - timedelta(days=ago))), now, basis=BASIS) is None
    assert bridge(standpoint_of(plain(5000, TODAY - timedelta(days=OLDEST_DAYS))), now, basis=BASIS) is not None
    unknown = made(0, TODAY)
    unread = replace(standpoint_of(unknown), cash=BASIS.missing("not read", "USD", n=0, n_of="accounts"))
    assert bridge(standpoint_of(EARLIER), unread, basis=BASIS) is None


def any_standpoint(random: Random, as_of: date) -> Standpoint:
    """Anything that may be known and expected on a day; the middle of the band need not be the expected path's."""

    def amount() -> Decimal:
        return Decimal(random.randint(-300_000, 300_000)).scaleb(-2)

    def few(make: Callable[[], Any]) -> tuple[Any, ...]:
        return tuple(make() for _ in range(random.randint(0, 8)))

    def document() -> KnownDocument:
        return KnownDocument(random.choice("abcdef"), "Party", amount())

    def flow() -> DatedFlow:
        on = as_of + timedelta(days=random.randint(0, 91))
        return DatedFlow(on, amount(), random.choice(list(PathRow)), random.choice("abcdef"))

    def booked() -> Booked:
        on, account = TODAY - timedelta(days=random.randint(0, 40)), random.choice(["checking", "savings"])
        source, identifier = random.choice(["Receipt", "Purchase"]), random.choice("abcdef")
        return Booked(on, amount(), account, random.choice(list(BookedAs)), source, identifier, "Name")

    def paid() -> PaidDocument:
        return PaidDocument(TODAY, amount(), random.choice("abcdef"), None)

    basis, burn = Basis(as_of=as_of, source="qbo"), SteadyBurn(amount(), 90, is_enough=random.random() < 0.5)
    path = cash_path(amount(), few(flow), as_of=as_of)
    closes, cash, level = tuple(day.closing for day in path.days), amount(), amount()
    days = 0 if cash <= level else crossing_of(closes, level=level, burn=burn).days
    missing = basis.missing("No cash-out in sight", "days", n=0, n_of="documents")
    return replace(
        standpoint_of(EARLIER),
        as_of=as_of,
        runway=missing if days is None else basis.figure(Decimal(days), "days", n=0, n_of="documents"),
        cash=basis.figure(cash, "USD", n=1, n_of="accounts"),
        floor=basis.figure(level, "USD", n=1, n_of="accounts"),
        balances={one: amount() for one in ("checking", "savings") if random.random() < 0.8},
        burn=burn,
        closes=closes,
        flows=few(flow),
        invoices=tuple({one.external_id: one for one in few(document)}.values()),
        bills=tuple({one.external_id: one for one in few(document)}.values()),
        lately=Lately(few(booked), few(paid), few(paid), few(paid)),
    )


def in_another_order(standpoint: Standpoint, random: Random) -> Standpoint:
    def mixed(given_in_order: Any) -> Any:
        return tuple(random.sample(given_in_order, len(given_in_order)))

    happened = Lately(*(mixed(part) for part in vars(standpoint.lately).values()))
    parts = {name: mixed(getattr(standpoint, name)) for name in ("flows", "invoices", "bills")}
    return replace(standpoint, **parts, lately=happened)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9))
def test_the_bridge_is_the_difference_in_any_order(seed: int) -> None:
    random = Random(seed)  # noqa: S311  # a simulation
    before, now = any_standpoint(random, THEN), any_standpoint(random, TODAY)
    found = bridge(before, now, basis=BASIS)
    assert found is not None
    assert bridge(in_another_order(before, random), in_another_order(now, random), basis=BASIS) == found
    for name in ("cash", "balance", "runway"):
        change, column = getattr(found, name), "days" if name == "runway" else name
        told_by_step = [getattr(step, column).value for step in found.steps]
        if change.change.value is None:
            assert {change.before.value, change.now.value} >= {None}
            assert set(told_by_step) == {None}
        else:
            assert sum(told_by_step, Decimal(0)) == change.change.value == change.now.value - change.before.value


def test_a_standpoint_is_what_the_forecast_showed() -> None:
    shown: Standpoint = standpoint_of(EARLIER)
    assert shown.display == EARLIER.standing.runway.display
    assert shown.closes == tuple(day.p50 for day in EARLIER.standing.band.days)
