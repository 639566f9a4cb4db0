"""A chart as a test reads it: its parts by class, with their places."""

from dataclasses import dataclass
from xml.etree import ElementTree as ET


@dataclass(frozen=True)
class Drawn:
    root: ET.Element

    @classmethod
    def of(cls, text: str) -> "Drawn":
        return cls(ET.fromstring(text))  # noqa: S314  # our own text

    def parts(self, name: str, *kinds: str) -> list[ET.Element]:
        """Elements of that name that have all these classes."""
        return [one for one in self.root.iter(name) if set(kinds) <= set(one.get("class", "").split())]

    def one(self, name: str, *kinds: str) -> ET.Element:
        (found,) = self.parts(name, *kinds)
        return found

    def told(self, name: str) -> str:
        return self.one(name).text or ""

    @property
    def size(self) -> tuple[float, float]:
        _x, _y, width, height = map(float, self.root.get("viewBox", "").split())
        return width, height


def points(element: ET.Element) -> list[tuple[float, float]]:
    pairs = (pair.split(",") for pair in element.get("points", "").split())
    return [(float(x), float(y)) for x, y in pairs]


def number(element: ET.Element, name: str) -> float:
    return float(element.get(name, "nan"))


def xs(drawn: Drawn) -> list[float]:
    """Every place across that is drawn at, words aside."""
    found = [x for name in ("polyline", "polygon") for one in drawn.parts(name) for x, _y in points(one)]
    for one in drawn.parts("rect"):
        found += [number(one, "x"), number(one, "x") + number(one, "width")]
    return found + [number(one, "cx") for one in drawn.parts("circle")]
