"""Two executors on the same operation have to give the same answer.

What is synchronous is compared to the letter. Where resolvers are asynchronous, graphql-core itself may
report one or another of several errors under the same null: which, depends on who is faster. What it may
report is found by a third run, in which no error spreads, so that each of them is seen where it happens.
"""

import asyncio
import copy
import gc
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSchema, execute, is_non_null_type, parse
from graphql.execution import Executor
from graphql.pyutils import is_awaitable

from gql.execution import CompiledExecutor, counts

Position = tuple[str | int, ...]

# Ticks of the event loop that an executor has to end what it no longer needs.
_TICKS = 50


def nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Operation:
    """What is executed; each run has a root and a context of its own."""

    schema: GraphQLSchema
    document: DocumentNode
    variables: dict[str, Any] | None = None
    name: str | None = None
    root: Callable[[], Any] = nothing
    context: Callable[[], Any] = nothing
    more: dict[str, Any] = field(default_factory=dict)

    def begin(self, executor: type[Executor[Any]]) -> Any:
        """A result, or an awaitable of it."""
        return execute(
            self.schema,
            self.document,
            self.root(),
            self.context(),
            copy.deepcopy(self.variables),
            self.name,
            executor_class=executor,
            **self.more,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a run."""

    data: Any = None
    errors: Sequence[GraphQLError] = ()
    raised: BaseException | None = None
    was_awaited: bool = False
    left: Sequence[str] = ()

    @property
    def text(self) -> str:
        """The data with the order of its keys."""
        return json.dumps(self.data, default=repr)

    @property
    def shown(self) -> list[str]:
        return [shown(error) for error in self.errors]

    @property
    def paths(self) -> list[str]:
        return [".".join(map(str, error.path or ())) for error in self.errors]

    @property
    def containers(self) -> int:
        """How many lists and objects there are: one that is in two places is one."""
        return len(set(map(id, _containers(self.data))))


def shown(error: GraphQLError) -> str:
    """Everything that can be seen of an error."""
    return json.dumps([error.formatted, type(error.original_error).__name__], default=repr)


def _containers(data: Any) -> Iterator[Any]:
    left = [data]
    while left:
        value = left.pop()
        if isinstance(value, dict | list):
            yield value
            left += value.values() if isinstance(value, dict) else value


async def answer(operation: Operation, executor: type[Executor[Any]]) -> Answer:
    before = asyncio.all_tasks()
    with _complaints() as left:
        result = raised = None
        was_awaited = False
        try:
            result = operation.begin(executor)
            was_awaited = is_awaitable(result)
            if was_awaited:
                result = await result
        except Exception as error:  # What is raised is compared too.
            raised = error
        left += await _still_running(before)
        errors = _errors(result)
    return Answer(getattr(result, "data", None), errors, raised, was_awaited, left)


def answer_without_loop(operation: Operation, executor: type[Executor[Any]]) -> Answer:
    """Of what is synchronous, where there is no event loop."""
    with _complaints() as left:
        try:
            result, raised = operation.begin(executor), None
        except Exception as error:
            result, raised = None, error
        errors = _errors(result)
    return Answer(getattr(result, "data", None), errors, raised, is_awaitable(result), left)


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What Python says of coroutines that nobody awaited; there is something at the end of the block only."""
    left: list[str] = []
    # Everything that is new is in the youngest generation then, and found without a look at all the rest.
    gc.disable()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield left
        gc.collect(0)
        while caught:
            # A warning keeps alive what it is about, and that what nobody awaited either.
            left.append(str(caught.pop().message).partition("\n")[0])
        gc.enable()


def _errors(result: Any) -> list[GraphQLError]:
    """Without the frames that they came through, which keep alive what nobody awaited.

    They are copied, because graphql-core goes on adding to a list that nobody reads any more.
    """
    errors: list[GraphQLError] = list(getattr(result, "errors", None) or ())
    left: list[Any] = [*errors]
    seen: set[int] = set()
    while left:
        error = left.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            error.__traceback__ = None
            left += [error.__cause__, error.__context__, getattr(error, "original_error", None)]
    return errors


async def _still_running(before: set["asyncio.Task[Any]"]) -> list[str]:
    for _ in range(_TICKS):
        if not asyncio.all_tasks() - before:
            break
        await asyncio.sleep(0)
    # The event loop itself holds what has just ended for a moment.
    for _ in range(3):
        await asyncio.sleep(0)
    return [repr(task.get_coro()) for task in asyncio.all_tasks() - before]


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


def operation(schema: GraphQLSchema, document: str, **more: Any) -> Operation:
    return Operation(schema, parse(document), **more)
