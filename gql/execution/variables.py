"""The variables of an operation, whose types are worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphql import get_nullable_type, is_leaf_type, is_non_null_type
from graphql.execution.values import VariableValues, VariableValueSource, input_is_nested_too_deeply
from graphql.pyutils import Undefined
from graphql.utilities.coerce_input_value import coerce_input_literal, coerce_input_value

if TYPE_CHECKING:
    from gql.execution.executor import CompiledExecutor


class Variables:
    """What graphql-core has found out of an operation's variables, for when it comes again."""

    def __init__(self, executor: CompiledExecutor) -> None:
        signatures = [source.signature for source in executor.variable_values.sources.values()]
        # Two of one name are for graphql-core to say something of.
        self._are_known = len(signatures) == len(executor.operation.variable_definitions or ())
        self._signatures = [
            (
                each,
                each.default.literal if each.default else None,
                is_non_null_type(each.type),
                is_leaf_type(get_nullable_type(each.type)),
            )
            for each in signatures
        ]

    def values(self, given: Mapping[str, Any]) -> VariableValues | None:
        """The coerced values; None where graphql-core has to say what is wrong with them."""
        try:
            return self._coerced(given) if self._are_known else None
        except Exception:  # Of a default or a scalar, whatever it raises.
            return None

    def _coerced(self, given: Mapping[str, Any]) -> VariableValues | None:
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, default, is_required, is_leaf in self._signatures:
            name = signature.name
            value = given.get(name, Undefined)
            sources[name] = VariableValueSource(signature, value)
            if value is not Undefined:
                if not is_leaf and input_is_nested_too_deeply(value, signature.type):
                    return None
                made = coerce_input_value(value, signature.type)
                if made is Undefined:
                    return None
                coerced[name] = made
            elif default is not None:
                # A new one each time, which nobody else has: a list can be changed.
                made = coerce_input_literal(default, signature.type)
                if made is Undefined:
                    return None
                coerced[name] = made
            elif is_required:
                return None
        return VariableValues(sources, coerced)
