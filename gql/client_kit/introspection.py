"""The schema as urql's Graphcache reads it: what can be nested in what, without leaves and inputs."""

from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    GraphQLUnionType,
)

Json = dict[str, Any]
_Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType

# Scalars and enums are one leaf to a cache, and so are the types of arguments.
_LEAF = {"kind": "SCALAR", "name": "Any"}


def minimal_introspection(schema: GraphQLSchema) -> Json:
    """What `minifyIntrospectionQuery` of @urql/introspection makes of an introspection query's answer."""
    types = [
        _described(schema, kind)
        for name, kind in sorted(schema.type_map.items())
        if isinstance(kind, _Composite) and not name.startswith("__")
    ]
    return {
        "__schema": {
            "queryType": _root(schema.query_type),
            "mutationType": _root(schema.mutation_type),
            "subscriptionType": _root(schema.subscription_type),
            "types": [*types, _LEAF],
            "directives": [],
        }
    }


def _root(kind: GraphQLObjectType | None) -> Json | None:
    return _named(kind) if kind else None


def _described(schema: GraphQLSchema, kind: _Composite) -> Json:
    described = _named(kind)
    if not isinstance(kind, GraphQLUnionType):
        described["fields"] = [_field(name, field) for name, field in kind.fields.items()]
        described["interfaces"] = [_named(interface) for interface in kind.interfaces]
    if not isinstance(kind, GraphQLObjectType):
        described["possibleTypes"] = [_named(possible) for possible in schema.get_possible_types(kind)]
    return described


def _named(kind: _Composite) -> Json:
    kinds = {GraphQLObjectType: "OBJECT", GraphQLInterfaceType: "INTERFACE", GraphQLUnionType: "UNION"}
    return {"kind": kinds[type(kind)], "name": kind.name}


def _field(name: str, field: GraphQLField) -> Json:
    return {
        "name": name,
        "type": _reference(field.type),
        "args": [
            {"name": argument, "type": _reference(declared.type)} for argument, declared in field.args.items()
        ],
    }


def _reference(kind: GraphQLType) -> Json:
    if isinstance(kind, GraphQLNonNull):
        return {"kind": "NON_NULL", "ofType": _reference(kind.of_type)}
    if isinstance(kind, GraphQLList):
        return {"kind": "LIST", "ofType": _reference(kind.of_type)}
    return _named(kind) if isinstance(kind, _Composite) else _LEAF
