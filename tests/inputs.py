"""What mutations take and answer, read from the schema, so that no test forgets a new one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type
from sqlalchemy import event

from db.engine import Database
from gql.relay import entities, to_global_id
from gql.schema import schema

FIELDS = schema._schema.mutation_type.fields  # type: ignore[union-attr] # There are mutations.


def _input(name: str) -> GraphQLInputObjectType:
    kind = get_named_type(FIELDS[name].args["input"].type)
    assert isinstance(kind, GraphQLInputObjectType)
    return kind


INPUTS: dict[str, GraphQLInputObjectType] = {name: _input(name) for name in sorted(FIELDS)}
"""The input type of each mutation, by the names in the schema."""


def payload_of(name: str) -> GraphQLObjectType:
    kind = get_named_type(FIELDS[name].type)
    assert isinstance(kind, GraphQLObjectType)
    return kind


def entities_of(name: str) -> dict[str, str]:
    """The payload's fields that are an entity, with the names of their types."""
    named = {field: get_named_type(found.type).name for field, found in payload_of(name).fields.items()}
    return {field: kind for field, kind in named.items() if kind in entities}


def kind_of_id(name: str, field: str) -> str:
    """The name of the type that an id in a mutation's input is of."""
    if field != "id":
        return field.removesuffix("Id").replace("parent", "comment").title()
    return next(kind for kind in entities if kind in INPUTS[name].name)


def global_id(row: Any) -> str:
    return to_global_id(type(row).__name__, row.id)


@contextmanager
def written(database: Database) -> Iterator[list[str]]:
    """What the write lane sends meanwhile that changes rows."""
    sent: list[str] = []

    def observe(statement: str, *_: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE", "WITH")):
            sent.append(statement)

    def record(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        observe(statement)

    engine = database.write_engine.sync_engine
    event.listen(engine, "before_cursor_execute", record)
    if database.write_lane is not None:
        database.write_lane.observers.append(observe)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", record)
        if database.write_lane is not None:
            database.write_lane.observers.remove(observe)
