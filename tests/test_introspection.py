"""What introspection tells of types, and Strawberry by itself tells otherwise."""

import pytest
import strawberry

from gql.app import create_app
from gql.settings import Settings
from tests.client import Client

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("executor", ["compiled", "stock"])
async def test_introspection_tells_what_takes_exactly_one_field(settings: Settings, executor: str) -> None:
    query = """{
        __schema {types {fields {type {isOneOf ofType {isOneOf}}}}}
        post: __type(name: "Post") {isOneOf}
        by: __type(name: "PostBy") {isOneOf}
        filter: __type(name: "PostFilter") {isOneOf inputFields {name type {isOneOf}}}
        input: __type(name: "CreatePostInput") {isOneOf}
    }"""
    # Strawberry's own schemas set what is the same object for all of them.
    strawberry.Schema(strawberry.type(type("Query", (), {"__annotations__": {"a": int}})))
    app = create_app(settings.model_copy(update={"executor": executor}))
    async with Client(app) as client:
        data = await client.data(query)
    told = [field["type"] for kind in data["__schema"]["types"] for field in kind["fields"] or ()]
    assert {kind["isOneOf"] for kind in told} == {None}
    assert {kind["ofType"]["isOneOf"] for kind in told if kind["ofType"]} == {None}
    fields = {field["name"]: field["type"]["isOneOf"] for field in data["filter"].pop("inputFields")}
    assert fields["author"] is True
    assert {name: data[name]["isOneOf"] for name in ("post", "by", "filter", "input")} == {
        "post": None,
        "by": True,
        "filter": False,
        "input": False,
    }
