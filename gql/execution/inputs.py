"""What Strawberry makes of coerced arguments, worked out once for each type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING
from typing import Any, TypeAlias

from strawberry.relay import GlobalID
from strawberry.scalars import is_scalar
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryList, StrawberryMaybe, StrawberryOptional, has_object_definition
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.types.unset import UNSET

Convert: TypeAlias = Callable[[Any], Any]


def converter(schema: GraphQLCoreConverter, kind: Any, name: str) -> Convert | None:
    """What makes of the coerced values of an argument what Strawberry makes of them; None for the same."""
    try:
        return _Converters(schema).of(kind)
    except _UnknownError:
        registry, config = schema.scalar_registry, schema.config
        return lambda value: convert_argument(value, kind, registry, config, path=(name,))


class _UnknownError(Exception):
    """How Strawberry converts the values of a type is not known here."""


class _Converters:
    """The converters of an argument's type and of all types in it; those that change nothing are None."""

    def __init__(self, schema: GraphQLCoreConverter) -> None:
        self._registry = schema.scalar_registry
        self._name_of = schema.config.name_converter.from_field
        self._objects: dict[Any, Convert] = {}

    def of(self, kind: Any) -> Convert | None:
        while isinstance(kind, StrawberryOptional | LazyType) and not isinstance(kind, StrawberryMaybe):
            kind = kind.of_type if isinstance(kind, StrawberryOptional) else kind.resolve_type()
        if isinstance(kind, StrawberryList):
            return _of_list(self.of(kind.of_type))
        if kind is not GlobalID and (
            isinstance(kind, StrawberryEnumDefinition)
            or has_enum_definition(kind)
            or is_scalar(kind, self._registry)
        ):
            return None
        if has_object_definition(kind):
            return self._of_object(kind)
        raise _UnknownError

    def _of_object(self, kind: Any) -> Convert:
        definition = kind.__strawberry_definition__
        if definition.from_input is not None or not definition.is_input:
            raise _UnknownError
        if kind not in self._objects:
            # Also in its own fields, which are worked out later.
            fields: list[tuple[str, str, Convert | None]] = []
            self._objects[kind] = _of_input(kind, fields)
            fields += [
                (
                    self._name_of(field),
                    field.python_name,
                    self.of(field.resolve_type(type_definition=definition)),
                )
                for field in definition.fields
            ]
        return self._objects[kind]


def _of_list(convert: Convert | None) -> Convert:
    def convert_list(values: Any) -> Any:
        if values is None or values is UNSET:
            return values
        # Also what is not converted is copied: a default is the same in all requests.
        return list(values) if convert is None else [convert(value) for value in values]

    return convert_list


def _of_input(kind: Any, fields: list[tuple[str, str, Convert | None]]) -> Convert:
    nulls = {
        field.python_name: None
        for field in kind.__strawberry_definition__.fields
        if _is_without_default(field)
    }

    def convert_input(value: Any) -> Any:
        if value is None or value is UNSET:
            return value
        given = dict(nulls)
        for name, python_name, convert in fields:
            if name in value:
                given[python_name] = value[name] if convert is None else convert(value[name])
        return kind(**given)

    return convert_input


def _is_without_default(field: StrawberryField) -> bool:
    return field.default_value is MISSING and field.default_factory is MISSING
