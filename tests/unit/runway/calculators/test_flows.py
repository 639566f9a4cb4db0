from decimal import Decimal

import pytest

from domains.core.movements import CashMovement
from runway.calculators.flows import FlowKind, FlowRules, classify, sums_by_kind
from tests.unit.runway.calculators.making import CHART, make_movement, make_transfer

RULES = FlowRules()


@pytest.mark.parametrize(
    ("movement", "kind", "is_operating"),
    [
        (make_movement(100), FlowKind.OPERATING, True),
        (make_movement(-100), FlowKind.OPERATING, True),
        (make_movement(-100, counter_account_id=None), FlowKind.OPERATING, True),
        (make_movement(-100, counter_account_id="not in the chart"), FlowKind.OPERATING, True),
        (make_movement(100, counter_account_id="undeposited"), FlowKind.OPERATING, True),
        (make_movement(-100, counter_account_id="truck"), FlowKind.OPERATING, True),
        (make_movement(-100, counter_account_id="card"), FlowKind.CARD_PAYMENT, True),
        (make_movement(-100, counter_account_id="loan"), FlowKind.DEBT_SERVICE, True),
        (make_movement(-100, counter_account_id="line"), FlowKind.DEBT_SERVICE, True),
        (make_movement(-100, counter_account_id="sales-tax"), FlowKind.TAX_REMITTANCE, True),
        (make_movement(-100, counter_account_id="payroll-liability"), FlowKind.TAX_REMITTANCE, True),
        (make_movement(-100, account_id="payroll-tax"), FlowKind.OPERATING, True),
        (make_movement(-100, account_id="closed"), FlowKind.OPERATING, True),
        (make_movement(-100, counter_account_id="equity"), FlowKind.OWNER_DRAW, True),
        (make_movement(100, counter_account_id="equity"), FlowKind.CAPITAL_IN, False),
        (make_movement(100, counter_account_id="opening"), FlowKind.OPENING_BALANCE, False),
        (make_movement(-100, counter_account_id="opening"), FlowKind.OPENING_BALANCE, False),
        (make_movement(100, counter_account_id="loan"), FlowKind.LOAN_PROCEEDS, False),
        (make_movement(100, counter_account_id="line"), FlowKind.LOAN_PROCEEDS, False),
        (make_movement(100, counter_account_id="card"), FlowKind.LOAN_PROCEEDS, False),
        (make_movement(100, counter_account_id="truck"), FlowKind.ASSET_SALE, False),
        (make_movement(100, counter_account_id="gain"), FlowKind.ASSET_SALE, False),
        (make_movement(100, counter_account_id="shares"), FlowKind.ASSET_SALE, False),
        (make_movement(-100, account_id="card"), FlowKind.CARD_ACTIVITY, False),
        (make_movement(100, account_id="card", counter_account_id="checking"), FlowKind.CARD_ACTIVITY, False),
        (make_movement(100, account_id="undeposited"), FlowKind.UNDEPOSITED, False),
        (make_movement(-100, account_id="trust"), FlowKind.OTHER_ACCOUNT, False),
        (make_movement(-100, account_id="off"), FlowKind.OTHER_ACCOUNT, False),
        (make_movement(-100, account_id="not in the chart"), FlowKind.OTHER_ACCOUNT, False),
    ],
)
def test_what_a_movement_is(movement: CashMovement, kind: FlowKind, is_operating: bool) -> None:  # noqa: FBT001 - a table's column
    (flow,) = classify([movement], CHART, rules=RULES)
    assert (flow.kind, flow.is_operating) == (kind, is_operating)


@pytest.mark.parametrize(
    ("origin", "target"),
    [("checking", "savings"), ("checking", "payroll-tax"), ("checking", "off"), ("off", "savings")],
)
def test_a_transfer_between_own_accounts_never_counts(origin: str, target: str) -> None:
    flows = classify(make_transfer(100, origin=origin, target=target), CHART, rules=RULES)
    assert [flow.kind for flow in flows] == [FlowKind.OWN_TRANSFER] * 2


def test_fees_drawn_from_a_trust_account_are_income_once() -> None:
    flows = classify(make_transfer(100, origin="trust", target="checking"), CHART, rules=RULES)
    assert [flow.kind for flow in flows] == [FlowKind.OTHER_ACCOUNT, FlowKind.OPERATING]
    assert [flow.movement.amount for flow in flows if flow.is_operating] == [Decimal(100)]


def test_paying_the_card_counts_once_and_buying_with_it_does_not() -> None:
    purchase = make_movement(-80, account_id="card", days_ago=3)
    payment = make_transfer(80, origin="checking", target="card")
    flows = classify([purchase, *payment], CHART, rules=RULES)
    assert [flow.movement.amount for flow in flows if flow.is_operating] == [Decimal(-80)]


def test_a_flagged_tax_refund_is_left_out_and_only_that_document() -> None:
    refund = make_movement(900, source="Deposit", external_id="7")
    same_id_elsewhere = make_movement(900, source="Receipt", external_id="7")
    rules = FlowRules(one_off_tax_refunds=frozenset({("Deposit", "7")}))
    flows = classify([refund, same_id_elsewhere], CHART, rules=rules)
    assert [flow.kind for flow in flows] == [FlowKind.TAX_REFUND, FlowKind.OPERATING]


def test_owner_draws_can_be_switched_off_and_stay_listed() -> None:
    draw = make_movement(-500, counter_account_id="equity")
    (flow,) = classify([draw], CHART, rules=FlowRules(count_owner_draws=False))
    assert (flow.kind, flow.is_operating) == (FlowKind.OWNER_DRAW, False)


def test_voided_movements_are_dropped() -> None:
    assert classify([make_movement(0)], CHART, rules=RULES) == []


def test_sums_keep_sign_and_count() -> None:
    flows = classify([make_movement(100), make_movement(-30), make_movement(-5, account_id="card")], CHART, rules=RULES)
    assert [(item.kind, item.amount, item.n) for item in sums_by_kind(flows)] == [
        (FlowKind.OPERATING, Decimal(70), 2),
        (FlowKind.CARD_ACTIVITY, Decimal(-5), 1),
    ]
