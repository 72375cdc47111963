"""An executor for graphql-core that runs plans."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from graphql import OperationType
from graphql.execution import Executor
from graphql.pyutils.is_awaitable import is_awaitable
from graphql.type import GraphQLResolveInfoHelpers

from gql.execution import fields
from gql.execution.cache import Plans
from gql.execution.columns import Objects
from gql.execution.objects import complete_objects
from gql.execution.plans import FieldPlan, ObjectPlan, Resolution
from gql.execution.run import Run

counts: Counter[str] = Counter()
"""How many operations were `compiled` in this process, and how many left to graphql-core: `stock`."""

_plans = Plans()


class CompiledExecutor(Executor[Any]):
    """Answers as graphql-core's own executor does, and leaves to it what there is no plan for."""

    # By these a value's Python type is enough to know whether it is awaitable.
    known_predicates: ClassVar[tuple[Any, ...]] = (is_awaitable,)

    def execute_operation(self, serially: bool | None = None) -> Any:
        plan = _plans.plan(self) if self._is_plain(serially=serially) else None
        if plan is None:
            counts["stock"] += 1
            return super().execute_operation(serially)
        counts["compiled"] += 1
        run = Run(self)
        if self.operation.operation is OperationType.MUTATION:
            return self._execute_serially(run, plan)
        try:
            data = complete_objects(run, plan, None, [self.root_value])[0]
            run.failures.apply()
        except BaseException:
            run.waiting.discard()
            raise
        return self._settled(run, data) if run.waiting else self._answer(run, data)

    def resolution(self, field: FieldPlan) -> Resolution:
        """How a field is resolved; for subclasses that know more of the fields of their schema."""
        if field.name == "__typename":
            return fields.typename
        resolve_column = (field.definition.extensions or {}).get(fields.RESOLVE_COLUMN)
        return fields.whole(resolve_column) if resolve_column else fields.each

    @property
    def async_helpers(self) -> GraphQLResolveInfoHelpers:
        """Its own methods. To keep them would leave each executor to the garbage collector."""
        return GraphQLResolveInfoHelpers(gather=self.gather_async_work, track=self.track_async_work)

    @async_helpers.setter
    def async_helpers(self, helpers: GraphQLResolveInfoHelpers) -> None:
        pass

    def _is_plain(self, *, serially: bool | None) -> bool:
        """Whether nothing was asked for that only graphql-core's own executor can do."""
        middleware = self.middleware_manager
        is_mutation = self.operation.operation is OperationType.MUTATION
        return (
            serially in (None, is_mutation)
            and self.abort_signal is None
            and self.hooks is None
            and (middleware is None or not middleware.middlewares)
            and self.is_awaitable in self.known_predicates
        )

    async def _settled(self, run: Run, data: dict[str, Any]) -> Any:
        await run.waiting.settle()
        return self._answer(run, data)

    def _answer(self, run: Run, data: dict[str, Any]) -> Any:
        run.end()
        return self.build_response(None if run.failures.is_all_null else data)

    def _execute_serially(self, run: Run, plan: ObjectPlan) -> Any:
        """Root fields one after the other, each with all that is below it."""
        objects = Objects(None)
        objects.rows = [{}]
        for number, field in enumerate(plan.fields):
            self._begin(run, field, objects)
            if run.waiting:
                return self._go_on(run, plan, objects, number)
            if run.failures.is_all_null:
                break
        return self._answer(run, objects.rows[0])

    async def _go_on(self, run: Run, plan: ObjectPlan, objects: Objects, number: int) -> Any:
        """From where there is something to wait for."""
        await run.waiting.settle()
        for field in plan.fields[number + 1 :]:
            if run.failures.is_all_null:
                break
            self._begin(run, field, objects)
            await run.waiting.settle()
        return self._answer(run, objects.rows[0])

    def _begin(self, run: Run, field: FieldPlan, objects: Objects) -> None:
        row = objects.rows[0]
        row[field.key] = None
        row[field.key] = field.run(run, objects, [self.root_value])[0]
        run.failures.apply()
