"""Relay connections over a model or a relationship, forward and backward, a page at a time."""

import enum
from collections.abc import Callable, Sequence
from inspect import Parameter
from typing import Annotated, Any, Generic, NamedTuple, Protocol, TypeVar

import strawberry
from sqlalchemy.orm import InstrumentedAttribute
from strawberry.relay import PageInfo

from db.keyset import Order, Page
from db.read import ALL
from db.rows import Row
from db.sources import Target, attribute_of, referring, source_of
from gql import cursors
from gql.bounds import DEFAULT_PAGE, PAGE_LIMIT
from gql.context import Info, load
from gql.errors import BadUserInputError
from gql.loaders import EVERYTHING, Loaders, Narrowing, using
from gql.relay import column_field, described
from gql.selection import ORDER

T = TypeVar("T")


class Filter(Protocol):
    """An input type that narrows a connection."""

    def narrowing(self) -> Narrowing: ...


@strawberry.enum(description="Which end of an order comes first.")
class OrderDirection(enum.Enum):
    ASC = strawberry.enum_value(
        "ASC", description="The smallest, earliest or first in the alphabet comes first."
    )
    DESC = strawberry.enum_value(
        "DESC", description="The largest, latest or last in the alphabet comes first."
    )


class OrderInput(Protocol):
    """An input type that orders a connection: an enum of its model's columns, and a direction."""

    field: Any
    direction: OrderDirection


class Loaded(NamedTuple):
    """A row of a page, with what its cursor is made of."""

    node: Row
    order: Order


class Pages(NamedTuple):
    """What the connections of one field have in common."""

    loaders: Loaders
    target: Target
    narrowing: Narrowing
    page: Page

    def of(self, rows: Sequence[Row]) -> Sequence[Row]:
        """A page proper: one row more is read, to know whether there is another page."""
        if len(rows) < self.page.limit:
            return rows
        return rows[1:] if self.page.backward else rows[:-1]


class Slice(NamedTuple):
    """What a connection's fields resolve from: a page that is read when one of them asks for it."""

    pages: Pages
    parent: Any


def _of_pages(use: Callable[[Pages, Sequence[Row]], Any]) -> Any:
    """A resolver of what is made of each connection's page. Those of a column are all of one field."""

    def resolve(roots: Sequence[Slice], info: Info) -> Any:
        pages = roots[0].pages
        parents = [root.parent for root in roots]
        found = pages.loaders.pages(pages.target, pages.narrowing, pages.page, parents)
        return using(
            found,
            lambda column: [rows if isinstance(rows, Exception) else use(pages, rows) for rows in column],
        )

    return resolve


def _edges(pages: Pages, rows: Sequence[Row]) -> Sequence[Loaded]:
    order = pages.page.order
    return [Loaded(row, order) for row in pages.of(rows)]


def _page_info(pages: Pages, rows: Sequence[Row]) -> PageInfo:
    page, part, more = pages.page, pages.of(rows), len(rows) == pages.page.limit
    return PageInfo(
        # Where the page goes on it has looked one row further; where it began, a cursor is a row there.
        has_next_page=page.before is not None if page.backward else more,
        has_previous_page=more if page.backward else page.after is not None,
        start_cursor=cursors.encode(part[0], page.order) if part else None,
        end_cursor=cursors.encode(part[-1], page.order) if part else None,
    )


def _total_counts(roots: Sequence[Slice], info: Info) -> Any:
    pages = roots[0].pages
    return pages.loaders.counts(pages.target, pages.narrowing, [root.parent for root in roots])


def _cursors(roots: Sequence[Loaded], info: Info) -> Sequence[str]:
    return [cursors.encode(root.node, root.order) for root in roots]


@strawberry.type(description="A node and its place in the connection.")
class Edge(Generic[T]):
    node: T = strawberry.field(description="The node at the end of this edge.")
    cursor: str = column_field(_cursors, ORDER, description="Where to go on, as `after` or `before`.")


@strawberry.type(description="A page of a longer list, by cursors that stay right when rows come and go.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = column_field(_of_pages(_edges), description="The page's nodes with their cursors.")
    nodes: list[T] = column_field(_of_pages(Pages.of), description="The page's nodes.")
    page_info: PageInfo = column_field(
        _of_pages(_page_info), ORDER, description="What lies before and behind the page."
    )
    total_count: int = column_field(
        _total_counts, description="How many nodes there are on all pages together."
    )


_SIZES = f"1 to {PAGE_LIMIT} unless the server has another limit"
_DEFAULT = f"Without `first` and `last` it is {DEFAULT_PAGE}."
_PAGE_ARGUMENTS = {
    "first": (int, f"How many nodes to return from the start, {_SIZES}. {_DEFAULT}"),
    "after": (str, "Only nodes behind this cursor."),
    "last": (int, f"How many nodes to return from the end, {_SIZES}."),
    "before": (str, "Only nodes before this cursor."),
}


def many(
    target: Target,
    default_order: Order,
    *,
    order: type[OrderInput] | None = None,
    filter: type[Filter] | None = None,  # noqa: A002 # It is the argument's name in the schema.
    description: str | None = None,
) -> Any:
    """A field that is a connection, over a to-many relationship of the parent or over all rows of a model."""
    arguments = dict(_PAGE_ARGUMENTS)
    if filter:
        arguments["filter"] = (filter, "Only nodes for which all of this holds.")
    if order:
        arguments["order_by"] = (
            order,
            "In what order; newest first unless given." if default_order.descending else "In what order.",
        )
    parent_key = _parent_key(target)

    def resolve(roots: Sequence[Any], info: Info, **given: Any) -> Sequence[Slice]:
        page_order = default_order if not given.get("order_by") else _order(given["order_by"])
        page = _page(target, page_order, given, info.context.limits.page)
        narrowing = EVERYTHING if not given.get("filter") else given["filter"].narrowing()
        pages = Pages(load(info), target, narrowing, page)
        return [Slice(pages, getattr(root, parent_key) if parent_key else ALL) for root in roots]

    return column_field(
        resolve,
        *([parent_key] if parent_key else []),
        arguments=_parameters(arguments),
        description=description or _documentation(target),
    )


def _parameters(arguments: dict[str, tuple[Any, str]]) -> Sequence[Parameter]:
    return [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=strawberry.UNSET,
            annotation=Annotated[kind | None, strawberry.argument(description=text)],
        )
        for name, (kind, text) in arguments.items()
    ]


def _page(target: Target, order: Order, given: dict[str, Any], limit: int) -> Page:
    first, last = given.get("first"), given.get("last")
    if first is not None and last is not None:
        raise BadUserInputError("Give either `first` or `last`, not both.")
    name, size = ("last", last) if last is not None else ("first", DEFAULT_PAGE if first is None else first)
    if not 1 <= size <= limit:
        raise BadUserInputError(f"`{name}` has to be from 1 to {limit}.")
    model = source_of(target).model
    after, before = (
        None if given.get(name) is None else cursors.decode(given[name], model, order)
        for name in ("after", "before")
    )
    return Page(size + 1, order, backward=last is not None, after=after, before=before)


def _order(given: OrderInput) -> Order:
    return Order(given.field.value, given.direction is OrderDirection.DESC)


def _parent_key(target: Target) -> str | None:
    """The attribute of the parent by which its rows are found, where there is a parent."""
    if not isinstance(target, InstrumentedAttribute):
        return None
    return attribute_of(target.class_, referring(target.property.synchronize_pairs)[0])


def _documentation(target: Target) -> str | None:
    return described(target.property.doc) if isinstance(target, InstrumentedAttribute) else None
