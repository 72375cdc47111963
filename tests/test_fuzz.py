"""Whatever a client sends, by anybody: the answer is one of the README, and tells nothing of the inside.

GAZETTE_FUZZ is how many requests each database gets, GAZETTE_FUZZ_SEED makes the same ones again.
"""

import asyncio
import os
import random
import re

import httpx
import pytest
from hypothesis import HealthCheck, event, given, note, seed, settings

from gql.schema import schema
from tests.client import Client
from tests.fuzzing import INSIDE, VIEWERS, World, new_world
from tests.schema_at_random import Request, requests
from tests.test_errors import README, ROW

pytestmark = pytest.mark.anyio

REQUESTS = int(os.environ.get("GAZETTE_FUZZ", "300"))
SEED = int(os.environ.get("GAZETTE_FUZZ_SEED") or random.randrange(2**32))
_OWN_FAULTS = {"INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "DEADLINE_EXCEEDED"}
# As the README's table of errors has it, for either media type.
DOCUMENTED = {
    media_type: {(row[0], int(row[column])) for row in ROW.findall(README) if row[0] not in _OWN_FAULTS}
    for column, media_type in ((1, "application/json"), (2, "application/graphql-response+json"))
}
_PATIENCE = 100  # Seconds that an answer may take on a machine that does other things too.


@pytest.fixture
async def world(client: Client, monkeypatch: pytest.MonkeyPatch) -> World:
    world = await new_world(client, monkeypatch)
    data = await client.data("{posts {edges {cursor}} users {edges {cursor}}}")
    world.ids["cursor"] = [edge["cursor"] for page in data.values() for edge in page["edges"]]
    return world


def filled(body: bytes, world: World) -> bytes:
    """With ids and cursors of the world in their places."""
    found = re.compile(rb"@(\w+):(\d)@")
    return found.sub(lambda place: world.id(place[1].decode(), int(place[2])).encode(), body)


@seed(SEED)
@given(request=requests(schema._schema, (*VIEWERS, "forger")))
@settings(max_examples=REQUESTS, deadline=None, suppress_health_check=list(HealthCheck))
async def test_every_answer_is_one_of_the_readmes(world: World, request: Request) -> None:
    note(f"GAZETTE_FUZZ_SEED={SEED}")
    body = filled(request.body(), world)
    http = world.viewers.get(request.viewer, world.nobody).http
    headers = {"Accept": request.media_type, "Content-Type": "application/json"}
    if request.viewer == "forger":
        headers["Authorization"] = "Bearer a.b.c"
    async with asyncio.timeout(_PATIENCE):
        response = await http.post("/graphql", content=body, headers=headers)
    check(response, request.media_type, body.decode())
    may_be_gone = "mutation" in request.query or "UNAUTHENTICATED" in response.text
    if may_be_gone and request.viewer in VIEWERS[1:] and await is_gone(world.viewers[request.viewer]):
        await world.renew(request.viewer)


async def is_gone(viewer: Client) -> bool:
    """Whether the viewer has logged out, for instance."""
    return "UNAUTHENTICATED" in await viewer.codes("{viewer {id}}")


def check(response: httpx.Response, media_type: str, sent: str) -> None:
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    answer = response.json()
    assert set(answer) <= {"data", "errors"}
    assert "data" in answer or answer["errors"]
    assert answer.get("errors") != []
    for error in answer.get("errors", ()):
        assert error["message"]
        assert (error["extensions"]["code"], response.status_code) in DOCUMENTED[media_type], response.text
    event(
        ", ".join(sorted({error["extensions"]["code"] for error in answer.get("errors", ())})) or "no errors"
    )
    if "errors" not in answer:
        assert response.status_code == 200
        assert answer["data"] is not None
    leaked = INSIDE.findall(response.text)
    assert not [text for text in leaked if text.lower() not in sent.lower()], response.text
