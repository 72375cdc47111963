"""Whatever is sent to any mutation, by anybody: the answer is clear, and says nothing of what is inside."""

import json
from typing import Any

import httpx
import pytest
from graphql import get_named_type, is_leaf_type, is_required_input_field
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client import Client
from tests.fuzzing import INSIDE, ODD, TEXTS, VIEWERS, World, new_world
from tests.inputs import INPUTS, kind_of_id, payload_of

pytestmark = pytest.mark.anyio

TOP_LEVEL = {"BAD_USER_INPUT", "UNAUTHENTICATED"}
EACH_FIELD = [(name, field) for name, kind in INPUTS.items() for field in kind.fields]


@pytest.fixture
async def world(client: Client, monkeypatch: pytest.MonkeyPatch) -> World:
    return await new_world(client, monkeypatch)


def of_kind(name: str, field: str) -> st.SearchStrategy[Any]:
    """What the field may be, so that more than its type is tried; ids by their number among the world's."""
    found = INPUTS[name].fields[field].type
    kind = str(found).rstrip("!")
    fitting: dict[str, st.SearchStrategy[Any]] = {
        "ID": (st.integers(0, 4) | st.integers(0, 40)).map(lambda number: (kind_of_id(name, field), number)),
        "Int": st.just(1) | st.integers(-(2**31), 2**31 - 1),
        "Boolean": st.booleans(),
        "DateTime": st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
        "[String!]": st.lists(TEXTS, max_size=22),
        "JSON": st.dictionaries(TEXTS, ODD, max_size=3),
    }
    if kind in fitting:
        return fitting[kind]
    values = getattr(get_named_type(found), "values", None)
    return st.sampled_from(sorted(values)) if values else TEXTS


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    name = draw(st.sampled_from(sorted(INPUTS)))
    sent: dict[str, Any] = {}
    for field, found in INPUTS[name].fields.items():
        # Mostly it fits, or the type would be refused before anything else is looked at.
        how = draw(st.integers(0, 39))
        if how == 0:
            sent[field] = draw(ODD)
        elif how == 1:
            sent[field] = None
        elif how < 20 or is_required_input_field(found):
            sent[field] = draw(of_kind(name, field))
    return name, sent


def with_ids(sent: dict[str, Any], world: World) -> dict[str, Any]:
    return {field: world.id(*value) if isinstance(value, tuple) else value for field, value in sent.items()}


def document(name: str) -> str:
    """Everything that the payload has, one level deep."""
    answer = " ".join(
        field if is_leaf_type(get_named_type(found.type)) else f"{field} {{__typename}}"
        for field, found in payload_of(name).fields.items()
        if field != "userErrors"
    )
    errors = "userErrors {code message path}"
    return f"mutation ($input: {INPUTS[name].name}!) {{{name}(input: $input) {{{answer} {errors}}}}}"


@given(viewer=st.sampled_from(VIEWERS), call=calls())
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_input_makes_an_internal_error(
    world: World, viewer: str, call: tuple[str, dict[str, Any]]
) -> None:
    name, sent = call
    response = await world.viewers[viewer].send(document(name), {"input": with_ids(sent, world)})
    is_deleted = name.startswith("delete") and '"userErrors":[]' in response.text
    if viewer != "nobody" and (is_deleted or "UNAUTHENTICATED" in response.text):
        await world.renew(viewer)
    check(name, response, json.dumps(sent, ensure_ascii=False))


def check(name: str, response: httpx.Response, sent: str) -> None:
    assert response.status_code in (200, 400)
    assert response.headers["content-type"].startswith("application/json")
    body = response.json()
    leaked = INSIDE.findall(response.text)
    assert not [text for text in leaked if text.lower() not in sent.lower()], response.text
    assert {error["extensions"]["code"] for error in body.get("errors", [])} <= TOP_LEVEL
    for error in ((body.get("data") or {}).get(name) or {}).get("userErrors", ()):
        assert error["code"]
        assert error["message"]
        first, *rest = error["path"]
        assert first == "input"
        assert not rest or rest[0] in INPUTS[name].fields


@pytest.mark.parametrize(
    "text", [b'"a\\u0000"', b'"\\ud800"', b'["\\u0000"]', b'{"\\u0000": 1}', b'"\xed\xa0\x80"']
)
async def test_what_is_no_text_is_no_request(world: World, text: bytes) -> None:
    for name, field in EACH_FIELD:
        given = b'{"query": "%s", "variables": {"input": {"%s": %s}}}' % (
            document(name).encode(),
            field.encode(),
            text,
        )
        response = await world.viewers["admin"].http.post(
            "/graphql", content=given, headers={"Content-Type": "application/json"}
        )
        assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["BAD_USER_INPUT"]
        assert "data" not in response.json()


async def test_a_value_of_another_type_is_no_request(world: World) -> None:
    admin = world.viewers["admin"]
    for name, field in EACH_FIELD:
        # GraphQL takes an integer for an ID; JSON is anything.
        others = [{}, 0.5, [[]]] if "JSON" not in str(INPUTS[name].fields[field].type) else []
        for value in others:
            body = await admin.execute(document(name), {"input": {field: value}})
            assert {error["extensions"]["code"] for error in body["errors"]} == {"BAD_USER_INPUT"}
            assert "data" not in body
    for name in INPUTS:
        for value in (None, [], 5, "x", {"nothing": 1}):
            assert await admin.codes(document(name), {"input": value}) == {"BAD_USER_INPUT"}
