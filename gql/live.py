"""Subscriptions as they run: each event is read in a context of its own, for the viewer as it is then.

Subscribers with the same operation, variables and viewer get the same answer, which is made once.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Hashable
from contextlib import aclosing, nullcontext
from typing import Any, NamedTuple, TypeVar

import orjson
from aiodataloader import DataLoader
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types.execution import ExecutionResult

from db.errors import DatabaseUnavailableError
from db.waiting import Queue
from gql.auth import viewers_of
from gql.context import Caller, Surroundings
from gql.errors import (
    Asked,
    BadUserInputError,
    DeadlineExceededError,
    ExpectedError,
    SessionEndedError,
    UnavailableError,
)
from gql.feed import Delivery
from gql.loaders import Loaders
from gql.places import Place
from gql.policy import Viewer
from gql.requests import Operation, no_such_operation
from gql.responses import body_of
from gql.results import Result, failed, refusal, result_of
from gql.schema import Schema
from gql.selection import NOTHING
from gql.subscribed import Subscribed
from gql.subscription import Told, Verdict, to_event_id

T = TypeVar("T")

_FRESH = 1.0  # Seconds for which what was made for one subscriber is good for another.
_PAUSE = 0.5  # Seconds between two attempts to read an event while the database cannot be reached.
_PATIENCE = 60.0  # Seconds after which the subscriber is sent away, to come back later.


class _Shown(NamedTuple):
    """What one event is to a viewer: JSON, or nothing that the viewer is to know of."""

    body: bytes | None
    is_last: bool = False


class _Asker(NamedTuple):
    """Who follows something."""

    subscribed: Subscribed
    same: Hashable  # What those have in common who are told the same.
    caller: Caller
    asked: Asked


class Live:
    """Executes subscriptions."""

    def __init__(
        self,
        schema: Schema,
        surroundings: Surroundings,
        places: Queue,
        *,
        deadline: float,
    ) -> None:
        self._schema = schema
        self._surroundings = surroundings
        self._database = surroundings.database
        self._places = places
        self._deadline = deadline
        self._viewers: DataLoader[int, Viewer | None] | None = None
        self._telling: set[asyncio.Task[_Shown]] = set()

    async def results(
        self,
        operation: Operation,
        viewer: Viewer | None,
        caller: Caller,
        request_id: str,
        *,
        after: str | None = None,
        turn: asyncio.Lock | None = None,
    ) -> AsyncGenerator[Result, None]:
        """See gql/results.py."""
        asked = Asked(request_id, operation.name, viewer and viewer.id)
        begun = await self._begun(operation, viewer, caller, after)
        if isinstance(begun, ExecutionResult):
            yield result_of(begun, asked)
            return
        asker = _Asker(begun, _same(operation, begun), caller, asked)
        try:
            async with aclosing(aiter(begun.following)) as deliveries:
                async for delivery in deliveries:
                    async with turn or nullcontext():
                        viewer = await self._current(viewer)
                        shown = await self._shown(delivery, asker, viewer)
                        if shown.body is not None:
                            await self._surroundings.context(viewer, caller).spend(begun.cost)
                            yield Result(shown.body, event_id=to_event_id(delivery.event.position))
                    if shown.is_last:
                        return
        except UnavailableError:
            raise
        except ExpectedError as error:
            yield refusal(error, asked)
        except DatabaseUnavailableError as error:
            raise UnavailableError() from error

    async def close(self) -> None:
        for task in self._telling:
            task.cancel()
        if self._telling:
            await asyncio.wait(self._telling)

    async def _begun(
        self, operation: Operation, viewer: Viewer | None, caller: Caller, after: str | None
    ) -> Subscribed | ExecutionResult:
        context = self._surroundings.context(viewer, caller, after)
        try:
            async with asyncio.timeout(self._deadline), Place(self._places):
                begun = await self._schema.follow(
                    operation.query, operation.variables, context, operation.name
                )
            return begun if isinstance(begun, Subscribed) else _unless_away(begun)
        except TimeoutError:
            return failed(DeadlineExceededError(self._deadline))
        except CannotGetOperationTypeError:
            return failed(BadUserInputError(no_such_operation(operation)))
        finally:
            await context.close()

    async def _current(self, viewer: Viewer | None) -> Viewer | None:
        """The viewer as it is now, of another role perhaps; all who are told of an event are read at once.

        Raises SessionEndedError.
        """
        if viewer is None:
            return None
        if self._viewers is None:
            self._viewers = DataLoader(self._load_viewers, cache=False)
        viewers, session_id = self._viewers, viewer.session_id
        current = await _patiently(lambda: viewers.load(session_id))
        if current is None:
            raise SessionEndedError
        return current

    async def _load_viewers(self, session_ids: list[int]) -> list[Viewer | None]:
        found = await viewers_of(self._database, list(set(session_ids)))
        return [found.get(session_id) for session_id in session_ids]

    async def _shown(self, delivery: Delivery, asker: _Asker, viewer: Viewer | None) -> _Shown:
        """What an event is to a viewer, found out anew unless it was a moment ago."""
        key = asker.same, viewer
        task = delivery.made.get(key)
        if task is None:
            task = self._begin(_patiently(lambda: self._told(delivery, asker, viewer)))
            delivery.made[key] = task
            # Whoever is behind keeps deliveries, and would keep all the answers of the others with them.
            asyncio.get_running_loop().call_later(_FRESH, delivery.made.pop, key)
        # Who goes away does not take it away from the others.
        return await asyncio.shield(task)

    def _begin(self, telling: Coroutine[Any, Any, _Shown]) -> "asyncio.Task[_Shown]":
        task = asyncio.create_task(telling)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
        # Asked for, in case that all have gone away meanwhile.
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return task

    async def _told(self, delivery: Delivery, asker: _Asker, viewer: Viewer | None) -> _Shown:
        try:
            async with asyncio.timeout(self._deadline), Place(self._places):
                return await self._read(delivery, asker, viewer)
        except TimeoutError:
            return _Shown(orjson.dumps(body_of(failed(DeadlineExceededError(self._deadline)), asker.asked)))

    async def _read(self, delivery: Delivery, asker: _Asker, viewer: Viewer | None) -> _Shown:
        event, subscribed = delivery.event, asker.subscribed
        verdict = await subscribed.following.judge(Loaders(self._database, viewer, NOTHING), event.key)
        if verdict is Verdict.KEEP_BACK:
            return _Shown(None)
        context = self._surroundings.context(viewer, asker.caller)
        try:
            told = Told(to_event_id(event.position), event.key)
            result = await subscribed.result(told, context)
        finally:
            await context.close()
        body = body_of(_unless_away(result), asker.asked)
        return _Shown(orjson.dumps(body), verdict is Verdict.TELL_LAST)


async def _patiently(make: Callable[[], Awaitable[T]]) -> T:
    """An event is not lost because the database is away for a while."""
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        try:
            return await make()
        except (DatabaseUnavailableError, UnavailableError):
            await asyncio.sleep(_PAUSE)
    raise UnavailableError()


def _unless_away(result: ExecutionResult) -> ExecutionResult:
    """Raises UnavailableError where that is why something is missing."""
    for error in result.errors or ():
        if isinstance(error.original_error, UnavailableError):
            raise error.original_error
    return result


def _same(operation: Operation, subscribed: Subscribed) -> Hashable:
    """What of an operation an answer depends on: not from where on somebody follows."""
    declared = subscribed.variables
    variables = {name: value for name, value in (operation.variables or {}).items() if name in declared}
    name = subscribed.after_variable
    # Where it is used for something else too it stays.
    if name and operation.query.count(f"${name}") == 2:
        variables.pop(name, None)
    return operation.query, operation.name, orjson.dumps(variables, option=orjson.OPT_SORT_KEYS)
