"""A mutation that is sent again under its key is done once, whoever lost the first answer."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLNonNull
from sqlalchemy import func, select, update

from db import models
from db.accounts import IdempotencyKey
from db.base import Base
from db.enums import Role
from gql.idempotency import KEPT
from gql.mutation import WITHOUT_TOKEN
from gql.relay import to_global_id
from gql.schema import schema
from gql.settings import Settings
from gql.validation import SECRET
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl

pytestmark = pytest.mark.anyio

POST = "post {id title version}"
INPUT = {"title": "A title", "body": "text", "tags": ["a", "b"], "idempotencyKey": "a key"}


@pytest.fixture
def settings(new_url: NewUrl) -> Settings:
    return Settings(database_url=new_url(), write_connections=10)


@pytest.fixture
async def ada(client: Client) -> Client:
    user = factories.user()
    await factories.save(client.database, user)
    return await client.viewing(user)


async def number_of(client: Client, model: type[Base]) -> int:
    async with client.database.reading() as connection:
        return int(await connection.scalar(select(func.count()).select_from(model)) or 0)


async def test_it_is_done_once_and_shows_what_is_there_now(client: Client, ada: Client) -> None:
    first = await ada.mutate("createPost", f"{POST} postEdge {{node {{id}}}}", **INPUT)
    post = first["post"]
    assert await ada.mutate("createPost", f"{POST} postEdge {{node {{id}}}}", **INPUT) == first
    await ada.mutate("updatePost", id=post["id"], title="Another title")
    # The order of the fields is nothing that a client has in its hands.
    again = await ada.mutate("createPost", POST, **dict(reversed(INPUT.items())))
    assert again == {"post": {**post, "title": "Another title", "version": 2}, "userErrors": []}
    assert await number_of(client, models.Post) == 1


async def test_a_change_is_made_once(client: Client, ada: Client) -> None:
    post = (await ada.mutate("createPost", POST, title="A title", body="text"))["post"]
    given = {"id": post["id"], "title": "Second", "expectedVersion": 1, "idempotencyKey": "a key"}
    assert (await ada.mutate("updatePost", POST, **given))["post"]["version"] == 2
    await ada.mutate("updatePost", id=post["id"], title="Third")
    # Done anew it would be a conflict, and without an expected version it would undo the third title.
    again = await ada.mutate("updatePost", POST, **given)
    assert again == {"post": {**post, "title": "Third", "version": 3}, "userErrors": []}


@pytest.mark.parametrize("other", [{"body": "other"}, {"tags": ["b", "a"]}, {"attributes": {}}], ids=str)
async def test_a_key_is_for_one_input(client: Client, ada: Client, other: dict[str, Any]) -> None:
    await ada.mutate("createPost", **INPUT)
    refused = await ada.mutate("createPost", POST, **INPUT | other)
    assert refused == {"post": None, "userErrors": [("KEY_REUSED", "idempotencyKey")]}
    assert await number_of(client, models.Post) == 1


async def test_a_key_is_for_one_mutation(ada: Client) -> None:
    post = (await ada.mutate("createPost", POST, title="A title", body="text"))["post"]
    given = {"id": post["id"], "idempotencyKey": "a key"}
    assert (await ada.mutate("publishPost", **given))["userErrors"] == []
    # They have the same input, and the second one the opposite meaning.
    assert (await ada.mutate("unpublishPost", **given))["userErrors"] == [("KEY_REUSED", "idempotencyKey")]
    assert (await ada.mutate("publishPost", POST, **given))["post"]["version"] == 2


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"title": ""}, "INVALID"), ({"tags": [str(number) for number in range(21)]}, "INVALID")],
    ids=["refused before the transaction", "refused in it"],
)
async def test_what_was_refused_has_not_used_the_key(
    client: Client, ada: Client, wrong: dict[str, Any], code: str
) -> None:
    refused = await ada.mutate("createPost", POST, **INPUT | wrong)
    assert refused["post"] is None
    assert {error[0] for error in refused["userErrors"]} == {code}
    assert await number_of(client, IdempotencyKey) == 0
    assert (await ada.mutate("createPost", **INPUT))["userErrors"] == []


async def test_what_the_database_refused_has_not_used_the_key(client: Client, ada: Client) -> None:
    await ada.mutate("createPost", title="A title", body="text", slug="taken")
    refused = await ada.mutate("createPost", **INPUT, slug="taken")
    assert refused["userErrors"] == [("TAKEN", "slug")]
    assert await number_of(client, IdempotencyKey) == 0
    assert (await ada.mutate("createPost", **INPUT, slug="free"))["userErrors"] == []


@pytest.mark.parametrize("at_once", [2, 10])
async def test_several_at_once_are_one(client: Client, ada: Client, at_once: int) -> None:
    for round_ in range(10):
        given = INPUT | {"title": f"Title {round_}", "idempotencyKey": f"key {round_}"}
        payloads = await asyncio.gather(*(ada.mutate("createPost", POST, **given) for _ in range(at_once)))
        assert payloads[0]["post"]["title"] == f"Title {round_}"
        assert payloads == [payloads[0]] * at_once
    assert await number_of(client, models.Post) == 10


async def test_of_several_inputs_at_once_one_has_the_key(client: Client, ada: Client) -> None:
    payloads = await asyncio.gather(
        *(ada.mutate("createPost", **INPUT | {"title": f"Title {number}"}) for number in range(10))
    )
    errors = sorted(payload["userErrors"] for payload in payloads)
    assert errors == [[], *[[("KEY_REUSED", "idempotencyKey")]] * 9]
    assert await number_of(client, models.Post) == 1


async def test_the_keys_of_two_users_do_not_meet(client: Client, ada: Client) -> None:
    user = factories.user()
    await factories.save(client.database, user)
    other = await client.viewing(user)
    payloads = [await viewer.mutate("createPost", POST, **INPUT) for viewer in (ada, other)]
    assert [payload["userErrors"] for payload in payloads] == [[], []]
    assert payloads[0]["post"]["id"] != payloads[1]["post"]["id"]


async def test_a_key_is_free_again_after_a_day(client: Client, ada: Client) -> None:
    await ada.mutate("createPost", **INPUT)
    for passed, posts in ((KEPT - timedelta(minutes=1), 1), (KEPT + timedelta(minutes=1), 2)):
        async with client.database.writing() as session:
            await session.execute(update(IdempotencyKey).values(created_at=datetime.now(UTC) - passed))
        assert (await ada.mutate("createPost", **INPUT))["userErrors"] == []
        assert await number_of(client, models.Post) == posts
    # What has expired goes with the next key of the same user.
    assert await number_of(client, IdempotencyKey) == 1


async def test_what_was_deleted_since_is_null(ada: Client) -> None:
    post = (await ada.mutate("createPost", f"{POST} postEdge {{cursor}}", **INPUT))["post"]
    given = {"id": post["id"], "idempotencyKey": "another key"}
    deleted = await ada.mutate("deletePost", "deletedPostId", **given)
    assert deleted == {"deletedPostId": post["id"], "userErrors": []}
    again = await ada.mutate("createPost", f"{POST} postEdge {{cursor}}", **INPUT)
    assert again == {"post": None, "postEdge": None, "userErrors": []}
    # To delete it is done once, too: there is nothing left to find, and no error.
    assert await ada.mutate("deletePost", "deletedPostId", **given) == deleted


async def test_a_view_is_counted_once_of_whoever_is_logged_in(client: Client, ada: Client) -> None:
    post = (await ada.mutate("createPost", POST, title="A title", body="text"))["post"]
    await ada.mutate("publishPost", id=post["id"])
    for _ in range(2):
        seen = await ada.mutate("recordPostView", "post {viewCount}", id=post["id"], idempotencyKey="a key")
        assert seen == {"post": {"viewCount": 1}, "userErrors": []}
    refused = await client.mutate("recordPostView", "post {id}", id=post["id"], idempotencyKey="a key")
    assert refused == {"post": None, "userErrors": [("INVALID", "idempotencyKey")]}


async def test_who_leaves_with_a_key_leaves(client: Client) -> None:
    user = factories.user()
    await factories.save(client.database, user)
    for name, given, answer in (
        ("logOut", {"everywhere": False}, {"endedSessions": 1}),
        ("deleteUser", {"id": user_id(user)}, {"deletedUserId": user_id(user)}),
    ):
        visitor = await client.viewing(user)
        left = await visitor.mutate(name, next(iter(answer)), **given, idempotencyKey=name)
        assert left == {**answer, "userErrors": []}
        assert await visitor.codes("{viewer {id}}") == {"UNAUTHENTICATED"}


def user_id(user: models.User) -> str:
    return to_global_id("User", user.id)


def test_every_mutation_of_a_viewer_can_be_sent_again() -> None:
    """Those for strangers have no user to keep a key for, and tokens are told once."""
    mutation = schema._schema.mutation_type
    assert mutation is not None
    keyed = set()
    for name, field in mutation.fields.items():
        kind = field.args["input"].type
        assert isinstance(kind, GraphQLNonNull)
        assert isinstance(kind.of_type, GraphQLInputObjectType)
        if "idempotencyKey" in kind.of_type.fields:
            keyed.add(name)
    assert keyed == set(mutation.fields) - WITHOUT_TOKEN - {"changePassword", "createUser"}


async def test_no_password_is_a_part_of_what_is_kept(client: Client) -> None:
    """A quick hash beside the slow one would be what a thief of the database guesses at."""
    admin, user = factories.user(role=Role.ADMIN), factories.user()
    await factories.save(client.database, admin, user)
    asks = await client.viewing(admin)
    given = {"id": user_id(user), "email": "new@example.org", "idempotencyKey": "a key"}
    for password in ("correct horse battery", "incorrect horse battery"):
        changed = await asks.mutate("updateUser", "user {id}", **given, currentPassword=password)
        assert changed == {"user": {"id": user_id(user)}, "userErrors": []}


def test_every_password_of_an_input_with_a_key_is_a_secret() -> None:
    mutation = schema._schema.mutation_type
    assert mutation is not None
    for field in mutation.fields.values():
        kind = field.args["input"].type.of_type
        declared = kind.extensions["strawberry-definition"].origin
        fields = {found.name: found.metadata for found in dataclasses.fields(declared)}
        if "idempotency_key" in fields:
            passwords = {
                name: found for name, found in fields.items() if "password" in name or "token" in name
            }
            assert all(found.get(SECRET) for found in passwords.values()), kind
