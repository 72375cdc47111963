"""What values mean, by their Python types."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Sequence
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


def kind_of_type(python_type: type) -> Kind:
    if python_type is type(None) or python_type is type(Undefined):
        return Kind.NULL
    if issubclass(python_type, Exception) or python_type is Raised:
        return Kind.ERROR
    if issubclass(python_type, CoroutineType) or hasattr(python_type, "__await__"):
        return Kind.AWAITABLE
    return Kind.PLAIN


def by_kind(values: Values) -> tuple[list[int], list[int], list[int], list[int]]:
    """The indices of plain values, of nulls, of errors and of awaitables."""
    indices: dict[Kind, list[int]] = {kind: [] for kind in Kind}
    types = set(map(type, values))
    if GeneratorType in types:
        for index, value in enumerate(values):
            indices[kind_of(value)].append(index)
    else:
        add = {each: indices[kind_of_type(each)].append for each in types}
        for index, value in enumerate(values):
            add[type(value)](index)
    return indices[Kind.PLAIN], indices[Kind.NULL], indices[Kind.ERROR], indices[Kind.AWAITABLE]
