"""Subscriptions that have begun, by graphql-core's own steps: a source, and executions of its events."""

from inspect import isawaitable
from typing import Any, NamedTuple

from graphql import FieldNode, VariableNode, create_source_event_stream
from graphql.execution import Executor
from strawberry.types.execution import ExecutionResult

from gql.subscription import Following, Told


class Subscribed(NamedTuple):
    """A subscription that has begun."""

    executor: Executor[Any]
    following: Following
    cost: int  # In nodes, of each event.

    @property
    def variables(self) -> set[str]:
        """The names of those that the operation declares: a client may send others, of any shape."""
        declared = self.executor.operation.variable_definitions or ()
        return {definition.variable.name.value for definition in declared}

    @property
    def after_variable(self) -> str | None:
        """The variable by which the client says where to go on, if that is one."""
        for field in self.executor.operation.selection_set.selections:
            for argument in field.arguments or () if isinstance(field, FieldNode) else ():
                if argument.name.value == "after" and isinstance(argument.value, VariableNode):
                    return argument.value.name.value
        return None

    async def result(self, told: Told, context: Any) -> ExecutionResult:
        """What is told of one event, read in a context of its own."""
        executor = self.executor.build_per_event_executor(told)
        executor.context_value = context
        result: Any = executor.execute_operation()
        executed = await result if isawaitable(result) else result
        answered: ExecutionResult = context.bounded(ExecutionResult(executed.data, executed.errors))
        return answered


async def begun(executor: Executor[Any], cost: int) -> Subscribed | ExecutionResult:
    """A subscription, or the errors of its root field."""
    source = create_source_event_stream(executor)
    source = await source if isawaitable(source) else source
    if isinstance(source, Following):
        return Subscribed(executor, source, cost)
    return ExecutionResult(None, source.errors)  # type: ignore[union-attr] # Nothing else is followed.
