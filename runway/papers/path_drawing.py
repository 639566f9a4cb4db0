"""The 13 weeks as lines on paper: the band, its middle, the floor, today and the low point."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

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
    """Where days and amounts lie, in millimetres; `low` and `high` are the amounts at its foot and head, lines are a `step` apart."""

    left: float
    top: float
    width: float
    height: float
    days: int
    low: Decimal
    high: Decimal
    step: Decimal

    def x(self, ahead: int) -> float:
        return self.left + self.width * ahead / max(1, self.days - 1)

    def y(self, amount: Decimal) -> float:
        return self.top + self.height * float((self.high - amount) / (self.high - self.low))


def frame_of(
    band: Sequence[BandDay], floor: Decimal | None, *, left: float, top: float, width: float, height: float
) -> Frame:
    """Zero is always in sight: without it a small change looks like a fall. Foot and head are round amounts."""
    levels = [ZERO, *(one for day_ in band for one in (day_.p10, day_.p90)), *([floor] if floor is not None else [])]
    step = _step(max(levels) - min(levels))
    low = (min(levels) / step).to_integral_value(ROUND_FLOOR) * step
    high = (max(levels) / step).to_integral_value(ROUND_CEILING) * step
    return Frame(left, top, width, height, len(band), low, high if high > low else low + step, step)


def _step(reach: Decimal) -> Decimal:
    """1, 2 or 5 times a power of ten, so that some five lines cover `reach`."""
    wanted = max(reach / _LINES, Decimal(1))
    power = Decimal(10) ** (wanted.adjusted())
    return next(power * times for times in (1, 2, 5, 10) if power * times >= wanted)


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
    pdf.set_line_width(0.2)
    for number in range(int((frame.high - frame.low) / frame.step) + 1):
        amount = frame.low + frame.step * number
        y = frame.y(amount)
        pdf.set_draw_color(*(_SOFT if amount == 0 else _GRID))
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
        # To the side with room, and below the line: it is nowhere lower.
        is_right = x > frame.left + frame.width / 2
        pdf.set_xy(x - 41 if is_right else x + 1, min(y + 1, frame.top + frame.height - 4))
        said = _("Low %(amount)s, %(day)s") % {
            "amount": short_money(low.amount.value, digest.currency), "day": day(low.on),
        }  # fmt: skip
        pdf.cell(40, 4, write(said), align="R" if is_right else "L")
