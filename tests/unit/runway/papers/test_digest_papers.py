"""The digest's letter and paper, of a small book: what they say, and what they do with names that are hard to write."""

import zlib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from fpdf import FPDF

from runway.calculators.ageing import OpenDocument
from runway.calculators.bridge import bridge
from runway.calculators.bridge_causes import BridgeCause
from runway.calculators.digest import Digest, DigestDecision, DigestSources, NamedDocument, digest_of
from runway.calculators.floor import AbsoluteFloor
from runway.calculators.forecast import ForecastRules, forecast
from runway.calculators.groundwork import Books
from runway.calculators.outlook import PathRow
from runway.calculators.standpoint import standpoint_of
from runway.calculators.working_capital import Turnover, working_capital
from runway.papers.letter import digest_letter
from runway.papers.lettering import Lettering
from runway.papers.paper import PaperSize, digest_paper
from runway.papers.path_drawing import frame_of
from runway.papers.words import cause_in_words, subject_of
from tests.unit.runway.calculators.making import BASIS, T, daily_rent, make_inputs, whole, wholes

BUSINESS = UUID("0198c7d2-1111-7c1e-9f0e-3b1f0a5d2c11")
BILL = UUID("0198c7d2-2222-7c1e-9f0e-3b1f0a5d2c11")
RULES = ForecastRules(floor=AbsoluteFloor(Decimal(1000)), counts_to_come=False, counts_uninvoiced_sales=False)


def document(external_id: str, amount: int, due_on: date, *, party: str) -> OpenDocument:
    return OpenDocument(external_id, party, party, date(2025, 10, 1), due_on, Decimal(amount))


def make_digest(business: str = "Corner Bakery", *, vendor: str = "Harbor Supply") -> Digest:
    books = Books(
        runway=make_inputs(daily_rent(10, 60)),
        bills=[document("b1", 500, date(2025, 11, 12), party=vendor), document("b2", 9000, T, party="Landlord")],
        invoices=[document("i1", 700, date(2025, 9, 1), party="Dune Cafe"), document("i2", 90, T, party="Later")],
    )
    made = forecast(books, company_id="company", rules=replace(RULES, must_pay=frozenset({"b2"})))
    capital = working_capital(Turnover(), receivables=made.receivables, payables=made.payables, basis=BASIS)
    decision = DigestDecision(
        item="bill:1",
        priority="P1",
        what="Bill 2231",
        who=vendor,
        amount=BASIS.figure(Decimal(500), "USD", n=1, n_of="items"),
        due_on=T,
        why=("due in 2 d", "looks like\nanother"),
        days=BASIS.figure(Decimal(-6), "days", n=1, n_of="documents"),
        low_change=BASIS.figure(Decimal(-500), "USD", n=1, n_of="documents"),
    )
    sources = DigestSources(
        business_id=BUSINESS,
        business=business,
        time_zone="America/New_York",
        change=None,
        decisions=[decision],
        waiting=4,
        bills={"b1": NamedDocument(BILL, "2231")},
        invoices={"i1": NamedDocument(BILL, "1045")},
        warnings=["Differences from QuickBooks that are not repaired: 2."],
    )
    return digest_of(made, capital, sources, week_on=date(2025, 11, 17))


def test_a_digest_has_the_cards_numbers_and_their_documents() -> None:
    digest = make_digest()
    assert wholes(digest.due.total.value, digest.due.must_pays.value) == [9500, 9000]
    assert digest.due_in_all == 2
    assert [
        (one.what, one.row, whole(one.amount.value), one.is_must_pay, one.overdue_since) for one in digest.due_items
    ] == [
        ("Landlord", PathRow.BILLS, 9000, True, None),
        ("Harbor Supply", PathRow.BILLS, 500, False, date(2025, 11, 12)),
    ]
    assert digest.overdue.value == 700
    assert [(one.customer, one.days_overdue, whole(one.amount.value)) for one in digest.overdue_items] == [
        ("Dune Cafe", 81, 700)
    ]


def test_the_letter_says_it_twice() -> None:
    letter = digest_letter(make_digest(), public_url="https://books.example.com/")
    assert letter.subject == "Corner Bakery: 0 days (0\N{EN DASH}0) \N{EN DASH} based on 60 days"
    told = (
        "$9,500.00",
        "must be paid: $9,000.00",
        "Harbor Supply, bill 2231, overdue since Nov 12",
        "Dune Cafe, invoice 1045",
        "81 days late",
        "There is no forecast of an earlier week to compare with yet.",
        "Differences from QuickBooks that are not repaired: 2.",
        "\N{MINUS SIGN}6 days",
        f"https://books.example.com/c/{BUSINESS}/tray/bill:1",
    )
    assert [text for text in told if text not in letter.text] == []
    assert [text for text in told if text.replace("6 days", "6") not in letter.html] == []
    assert "looks like another" in letter.text  # a line of the books begins none of ours


def test_what_the_books_say_is_no_markup() -> None:
    letter = digest_letter(
        make_digest("<b>Söhne & Co</b>\r\nBcc: x@example.com", vendor="<img src=x>"), public_url="http://x"
    )
    assert "&lt;b&gt;Söhne &amp; Co&lt;/b&gt;" in letter.html
    assert "<img" not in letter.html
    assert "\n" not in letter.subject


def test_the_subject_tells_the_change() -> None:
    digest = make_digest()
    now = standpoint_of(forecast(Books(runway=make_inputs(daily_rent(10, 60))), company_id="c", rules=RULES))
    for before, words in ((890, "10 days more than"), (910, "10 days less than"), (900, "as")):
        then = replace(
            now, as_of=date(2025, 11, 10), runway=BASIS.figure(Decimal(before), "days", n=1, n_of="documents")
        )
        today = replace(now, runway=BASIS.figure(Decimal(900), "days", n=1, n_of="documents"))
        change = bridge(then, today, basis=BASIS)
        assert subject_of(replace(digest, change=change)).endswith(f", {words} last week")


def test_each_cause_has_words() -> None:
    assert len({cause_in_words(cause) for cause in BridgeCause}) == len(BridgeCause)


def shown_on(paper: bytes) -> str:
    """The text of a paper in one of the common fonts."""
    streams = paper.split(b"stream\n")[1:]
    pages = [zlib.decompress(one.split(b"\nendstream")[0]) for one in streams if one[:1] == b"x"]
    return b"".join(pages).decode("cp1252", "replace").replace("\\(", "(").replace("\\)", ")")


@pytest.mark.parametrize("size", PaperSize)
def test_the_paper_is_the_same_each_time_and_needs_no_font(size: PaperSize) -> None:
    first = digest_paper(make_digest("Bäckerei Söhne"), size=size)
    assert digest_paper(make_digest("Bäckerei Söhne"), size=size) == first
    text = shown_on(first)
    for told in ("Bäckerei Söhne", "$9,500.00", "Dune Cafe", "Floor", "based on 60 days"):
        assert all(word in text for word in told.split()), told
    assert b"/FontFile" not in first


def test_a_paper_without_cash_has_no_drawing_and_the_reason() -> None:
    digest = make_digest()
    unknown = replace(digest, cash=BASIS.missing("not read", "USD", n=0, n_of="accounts"))
    assert "Floor" not in shown_on(digest_paper(unknown)).replace("Floor:", "")


def test_letters_without_a_font_are_question_marks_and_told(tmp_path: Path) -> None:
    lettering = Lettering(FPDF(), "Żółć 東京", places=(str(tmp_path / "none{bold}{weight}.ttf"),))
    assert (lettering.family, lettering.is_lossy) == ("helvetica", True)
    assert lettering.write("Żółć\N{NARROW NO-BREAK SPACE}\N{MINUS SIGN}5") == "?ó?? -5"
    common = Lettering(FPDF(), "Söhne \N{EN DASH} \N{EURO SIGN}5 \N{MINUS SIGN}3")
    assert (common.family, common.is_lossy) == ("helvetica", False)


def test_the_frame_holds_zero_the_floor_and_round_amounts() -> None:
    band = make_digest().band
    frame = frame_of(band, Decimal(1000), left=0, top=0, width=100, height=50)
    assert frame.low % frame.step == 0 == frame.high % frame.step
    assert frame.low <= min(Decimal(0), *(day.p10 for day in band))
    assert frame.high >= max(Decimal(1000), *(day.p90 for day in band))
    assert (frame.x(0), frame.x(91), frame.y(frame.high), frame.y(frame.low)) == (0, 100, 0, 50)
