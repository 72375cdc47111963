"""What values mean, by their Python types."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from types import CoroutineType, GeneratorType
from typing import Any, NamedTuple, TypeAlias

from graphql.pyutils import Undefined

Values: TypeAlias = Sequence[Any]


class Raised(NamedTuple):
    """What was raised, which is another thing than an exception that was returned."""

    error: Exception


class Kind(enum.Enum):
    """What a value means, told by its Python type."""

    PLAIN = enum.auto()
    NULL = enum.auto()
    ERROR = enum.auto()
    AWAITABLE = enum.auto()


def kind_of(value: Any) -> Kind:
    if type(value) is GeneratorType and value.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE:
        return Kind.AWAITABLE  # As coroutines were written once.
    return kind_of_type(type(value))


def _kind_of_type(python_type: type) -> Kind:
    if python_type is type(None) or python_type is type(Undefined):
        return Kind.NULL
    if issubclass(python_type, Exception) or python_type is Raised:
        return Kind.ERROR
    if issubclass(python_type, CoroutineType) or hasattr(python_type, "__await__"):
        return Kind.AWAITABLE
    return Kind.PLAIN


# Bounded, because a program that makes types as it goes has ever more of them.
kind_of_type: Callable[[type], Kind] = lru_cache(maxsize=1024)(_kind_of_type)


def by_kind(values: Values) -> tuple[list[int], list[int], list[int], list[int]]:
    """The indices of plain values, of nulls, of errors and of awaitables."""
    types = set(map(type, values))
    kinds = [kind_of(value) for value in values] if GeneratorType in types else _kinds_of_types(values)
    plain, null, failed, later = (
        [index for index, kind in enumerate(kinds) if kind is wanted]
        for wanted in (Kind.PLAIN, Kind.NULL, Kind.ERROR, Kind.AWAITABLE)
    )
    return plain, null, failed, later


def _kinds_of_types(values: Values) -> list[Kind]:
    return [kind_of_type(type(value)) for value in values]
