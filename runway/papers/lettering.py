"""Which letters a paper can show. The fonts that every PDF reader has know Western European ones; for others an installed font is embedded.

Where none is installed, unknown letters become question marks, and the paper says so.
"""

from pathlib import Path

from fpdf import FPDF

_CORE, _EMBEDDED = "helvetica", "sans"
_CODEC = "cp1252"
# Free fonts with many scripts, where Debian, Fedora, Alpine and macOS put them; embedding them is what their licences allow.
_PLACES = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans{bold}.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans{bold}.ttf",
    "/usr/share/fonts/dejavu/DejaVuSans{bold}.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-{weight}.ttf",
    "/Library/Fonts/Arial Unicode.ttf",
)


class Lettering:
    """`family` is to be set on the paper; `write` gives the text as that can show it."""

    def __init__(self, paper: FPDF, text: str, *, places: tuple[str, ...] = _PLACES) -> None:
        """`text`: all that will be written."""
        self.is_lossy = False
        self._unknown: dict[int, str] = {}
        self.family = _CORE
        paper.core_fonts_encoding = _CODEC
        if _fits(text):
            return
        for place in places:
            regular, bold = (place.format(bold=bold, weight=weight) for bold, weight in _WEIGHTS)
            if Path(regular).is_file() and Path(bold).is_file():
                paper.add_font(_EMBEDDED, "", regular)
                paper.add_font(_EMBEDDED, "B", bold)
                self.family = _EMBEDDED
                known = set(map(chr, paper.fonts[_EMBEDDED].cmap))  # type: ignore[union-attr]  # of an embedded font
                self._unknown = dict.fromkeys(map(ord, set(text) - known - {"\n"}), "?")
                self.is_lossy = bool(self._unknown)
                return
        self.is_lossy = True

    def write(self, text: str) -> str:
        """Spaces and dashes that the common fonts lack are plain ones."""
        plain = text.translate(_PLAIN)
        if self.family == _EMBEDDED:
            return plain.translate(self._unknown)
        return plain.encode(_CODEC, "replace").decode(_CODEC)


_WEIGHTS = (("", "Regular"), ("-Bold", "Bold"))
_PLAIN = str.maketrans({
    "\N{MINUS SIGN}": "-", "\N{NARROW NO-BREAK SPACE}": " ", "\N{NO-BREAK SPACE}": " ", "\N{THIN SPACE}": " ", "\N{NON-BREAKING HYPHEN}": "-",
})  # fmt: skip


def _fits(text: str) -> bool:
    try:
        text.translate(_PLAIN).encode(_CODEC)
    except UnicodeEncodeError:
        return False
    return True
