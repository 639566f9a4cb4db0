"""SVG as text: every attribute and word escaped, lengths to a tenth of a unit."""

from collections.abc import Iterable
from html import escape

Point = tuple[float, float]


def tag(name: str, *children: str, **attributes: object) -> str:
    """`class_` and `for_` lose their underscore, others become dashes; an attribute of None is left out. Children are markup already."""
    told = "".join(f' {_name(key)}="{_value(value)}"' for key, value in attributes.items() if value is not None)
    return f"<{name}{told}>{''.join(children)}</{name}>"


def words(text: str, at: Point, kind: str, *, anchor: str | None = None) -> str:
    x, y = at
    return tag("text", escape(text), x=x, y=y, class_=kind, text_anchor=anchor)


def line(start: Point, end: Point, kind: str) -> str:
    return tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=kind)


def box(x: float, y: float, size: tuple[float, float], kind: str, **more: object) -> str:
    return tag("rect", x=x, y=y, width=max(0.0, size[0]), height=max(0.0, size[1]), class_=kind, **more)


def polyline(points: Iterable[Point], kind: str) -> str:
    return tag("polyline", points=_joined(points), class_=kind)


def polygon(points: Iterable[Point], kind: str) -> str:
    return tag("polygon", points=_joined(points), class_=kind)


def picture(name: str, size: tuple[float, float], *parts: str, title: str, told: str) -> str:
    """`name` is unique on its page; `told` says in a sentence what the eye sees."""
    ids = f"{name}-title", f"{name}-desc"
    return tag(
        "svg",
        tag("title", escape(title), id=ids[0]),
        tag("desc", escape(told), id=ids[1]),
        *parts,
        id=name,
        class_=f"picture {name.partition('-')[0]}",
        viewBox=f"0 0 {_value(size[0])} {_value(size[1])}",
        role="img",
        aria_labelledby=" ".join(ids),
    )


def _joined(points: Iterable[Point]) -> str:
    return " ".join(f"{_value(x)},{_value(y)}" for x, y in points)


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return escape(str(value))
