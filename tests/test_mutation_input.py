"""What mutations take, at its limits and one beyond; what is stored is what comes back."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.enums import PostStatus, Role
from gql.relay import to_global_id
from tests import factories
from tests.client import Client
from tests.inputs import INPUTS, global_id, kind_of_id
from tests.test_bad_input import BAD_IDS

pytestmark = pytest.mark.anyio

# One character that normalising makes 18, four of them spaces; one that it makes three.
PHRASE, LIGATURE = "\ufdfa", "ﬃ"
OVERRIDE, ISOLATE, ZERO_WIDTH, FILLER = "\u202e", "\u2066", "\u200b", "\u3164"
ASTRAL = "\U0001f600"

# For each field: how long it may be, and what it becomes where that is not what was sent.
GOOD: dict[tuple[str, str], list[str | tuple[str, str]]] = {
    ("createPost", "title"): [
        "x" * 200,
        ASTRAL * 200,
        PHRASE * 200,
        "<b> & &amp; &#99999999999999999999; &#x110000;",
        "e\u0301",
        "ß",
        "题目",
        "مرحبا",
        ("\u2003 A title\t\n", "A title"),
        (" " * 500 + "x" * 200, "x" * 200),
    ],
    ("createPost", "body"): ["", " \n\t", " as it is \r\n", OVERRIDE, "\x01\x7f", ASTRAL * 100_000],
    ("createPost", "slug"): ["a", "a-1", "x" * 200],
    ("updateUser", "name"): ["x" * 100, ASTRAL * 100, "e\u0301" * 50, ("  Ada  ", "Ada"), 'O\'Neil & "co"'],
    ("updateUser", "bio"): ["", "x" * 2000, "two\nlines", "<b>", ("  x  ", "x")],
    ("updateUser", "username"): [
        "ab",
        "x" * 32,
        "ß" * 32,
        "İ" * 32,
        "_.",
        ("ＡＢ", "AB"),
        ("  ab  ", "ab"),
        (LIGATURE * 10 + "xx", "ffi" * 10 + "xx"),
        ("e\u0301" * 32, "é" * 32),
    ],
    ("createComment", "body"): [".", " as it is \n", "x" * 10_000, ASTRAL * 10_000, "<script>"],
    ("renameTag", "name"): [
        "x",
        "x" * 50,
        "ß" * 50,
        "İ" * 50,
        "😀",
        ("\u3000x\n", "x"),
        (" " * 60 + "x" * 50, "x" * 50),
        (PHRASE * 2, "صلى الله عليه وسلم" * 2),
        (LIGATURE * 16, "ffi" * 16),
    ],
}
NOT_A_LINE = ["a\nb", "a\x07", "a\x85b", "a\u2028b", f"a{OVERRIDE}b", f"a{ISOLATE}b"]
UNSEEN = ["", " ", "\t\n\u3000", ZERO_WIDTH, "\ufeff", FILLER, "\u2800 \u00ad", "\u0301"]
BAD: dict[tuple[str, str], list[str]] = {
    ("createPost", "title"): ["x" * 201, ASTRAL * 201, *NOT_A_LINE, *UNSEEN],
    ("createPost", "body"): ["x" * 100_001, ASTRAL * 100_001],
    ("createPost", "slug"): ["", "x" * 201, "A", "a b", "-a", "a-", "a--b", "ä", "a\n", "a/b", " a", "１"],
    ("updateUser", "name"): ["x" * 101, ASTRAL * 101, "<b>", "a>b", *NOT_A_LINE, *UNSEEN],
    ("updateUser", "bio"): ["x" * 2001],
    ("updateUser", "username"): [
        *("x", "x" * 33, " x ", PHRASE, LIGATURE * 11, "é" * 33, ".a", "-a", "a b", "a@b", "<b>", "a/b"),
        *(FILLER * 2, f"a{FILLER}b", f"a{ZERO_WIDTH}b", *NOT_A_LINE, *UNSEEN),
    ],
    ("updateUser", "email"): [
        *("", "a", "a@", "@example.org", "a@b@example.org", "a b@example.org", "a@example.org\nBcc: b@c.org"),
        *("Ada <a@example.org>", "a@[127.0.0.1]", "a@" + "x" * 64 + ".org"),
        *("a@" + "x." * 126 + "org", "a@example.org,b@example.org", "a@-.org", "a\x07@example.org"),
    ],
    ("createComment", "body"): ["x" * 10_001, ASTRAL * 10_001, *UNSEEN],
    ("renameTag", "name"): ["x" * 51, PHRASE * 3, LIGATURE * 17, "<b>", *NOT_A_LINE, *UNSEEN],
}
KEYS: dict[str, list[str]] = {"good": ["x", "x" * 64, " "], "bad": ["", "x" * 65]}


@dataclass
class World:
    """Somebody who writes and an admin, with an entity of each type."""

    ada: Client
    admin: Client
    ids: dict[str, str]

    async def mutate(self, name: str, /, **given: Any) -> dict[str, Any]:
        """With whatever else has to be there."""
        rest: dict[str, dict[str, Any]] = {
            "createPost": {"title": "A title", "body": ""},
            "createComment": {"postId": self.ids["Post"], "body": "x"},
            "renameTag": {"id": self.ids["Tag"], "name": "A tag"},
            "updateUser": {"id": self.ids["User"]},
            "publishPost": {"id": self.ids["Post"]},
        }
        who = self.admin if name == "renameTag" else self.ada
        return await who.mutate(name, SELECTIONS[name], **{**rest[name], **given})


SELECTIONS = {
    "createPost": "post {title body slug attributes tags {nodes {name slug}}}",
    "createComment": "comment {id body}",
    "renameTag": "tag {name slug}",
    "updateUser": "user {username name bio}",
    "publishPost": "post {status publishedAt}",
}
ENTITY = {
    "createPost": "post",
    "createComment": "comment",
    "renameTag": "tag",
    "updateUser": "user",
    "publishPost": "post",
}


@pytest.fixture
async def world(client: Client) -> World:
    user, admin = factories.user(username="ada"), factories.user(username="boss", role=Role.ADMIN)
    post = factories.post(user, stored_status=PostStatus.DRAFT, published_at=None)
    other = factories.post(admin)
    comment, strange = factories.comment(post, user), factories.comment(other, admin)
    tag = factories.tag()
    await factories.save(client.database, tag, comment, strange)
    ids = {type(row).__name__: global_id(row) for row in (user, post, comment, tag)}
    ids |= {"Other post": global_id(other), "Strange comment": global_id(strange)}
    return World(await client.viewing(user), await client.viewing(admin), ids)


@pytest.mark.parametrize(("name", "field"), GOOD)
async def test_what_is_within_the_limits_comes_back(world: World, name: str, field: str) -> None:
    for good in GOOD[name, field]:
        sent, stored = (good, good) if isinstance(good, str) else good
        payload = await world.mutate(name, **{field: sent})
        assert payload["userErrors"] == [], repr(sent[:20])
        assert payload[ENTITY[name]][field] == stored


@pytest.mark.parametrize(("name", "field"), BAD)
async def test_what_is_beyond_them_is_refused(world: World, name: str, field: str) -> None:
    for bad in BAD[name, field]:
        payload = await world.mutate(name, **{field: bad})
        assert payload == {ENTITY[name]: None, "userErrors": [("INVALID", field)]}, repr(bad[:20])


async def test_the_same_limits_hold_where_else_a_text_is_taken(world: World) -> None:
    """The annotation is the same, and so is what it says: one bad value for each other field."""
    post, comment = world.ids["Post"], world.ids["Comment"]
    ada, too_long = world.ada, "x" * 100_001
    for field in ("title", "body", "slug"):
        payload = await ada.mutate("updatePost", id=post, **{field: too_long})
        assert payload["userErrors"] == [("INVALID", field)]
    assert (await ada.mutate("updatePost", id=post, tags=["<"]))["userErrors"] == [("INVALID", "tags.0")]
    assert (await ada.mutate("updatePost", id=post, attributes=[]))["userErrors"] == [
        ("INVALID", "attributes")
    ]
    payload = await ada.mutate("updateComment", id=comment, body=too_long)
    assert payload["userErrors"] == [("INVALID", "body")]
    user = {"username": "<", "email": "<", "name": "<", "bio": too_long, "password": "x"}
    payload = await ada.mutate("createUser", **user)
    assert sorted(payload["userErrors"]) == [
        ("INVALID", field) for field in ("bio", "email", "name", "username")
    ]


async def test_everything_that_is_wrong_is_said_at_once(world: World) -> None:
    payload = await world.mutate("createPost", title="", slug="A", tags=["fine", "", "<"], idempotencyKey="")
    assert sorted(payload["userErrors"]) == [
        ("INVALID", "idempotencyKey"),
        ("INVALID", "slug"),
        ("INVALID", "tags.1"),
        ("INVALID", "tags.2"),
        ("INVALID", "title"),
    ]


@pytest.mark.parametrize("is_good", [True, False])
async def test_an_idempotency_key_has_limits_too(world: World, is_good: bool) -> None:
    for key in KEYS["good" if is_good else "bad"]:
        payload = await world.mutate("createPost", idempotencyKey=key)
        assert payload["userErrors"] == ([] if is_good else [("INVALID", "idempotencyKey")])


async def test_passwords_have_limits(world: World) -> None:
    user = {"username": "grace", "email": "grace@example.org"}
    for password in (
        "",
        "abcdefgh!",
        "abcdefghi" + "x" * 120,
        "password123",
        "grace@example.org",
        "aaaaaaaaaaaa",
    ):
        payload = await world.ada.mutate("createUser", **user, password=password)
        assert payload["userErrors"] == [("INVALID", "password")], password
    for number, password in enumerate(("abcdefghiq", "ab" * 62 + "defg", f"{PHRASE}abc")):
        user = {"username": f"grace{number}", "email": "grace@example.org"}
        payload = await world.ada.mutate("createUser", **user, password=password)
        assert payload["userErrors"] == []


IDS = [
    (name, field)
    for name, kind in INPUTS.items()
    for field, found in kind.fields.items()
    if str(found.type).rstrip("!") == "ID"
]


async def test_a_bad_id_is_refused_at_its_field(world: World) -> None:
    user = to_global_id("User", 10**9)
    other_type = to_global_id("PageInfo", 1)
    for name, field in IDS:
        kind = kind_of_id(name, field)
        # Only what is wrong with the id itself is looked at here: each kind of it is tested with queries.
        for bad in ("", BAD_IDS["NUL"], BAD_IDS["another alphabet"], BAD_IDS["just too large"], other_type):
            if not (field == "parentId" and bad == ""):
                assert await errors_of(world, name, field, bad) == [("INVALID", field)], (name, bad)
        if kind != "User":
            assert await errors_of(world, name, field, user) == [("INVALID", field)]
        for key in (0, 10**9, 2**63 - 1):
            assert await errors_of(world, name, field, to_global_id(kind, key)) == [("NOT_FOUND", field)]


async def errors_of(world: World, name: str, field: str, key: str) -> list[tuple[str, str]]:
    rest = {"postId": world.ids["Post"], "body": "x", "name": "x", "role": "USER"}
    given = {other: value for other, value in rest.items() if other in INPUTS[name].fields}
    payload = await world.admin.mutate(name, **{**given, field: key})
    errors: list[tuple[str, str]] = payload["userErrors"]
    return errors


async def test_a_parent_is_a_comment_of_the_same_post(world: World) -> None:
    strange, comment = world.ids["Strange comment"], world.ids["Comment"]
    payload = await world.mutate("createComment", parentId=strange)
    assert payload == {"comment": None, "userErrors": [("INVALID", "parentId")]}
    payload = await world.mutate("createComment", postId=world.ids["Other post"], parentId=comment)
    assert payload["userErrors"] == [("INVALID", "parentId")]
    assert (await world.mutate("createComment", parentId=comment))["userErrors"] == []


async def test_a_reply_may_go_to_a_tombstone(world: World) -> None:
    """The thread goes on, whatever its beginning was."""
    parent = world.ids["Comment"]
    await world.mutate("createComment", parentId=parent)
    await world.ada.mutate("deleteComment", id=parent)
    assert (await world.mutate("createComment", parentId=parent))["userErrors"] == []


async def test_when_a_post_can_be_published(world: World) -> None:
    now = datetime.now(UTC)
    for at in ("0001-01-01T00:00:00Z", "1969-07-20T20:17:40Z", (now - timedelta(seconds=1)).isoformat()):
        assert (await world.mutate("publishPost", at=at))["userErrors"] == [("INVALID", "at")]
    last = "9999-12-31T23:59:59.999998+00:00"
    payload = await world.mutate("publishPost", at=last)
    assert payload["post"] == {"status": "SCHEDULED", "publishedAt": last}
    # Between two offsets it is the same moment.
    payload = await world.mutate("publishPost", at="9000-01-01T00:00:00.123456+05:30")
    assert payload["post"]["publishedAt"] == "8999-12-31T18:30:00.123456+00:00"


async def test_a_name_that_differs_in_case_or_form_only_is_taken(world: World) -> None:
    await factories.save(world.ada.database, factories.user(username="Straße"), factories.user(username="ﬁé"))
    for username in ("boss", "BOSS", "ＢＯＳＳ", " Boss ", "STRASSE", "strasse", "FIÉ", "fie\u0301"):
        payload = await world.mutate("updateUser", username=username)
        assert payload["userErrors"] == [("TAKEN", "username")], username
        given = {"username": username, "email": "x@example.org", "password": "long enough for this"}
        assert (await world.ada.mutate("createUser", **given))["userErrors"] == [("TAKEN", "username")]
    # One's own in another case is free.
    assert (await world.mutate("updateUser", username="ADA"))["userErrors"] == []


async def test_a_slug_that_is_taken(world: World) -> None:
    assert (await world.mutate("createPost", slug="taken"))["userErrors"] == []
    assert (await world.mutate("createPost", slug="taken"))["userErrors"] == [("TAKEN", "slug")]
    payload = await world.ada.mutate(
        "updatePost", "post {id}", id=world.ids["Post"], slug="taken", tags=["x"]
    )
    assert payload == {"post": None, "userErrors": [("TAKEN", "slug")]}


async def test_slugs_of_titles_are_made_unique(world: World) -> None:
    titles = ["Taken", "taken!", "TAKEN", "😀", "🎉", "…", "&#x110000;", "题目", "مرحبا"]
    slugs = [(await world.mutate("createPost", title=title))["post"]["slug"] for title in titles]
    assert len(set(slugs)) == len(slugs)
    assert slugs[0] == "taken"
    assert slugs[1].startswith("taken-")
    assert slugs[3] == "post"
    for slug in slugs:
        assert slug.isascii()
        assert (await world.mutate("createPost", slug=f"x-{slug}"))["userErrors"] == []
