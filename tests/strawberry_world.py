"""A Strawberry schema with every kind of field that Strawberry has.

What fails does so by the number of its object.
"""

import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Generic, NewType, TypeVar, cast

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

from tests.schemas import BoomError, later

T = TypeVar("T")
Odd = NewType("Odd", int)


def fail_sometimes(number: int, of: int = 5) -> int:
    if number % of == 3:
        raise BoomError(f"boom of {number}")
    return number


def serialize_odd(value: int) -> Any:
    if value % 2 == 0:
        raise ValueError("even")
    return {"odd": value}


@strawberry.enum
class Letter(enum.Enum):
    A = "a"
    B = "b"


@strawberry.input
class Filter:
    a: int | None = 5
    b: list[str | None] | None = None
    f: "Filter | None" = strawberry.UNSET


class Even(BasePermission):
    message = "only even ones"
    error_extensions = {"code": "ODD"}

    def has_permission(self, source: Any, info: Any, **_: Any) -> bool:
        return source is None or source.number % 2 == 0


class SlowlyEven(Even):
    async def has_permission(self, source: Any, info: Any, **_: Any) -> bool:  # type: ignore[override]
        await later(None)
        return super().has_permission(source, info)


class Louder(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Any, **given: Any) -> Any:
        return f"{next_(source, info, **given)}!"

    async def resolve_async(self, next_: Any, source: Any, info: Any, **given: Any) -> Any:
        return f"{await next_(source, info, **given)}!"


def squares(sources: list[Any], info: strawberry.Info, n: int = 1) -> list[Any]:
    values: list[Any] = []
    for source in sources:
        try:
            values.append(fail_sometimes(source.number) * n)
        except BoomError as error:
            values.append(error)
    return values


async def slow_squares(sources: list[Any], info: strawberry.Info, n: int = 1) -> list[Any]:
    return list(await later(squares(sources, info, n), 2))


def square(self: Any, n: int = 1) -> int:
    return fail_sometimes(self.number) * n


async def slow_square(self: Any, n: int = 1) -> int:
    return await later(fail_sometimes(self.number), self.number % 3) * n  # type: ignore[no-any-return]


@strawberry.interface
class Numbered:
    number: int

    @strawberry.field
    def next(self) -> "Numbered | None":
        return of_number(self.number + 1)

    @strawberry.field
    async def far(self, n: int | None = 7) -> "Numbered":
        return await later(of_number(self.number + (n or 0)), self.number % 4) or Dog(number=0)

    must_square: int = strawberry.field(resolver=slow_square, metadata={"resolve_column": slow_squares})

    squared: int | None = strawberry.field(resolver=square, metadata={"resolve_column": squares})
    slowly_squared: int | None = strawberry.field(
        resolver=slow_square, metadata={"resolve_column": slow_squares}
    )


@strawberry.type
class Person(Numbered):
    letter: Letter | None = Letter.A
    odd: Odd | None = strawberry.field(resolver=lambda root: root.number)
    maybe: strawberry.ID | None = None

    @strawberry.field(permission_classes=[Even])  # type: ignore[untyped-decorator]
    def secret(self) -> str | None:
        return f"secret {self.number}"

    @strawberry.field(permission_classes=[SlowlyEven])  # type: ignore[untyped-decorator]
    async def slow_secret(self) -> str:
        return f"secret {self.number}"

    @strawberry.field(extensions=[Louder()])  # type: ignore[untyped-decorator]
    def loud(self, s: str = "hey") -> str:
        return s

    @strawberry.field
    def pets(self, l: list[int] | None = None, f: Filter | None = None) -> "list[Dog | None] | None":  # noqa: E741
        given = (f.a if f else None, str(f), l)
        return [Dog(number=number, note=str(given)) for number in l or range(self.number % 4)]

    @strawberry.field
    async def stuff(self) -> "list[Thing]":
        things: list[Any] = [thing for thing in map(of_number, range(3)) if thing]
        return [*things, Box(content=self, count=self.number)]


@strawberry.type
class Dog(Numbered):
    note: str = ""
    letter: Letter = Letter.B

    @strawberry.field
    def owner(self, info: strawberry.Info, root: strawberry.Parent["Dog"]) -> Person:
        if info.context["owners"] and fail_sometimes(root.number, 7) >= 0:
            return Person(number=self.number + 1, maybe=strawberry.ID(str(self.number)))
        raise BoomError("no owner")

    @strawberry.field
    async def path(self, info: strawberry.Info) -> list[str]:
        return [str(part) for part in info.path.as_list()] + [info.field_name, str(len(info.selected_fields))]

    @strawberry.field
    def stream(self) -> list[int | None]:
        return counting(self.number)  # type: ignore[return-value]


async def counting(number: int) -> AsyncIterator[int]:
    for value in range(number % 4):
        yield fail_sometimes(value + number)


@strawberry.type
class Box(Generic[T]):
    content: T
    count: int

    @strawberry.field
    def contents(self, n: int = 2) -> list[T]:
        return [self.content] * n


@dataclass
class Row:
    """No object of a Strawberry type: its type says that it is."""

    number: int


@strawberry.type
class Light(Numbered):
    @classmethod
    def is_type_of(cls, value: Any, _: Any) -> bool:
        return isinstance(value, Row | Light)


Thing = Annotated[Person | Dog | Box[Person], strawberry.union("Thing")]


def of_number(number: int) -> Numbered | None:
    kinds: tuple[Any, ...] = (Person, Dog, Row, lambda number: None)
    made: Numbered | None = kinds[number % 4](number=number)
    return made


@strawberry.type
class Query:
    @strawberry.field
    def person(self, n: int = 1) -> Person | None:
        return Person(number=n) if n else None

    @strawberry.field
    async def everything(self, n: int | None = 6) -> list[Numbered | None]:
        return [of_number(number) for number in range(n or 0)]

    @strawberry.field
    async def all(self) -> list[Numbered] | None:
        return [Dog(number=number) for number in range(5)]

    @strawberry.field
    def box(self, f: Filter, s: str | None = None) -> Box[Person] | None:
        return Box(content=Person(number=f.a or 0), count=len(s or ""))

    @strawberry.field
    def things(self) -> list[Thing] | None:
        return [Person(number=4), Dog(number=5), Box(content=Person(number=6), count=1)]

    fixed: int = 5
    light: Light | None = strawberry.field(resolver=lambda: cast(Light, Row(2)))


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def count(self, info: strawberry.Info, n: int = 1) -> int | None:
        info.context["count"] += n
        return await later(fail_sometimes(info.context["count"]), 2)  # type: ignore[no-any-return]

    @strawberry.mutation
    def add(self, info: strawberry.Info, l: list[int] | None = None) -> Person:  # noqa: E741
        info.context["count"] += len(l or ())
        return Person(number=info.context["count"])


schema = strawberry.Schema(
    Query,
    Mutation,
    types=[Light],
    config=StrawberryConfig(scalar_map={Odd: strawberry.scalar(name="Odd", serialize=serialize_odd)}),
)
