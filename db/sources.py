"""What a connection's rows are read from, worked out from a model or from one of its relationships."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Table, inspect, select
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from db.base import Entity
from db.rows import expression

Target = type[Entity] | InstrumentedAttribute[Any]
"""All rows of a model, or those that a relationship leads to from one parent."""

Membership = tuple[InstrumentedAttribute[Any], ColumnElement[Any]]
"""That a row has one among its many: a many-to-many relationship that leads to the row, and the one's key."""


@dataclass(frozen=True)
class Source:
    """A model's table, or an association table in front of it.

    An association's foreign key may bring along more than the target's id. Predicates, orders and bounds are
    rewritten to use those copies, because only columns of one table can be one range of one index.
    """

    model: type[Entity]
    parent: Column[Any] | None = None  # It holds the parent's key; None where all rows are meant.
    association: Table | None = None
    copies: dict[Column[Any], Column[Any]] = field(default_factory=dict)

    @property
    def table(self) -> FromClause:
        target = inspect(self.model).local_table
        if self.association is None:
            return target
        key = expression(self.model, "id")
        return self.association.join(target, self.rewrite(key) == key)

    def smallest_table(self, *clauses: ColumnElement[Any]) -> FromClause:
        """The association alone where no clause asks for anything else: enough to count."""
        target = inspect(self.model).local_table
        parts = (part for clause in clauses for part in iterate(clause))
        asked = {part.table for part in parts if isinstance(part, Column)}
        return self.table if self.association is None or target in asked else self.association

    @property
    def holder(self) -> Column[Any]:
        """The column with the parent's key, where there are parents."""
        if self.parent is None:
            raise ValueError(f"{self.model.__name__} is read as a whole, not by its parents")
        return self.parent

    def rewrite(self, clause: ColumnElement[Any]) -> ColumnElement[Any]:
        if not self.copies:
            return clause
        replaced: ColumnElement[Any] = replacement_traverse(clause, {}, self._copy_of)
        return replaced

    def _copy_of(self, element: Any, **_: Any) -> Any:
        return self.copies.get(element) if isinstance(element, Column) else None

    def settles(self, clause: ColumnElement[Any]) -> bool:
        """Whether a condition holds for all rows of one parent, or for none: for a post's comments it does
        where it only asks for what their foreign key to the post brings along.

        It chooses between two right ways to read, so that a mistake here would cost time and show nothing.
        """
        return {part for part in iterate(clause) if isinstance(part, Column)} <= self._same_for_a_parent

    @cached_property
    def _same_for_a_parent(self) -> set[Column[Any]]:
        """The columns that have one value in all rows of one parent: its key, and what else is in a foreign
        key that identifies a row by such a column."""
        known = {self.holder}
        while True:
            brought = {
                element.parent
                for constraint in self.holder.table.foreign_key_constraints
                if any(pair.parent in known and pair.column.primary_key for pair in constraint.elements)
                for element in constraint.elements
            }
            if brought <= known:
                return known
            known |= brought


@lru_cache(maxsize=256)
def source_of(target: Target) -> Source:
    if not isinstance(target, InstrumentedAttribute):
        return Source(target)
    relationship = target.property
    model = relationship.mapper.class_
    parent = referring(relationship.synchronize_pairs)[1]
    if relationship.secondary is None:
        return Source(model, parent)
    copies = {
        element.column: element.parent
        for constraint in relationship.secondary.foreign_key_constraints
        if constraint.referred_table is relationship.mapper.local_table
        for element in constraint.elements
    }
    return Source(model, parent, relationship.secondary, copies)


@dataclass(frozen=True)
class ManyToOne:
    """A relationship of that kind: an attribute of the rows that refer, and the other model's that it has."""

    local_key: str
    model: type[Entity]
    key: str
    is_optional: bool


@lru_cache(maxsize=256)
def many_to_one(relationship: InstrumentedAttribute[Any]) -> ManyToOne:
    model = relationship.property.mapper.class_
    remote, local = referring(relationship.property.synchronize_pairs)
    return ManyToOne(
        attribute_of(relationship.class_, local), model, attribute_of(model, remote), bool(local.nullable)
    )


def attribute_of(model: Any, column: Column[Any]) -> str:
    """The name of the model's attribute for a column of its table."""
    return str(inspect(model).get_property_by_column(column).key)


def referring(pairs: Iterable[tuple[Column[Any], Column[Any]]]) -> tuple[Column[Any], Column[Any]]:
    """Of a foreign key's pairs the one that identifies: what else it brings along is a copy."""
    pairs = list(pairs)
    return next((pair for pair in pairs if pair[0].primary_key), pairs[0])


def narrowed(target: Target, member_of: Membership | None) -> tuple[Source, list[ColumnElement[bool]]]:
    """The best source for rows that also have to belong to one parent, and the conditions that say so.

    Where all rows are asked for, an association is read itself: a rare tag's posts are a range of its index.
    Where there is a parent already, each of its rows is looked up in the association.
    """
    source = source_of(target)
    if member_of is None:
        return source, []
    relationship, key = member_of
    members = source_of(relationship)
    if source.parent is None:
        return members, [members.holder == key]
    row = expression(source.model, "id")
    found = select(members.rewrite(row)).where(members.holder == key).correlate(None)
    return source, [source.rewrite(row).in_(found)]
