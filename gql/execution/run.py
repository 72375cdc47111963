"""One run of a plan: its errors, and what it has to wait for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql.pyutils import Path

from gql.execution.columns import Column, Position, field_position, path_of
from gql.execution.failures import Failures
from gql.execution.kinds import Raised, Values
from gql.execution.plans import FieldPlan, plan_objects
from gql.execution.waiting import Finish, Group, Waiting

if TYPE_CHECKING:
    from gql.execution.executor import CompiledExecutor

MakeInfo: TypeAlias = Callable[[Position], Any]


class Run:
    """What the columns of one execution share."""

    plan_objects = staticmethod(plan_objects)

    def __init__(self, executor: CompiledExecutor) -> None:
        self.executor = executor
        self.failures = Failures(executor.collected_errors.errors)
        self.waiting = Waiting(self)
        self._infos: dict[FieldPlan, MakeInfo] = {}

    def fail(self, column: Column, index: int, error: Exception | Raised, *, last: bool = False) -> None:
        """Report an error of a value. `last` says that a list failed after its items were completed."""
        error = error.error if isinstance(error, Raised) else error
        self.failures.add(column.position(index), error, last=last)

    def wait(self, column: Column, awaitables: Values, finish: Finish) -> None:
        """Have values of a column, null so far, finished when they are there, not all at the same time."""
        self.waiting.add(Group(column, awaitables, finish))

    def end(self) -> None:
        """Let go of what refers to it, so that nothing of it waits for the garbage collector."""
        self._infos.clear()
        del self.waiting

    def info(self, column: Column, index: int) -> Any:
        """What a resolver gets to know; of a list's items it is that of their field."""
        position = field_position(column.position(index))
        return self.info_of(position[0].field)(position)

    def info_of(self, field: FieldPlan) -> MakeInfo:
        """Makes the info of a field at a position. Its path is put together when somebody looks at it."""
        make = self._infos.get(field)
        if make is None:
            make = self._infos[field] = self._make_info(field)
        return make

    def _make_info(self, field: FieldPlan) -> MakeInfo:
        build, nodes = self.executor.build_resolve_info, field.nodes
        whole: Any = build(field.definition, nodes, field.parent, None)  # type: ignore[arg-type] # Comes later.
        number = getattr(type(whole), "_fields", ()).index("path")
        make = _lazy(type(whole), number)  # type: ignore[arg-type] # A class is hashable.
        head, tail = whole[:number], whole[number + 1 :]

        def info(position: Position) -> Any:
            return make((*head, position, *tail))

        return info


@lru_cache(maxsize=64)
def _lazy(info: type[Any], number: int) -> Callable[[Sequence[Any]], Any]:
    """A kind of resolve info that has a position in the place of its path."""

    def path(self: Any) -> Path:
        found = tuple.__getitem__(self, number)
        return found if isinstance(found, Path) else path_of(found)

    made: Any = type(info.__name__, (info,), {"__slots__": (), "path": property(path)})
    make: Callable[[Sequence[Any]], Any] = made._make
    return make
