"""What comes of executing an operation, with everything that can be seen of it."""

import asyncio
import copy
import gc
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSchema, execute, parse
from graphql.execution import Executor
from graphql.pyutils import is_awaitable

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
    with _complaints(asyncio.get_running_loop()) as left:
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
def _complaints(loop: asyncio.AbstractEventLoop | None = None) -> Iterator[list[str]]:
    """What Python says of coroutines that nobody awaited, and the event loop of exceptions that nobody saw.

    There is something at the end of the block only.
    """
    left: list[str] = []
    if loop is not None:
        loop.set_exception_handler(lambda _, context: left.append(context["message"]))
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
    if loop is not None:
        loop.set_exception_handler(None)


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


def operation(schema: GraphQLSchema, document: str, **more: Any) -> Operation:
    return Operation(schema, parse(document), **more)
