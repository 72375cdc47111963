"""What becomes of an error: where it is reported, and what turns null."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from graphql import GraphQLError, SourceLocation, located_error

from gql.execution.columns import Key, Position, field_position, keys_of, ranks_of

if TYPE_CHECKING:
    from gql.execution.plans import FieldPlan


class Failure(NamedTuple):
    """An error at a position. `last` says that it came after those of a list's own items."""

    position: Position
    error: Exception
    last: bool

    def rank(self) -> tuple[float, ...]:
        ranks = ranks_of(self.position)
        return (*ranks, math.inf) if self.last else ranks


class Failures:
    """Collects errors while columns are completed, and applies them when all of them are there.

    It comes to the same errors as graphql-core, which stops at the first one that turns a parent null and
    never runs what is left of it: they are sorted by where graphql-core would meet them, and one below what
    is null already is dropped.
    """

    def __init__(self, errors: list[GraphQLError]) -> None:
        self.errors = errors
        self.nulled: set[tuple[Key, ...]] = set()
        # How often something else than the failed value itself turned null: work below it is in vain.
        self.spreads = 0
        self._new: list[Failure] = []
        self._locations: dict[FieldPlan, list[SourceLocation]] = {}

    def add(self, position: Position, error: Exception, *, last: bool = False) -> None:
        self._new.append(Failure(position, error, last))

    @property
    def is_all_null(self) -> bool:
        return () in self.nulled

    def is_null(self, position: Position) -> bool:
        """Whether a position, or anything above it, has been turned null."""
        return self._is_null(keys_of(position))

    def _is_null(self, path: tuple[Key, ...]) -> bool:
        return any(path[:length] in self.nulled for length in range(len(path) + 1))

    def apply(self) -> None:
        if not self._new:
            return
        failures, self._new = self._new, []
        if len(failures) > 1:
            failures.sort(key=Failure.rank)
        for failure in failures:
            self._apply(failure)

    def _apply(self, failure: Failure) -> None:
        path = keys_of(failure.position)
        if self._is_null(path):
            return
        field = field_position(failure.position)[0].field
        self.errors.append(self._located(failure.error, field, path))
        target: Position | None = failure.position
        while target is not None and target[0].nonnull:
            target, path = target[0].above(target[1]), path[:-1]
        self.nulled.add(path)
        self.spreads += target != failure.position
        if target is not None:
            column, index = target
            column.place(index, None)

    def _located(self, given: Exception, field: FieldPlan, path: tuple[Key, ...]) -> GraphQLError:
        """Placed as graphql-core does, which looks for the field in the document again for each error."""
        error = located_error(given, None, list(path))
        if error is given or error.nodes or error.positions:
            return error  # It says by itself where it belongs.
        locations = self._locations.get(field)
        if locations is None:
            locations = self._locations[field] = _locations(field)
        error.nodes = field.nodes  # type: ignore[assignment] # Nobody adds to it.
        error.locations = locations or None
        return error


def _locations(field: FieldPlan) -> list[SourceLocation]:
    places = [node.loc for node in field.nodes if node.loc]
    return [place.source.get_location(place.start) for place in places]
