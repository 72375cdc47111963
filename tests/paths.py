"""Every path through the schema's object graph, as one document."""

from collections.abc import Iterable, Iterator
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_leaf_type

from gql.schema import schema

STEPS = 3  # As deep as a cycle of the object graph is long.

Paths = set[tuple[str, str]]


def entity_type(name: str) -> GraphQLObjectType:
    kind = schema._schema.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    return kind


def selection(kind: GraphQLObjectType, walked: Paths, depth: int = STEPS) -> str:
    """Every field of a type, and of the types that it leads to."""
    parts = ["__typename"]
    for name, field in kind.fields.items():
        named = get_named_type(field.type)
        if is_leaf_type(named):
            parts.append(name)
        elif isinstance(named, GraphQLObjectType) and (
            depth > 0 or named.name.endswith(("Edge", "PageInfo"))
        ):
            # What a connection is made of is no step further.
            inner = depth if kind.name.endswith(("Connection", "Edge")) else depth - 1
            parts.append(f"{name}{arguments(field)} {{ {selection(named, walked, inner)} }}")
        else:
            continue
        walked.add((kind.name, name))
    return " ".join(parts)


def arguments(field: GraphQLField) -> str:
    return "(first: 100)" if "first" in field.args else ""


def document(looked_up: dict[str, str], ids: Iterable[tuple[str, str]]) -> tuple[str, Paths]:
    """All root fields: those of one thing as they are given, with their types; ids by `node` and `nodes`."""
    walked: Paths = set()
    # From one thing a step less: what lies there is reached by the connections too.
    one = {
        name: selection(entity_type(name), walked, STEPS - 1) for name in ("User", "Post", "Comment", "Tag")
    }
    fields = [f"{field} {{ {one[name]} }}" for field, name in looked_up.items()]
    for name, key in ids:
        fragment = f"... on {name} {{ {one[name]} }}"
        fields += [f'node(id: "{key}") {{ {fragment} }}', f'nodes(ids: ["{key}"]) {{ {fragment} }}']
    for name in ("users", "posts", "tags"):
        connection = entity_type(f"{name[:-1].title()}Connection")
        fields.append(f"{name}(first: 100) {{ {selection(connection, walked)} }}")
    walked |= {("Query", field.split("(")[0].split(" ")[0]) for field in fields}
    return "{" + " ".join(f"a{number}: {field}" for number, field in enumerate(fields)) + "}", walked


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a response."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


def texts(value: Any) -> Iterator[str]:
    """Every text of a response, also inside of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
