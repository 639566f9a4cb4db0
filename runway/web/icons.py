"""The signs beside words: drawn in the colour of the text, and hidden from who reads with their ears."""

from collections.abc import Mapping

from markupsafe import Markup

_PATHS = {
    "good": "M3 8.5l3.2 3.2L13 5",
    "warn": "M8 2.2l6.2 11.3H1.8z M8 6.5v3.2 M8 11.6v.2",
    "bad": "M5.2 1.8h5.6l3.4 3.4v5.6l-3.4 3.4H5.2l-3.4-3.4V5.2z M8 4.8v4 M8 11v.2",
    "clock": "M8 1.8a6.2 6.2 0 1 0 .01 0z M8 4.6V8l2.4 1.6",
    "next": "M6 3.5L10.5 8 6 12.5",
    "up": "M8 13V3.5 M4 7.2L8 3.2l4 4",
    "down": "M8 3v9.5 M4 8.8l4 4 4-4",
    "person": "M8 8.2a3 3 0 1 0-.01 0z M2.6 14c.6-2.6 2.7-4 5.4-4s4.8 1.4 5.4 4",
    "plain": "M8 5.5a2.5 2.5 0 1 0 .01 0z",
    "refresh": "M13.3 8A5.3 5.3 0 1 1 11.6 4.1 M13.5 2v3.2h-3.2",
}


def _drawn(path: str) -> Markup:
    sizes = 'viewBox="0 0 16 16" width="16" height="16"'
    return Markup(f'<svg class="icon" {sizes} aria-hidden="true" focusable="false"><path d="{path}"/></svg>')  # noqa: S704  # ours


ICONS: Mapping[str, Markup] = {name: _drawn(path) for name, path in _PATHS.items()}
"""By name."""
