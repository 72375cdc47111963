"""Schemas for tests of execution, and the values that resolvers give."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLSchema, build_schema

Resolvers = Mapping[str, Any]


class BoomError(Exception):
    """What a resolver of a test fails with."""


class Column:
    """What resolves a whole column, beside what resolves one object."""

    def __init__(self, column: Callable[..., Any], one: Callable[..., Any]) -> None:
        self.column = column
        self.one = one


def schema_of(language: str, /, **types: Resolvers) -> GraphQLSchema:
    """A schema with resolvers by type and field.

    Of a type, `type_of` is its `resolve_type` or `is_type_of`; what is no function, a field resolves to.
    """
    schema = build_schema(language)
    for name, resolvers in types.items():
        kind: Any = schema.type_map[name]
        for field, resolver in resolvers.items():
            if field == "is_type_of":
                kind.is_type_of = resolver
            elif field == "resolve_type":
                kind.resolve_type = resolver
            else:
                _resolve(kind.fields[field], resolver)
    return schema


def _resolve(field: Any, resolver: Any) -> None:
    if isinstance(resolver, Column):
        field.resolve = resolver.one
        field.extensions = {"resolve_column": resolver.column}
    else:
        field.resolve = resolver if callable(resolver) else _always(resolver)


def _always(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value


def fail(*_: Any, **__: Any) -> Any:
    raise BoomError("boom")


async def later(value: Any, ticks: int = 1) -> Any:
    """The value, or the error, some ticks of the event loop later."""
    for _ in range(ticks):
        await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


def after(value: Any, ticks: int = 1) -> Callable[..., Any]:
    """A resolver that is asynchronous."""

    async def resolve(*_: Any, **__: Any) -> Any:
        return await later(value, ticks)

    return resolve
