"""How a field comes to its raw values for all objects: one resolver for each, or one for the whole column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from gql.execution.arguments import are_immutable
from gql.execution.columns import FieldColumn
from gql.execution.kinds import Kind, Raised, Values, kind_of
from gql.execution.waiting import WholeColumn

if TYPE_CHECKING:
    from gql.execution.plans import FieldPlan, Resolution
    from gql.execution.run import Run

RESOLVE_COLUMN = "resolve_column"
"""The key in a field's extensions for a resolver of a whole column: `resolve(sources, info, **arguments)`.

It returns a list of as many values as there are sources, or an awaitable of such a list. A value can be
an exception, which is that object's error, or an awaitable.
"""


def arguments_of(run: Run, field: FieldPlan) -> dict[str, Any]:
    """A field's coerced arguments, new values unless nobody can change them."""
    return field.arguments.values(run.executor)


def info_of(run: Run, column: FieldColumn, index: int) -> Any:
    """What graphql-core tells a resolver of a value."""
    return run.info_of(column.field)((column, index))


def typename(run: Run, field: FieldPlan, column: FieldColumn, sources: Values) -> Values:
    return [field.parent.name] * len(sources)


def each(run: Run, field: FieldPlan, column: FieldColumn, sources: Values) -> Values:
    """By graphql-core's own resolvers, called for each object as it would."""
    resolve = field.definition.resolve or run.executor.field_resolver
    make_info = run.info_of(field)

    def call(source: Any, index: int, arguments: dict[str, Any]) -> Any:
        return resolve(source, make_info((column, index)), **arguments)

    return call_each(run, field, sources, call, arguments_of)


def call_each(
    run: Run,
    field: FieldPlan,
    sources: Values,
    call: Callable[[Any, int, dict[str, Any]], Any],
    arguments_of: Callable[[Run, FieldPlan], dict[str, Any]],
) -> Values:
    """What `call` returns for each source, or raises. No two calls share an argument that can be changed."""
    values: list[Any] = []
    shared: dict[str, Any] | None = None
    for index, source in enumerate(sources):
        try:
            arguments = arguments_of(run, field) if shared is None else shared
            if shared is None and are_immutable(arguments):
                shared = arguments
            values.append(call(source, index, arguments))
        except Exception as error:  # It is this object's.
            values.append(error)
    return values


def attribute(name: str) -> Resolution:
    """By an attribute of each object."""
    get = attrgetter(name)

    def resolve(run: Run, field: FieldPlan, column: FieldColumn, sources: Values) -> Values:
        try:
            return list(map(get, sources))
        except Exception:  # Which of them it was is found out one by one.
            return call_each(run, field, sources, lambda source, *_: get(source), lambda *_: {})

    return resolve


def whole(
    resolve_column: Callable[..., Any],
    arguments_of: Callable[[Run, FieldPlan], dict[str, Any]] = arguments_of,
    make_info: Callable[[Run, FieldColumn, int], Any] = info_of,
) -> Resolution:
    """By one call for the whole column, with the info of its first value."""

    def resolve(run: Run, field: FieldPlan, column: FieldColumn, sources: Values) -> Values | None:
        try:
            info = make_info(run, column, 0)
            values = resolve_column(list(sources), info, **arguments_of(run, field))
        except Exception as error:  # It is that of all of them.
            return [error] * len(sources)
        if kind_of(values) is not Kind.AWAITABLE:
            return _checked(values, len(sources))
        run.waiting.add(WholeColumn(column, len(sources), values, _finish))
        return None

    return resolve


def _finish(run: Run, column: Any, values: Any, indices: Sequence[int]) -> list[Any]:
    count = len(indices)
    values = [values] * count if isinstance(values, Exception | Raised) else _checked(values, count)
    completed: list[Any] = column.field.type.complete(run, column, values)
    return completed


def _checked(values: Any, count: int) -> list[Any]:
    if not isinstance(values, list | tuple) or len(values) != count:
        error = TypeError(f"A resolver of a column has to return a list of {count} values.")
        return [error] * count
    return list(values)


def single(resolve_column: Callable[..., Any]) -> Callable[..., Any]:
    """The resolver of one object by that of a column: what graphql-core's own executor takes."""

    def resolve(root: Any, info: Any, **arguments: Any) -> Any:
        values = resolve_column([root], info, **arguments)
        return _awaited(values) if kind_of(values) is Kind.AWAITABLE else _only(values)

    return resolve


async def _awaited(values: Any) -> Any:
    return _only(await values)


def _only(values: Any) -> Any:
    """The one value; graphql-core raises it where it is an exception."""
    return _checked(values, 1)[0]
