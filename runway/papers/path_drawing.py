"""The 13 weeks as lines on paper: the band, its middle, the floor, today and the low point."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from fpdf import FPDF
from fpdf.enums import RenderStyle

from infra.money import ZERO
from runway.calculators.digest import Digest
from runway.calculators.draws import BandDay
from runway.language.formats import day, short_money
from runway.language.strings import _

_LEFT, _BOTTOM, _RIGHT = 18.0, 6.0, 4.0
_BAND, _LINE, _FLOOR, _GRID, _SOFT = (210, 228, 220), (15, 95, 74), (163, 32, 32), (226, 231, 228), (86, 99, 92)
_WEEKS_A_MARK = 2
_DAYS_A_WEEK = 7
_LINES = 4


@dataclass(frozen=True)
class Frame:
    """Where days and amounts lie, in millimetres; `low` and `high` are the amounts at its foot and head."""

    left: float
    top: float
    width: float
    height: float
    days: int
    low: Decimal
    high: Decimal

    def x(self, ahead: int) -> float:
        return self.left + self.width * ahead / max(1, self.days - 1)

    def y(self, amount: Decimal) -> float:
        return self.top + self.height * float((self.high - amount) / (self.high - self.low))


def frame_of(
    band: Sequence[BandDay], floor: Decimal | None, *, left: float, top: float, width: float, height: float
) -> Frame:
    """Zero is always in sight: without it a small change looks like a fall."""
    levels = [ZERO, *(one for day_ in band for one in (day_.p10, day_.p90)), *([floor] if floor is not None else [])]
    low, high = min(levels), max(levels)
    spare = (high - low) / 12 or Decimal(1)
    return Frame(left, top, width, height, len(band), low - (spare if low < 0 else ZERO), high + spare)


def draw_path(pdf: FPDF, digest: Digest, *, height: float, family: str, write: Callable[[str], str]) -> None:
    """Below what was written last; the cursor ends beneath it."""
    if pdf.will_page_break(height):
        pdf.add_page()
    left, top = pdf.l_margin + _LEFT, pdf.get_y()
    width = pdf.epw - _LEFT - _RIGHT
    frame = frame_of(digest.band, digest.floor.value, left=left, top=top, width=width, height=height - _BOTTOM)
    pdf.set_font(family, "", 7.5)
    pdf.set_text_color(*_SOFT)
    _draw_grid(pdf, digest, frame, write)
    _draw_band(pdf, digest.band, frame)
    _draw_levels(pdf, digest, frame, write)
    pdf.set_xy(pdf.l_margin, top + height + 1)


def _draw_grid(pdf: FPDF, digest: Digest, frame: Frame, write: Callable[[str], str]) -> None:
    pdf.set_draw_color(*_GRID)
    pdf.set_line_width(0.2)
    for number in range(_LINES + 1):
        amount = frame.low + (frame.high - frame.low) * number / _LINES
        y = frame.y(amount)
        pdf.line(frame.left, y, frame.left + frame.width, y)
        pdf.set_xy(pdf.l_margin, y - 2)
        pdf.cell(_LEFT - 2, 4, write(short_money(amount, digest.currency)), align="R")
    for ahead in range(0, frame.days, _DAYS_A_WEEK * _WEEKS_A_MARK):
        pdf.set_xy(frame.x(ahead) - 10, frame.top + frame.height + 1)
        pdf.cell(20, 4, write(day(digest.band[ahead].on)), align="C")


def _draw_band(pdf: FPDF, band: Sequence[BandDay], frame: Frame) -> None:
    upper = [(frame.x(ahead), frame.y(one.p90)) for ahead, one in enumerate(band)]
    lower = [(frame.x(ahead), frame.y(one.p10)) for ahead, one in enumerate(band)]
    pdf.set_fill_color(*_BAND)
    pdf.polygon([*upper, *reversed(lower)], style=RenderStyle.F)
    pdf.set_draw_color(*_LINE)
    pdf.set_line_width(0.55)
    pdf.polyline([(frame.x(ahead), frame.y(one.p50)) for ahead, one in enumerate(band)])


def _draw_levels(pdf: FPDF, digest: Digest, frame: Frame, write: Callable[[str], str]) -> None:
    pdf.set_line_width(0.3)
    if digest.floor.value is not None:
        y = frame.y(digest.floor.value)
        pdf.set_draw_color(*_FLOOR)
        pdf.set_dash_pattern(dash=1.6, gap=1.2)
        pdf.line(frame.left, y, frame.left + frame.width, y)
        pdf.set_dash_pattern()
        pdf.set_xy(frame.left + frame.width - 20, y - 4)
        pdf.set_text_color(*_FLOOR)
        pdf.cell(20, 4, write(_("Floor")), align="R")
    low = digest.runway.low_point
    if low.amount.value is not None:
        x = frame.x((low.on - digest.as_of).days)
        y = frame.y(low.amount.value)
        pdf.set_fill_color(*_LINE)
        pdf.circle(x, y, 0.9, style=RenderStyle.F)
        pdf.set_text_color(*_LINE)
        # To the side with room, and above the line.
        is_right = x > frame.left + frame.width / 2
        pdf.set_xy(x - 41 if is_right else x + 1, y - 4.6)
        said = _("Low %(amount)s, %(day)s") % {
            "amount": short_money(low.amount.value, digest.currency), "day": day(low.on),
        }  # fmt: skip
        pdf.cell(40, 4, write(said), align="R" if is_right else "L")
