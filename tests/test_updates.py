"""Absent, null and a value are three different things, for each field of each update."""

from dataclasses import dataclass
from typing import Any

import pytest
from graphql import is_required_input_field

from db.enums import Role
from tests import factories
from tests.client import Client
from tests.inputs import INPUTS, entities_of, global_id, written

pytestmark = pytest.mark.anyio

# Every mutation with these alone does one thing to an entity; with more fields it updates.
ABOUT_THE_REQUEST = {"id", "expectedVersion", "idempotencyKey", "currentPassword"}
# Its only other field says when, and absent and null both mean at once.
NO_UPDATES = {"publishPost"}
UPDATES = [
    name
    for name, kind in INPUTS.items()
    if "id" in kind.fields and set(kind.fields) - ABOUT_THE_REQUEST and name not in NO_UPDATES
]
EACH_FIELD = [(name, field) for name in UPDATES for field in sorted(INPUTS[name].fields)]
EACH_VALUE = [(name, field) for name, field in EACH_FIELD if field not in ABOUT_THE_REQUEST]
WITH_VERSION = [name for name, kind in INPUTS.items() if "expectedVersion" in kind.fields]
NULLABLE = {("updateUser", "name")}

STATES = {
    "User": "username email name bio role version updatedAt",
    "Post": "title body slug attributes status version updatedAt tags {nodes {name}}",
    "Comment": "body version updatedAt",
    "Tag": "name slug",
}
VALUES: dict[tuple[str, str], Any] = {
    ("renameTag", "name"): "Another name",
    ("setUserRole", "role"): "EDITOR",
    ("updateComment", "body"): " Said\notherwise. ",
    ("updatePost", "attributes"): {"layout": True, "order": [1, 2.5, None]},
    ("updatePost", "body"): "\n  Another *body*.\n",
    ("updatePost", "slug"): "another-slug",
    ("updatePost", "tags"): ["Three", "Two"],
    ("updatePost", "title"): "Another title",
    ("updateUser", "bio"): "Another life.",
    ("updateUser", "email"): "another@example.org",
    ("updateUser", "name"): "Another name",
    ("updateUser", "username"): "another",
}
"""A new value for every field. A field that is not here fails its tests: add it."""

# An address counts only when it is confirmed.
STORED_LATER = {"email"}


@dataclass
class World:
    """An entity of each type, the user who wrote them and an admin."""

    ada: Client
    admin: Client
    ids: dict[str, str]

    def who(self, name: str) -> Client:
        return self.admin if name in {"setUserRole", "renameTag"} or "User" in name else self.ada

    def target(self, name: str) -> tuple[str, str]:
        """The type that a mutation is about, and the id of the entity of it."""
        kind = next(kind for kind in STATES if kind in INPUTS[name].name)
        return kind, self.ids[kind]

    async def state(self, name: str) -> dict[str, Any]:
        """What the entity is now, as its author reads it."""
        kind, key = self.target(name)
        query = f"query ($id: ID!) {{node(id: $id) {{... on {kind} {{{STATES[kind]}}}}}}}"
        state: dict[str, Any] = (await self.ada.data(query, {"id": key}))["node"]
        if kind == "Post":
            state["tags"] = sorted(tag["name"] for tag in state["tags"]["nodes"])
        return state

    async def update(self, name: str, /, **given: Any) -> list[tuple[str, str]]:
        """Update with the fields given, and those that have to be given as they are."""
        state = await self.state(name)
        required = {
            field: state[field]
            for field, found in INPUTS[name].fields.items()
            if field != "id" and is_required_input_field(found)
        }
        payload = await self.who(name).mutate(name, **{**required, "id": self.target(name)[1], **given})
        errors: list[tuple[str, str]] = payload["userErrors"]
        return errors


@pytest.fixture
async def world(client: Client) -> World:
    old = {"updated_at": factories.YESTERDAY}
    user = factories.user(username="ada", name="Ada", bio="A life.", **old)
    admin = factories.user(role=Role.ADMIN)
    tag = factories.tag(name="One", name_key="one")
    post = factories.post(user, tags=[tag], attributes={"layout": 1, "order": []}, **old)
    comment = factories.comment(post, user, **old)
    await factories.save(client.database, admin, comment)
    ids = {type(row).__name__: global_id(row) for row in (user, post, comment, tag)}
    return World(await client.viewing(user), await client.viewing(admin), ids)


def value(name: str, field: str) -> Any:
    assert (name, field) in VALUES, f"say in VALUES what {name} can set {field} to"
    return VALUES[name, field]


@pytest.mark.parametrize(("name", "field"), EACH_VALUE)
async def test_a_value_is_stored_and_nothing_else(world: World, name: str, field: str) -> None:
    before = await world.state(name)
    assert await world.update(name, **{field: value(name, field)}) == []
    after = await world.state(name)
    if field in STORED_LATER:
        assert after == before
        return
    expected = {**before, field: value(name, field)}
    if "version" in before:
        assert after["updatedAt"] > before["updatedAt"]
        expected |= {"version": before["version"] + 1, "updatedAt": after["updatedAt"]}
    assert after == expected


@pytest.mark.parametrize(("name", "field"), EACH_VALUE)
async def test_what_is_absent_stays(world: World, name: str, field: str) -> None:
    before = await world.state(name)
    others = {other: value(name, other) for found, other in EACH_VALUE if found == name and other != field}
    is_required = is_required_input_field(INPUTS[name].fields[field])
    if is_required:
        assert "BAD_USER_INPUT" in await sent(world, name, others)
    else:
        assert await world.update(name, **others) == []
    after = await world.state(name)
    assert after[field] == before[field]
    stored = set(others) - STORED_LATER
    if "version" in before:
        # However many fields are given, it is one change.
        assert after["version"] == before["version"] + bool(stored and not is_required)


async def sent(world: World, name: str, given: dict[str, Any]) -> set[str]:
    document = f"mutation ($input: {INPUTS[name].name}!) {{{name}(input: $input) {{userErrors {{code}}}}}}"
    return await world.who(name).codes(document, {"input": {"id": world.target(name)[1], **given}})


@pytest.mark.parametrize(("name", "field"), EACH_FIELD)
async def test_null_clears_or_is_refused(world: World, name: str, field: str) -> None:
    before = await world.state(name)
    if is_required_input_field(INPUTS[name].fields[field]):
        assert await sent(world, name, {field: None}) == {"BAD_USER_INPUT"}
    elif (name, field) in NULLABLE:
        assert await world.update(name, **{field: None}) == []
        after = await world.state(name)
        assert (after[field], after["version"]) == (None, before["version"] + 1)
        return
    else:
        with written(world.ada.database) as statements:
            assert await world.update(name, **{field: None}) == [("REQUIRED", field)]
        assert statements == []
    assert await world.state(name) == before


@pytest.mark.parametrize("name", UPDATES)
async def test_an_update_that_changes_nothing_writes_nothing(world: World, name: str) -> None:
    before = await world.state(name)
    same = {field: before[field] for found, field in EACH_VALUE if found == name}
    for given in ({}, same):
        with written(world.ada.database) as statements:
            assert await world.update(name, **given) == []
        assert statements == []
        assert await world.state(name) == before


async def test_a_true_that_was_a_one_is_a_change(world: World) -> None:
    """Python takes them for equal; whoever reads JSON does not."""
    steps: list[dict[str, Any]] = [
        {"a": [1, {"b": 0}]},
        {"a": [True, {"b": 0}]},
        {"a": [True, {"b": False}]},
        {"a": []},
    ]
    for attributes in steps:
        before = await world.state("updatePost")
        assert await world.update("updatePost", attributes=attributes) == []
        after = await world.state("updatePost")
        assert repr(after["attributes"]) == repr(attributes)
        assert after["version"] == before["version"] + 1


async def test_tags_in_another_order_or_case_are_no_change(world: World) -> None:
    assert await world.update("updatePost", tags=["One", "Two"]) == []
    before = await world.state("updatePost")
    assert await world.update("updatePost", tags=["TWO", "one", "Two"]) == []
    assert await world.state("updatePost") == before


async def test_no_tags_takes_them_all_off(world: World) -> None:
    assert await world.update("updatePost", tags=[]) == []
    assert (await world.state("updatePost"))["tags"] == []


@pytest.mark.parametrize("name", WITH_VERSION)
async def test_another_version_is_a_conflict(world: World, name: str) -> None:
    """The answer has the entity as it is, so that a client can show what came between."""
    before = await world.state(name)
    kind, key = world.target(name)
    (field,) = [field for field, found in entities_of(name).items() if found == kind]
    given = {field: value(name, field) for found, field in EACH_VALUE if found == name}
    for expected in (0, 2, -1, 2**31 - 1):
        payload = await world.who(name).mutate(
            name, f"{field} {{id version}}", id=key, expectedVersion=expected, **given
        )
        assert payload["userErrors"] == [("CONFLICT", "expectedVersion")]
        assert payload[field] == {"id": key, "version": 1}
    assert await world.state(name) == before


@pytest.mark.parametrize("name", [name for name in WITH_VERSION if name in UPDATES])
async def test_the_version_that_is_expected_counts_on(world: World, name: str) -> None:
    given = {field: value(name, field) for found, field in EACH_VALUE if found == name}
    assert await world.update(name, expectedVersion=1, **given) == []
    assert (await world.state(name))["version"] == 2
    assert await world.update(name, expectedVersion=1, **given) == [("CONFLICT", "expectedVersion")]
    assert await world.update(name, expectedVersion=2, **given) == []
    # The same values again were no change.
    assert (await world.state(name))["version"] == 2
