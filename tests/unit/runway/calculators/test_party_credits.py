from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from runway.calculators.ageing import UnappliedCredit
from runway.calculators.party_credits import after_credits
from tests.unit.runway.calculators.making import BASIS, whole, wholes
from tests.unit.runway.calculators.test_ageing import make_credit, make_document

AMOUNTS = st.decimals(min_value="0.01", max_value=9999, places=2)
PARTIES = st.sampled_from(["acme", "bolt"])


def test_the_oldest_document_takes_the_credit_first_and_the_rest_is_left_over() -> None:
    documents = [make_document(100, 5, external_id="new"), make_document(60, 40, external_id="old")]
    some = after_credits(documents, [make_credit(100)], basis=BASIS)
    assert [(item.external_id, whole(item.open_amount)) for item in some.documents] == [("old", 0), ("new", 60)]
    more = after_credits(documents, [make_credit(100), make_credit(75)], basis=BASIS)
    assert (wholes(more.applied.value, more.left_over.value), more.applied.n) == ([160, 15], 2)


def test_a_credit_helps_no_other_party() -> None:
    done = after_credits([make_document(100)], [make_credit(30, "bolt")], basis=BASIS)
    assert wholes(done.documents[0].open_amount, done.left_over.value) == [100, 30]


@given(st.lists(st.tuples(AMOUNTS, PARTIES, st.integers(-9, 99))), st.lists(st.tuples(AMOUNTS, PARTIES)))
def test_nothing_is_lost_and_order_does_not_matter(
    owed: list[tuple[Decimal, str, int]], given_back: list[tuple[Decimal, str]]
) -> None:
    documents = [
        make_document(amount, late, party_id=party, external_id=str(i)) for i, (amount, party, late) in enumerate(owed)
    ]
    left = [UnappliedCredit(str(i), party, party, amount) for i, (amount, party) in enumerate(given_back)]
    done = after_credits(documents, left, basis=BASIS)
    assert done == after_credits(documents[::-1], left[::-1], basis=BASIS)
    open_after = sum(item.open_amount for item in done.documents)
    assert min((item.open_amount for item in done.documents), default=0) >= 0
    assert open_after - (done.left_over.value or 0) == sum(a for a, *_ in owed) - sum(a for a, _ in given_back)
