"""Where one can go within a client, in the order of the week's work."""

from dataclasses import dataclass

from domains.core.permissions import Permission
from runway.web.clients import Client
from runway.web.strings import _, keyed


@dataclass(frozen=True)
class Link:
    """`key` says which page is the one that is open; `path` is below the client's own."""

    key: str
    path: str
    label: str
    permission: Permission


LINKS = (
    Link("cockpit", "", keyed("Overview"), Permission.BOOKS_READ),
    Link("tray", "/tray", keyed("Tray"), Permission.BOOKS_READ),
    Link("ritual", "/ritual", keyed("Ritual"), Permission.BOOKS_READ),
    Link("payables", "/payables", keyed("Payables"), Permission.BOOKS_READ),
    Link("receivables", "/receivables", keyed("Receivables"), Permission.BOOKS_READ),
    Link("digest", "/digest", keyed("Digest"), Permission.BOOKS_READ),
    Link("health", "/health", keyed("Data health"), Permission.BOOKS_READ),
    Link("audit", "/audit", keyed("Audit"), Permission.AUDIT_READ),
    Link("settings", "/settings", keyed("Settings"), Permission.BOOKS_READ),
)


@dataclass(frozen=True)
class ShownLink:
    key: str
    href: str
    label: str


def links_for(client: Client) -> list[ShownLink]:
    """Those that open for this person."""
    return [ShownLink(one.key, client.path + one.path, _(one.label)) for one in LINKS if client.may(one.permission)]
