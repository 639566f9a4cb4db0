"""The digest on paper. What draws it is loaded when somebody asks: most processes never do, and it is a twentieth of their start."""

from enum import StrEnum

from runway.calculators.digest import Digest


class PaperSize(StrEnum):
    A4 = "a4"
    LETTER = "letter"


def digest_paper(digest: Digest, *, size: PaperSize = PaperSize.A4) -> bytes:
    """A PDF."""
    from runway.papers.digest_sheets import DigestSheets

    return DigestSheets(digest, size.value).make()
