"""A request has so many values at most, which is known before its JSON is parsed."""

import json
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from gql import values
from gql.app import create_app
from gql.errors import LimitExceededError
from gql.settings import Settings
from tests.client import Client
from tests.conftest import NewUrl
from tests.limits import nothing_read
from tests.sockets import Listening, listening

pytestmark = pytest.mark.anyio

MOST = 100
ECHO = "query ($ids: [ID!]!) {nodes(ids: $ids) {id}}"
MESSAGE = "The request has more than 100 values; send less at once."


@pytest.fixture
def settings(new_url: NewUrl) -> Settings:
    return Settings(database_url=new_url(), value_limit=MOST)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    async with Client(create_app(settings)) as client:
        yield client


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Listening]:
    async with listening(create_app(settings), settings) as served:
        yield served


def asking(ids: int) -> dict[str, Any]:
    """A request of four values more than ids: itself, its document, its variables and their list."""
    return {"query": ECHO, "variables": {"ids": [str(number) for number in range(ids)]}}


async def test_a_request_has_so_many_values(client: Client) -> None:
    answer = await client.http.post("/graphql", json=asking(MOST - 4))
    assert answer.json()["errors"][0]["message"] == "This is not an id."
    with nothing_read(client):
        refused = await client.http.post("/graphql", json=asking(MOST - 3))
    assert refused.status_code == 413
    assert refused.json() == {"errors": [{"message": MESSAGE, "extensions": {"code": "LIMIT_EXCEEDED"}}]}


async def test_variables_in_an_address_do_too(client: Client) -> None:
    """There the list and the object around it are no more than two."""
    for ids, status in ((MOST - 2, 200), (MOST - 1, 414)):
        variables = json.dumps(asking(ids)["variables"])
        answer = await client.http.get("/graphql", params={"query": ECHO, "variables": variables})
        assert answer.status_code == status, answer.text
        assert ("LIMIT_EXCEEDED" in answer.text) is (status == 414)


async def test_a_stream_of_events_is_refused_in_the_same_way(client: Client) -> None:
    refused = await client.http.post("/graphql", json=asking(MOST), headers={"Accept": "text/event-stream"})
    assert refused.status_code == 413
    assert refused.json()["errors"][0]["extensions"] == {"code": "LIMIT_EXCEEDED"}


async def test_a_socket_with_more_in_a_message_is_closed(served: Listening) -> None:
    async with served.begun() as socket:
        # The message, its type and its id are values too.
        answer = await socket.execute(ECHO, variables=asking(MOST - 7)["variables"])
        assert answer["errors"][0]["message"] == "This is not an id."
        await socket.subscribe("1", ECHO, variables=asking(MOST - 6)["variables"])
        assert await socket.closed() == (1009, MESSAGE)


async def test_what_is_in_a_text_is_no_value(client: Client) -> None:
    text = r'"\"[{,' * 100 + "\\"
    for query in (f"{{viewer {{id}}}} # {text}", "{viewer {id}} " + ", [{".replace("[{", "") * 300):
        answer = await client.http.post("/graphql", json={"query": query, "extensions": {text: text}})
        assert answer.json() == {"data": {"viewer": None}}, answer.text


JSONS = {
    "numbers": [1] * 500,
    "texts": ["a,b"] * 500,
    "texts with quotes": ['"', "\\", '\\"', ",["] * 125,
    "lists": [[0]] * 250,
    "objects": [{"a": 1}] * 250,
    "names": {f"a{number}": "b" for number in range(500)},
    "deep": json.loads("[" * 500 + "0" + "]" * 500),
}


def number_of(value: Any) -> int:
    if isinstance(value, list | dict):
        return 1 + sum(map(number_of, value.values() if isinstance(value, dict) else value))
    return 1


@pytest.mark.parametrize("name", JSONS)
@pytest.mark.parametrize("indent", [None, 2])
def test_each_value_counts_once(name: str, indent: int | None) -> None:
    text = json.dumps(JSONS[name], indent=indent)
    number = number_of(JSONS[name])
    assert values.parse(text, number) == values.parse(text.encode(), number) == JSONS[name]
    for form in (text, text.encode(), bytearray(text.encode())):
        with pytest.raises(LimitExceededError):
            values.parse(form, number - 1)


@pytest.mark.parametrize("text", ["[" * 10, '["', '"\\', "", "[1,2"])
def test_what_is_no_json_stays_none(text: str) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        values.parse(text, 100)
