"""Plans are kept, so that an operation that comes again is only run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from gql.execution.kept import Kept
from gql.execution.plans import ObjectPlan, plan_operation

if TYPE_CHECKING:
    from gql.execution.executor import CompiledExecutor

# Each level takes more of Python's frames than in graphql-core, which has this to itself.
_DEEPEST = 40

_CONDITIONS = {"skip", "include"}


class Operation:
    """What an operation's document says, whatever the values of its variables.

    It holds on to what its identity is told by, so that nothing else can come to have the same.
    """

    def __init__(self, executor: CompiledExecutor) -> None:
        self.schema: GraphQLSchema = executor.schema
        self.node: OperationDefinitionNode = executor.operation
        self.fragments: Sequence[FragmentDefinitionNode] = list(executor.fragment_definitions.values())
        selection_sets = [self.node.selection_set, *(node.selection_set for node in self.fragments)]
        conditions = list(_directives(selection_sets))
        self.is_supported = (
            not self.node.directives
            and not any(node.directives or node.variable_definitions for node in self.fragments)
            and all(directive.name.value in _CONDITIONS for directive in conditions)
            and self._depth(self.node.selection_set, {}) <= _DEEPEST
        )
        # On the values of these it depends which fields there are.
        self.condition_names = sorted(set(_variables(conditions)))
        self.length = len(self.node.loc.source.body) if self.node.loc else 0

    def _depth(self, selection_set: SelectionSetNode, known: dict[str, int]) -> int:
        """How many fields lie in each other. A fragment that spreads itself is as deep as can be."""
        depth = 0
        for node in selection_set.selections:
            if isinstance(node, FragmentSpreadNode):
                depth = max(depth, self._depth_of_fragment(node.name.value, known))
            elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                below = self._depth(node.selection_set, known)
                depth = max(depth, below + isinstance(node, FieldNode))
        return depth

    def _depth_of_fragment(self, name: str, known: dict[str, int]) -> int:
        if name not in known:
            known[name] = _DEEPEST + 1
            fragment = next((node for node in self.fragments if node.name.value == name), None)
            known[name] = self._depth(fragment.selection_set, known) if fragment else 0
        return known[name]

    def is_of(self, executor: CompiledExecutor) -> bool:
        fragments = executor.fragment_definitions.values()
        return (
            self.node is executor.operation
            and self.schema is executor.schema
            and len(self.fragments) == len(fragments)
            and all(mine is other for mine, other in zip(self.fragments, fragments, strict=True))
        )

    def variant(self, executor: CompiledExecutor) -> tuple[Any, ...]:
        """By what two plans of it differ."""
        given = executor.variable_values.coerced
        return tuple([(name in given, given.get(name)) for name in self.condition_names])


class Plans:
    """The plans that came last."""

    def __init__(self) -> None:
        self.operations: Kept[Operation] = Kept()
        # An operation is told apart as an object, which its key keeps alive.
        self.plans: Kept[ObjectPlan] = Kept()

    def plan(self, executor: CompiledExecutor) -> ObjectPlan | None:
        """The plan of an executor's operation; None for what is left to graphql-core's own executor."""
        try:
            operation = self._operation(executor)
            return self._plan(operation, executor) if operation.is_supported else None
        except (GraphQLError, RecursionError, LookupError):  # graphql-core comes to the same.
            return None

    def _operation(self, executor: CompiledExecutor) -> Operation:
        key = type(executor), id(executor.operation)
        operation = self.operations.get(key)
        if operation is None or not operation.is_of(executor):
            operation = Operation(executor)
            self.operations.put(key, operation, operation.length)
        return operation

    def _plan(self, operation: Operation, executor: CompiledExecutor) -> ObjectPlan:
        key = operation, operation.variant(executor)
        try:
            hash(key)
        except TypeError:  # A list, which is no condition: graphql-core says so.
            return plan_operation(executor)
        plan = self.plans.get(key)
        if plan is None:
            plan = plan_operation(executor)
            self.plans.put(key, plan, operation.length)
        return plan


def _directives(selection_sets: Sequence[SelectionSetNode]) -> Iterator[DirectiveNode]:
    left = list(selection_sets)
    while left:
        for node in left.pop().selections:
            yield from node.directives or ()
            if isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                left.append(node.selection_set)


def _variables(directives: Iterable[DirectiveNode]) -> Iterator[str]:
    for directive in directives:
        for argument in directive.arguments or ():
            if isinstance(argument.value, VariableNode):
                yield argument.value.name.value
