"""What mutations answer: the entity as it is committed, its edge, the id of what is gone, and user errors."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import strawberry

from db.base import Entity
from db.keyset import Order
from db.rows import Row
from gql.connections import Loaded
from gql.context import Info, load
from gql.errors import Problem, UserErrorCode
from gql.loaders import using
from gql.relay import column_field, to_global_id

T = TypeVar("T")


class Keyed(Protocol):
    """What leads to an entity."""

    @property
    def key(self) -> int | None: ...


class Outcome(NamedTuple):
    """What a mutation leaves for its payload to show: keys, because the rows are read after the commit."""

    key: int | None = None
    deleted: int | None = None
    problems: tuple[Problem, ...] = ()
    more: Any = None  # What is told once and kept nowhere, such as tokens.


@strawberry.type(description="What was wrong with a mutation's input. Nothing was changed.")
class UserError:
    code: UserErrorCode = strawberry.field(description="What kind of mistake it is.")
    message: str = strawberry.field(description="What is wrong, for people.")
    path: list[str] = strawberry.field(
        description="Where in the arguments: names of fields, and numbers in lists, from `input` on."
    )


@strawberry.type
class Payload:
    user_errors: list[UserError] = strawberry.field(
        resolver=lambda root: root.problems, description="What was wrong; empty when it was done."
    )


def payload(model: type[Entity]) -> Callable[[type[T]], type[T]]:
    """Declare the answer of a mutation of this model."""

    def declare(declared: type[T]) -> type[T]:
        declared.model = model  # type: ignore[attr-defined] # Read by gql/selection.py.
        return strawberry.type(declared, description="What came of it.")

    return declare


def written(model: type[Entity], description: str, missing: Exception | None = None) -> Any:
    """A field that is the entity as it is now; null, or an error, where it was not made or cannot be seen."""

    def resolve(roots: Sequence[Keyed], info: Info) -> Any:
        return load(info).rows(model, "id", [root.key for root in roots], missing)

    return column_field(resolve, description=description)


def edge(model: type[Entity], order: Order, description: str, missing: Exception | None = None) -> Any:
    """A field that is the entity's edge in a connection of this order, for a client's own list."""

    def resolve(roots: Sequence[Keyed], info: Info) -> Any:
        found = load(info).rows(model, "id", [root.key for root in roots], missing)
        return using(
            found, lambda rows: [Loaded(row, order) if isinstance(row, Row) else row for row in rows]
        )

    return column_field(resolve, order.column, description=description)


def deleted(model: type[Entity]) -> Any:
    """A field that is the global id of what is gone."""

    def resolve(root: Outcome) -> Any:
        return None if root.deleted is None else to_global_id(model.__name__, root.deleted)

    name = model.__name__.lower()
    return strawberry.field(
        resolver=_annotated(resolve), description=f"The id of the {name} that was deleted."
    )


def _annotated(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """The field's own annotation says what it returns."""
    resolve.__annotations__["root"] = Any
    return resolve
