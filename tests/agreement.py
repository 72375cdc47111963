"""Two executors on the same operation have to give the same answer.

What is synchronous is compared to the letter. Where resolvers are asynchronous, graphql-core itself may
report one or another of several errors under the same null: which, depends on who is faster. What it may
report is found by a third run, in which no error spreads, so that each of them is seen where it happens.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, is_non_null_type
from graphql.execution import Executor

from gql.execution import CompiledExecutor, counts
from tests.answers import Answer, Operation, answer, answer_without_loop, shown

Position = tuple[str | int, ...]


async def agree(operation: Operation, *, exactly: bool = False, compiled: bool = True) -> Answer:
    """The answer that both executors give.

    With `exactly` errors are the same to the letter, in the same order, asynchronous or not. `compiled` says
    that the compiled executor did not pass the operation on to graphql-core's.
    """
    return await agree_as(operation, Executor, CompiledExecutor, exactly=exactly, compiled=compiled)


async def agree_as(
    operation: Operation,
    stock: type[Executor[Any]],
    other: type[Executor[Any]],
    *,
    exactly: bool = False,
    compiled: bool = True,
) -> Answer:
    expected = await answer(operation, stock)
    before = counts["stock"]
    given = await answer(operation, other)
    assert not compiled or counts["stock"] == before, "it was not compiled"
    same(expected, given)
    if given.left:
        # What an awaitable gives is not awaited again, not even by graphql-core: that is left by all.
        unavoidable = Counter((await possibilities(operation, stock)).left)
        assert not Counter(given.left) - unavoidable, given.left
    if (expected.shown, expected.was_awaited) != (given.shown, given.was_awaited):
        possible = await possibilities(operation, stock)
        # Where one fails at once, graphql-core does not even begin those that would have to be awaited.
        assert possible.are_asynchronous, (
            expected.was_awaited,
            expected.shown,
            given.was_awaited,
            given.shown,
        )
        assert not exactly or expected.shown == given.shown, (expected.shown, given.shown)
        possible.check(expected.errors)
        possible.check(given.errors)
    return expected


def agree_without_loop(operation: Operation) -> Answer:
    expected = answer_without_loop(operation, Executor)
    given = answer_without_loop(operation, CompiledExecutor)
    same(expected, given)
    assert (given.was_awaited, given.shown) == (expected.was_awaited, expected.shown)
    assert not given.left, given.left
    return expected


def same(expected: Answer, given: Answer) -> None:
    """Everything but the errors."""
    assert expected.raised is None, "the test itself is wrong"
    assert given.raised is None
    assert given.text == expected.text, (expected.shown, given.shown)
    assert given.containers == expected.containers, "a list or an object is in two places"


@dataclass(frozen=True, slots=True)
class Possibilities:
    """All errors that an operation has, and which of its positions cannot be null."""

    errors: Sequence[GraphQLError]
    required: dict[Position, bool]
    are_asynchronous: bool
    left: Sequence[str]

    def nulled(self, error: GraphQLError) -> Position:
        """Where the error ends: the next position that can be null; without any, the data as a whole."""
        position = tuple(error.path or ())
        while position and self.required[position]:
            position = position[:-1]
        return position

    def check(self, reported: Sequence[GraphQLError]) -> None:
        """That graphql-core could report these errors, in this order."""
        possible = set(map(shown, self.errors))
        assert {text for text in map(shown, reported) if text not in possible} == set()
        nulled: set[Position] = set()
        for error in reported:
            position = self.nulled(error)
            # Nothing is reported of what is already null.
            assert not nulled.intersection(_from_root(position)), (error, list(map(shown, reported)))
            nulled.add(position)
        assert self._outermost() <= nulled, "a null has no error"

    def _outermost(self) -> set[Position]:
        """What is nulled and in nothing else that is: which of the others are reached, depends."""
        nulled = {self.nulled(error) for error in self.errors}
        return {position for position in nulled if not nulled.intersection(_from_root(position[:-1]))} | (
            nulled & {()}
        )


def _from_root(position: Position) -> Iterable[Position]:
    return (position[:length] for length in range(len(position) + 1))


async def possibilities(operation: Operation, stock: type[Executor[Any]]) -> Possibilities:
    required: dict[Position, bool] = {}
    executor = type("Unpropagated", (_Unpropagated, stock), {"required": required})
    async with asyncio.timeout(20):  # Nothing is cancelled: what waits to be would wait forever.
        found = await answer(operation, executor)
    return Possibilities(found.errors, required, found.was_awaited, found.left)


class _Unpropagated(Executor[Any]):
    """Nulls what fails, and that only."""

    required: dict[Position, bool]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.error_propagation = False

    def complete_value(self, return_type: Any, nodes: Any, info: Any, path: Any, *rest: Any) -> Any:
        # The first call of a position has its whole type.
        self.required.setdefault(tuple(path.as_list()), is_non_null_type(return_type))
        return super().complete_value(return_type, nodes, info, path, *rest)

    def handle_field_error(self, raw_error: Any, return_type: Any, nodes: Any, path: Any) -> None:
        self.required.setdefault(tuple(path.as_list()), is_non_null_type(return_type))
        super().handle_field_error(raw_error, return_type, nodes, path)
