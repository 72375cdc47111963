"""Strawberry's fields without the wrappers around their resolvers, where those would do nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar

from graphql import OperationDefinitionNode
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info

from gql.execution import fields, inputs
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


class _Info(Info[Any, Any]):
    """Strawberry's, which has graphql-core's made when somebody asks for more than what most ask for."""

    def __init__(self, run: Run, declared: StrawberryField, position: tuple[FieldColumn, int]) -> None:
        self._run = run
        self._field = declared
        self._position = position

    @cached_property
    def _raw_info(self) -> Any:  # type: ignore[override] # An attribute, set when it is first looked at.
        return fields.info_of(self._run, *self._position)

    @property
    def context(self) -> Any:
        return self._run.executor.context_value

    @property
    def operation(self) -> OperationDefinitionNode:
        return self._run.executor.operation


class _Resolver:
    """A field's resolver, called with what its signature asks for."""

    def __init__(self, declared: StrawberryField, converter: GraphQLCoreConverter) -> None:
        resolver = declared.base_resolver
        if resolver is None:
            raise TypeError("the field has no resolver")
        self.declared = declared
        self.info_class = converter.config.info_class
        self.function: Callable[..., Any] = resolver
        self.takes_self = resolver.self_parameter is not None
        roots = (resolver.parent_parameter, resolver.root_parameter)
        self.root_names = [parameter.name for parameter in roots if parameter]
        name_of = converter.config.name_converter.from_argument
        self.arguments = [
            (name, argument.python_name, inputs.converter(converter, argument.type, name))
            for argument in declared.arguments
            for name in [name_of(argument)]
        ]
        self.info_name = resolver.info_parameter.name if resolver.info_parameter else None

    def info(self, run: Run, column: FieldColumn, index: int) -> Any:
        if self.info_class is Info:
            return _Info(run, self.declared, (column, index))
        return self.info_class(_raw_info=fields.info_of(run, column, index), _field=self.declared)

    def arguments_of(self, run: Run, field: FieldPlan) -> dict[str, Any]:
        """The arguments as Strawberry has them, under their names in Python."""
        if not self.arguments:
            return {}
        given = field.arguments.values(run.executor)
        return {
            python_name: given[name] if convert is None else convert(given[name])
            for name, python_name, convert in self.arguments
            if name in given
        }

    def each(self, run: Run, field: FieldPlan, column: FieldColumn, sources: Values) -> Values:
        def call(source: Any, index: int, arguments: dict[str, Any]) -> Any:
            given = dict(arguments)
            for name in self.root_names:
                given[name] = source
            if self.info_name:
                given[self.info_name] = self.info(run, column, index)
            return self.function(source, **given) if self.takes_self else self.function(**given)

        return fields.call_each(run, field, sources, call, self.arguments_of)
