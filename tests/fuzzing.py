"""What fuzzers have in common: people of each role with things of their own, and values that are odd."""

import re
from dataclasses import dataclass

import pytest
from hypothesis import strategies as st

from db.enums import PostStatus, Role
from gql.passwords import Passwords
from gql.relay import entities, to_global_id
from tests import factories
from tests.client import Client
from tests.inputs import global_id

# SQL, drivers and libraries, and files.
INSIDE = re.compile(
    r"SELECT |INSERT |UPDATE |DELETE |sqlalchemy|asyncpg|sqlite|postgres|pydantic|strawberry|graphql-core|"
    r"Traceback|site-packages|\.py\b|/gql/|/db/|sys\.|constraint|IntegrityError|object at 0x",
    re.IGNORECASE,
)
VIEWERS = ("nobody", "user", "editor", "admin")

NUMBERS = st.sampled_from([0, 1, -1, 2**31 - 1, 2**31, 2**53 + 1, 2**63, 2**64, 1e308, 0.5, -0.0])
TEXTS = st.text(max_size=40) | st.sampled_from(
    [
        *("", "USER", "ADMIN", "x" * 101, "2026-01-31T12:00:00Z", "9999-12-31T23:59:59Z", "\x00", "\u202e"),
        *(
            "ada",
            "ada@example.org",
            "a-slug",
            "\ufdfa" * 9,
            "ﬃ" * 40,
            "' OR 1=1 --",
            "%s $1 :a",
            "&#x110000;",
        ),
        *("correct horse battery", "&#99999999999999999999;", "{}", "[]", "null"),
    ]
)
ODD = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@dataclass
class World:
    """A client for each viewer, and the ids of rows of each type, the newest first."""

    nobody: Client
    viewers: dict[str, Client]
    ids: dict[str, list[str]]

    async def renew(self, viewer: str) -> None:
        """A new user of the role with things of their own: the last one may have deleted some."""
        user = factories.user(role=Role[viewer.upper()])
        post = factories.post(user)
        draft = factories.post(user, stored_status=PostStatus.DRAFT, published_at=None)
        comment = factories.comment(post, user)
        rows = [user, post, draft, comment, factories.reply(comment, user), factories.tag()]
        await factories.save(self.nobody.database, *rows)
        self.viewers[viewer] = await self.nobody.viewing(user)
        for row in rows:
            self.ids[type(row).__name__].insert(0, global_id(row))

    def id(self, kind: str, number: int) -> str:
        """One of this type, or of any."""
        ids = self.ids[kind] + [key for ids in self.ids.values() for key in ids]
        return ids[number % len(ids)]


async def new_world(client: Client, monkeypatch: pytest.MonkeyPatch) -> World:
    """Of a client's database."""

    async def quick_hash(self: Passwords, password: str) -> str:
        return "a hash"

    async def never_right(self: Passwords, password: str, password_hash: str | None) -> tuple[bool, None]:
        return False, None

    # Argon2 would take all the time there is, and the test is not about it.
    monkeypatch.setattr(Passwords, "hash", quick_hash)
    monkeypatch.setattr(Passwords, "verify", never_right)
    ids: dict[str, list[str]] = {kind: [to_global_id(kind, 10**9)] for kind in (*entities, "Nothing")}
    ids["Session"] += [to_global_id("Session", number) for number in range(1, 4)]
    world = World(client, {"nobody": client}, ids)
    for viewer in VIEWERS[1:]:
        await world.renew(viewer)
    return world
