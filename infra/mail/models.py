from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from infra.db.base import Base


class Mail(Base):
    """A letter that is to go out. Its text may hold a link that opens a door: it is sealed, and dropped once the letter is sent.

    `html_sealed` is the same text as a page, where it has one. `from_name` is how the sender is called, instead of the installation's name; the address stays. `reply_to`: where answers go.
    """

    __tablename__ = "mail"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    recipient: Mapped[str]
    subject: Mapped[str]
    from_name: Mapped[str | None]
    reply_to: Mapped[str | None]
    body_sealed: Mapped[str | None]
    html_sealed: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
