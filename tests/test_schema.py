"""The schema is a contract, and so is what a type may be made of."""

import inspect
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
)

from gql.mutation import PERMISSION, WITHOUT_TOKEN
from gql.policy import Permission
from gql.relay import entities
from gql.schema import schema

SCHEMA: GraphQLSchema = schema._schema
EXPORTED = Path(__file__).parent.parent / "schema.graphql"


def own_types() -> Iterator[GraphQLNamedType]:
    built_in = {"String", "Int", "Float", "Boolean", "ID"}
    for name, kind in SCHEMA.type_map.items():
        if not name.startswith("__") and name not in built_in:
            yield kind


def described() -> Iterator[tuple[str, str | None]]:
    """Everything that explains itself in the explorer."""
    for kind in own_types():
        yield kind.name, kind.description
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for name, field in kind.fields.items():
                yield f"{kind.name}.{name}", field.description
                if isinstance(field, GraphQLField):
                    for argument, declared in field.args.items():
                        assert isinstance(declared, GraphQLArgument)
                        yield f"{kind.name}.{name}({argument})", declared.description
        if isinstance(kind, GraphQLEnumType) and kind.name.endswith(("Field", "Direction")):
            for name, value in kind.values.items():
                yield f"{kind.name}.{name}", value.description


def test_the_exported_schema_is_the_served_one() -> None:
    exported, current = EXPORTED.read_text().splitlines(), schema.as_str().splitlines()
    difference = "\n".join(unified_diff(exported, current, "schema.graphql", "the code", lineterm=""))
    if difference:
        pytest.fail(f"run `make schema` if this is meant:\n{difference}", pytrace=False)


def test_everything_is_described() -> None:
    assert [path for path, text in described() if not text] == []


@pytest.mark.parametrize("name", sorted(entities))
def test_secrets_and_keys_cannot_be_read(name: str) -> None:
    kind = SCHEMA.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    words = ("password", "key", "hash", "token")
    assert [field for field in kind.fields if any(word in field.lower() for word in words)] == []


def test_every_mutation_declares_what_it_takes_to_call_it() -> None:
    """One that went around the door would write for everybody; one for anybody has to be meant so."""
    assert SCHEMA.mutation_type
    fields = SCHEMA.mutation_type.fields.items()
    declared = {
        name: field.extensions["strawberry-definition"].metadata.get(PERMISSION) for name, field in fields
    }
    assert [name for name, given in declared.items() if not isinstance(given, Permission)] == []
    for_anybody = {name for name, given in declared.items() if given is Permission.ANYBODY}
    assert for_anybody == {
        "createUser",
        "logIn",
        "recordPostView",
        "refreshTokens",
        "requestPasswordReset",
        "resetPassword",
        "verifyEmail",
    }
    # Of these, what somebody may ask for who has only an expired token: it does the same for a stranger.
    assert for_anybody - WITHOUT_TOKEN == {"createUser", "recordPostView"}
    assert for_anybody > WITHOUT_TOKEN


def test_own_scalars_say_where_they_are_specified() -> None:
    scalars = [kind for kind in own_types() if isinstance(kind, GraphQLScalarType)]
    assert {scalar.name for scalar in scalars} == {"DateTime", "JSON"}
    assert all(scalar.specified_by_url for scalar in scalars)


@pytest.mark.parametrize("name", sorted(entities))
def test_the_fields_of_an_entity_return_what_they_have_at_once(name: str) -> None:
    """A coroutine costs a task a row, and an asynchronous extension would pass on a future as it is."""
    kind = SCHEMA.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    for field in kind.fields.values():
        declared = field.extensions["strawberry-definition"]
        assert declared.permission_classes == []
        assert declared.extensions == []
        if declared.base_resolver:
            assert not inspect.iscoroutinefunction(declared.base_resolver.wrapped_func)
