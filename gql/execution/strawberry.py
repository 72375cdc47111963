"""Strawberry's fields without the wrappers around their resolvers, where those would do nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.scalars import ID
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField

from gql.execution import fields
from gql.execution.columns import FieldColumn
from gql.execution.executor import CompiledExecutor, counts
from gql.execution.kinds import Values
from gql.execution.plans import FieldPlan, Resolution
from gql.execution.run import Run

_DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF


class StockExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's own executor, which counts what it executes."""

    def execute_operation(self, serially: bool | None = None) -> Any:
        counts["stock"] += 1
        return super().execute_operation(serially)


class StrawberryExecutor(CompiledExecutor, StrawberryGraphQLCoreExecutionContext):
    """For `strawberry.Schema(execution_context_class=...)`.

    A field's resolver of a whole column is in its metadata, as `RESOLVE_COLUMN`; it takes Strawberry's info
    and arguments.
    """

    known_predicates: ClassVar[tuple[Any, ...]] = (*CompiledExecutor.known_predicates, optimized_is_awaitable)

    def resolution(self, field: FieldPlan) -> Resolution:
        declared = (field.definition.extensions or {}).get(_DEFINITION)
        if declared is None:
            return super().resolution(field)
        converter: GraphQLCoreConverter = self.schema._strawberry_schema.schema_converter  # type: ignore[attr-defined]
        if not _is_bare(declared, converter):
            return fields.each
        if declared.base_resolver is None:
            return fields.attribute(declared.python_name)
        resolver = _Resolver(declared, converter)
        if resolve_column := declared.metadata.get(fields.RESOLVE_COLUMN):
            return fields.whole(resolve_column, resolver.arguments_of, resolver.info)
        return resolver.each


def _is_bare(declared: Any, converter: GraphQLCoreConverter) -> bool:
    """Whether nothing stands between a field and its resolver or attribute."""
    return (
        isinstance(declared, StrawberryField)
        and type(declared).get_result is StrawberryField.get_result
        and not declared.extensions
        and not declared.is_subscription
        and not converter._get_field_exception_handlers(declared)
        and (declared.base_resolver is not None or declared.default_resolver is getattr)
    )


def _is_leaf(kind: Any) -> bool:
    """Whether Strawberry takes a value as graphql-core has coerced it."""
    if type(kind) is StrawberryOptional:
        kind = kind.of_type
    return kind in (int, str, float, bool, ID)


class _Resolver:
    """A field's resolver, called with what its signature asks for."""

    def __init__(self, declared: StrawberryField, converter: GraphQLCoreConverter) -> None:
        resolver = declared.base_resolver
        if resolver is None:
            raise TypeError("the field has no resolver")
        self.declared = declared
        self.converter = converter
        self.make_info = converter.config.info_class
        self.function: Callable[..., Any] = resolver
        self.takes_self = resolver.self_parameter is not None
        roots = (resolver.parent_parameter, resolver.root_parameter)
        self.root_names = [parameter.name for parameter in roots if parameter]
        name_of = converter.config.name_converter.from_argument
        self.arguments = [
            (name_of(argument), argument.python_name, argument.type, _is_leaf(argument.type))
            for argument in declared.arguments
        ]
        self.info_name = resolver.info_parameter.name if resolver.info_parameter else None

    def info(self, info: Any) -> Any:
        return self.make_info(_raw_info=info, _field=self.declared)

    def arguments_of(self, run: Run, field: FieldPlan) -> dict[str, Any]:
        """The arguments as Strawberry has them, under their names in Python."""
        if not self.arguments:
            return {}
        given = fields.arguments_of(run, field)
        return {
            python_name: given[name] if is_leaf else self._converted(given[name], kind, name)
            for name, python_name, kind, is_leaf in self.arguments
            if name in given
        }

    def _converted(self, value: Any, kind: Any, name: str) -> Any:
        config, registry = self.converter.config, self.converter.scalar_registry
        return convert_argument(value, kind, registry, config, path=(name,))

    def each(self, run: Run, field: FieldPlan, column: FieldColumn, sources: Values) -> Values:
        make_info = run.info_of(field)

        def call(source: Any, index: int, arguments: dict[str, Any]) -> Any:
            given = dict(arguments)
            for name in self.root_names:
                given[name] = source
            if self.info_name:
                given[self.info_name] = self.info(make_info((column, index)))
            return self.function(source, **given) if self.takes_self else self.function(**given)

        return fields.call_each(run, field, sources, call, self.arguments_of)
