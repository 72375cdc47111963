"""Rows with sensible defaults; whatever a test is about it says itself."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import delete

from db.base import Base
from db.engine import Database
from db.enums import PostStatus
from db.models import Comment, Post, Tag, User
from db.text import fold

_numbers = count(1)

NOW = datetime.now(UTC).replace(microsecond=0)
YESTERDAY = NOW - timedelta(days=1)
TOMORROW = NOW + timedelta(days=1)

HIDDEN: dict[str, dict[str, Any]] = {
    "draft": {"stored_status": PostStatus.DRAFT, "published_at": None},
    "dated draft": {"stored_status": PostStatus.DRAFT, "published_at": YESTERDAY},
    "scheduled": {"stored_status": PostStatus.PUBLISHED, "published_at": TOMORROW},
    "archived": {"stored_status": PostStatus.ARCHIVED, "published_at": YESTERDAY},
}
"""What no anonymous viewer may see of posts."""


async def save(database: Database, *rows: Base) -> None:
    """Commit rows, and what they refer to; they stay usable."""
    async with database.writing() as session:
        session.add_all(rows)


async def clear(database: Database) -> None:
    """Delete everything; the ids go on."""
    async with database.writing() as session:
        for model in (Post, User, Tag):
            await session.execute(delete(model))


def user(**given: Any) -> User:
    username = given.pop("username", f"user{next(_numbers)}")
    email = given.pop("email", f"{username}@example.org")
    keys = {"username_key": fold(username), "email_key": fold(email)}
    return User(**{"username": username, "email": email, "email_verified_at": YESTERDAY, **keys, **given})


def post(author: User, **given: Any) -> Post:
    number = next(_numbers)
    return Post(
        **{
            "author": author,
            "title": f"Title {number}",
            "slug": f"post-{number}",
            "body": f"Body {number}",
            "stored_status": PostStatus.PUBLISHED,
            "published_at": YESTERDAY,
            **given,
        }
    )


def comment(post: Post, author: User | None = None, **given: Any) -> Comment:
    return Comment(**{"post": post, "author": author, "text": f"Comment {next(_numbers)}", **given})


def reply(parent: Comment, author: User | None = None, **given: Any) -> Comment:
    return comment(parent.post, author, parent=parent, **given)


def tag(**given: Any) -> Tag:
    number = next(_numbers)
    made = {"name": f"Tag {number}", "slug": f"tag-{number}", **given}
    return Tag(**{"name_key": fold(f"{made['name']} {number}"), **made})
