"""The digest on paper: the same order and numbers as the letter, with the 13 weeks drawn. Deterministic but for what the books say."""

from datetime import UTC, datetime

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from runway.calculators.digest import Digest
from runway.language.formats import day
from runway.language.headline import headline
from runway.language.strings import _, ngettext
from runway.papers.lettering import Lettering
from runway.papers.path_drawing import draw_path
from runway.papers.words import cause_in_words, due_in_words, overdue_in_words, shown

_MARGIN, _INK, _SOFT, _RULE = 18.0, (23, 33, 28), (86, 99, 92), (216, 223, 218)
_PAPER = (255, 255, 255)
_LINE, _CHART_HEIGHT, _DECISION_HEIGHT = 5.2, 52.0, 16.0


class DigestSheets:
    """`size` is what the drawing library calls it."""

    def __init__(self, digest: Digest, size: str) -> None:
        self._digest = digest
        self._pdf = FPDF(orientation="portrait", unit="mm", format=size)
        self._pdf.set_creation_date(datetime(digest.as_of.year, digest.as_of.month, digest.as_of.day, tzinfo=UTC))
        self._pdf.set_margins(_MARGIN, _MARGIN, _MARGIN)
        self._pdf.set_auto_page_break(auto=True, margin=_MARGIN)
        self._letters = Lettering(self._pdf, _all_text(digest))
        self._pdf.set_title(self._letters.write(digest.business))
        self._pdf.set_lang("en")

    def make(self) -> bytes:
        digest = self._digest
        self._pdf.add_page()
        self._soft(_("Week of %(day)s") % {"day": day(digest.week_on, "long")})
        self._write(digest.business, size=17, bold=True, line=8)
        self._runway()
        self._changes()
        self._decisions()
        self._due()
        self._overdue()
        self._warnings()
        return bytes(self._pdf.output())

    def _runway(self) -> None:
        digest, runway = self._digest, self._digest.runway
        self._title(_("Runway"))
        self._write(headline(runway.display), size=15, bold=True, line=7)
        if runway.floor_on:
            self._write(_("Below the floor on %(day)s.") % {"day": day(runway.floor_on, "long")})
        self._write(_("Cash: %(cash)s. Floor: %(floor)s.") % {"cash": shown(digest.cash), "floor": shown(digest.floor)})
        low = {"low": shown(runway.low_point.amount), "day": day(runway.low_point.on)}
        self._write(_("Lowest point in 13 weeks: %(low)s on %(day)s.") % low)
        burn = {"net": shown(digest.net_burn), "gross": shown(digest.gross_burn)}
        self._write(_("Net burn: %(net)s. Gross burn: %(gross)s.") % burn)
        if digest.cash.value is not None:
            self._pdf.ln(3)
            draw_path(self._pdf, digest, height=_CHART_HEIGHT, family=self._letters.family, write=self._letters.write)

    def _changes(self) -> None:
        self._title(_("What changed"))
        change = self._digest.change
        if change is None:
            self._write(self._digest.no_change or "")
            return
        said = {"day": day(change.since, "weekday"), "before": headline(change.runway_before)}
        self._write(_("On %(day)s it was: %(before)s") % said)
        until = _("Cash on %(day)s") % {"day": day(change.until)}
        rows = [[_("Cause"), _("Runway"), _("Cash today"), until]]
        rows += [
            [cause_in_words(step.cause), *(shown(one, signed=True) for one in (step.days, step.cash, step.balance))]
            for step in change.steps
        ]
        changes = (change.runway.change, change.cash.change, change.balance.change)
        rows.append([_("In all"), *(shown(one, signed=True) for one in changes)])
        self._table(rows, widths=(40, 18, 21, 21), is_summed=True)
        if change.is_reconstructed:
            self._soft(_("The earlier forecast is reconstructed: nobody had made one then."))

    def _decisions(self) -> None:
        self._title(_("To decide"))
        if not self._digest.decisions:
            self._write(_("Nothing waits."))
        for number, one in enumerate(self._digest.decisions, start=1):
            if self._pdf.will_page_break(_DECISION_HEIGHT):
                self._pdf.add_page()
            amount = f", {shown(one.amount)}" if one.amount else ""
            on = f", {day(one.due_on, 'weekday')}" if one.due_on else ""
            self._write(f"{number}. {one.what}{on}{amount}", bold=True)
            if one.why:
                self._soft("; ".join(one.why))
            if one.days is not None and one.days.value is not None:
                moved = {"days": shown(one.days, signed=True), "low": shown(one.low_change, signed=True)}
                self._soft(_("Runway %(days)s, low point %(low)s") % moved)
        if self._digest.waiting > len(self._digest.decisions):
            self._soft(_("All in all %(n)s items wait.") % {"n": self._digest.waiting})

    def _due(self) -> None:
        digest = self._digest
        self._title(_("Due within %(n)s days") % {"n": digest.due.days})
        said = {"total": shown(digest.due.total), "must": shown(digest.due.must_pays)}
        self._write(_("%(total)s, of it must be paid: %(must)s") % said)
        must = _("must be paid")
        rows = [[_("Day"), _("Whom"), _("Amount")]] + [
            [
                day(one.on, "weekday"),
                due_in_words(one) + (f" ({must})" if one.is_must_pay else ""),
                shown(one.amount),
            ]
            for one in digest.due_items
        ]
        self._table(rows, widths=(20, 58, 22), words=2)
        self._more(digest.due_in_all - len(digest.due_items))

    def _overdue(self) -> None:
        digest = self._digest
        self._title(_("Overdue to collect"))
        said = {"total": shown(digest.overdue), "dso": shown(digest.dso)}
        self._write(_("%(total)s. Days sales are outstanding: %(dso)s") % said)
        rows = [[_("Customer"), _("Late"), _("Amount")]]
        for one in digest.overdue_items:
            late = ngettext("%(num)s day late", "%(num)s days late", one.days_overdue) % {"num": one.days_overdue}
            rows.append([overdue_in_words(one), late, shown(one.amount)])
        self._table(rows, widths=(56, 22, 22))
        self._more(digest.overdue_in_all - len(digest.overdue_items))

    def _warnings(self) -> None:
        self._title(_("Before you believe it"))
        for warning in self._digest.warnings or (_("The books are in step with QuickBooks."),):
            self._write(warning)
        self._pdf.ln(4)
        as_of = _("Of %(day)s, by the clock of %(zone)s.")
        self._soft(as_of % {"day": day(self._digest.as_of, "long"), "zone": self._digest.time_zone})
        if self._letters.is_lossy:
            self._soft(
                _("Letters that this paper's font does not have are shown as question marks; the mail has them.")
            )

    def _title(self, text: str) -> None:
        # A heading alone at a page's foot says nothing.
        if self._pdf.will_page_break(24):
            self._pdf.add_page()
        self._pdf.ln(4)
        self._write(text, size=12, bold=True, line=6.5)

    def _more(self, count: int) -> None:
        if count > 0:
            self._soft(_("%(n)s more") % {"n": count})

    def _soft(self, text: str) -> None:
        self._write(text, size=9, colour=_SOFT, line=4.6)

    def _write(
        self,
        text: str,
        *,
        size: float = 10,
        bold: bool = False,
        line: float = _LINE,
        colour: tuple[int, int, int] = _INK,
    ) -> None:
        self._pdf.set_font(self._letters.family, "B" if bold else "", size)
        self._pdf.set_text_color(*colour)
        self._pdf.multi_cell(0, line, self._letters.write(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _table(
        self, rows: list[list[str]], *, widths: tuple[int, ...], words: int = 1, is_summed: bool = False
    ) -> None:
        """The first `words` columns are read, the others compared: these stand at the right. The first row is the head."""
        if len(rows) == 1:
            return
        pdf = self._pdf
        pdf.ln(1)
        pdf.set_draw_color(*_RULE)
        pdf.set_fill_color(*_PAPER)
        pdf.set_text_color(*_INK)
        pdf.set_font(self._letters.family, "", 9)
        align = tuple("LEFT" if number < words else "RIGHT" for number in range(len(widths)))
        with pdf.table(
            col_widths=widths, text_align=align, line_height=5, borders_layout="HORIZONTAL_LINES", padding=(0.6, 1)
        ) as table:
            for number, cells in enumerate(rows):
                is_strong = is_summed and number == len(rows) - 1
                pdf.set_font(self._letters.family, "B" if is_strong else "", 9)
                row = table.row()
                for cell in cells:
                    row.cell(self._letters.write(cell))
        pdf.ln(1)


def _all_text(digest: Digest) -> str:
    """Whatever the books bring: our own words are in every font."""
    names = [digest.business, *(one.what for one in digest.decisions), *(one.who or "" for one in digest.decisions)]
    names += [word for one in digest.decisions for word in one.why]
    names += [due_in_words(one) for one in digest.due_items] + [overdue_in_words(one) for one in digest.overdue_items]
    figures = [digest.cash, digest.floor, digest.overdue]
    return "\n".join([*names, *digest.warnings, *map(shown, figures)])
