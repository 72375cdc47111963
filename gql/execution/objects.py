"""Columns of objects, each completed by its own selection set; and of interfaces and unions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from graphql import GraphQLObjectType
from graphql.execution.executor import invalid_return_type_error

from gql.execution.columns import Column, Objects, Part
from gql.execution.kinds import Kind, Raised, Values, kind_of
from gql.execution.types import Selected, TypePlan, part_of, put

if TYPE_CHECKING:
    from gql.execution.plans import ObjectPlan
    from gql.execution.run import Run

F = TypeVar("F", bound=Callable[..., Any])

Use: TypeAlias = "Callable[[Run, Column, Values, Values], list[Any]]"

_BY_CLASS = "_decided_by_class"

# So many classes a place remembers; a program that makes classes as it goes has more.
_MOST_TYPES = 64


def decided_by_class(is_type_of: F) -> F:
    """Say of an `is_type_of` function that it looks at the Python class of the value and at nothing else.

    So it is asked once for each class and not for each value.
    """
    setattr(is_type_of, _BY_CLASS, True)
    return is_type_of


def _says_yes(is_type_of: Any, value: Any, info: Any) -> bool:
    try:
        return is_type_of(value, info) is True
    except Exception:  # Then each value is asked for, and has its error.
        return False


def complete_objects(run: Run, plan: ObjectPlan, column: Column | None, sources: Values) -> list[Any]:
    """What the selection set makes of each object: first all values of one field, then of the next."""
    objects = Objects(column)
    columns = [field.run(run, objects, sources) for field in plan.fields]
    objects.rows = plan.make_rows(columns, len(sources))
    return objects.rows


class TypedPlan(TypePlan):
    """A place for objects, of one type or of several."""

    def __init__(self, selected: Selected, graphql_type: Any, *, nonnull: bool) -> None:
        super().__init__(selected, graphql_type, nonnull=nonnull)
        self._plans: dict[GraphQLObjectType, ObjectPlan] = {}
        self._accepted: set[tuple[GraphQLObjectType, type]] = set()

    def complete_as(
        self, run: Run, column: Column, values: Values, types: Sequence[GraphQLObjectType | None]
    ) -> list[Any]:
        """Complete each value as an object of the type at its index; nothing where there is no type."""
        indices: dict[GraphQLObjectType, list[int]] = defaultdict(list)
        for index, graphql_type in enumerate(types):
            if graphql_type is not None:
                indices[graphql_type].append(index)
        completed: list[Any] = [None] * len(values)
        for graphql_type, chosen in indices.items():
            part = column if len(chosen) == len(values) else Part(column, chosen)
            chosen_values = [values[index] for index in chosen]
            put(completed, chosen, self.complete_type(run, part, chosen_values, graphql_type))
        return completed

    def complete_type(
        self, run: Run, column: Column, values: Values, graphql_type: GraphQLObjectType
    ) -> list[Any]:
        """Complete values as objects of one type, of which each has to be."""
        if graphql_type.is_type_of is None or self._is_accepted(run, column, values, graphql_type):
            return self._complete(run, column, values, graphql_type)

        def checked(run: Run, column: Column, values: Values, answers: Values) -> list[Any]:
            return self._complete_checked(run, column, values, graphql_type, answers)

        return self._asked(run, column, values, graphql_type.is_type_of, checked)

    def _asked(
        self, run: Run, column: Column, values: Values, ask: Callable[[Any, Any], Any], use: Use
    ) -> list[Any]:
        """What `use` makes of the values and of what `ask` answers of each, which may have to be awaited."""
        answers: list[Any] = []
        for index, value in enumerate(values):
            try:
                answers.append(ask(value, run.info(column, index)))
            except Exception as error:  # It is the value's.
                answers.append(Raised(error))
        later = [index for index, answer in enumerate(answers) if kind_of(answer) is Kind.AWAITABLE]
        if not later:
            return use(run, column, values, answers)
        completed: list[Any] = [None] * len(values)
        now = sorted(set(range(len(values))) - set(later))
        if now:
            part, chosen = part_of(column, values, now)
            put(completed, now, use(run, part, chosen, [answers[index] for index in now]))
        part, chosen = part_of(column, values, later)

        def answered(run: Run, column: Column, answers: Values, indices: Sequence[int]) -> list[Any]:
            return use(run, column, [chosen[index] for index in indices], answers)

        run.wait(part, [answers[index] for index in later], answered)
        return completed

    def _is_accepted(self, run: Run, column: Column, values: Values, graphql_type: GraphQLObjectType) -> bool:
        """Whether values of such Python classes are of the type, where it is their classes that decide."""
        is_type_of = graphql_type.is_type_of
        if not getattr(is_type_of, _BY_CLASS, False):
            return False
        for python_type in set(map(type, values)):
            if (graphql_type, python_type) not in self._accepted:
                index = next(index for index, value in enumerate(values) if type(value) is python_type)
                if not _says_yes(is_type_of, values[index], run.info(column, index)):
                    return False
                if len(self._accepted) < _MOST_TYPES:
                    self._accepted.add((graphql_type, python_type))
        return True

    def _complete_checked(
        self,
        run: Run,
        column: Column,
        values: Values,
        graphql_type: GraphQLObjectType,
        answers: Values,
    ) -> list[Any]:
        right: list[int] = []
        for index, (value, answer) in enumerate(zip(values, answers, strict=True)):
            if isinstance(answer, Raised):
                run.fail(column, index, answer.error)
            elif not answer:
                run.fail(column, index, invalid_return_type_error(graphql_type, value, self.selected.details))
            else:
                right.append(index)
        if len(right) == len(values):
            return self._complete(run, column, values, graphql_type)
        completed: list[Any] = [None] * len(values)
        chosen = [values[index] for index in right]
        put(completed, right, self._complete(run, Part(column, right), chosen, graphql_type))
        return completed

    def _complete(
        self, run: Run, column: Column, values: Values, graphql_type: GraphQLObjectType
    ) -> list[Any]:
        if not values:
            return []
        plan = self._plans.get(graphql_type)
        if plan is None:
            try:
                plan = run.plan_objects(run.executor, graphql_type, self.selected.details)
            except Exception as error:  # A directive's argument was wrong, say: each object is.
                for index in range(len(values)):
                    run.fail(column, index, error)
                return [None] * len(values)
            self._plans[graphql_type] = plan
        return complete_objects(run, plan, column, values)


class ObjectTypePlan(TypedPlan):
    """A place for objects of one type."""

    def complete_plain(self, run: Run, column: Column, values: Values, types: set[type]) -> list[Any]:
        return self.complete_type(run, column, values, self.type)


class AbstractPlan(TypedPlan):
    """A place for objects of an interface or a union. Each type is planned when it is first met."""

    def complete_plain(self, run: Run, column: Column, values: Values, types: set[type]) -> list[Any]:
        resolve_type = self.type.resolve_type or run.executor.type_resolver

        def ask(value: Any, info: Any) -> Any:
            return resolve_type(value, info, self.type)

        return self._asked(run, column, values, ask, self._complete_named)

    def _complete_named(self, run: Run, column: Column, values: Values, names: Values) -> list[Any]:
        return self.complete_as(run, column, values, self._types(run, column, values, names))

    def _types(
        self, run: Run, column: Column, values: Values, names: Values
    ) -> list[GraphQLObjectType | None]:
        types: list[GraphQLObjectType | None] = []
        for index, (value, name) in enumerate(zip(values, names, strict=True)):
            try:
                if isinstance(name, Raised):
                    raise name.error
                types.append(
                    run.executor.ensure_valid_runtime_type(
                        name, self.type, self.selected.details, run.info(column, index), value
                    )
                )
            except Exception as error:  # It is the value's.
                types.append(None)
                run.fail(column, index, error)
        return types
