"""What Strawberry's resolvers are given: the same values of the same types, however they were asked for."""

import enum
from typing import Annotated, Any, Generic, TypeVar

import pytest
import strawberry
from graphql import parse
from strawberry.relay import GlobalID
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gql.execution.strawberry import StrawberryExecutor
from tests.agreement import agree_as
from tests.answers import Answer, Operation

pytestmark = pytest.mark.anyio

T = TypeVar("T")


class Amount(str):
    """A scalar with a class of its own."""


@strawberry.enum
class Size(enum.Enum):
    SMALL = 1
    LARGE = "large"


@strawberry.input
class Range(Generic[T]):
    low: T | None = strawberry.UNSET
    high: T | None = None


@strawberry.input(one_of=True)
class By:
    id: GlobalID | None = strawberry.UNSET
    size: Size | None = strawberry.UNSET
    among: list[int] | None = strawberry.UNSET


@strawberry.input
class Tree:
    name: str = strawberry.field(name="label", default="a tree")
    sizes: list[Size | None] | None = None
    more: "list[Tree | None] | None" = strawberry.UNSET
    lazily: Annotated["Tree", strawberry.lazy("tests.test_execution_strawberry_input")] | None = None
    matrix: list[list[float]] = strawberry.field(default_factory=lambda: [[1.5]])
    amount: Amount | None = None
    range: Range[int] | None = None
    without_default: int | None
    required: bool


@strawberry.input
class Unusual:
    """What is converted by Strawberry itself."""

    maybe: strawberry.Maybe[int | None]
    tree: Tree | None = None


def described(value: Any) -> str:
    """With types, and what is nested, so that nothing that differs is taken for the same."""
    if isinstance(value, list):
        return f"{type(value).__name__}[{', '.join(map(described, value))}]"
    if hasattr(value, "__strawberry_definition__") and not isinstance(value, enum.Enum):
        inside = ", ".join(f"{name}={described(each)}" for name, each in vars(value).items())
        return f"{type(value).__name__}({inside})"
    if isinstance(value, strawberry.Some):
        return f"Some({described(value.value)})"
    return f"{type(value).__name__} {value!r}"


@strawberry.type
class Query:
    @strawberry.field
    def show(
        self,
        tree: Tree | None = None,
        trees: list[Tree] | None = strawberry.UNSET,
        by: By | None = None,
        ids: list[GlobalID] | None = None,
        unusual: Unusual | None = None,
        sizes: list[Size] = [Size.SMALL],  # noqa: B006 # A default that somebody could change.
        numbers: list[int] | None = None,
        renamed: Annotated[int | None, strawberry.argument(name="other")] = strawberry.UNSET,
    ) -> str:
        given = [tree, trees, by, ids, unusual, sizes, numbers, renamed]
        shown = described(given)
        for each in (sizes, numbers, *(each.matrix for each in [tree] if each)):
            if isinstance(each, list):
                each.append("changed")  # type: ignore[arg-type] # Nobody else may notice.
        return shown


schema = strawberry.Schema(
    Query, config=StrawberryConfig(scalar_map={Amount: strawberry.scalar(name="Amount")})
)

VARIABLES = """query ($tree: Tree, $trees: [Tree!]! = [], $by: By, $ids: [ID!], $size: Size,
    $sizes: [Size!]! = [SMALL], $number: Int, $numbers: [Int!], $name: String! = "given",
    $yes: Boolean! = true, $matrix: [[Float!]!]! = [[2]])"""
SELECTIONS = (
    "show",
    "show a: show b: show(sizes: [LARGE]) c: show(sizes: [LARGE], numbers: $numbers, other: $number)",
    "show(tree: {required: true}) a: show(tree: {required: true})",
    "show(tree: {required: $yes, label: $name})",
    "show(tree: {required: $yes, sizes: [LARGE, null, $size], withoutDefault: $number, amount: 3})",
    "show(tree: {required: true, range: {low: $number, high: 3}, lazily: {required: true}})",
    "show(tree: {required: true, more: [{required: false, more: [{required: $yes}]}], matrix: $matrix})",
    "show(tree: {required: true, matrix: [[$number]]})",
    "show(tree: {required: true, matrix: 1, sizes: SMALL})",
    "show(tree: {label: $name})",
    "show(tree: {required: $yes, label: null})",
    "show(tree: {required: $yes, unknown: $name})",
    "show(tree: $tree, trees: $trees, by: $by, ids: $ids, sizes: $sizes, numbers: $numbers)",
    "show(trees: [$tree])",
    'show(by: {id: "VXNlcjox"})',
    "show(by: {size: $size})",
    "show(by: {among: $numbers})",
    "show(unusual: {tree: {required: $yes}})",
    "show(unusual: {maybe: $number, tree: $tree})",
    "show(by: {among: [1, $number]})",
    "show(by: {size: $size, among: [1]})",
    "show(by: {size: null})",
    "show(by: {id: $name})",
    'show(ids: ["VXNlcjox"], numbers: [1, $number], other: 3)',
    'show(ids: "nothing")',
    "show(numbers: $number, sizes: $size)",
)
VALUES: tuple[dict[str, Any], ...] = (
    {},
    {"number": 4, "size": "LARGE", "numbers": [1, 2], "by": {"among": [3]}},
    {"number": None, "size": None, "numbers": None, "by": None, "tree": None, "ids": None},
    {
        "tree": {"required": False, "more": [{"required": True, "lazily": None}], "withoutDefault": 2},
        "number": 0,
    },
    {"trees": [{"required": True}] * 2, "ids": ["VXNlcjox", "UG9zdDoy"], "sizes": ["LARGE"], "name": "n"},
    {"by": {"id": "nothing"}, "yes": False, "matrix": [], "numbers": []},
)


async def shown(selection: str, values: dict[str, Any]) -> Answer:
    operation = Operation(schema._schema, parse(f"{VARIABLES} {{{selection}}}"), values, root=Query)
    return await agree_as(operation, StrawberryGraphQLCoreExecutionContext, StrawberryExecutor, exactly=True)


@pytest.mark.parametrize("selection", SELECTIONS)
async def test_the_same_arguments(selection: str) -> None:
    # Twice, and with other values in between: nothing of one request is left for the next.
    for values in (*VALUES, *VALUES):
        await shown(selection, values)


async def test_they_are_what_one_would_think() -> None:
    answer = await shown("show(tree: {required: $yes, sizes: [$size]}, by: {among: $numbers})", VALUES[1])
    assert "Tree(name=str 'a tree', sizes=list[Size <Size.LARGE: 'large'>]" in answer.data["show"]
    assert "among=list[int 1, int 2]" in answer.data["show"]
