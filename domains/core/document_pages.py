"""Pages of bills and of invoices, the lists that people look at most: each shape of question is one statement, compiled once."""

from typing import Any, Generic, NamedTuple, TypeVar, cast
from uuid import UUID

import msgspec
from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute

from domains.core.documents import DocumentFilter, ListedDocument, StatusFilter, conditions_of, status_column
from domains.core.ledger import LEDGER
from domains.core.paging import DueCursor
from infra import exact_json
from infra.db.reads import Read, Statement
from infra.sync.shapes import MirrorRow

R = TypeVar("R", bound=ListedDocument)

_FEWEST_PLACES = 2
_BUSINESS = bindparam("business_id", type_=Uuid)
_TODAY = bindparam("today", type_=Date)
_LATEST = bindparam("latest", type_=Date)
_EARLIEST = bindparam("earliest", type_=Date)
_SOUGHT = bindparam("sought", type_=Text)
_PARTY = bindparam("party", type_=Text)
_PARTY_ID = bindparam("party_id", type_=Uuid)
_ID = bindparam("id", type_=Uuid)
_AFTER_DUE = bindparam("after_due", type_=Date)
_AFTER_ID = bindparam("after_id", type_=Uuid)
_LIMIT = bindparam("row_limit", type_=Integer)
_HOME_CURRENCY = bindparam("home_currency", type_=Text)


class _Shape(NamedTuple):
    """What makes a question another statement. `after_dated` is None on the first page."""

    status: StatusFilter
    has_latest: bool
    has_party: bool
    party_is_ours: bool
    after_dated: bool | None
    has_earliest: bool
    is_search: bool
    is_json: bool


class DocumentPages(Generic[R]):
    """Pages of one mirror, soonest due first, what has no due date last.

    Args:
        mirror: bills or invoices.
        row: what a row shows; its keys are the mirror's columns.
        party: the column that holds the rail's id of the vendor or customer; `party_name` the one that holds the name.
        parties: their mirror.
    """

    def __init__(
        self,
        mirror: type[Any],
        row: type[R],
        *,
        party: InstrumentedAttribute[str],
        party_name: InstrumentedAttribute[str | None],
        parties: type[MirrorRow],
    ) -> None:
        self._mirror = mirror
        self._names = tuple(row.__annotations__)  # those of ListedDocument among them
        self._columns = [getattr(mirror, name) for name in self._names]
        self._written = [
            *(_as_written(column) for column in self._columns),
            status_column(mirror, today=_TODAY).label("status"),
        ]
        self._party = party
        self._party_name = party_name
        self._parties = parties
        self._statements: dict[_Shape, Statement[Any]] = {}
        self._one = Statement(self._live(self._columns).where(mirror.id == _ID), self._row)

    def read(self, business_id: UUID, wanted: DocumentFilter) -> Read[R]:
        """The page, with one row more than it holds: that row only says that there is a next page.

        Raises:
            UnreadableCursor: `wanted.after` is none of ours.
        """
        return self._read(business_id, wanted)

    def read_json(self, business_id: UUID, wanted: DocumentFilter, *, home_currency: str) -> Read[list[msgspec.Raw]]:
        """As `read`, in one row: JSON objects that the database writes. Amounts are text with all their digits, cents at the least;
        the status is that on `wanted.today`, and the currency that goes without saying is named.

        Raises:
            UnreadableCursor: as `read`.
        """
        return self._read(business_id, wanted, home_currency=home_currency)

    def _read(self, business_id: UUID, wanted: DocumentFilter, *, home_currency: str | None = None) -> Read[Any]:
        after = DueCursor.decode(wanted.after) if wanted.after else None
        party_id = _read_id(wanted.party)
        shape = _Shape(
            wanted.status,
            wanted.latest is not None,
            wanted.party is not None,
            party_id is not None,
            None if after is None else after.due_on is not None,
            wanted.due_from is not None,
            bool(wanted.search),
            home_currency is not None,
        )
        values: dict[str, Any] = {"business_id": business_id, "today": wanted.today, "row_limit": wanted.page_size + 1}
        if home_currency is not None:
            values["home_currency"] = home_currency
        if wanted.latest is not None:
            values["latest"] = wanted.latest
        if wanted.due_from is not None:
            values["earliest"] = wanted.due_from
        if wanted.search:
            values["sought"] = wanted.search.lower()
        if wanted.party is not None:
            values |= {"party": wanted.party} if party_id is None else {"party_id": party_id}
        if after is not None:
            values |= {"after_due": after.due_on, "after_id": after.id}
        return self._statement(shape).with_(**values)

    def read_one(self, business_id: UUID, document_id: UUID) -> Read[R]:
        """The row of one, by our id; of one that is deleted none."""
        return self._one.with_(business_id=business_id, id=document_id)

    def _statement(self, shape: _Shape) -> Statement[Any]:
        statement = self._statements.get(shape)
        if statement is None:
            statement = self._statements[shape] = self._statement_of(shape)
        return statement

    def _statement_of(self, shape: _Shape) -> Statement[Any]:
        if not shape.is_json:
            return Statement(self._select(shape), self._row)
        page = self._select(shape).subquery("page")
        in_order = aggregate_order_by(literal(","), page.c.due_on, page.c.id)
        return Statement(
            select(func.string_agg(as_type(func.row_to_json(page.table_valued()), Text), in_order)), _objects
        )

    def _row(self, *values: Any) -> R:
        return cast("R", dict(zip(self._names, values, strict=True)))

    def _select(self, shape: _Shape) -> Select[Any]:
        mirror, latest = self._mirror, _LATEST if shape.has_latest else None
        earliest = _EARLIEST if shape.has_earliest else None
        conditions = conditions_of(shape.status, mirror, today=_TODAY, latest=latest, earliest=earliest)
        chosen = self._live(self._written if shape.is_json else self._columns).where(*conditions)
        if shape.is_search:
            # Not LIKE: what is sought may hold its signs.
            places = (func.lower(column) for column in (mirror.doc_number, self._party_name))
            chosen = chosen.where(or_(*(func.strpos(place, _SOUGHT) > 0 for place in places)))
        if shape.has_party:
            chosen = chosen.where(self._party == (self._owner() if shape.party_is_ours else _PARTY))
        due_on, row_id = mirror.due_on, mirror.id
        undated = chosen.where(due_on.is_(None)).order_by(row_id).limit(_LIMIT)
        match shape.after_dated:
            case None:
                return chosen.order_by(due_on, row_id).limit(_LIMIT)
            case False:
                return undated.where(row_id > _AFTER_ID)
            case True:
                # Rows without a due date are read apart, so that the index serves both parts.
                later = chosen.where(tuple_(due_on, row_id) > tuple_(_AFTER_DUE, _AFTER_ID))
                both = union_all(later.order_by(due_on, row_id).limit(_LIMIT), undated).subquery()
                return select(both).order_by(both.c.due_on, both.c.id).limit(_LIMIT)

    def _live(self, columns: list[Any]) -> Select[Any]:
        mirror = self._mirror
        return select(*columns).where(
            mirror.business_id == _BUSINESS, mirror.rail == LEDGER.value, mirror.deleted_at.is_(None)
        )

    def _owner(self) -> Any:
        parties = self._parties
        return (
            select(parties.external_id)
            .where(parties.business_id == _BUSINESS, parties.rail == LEDGER.value, parties.deleted_at.is_(None))
            .where(parties.id == _PARTY_ID)
            .scalar_subquery()
        )


def _objects(written: str | None) -> list[msgspec.Raw]:
    """None of a page without a row."""
    return exact_json.items_of(f"[{written or ''}]")


def _as_written(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """The column as JSON is to have it. A number there is a binary fraction to most readers: an amount is text."""
    match column.key:
        case "total" | "balance":
            exact = func.round(column, func.greatest(_FEWEST_PLACES, func.min_scale(column)))
            return as_type(exact, Text).label(column.key)
        case "exchange_rate":
            return as_type(func.trim_scale(column), Text).label(column.key)
        case "currency":
            return func.coalesce(func.nullif(column, ""), _HOME_CURRENCY).label(column.key)
        case _:
            return column.expression


def _read_id(party: str | None) -> UUID | None:
    """Ours, if it is one; otherwise it is the rail's."""
    try:
        return None if party is None else UUID(party)
    except ValueError:
        return None
