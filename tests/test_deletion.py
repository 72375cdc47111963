"""What deletes what, and what follows a post: the foreign keys decide, on both databases."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from db.associations import PostTag
from db.engine import Database
from db.enums import PostStatus
from db.models import Comment, Post, Tag, User
from tests import factories

pytestmark = pytest.mark.anyio


async def scalars(database: Database, column: Any) -> list[Any]:
    async with database.reading() as connection:
        return list((await connection.execute(select(column).order_by(column))).scalars())


async def test_a_users_posts_go_with_the_user(database: Database) -> None:
    author, reader = factories.user(), factories.user()
    post = factories.post(author, tags=[factories.tag()])
    said = factories.comment(post, reader)
    answered = factories.reply(said, author)
    await factories.save(database, post, said, answered)
    async with database.writing() as session:
        await session.execute(delete(User).where(User.id == author.id))
    assert await scalars(database, Post.id) == []
    assert await scalars(database, Comment.id) == []
    assert await scalars(database, PostTag.post_id) == []
    assert await scalars(database, User.id) == [reader.id]
    assert len(await scalars(database, Tag.id)) == 1


async def test_what_a_user_said_elsewhere_becomes_a_tombstone(database: Database) -> None:
    author, reader = factories.user(), factories.user()
    said = factories.comment(factories.post(author), reader)
    answered = factories.reply(said, author)
    await factories.save(database, said, answered)
    async with database.writing() as session:
        await session.execute(delete(User).where(User.id == reader.id))
    async with database.reading() as connection:
        found = (await connection.execute(select(Comment.id, Comment.author_id).order_by(Comment.id))).all()
    assert found == [(said.id, None), (answered.id, author.id)]


async def test_a_comment_with_replies_cannot_be_deleted(database: Database) -> None:
    author = factories.user()
    said = factories.comment(factories.post(author), author)
    await factories.save(database, said, factories.reply(said, author))
    with pytest.raises(IntegrityError):
        async with database.writing() as session:
            await session.execute(delete(Comment).where(Comment.id == said.id))


async def test_a_reply_is_about_the_same_post(database: Database) -> None:
    author = factories.user()
    said = factories.comment(factories.post(author), author)
    stray = factories.comment(factories.post(author), author, parent=said)
    with pytest.raises(IntegrityError):
        await factories.save(database, said, stray)


async def test_a_tombstone_has_no_author(database: Database) -> None:
    author = factories.user()
    with pytest.raises(IntegrityError):
        await factories.save(
            database, factories.comment(factories.post(author), author, deleted_at=factories.NOW)
        )


async def test_what_is_published_has_a_date(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await factories.save(database, factories.post(factories.user(), published_at=None))


@pytest.mark.parametrize(
    "change",
    [
        {"stored_status": PostStatus.ARCHIVED},
        {"stored_status": PostStatus.DRAFT, "published_at": None},
        {"published_at": factories.TOMORROW},
        {"created_at": factories.YESTERDAY},
    ],
)
async def test_comments_and_tags_follow_their_posts_visibility(
    database: Database, change: dict[str, Any]
) -> None:
    post = factories.post(factories.user(), tags=[factories.tag()])
    await factories.save(database, post, factories.comment(post))
    before = await copies(database)
    async with database.writing() as session:
        await session.execute(update(Post).where(Post.id == post.id).values(**change))
    after = await copies(database)
    assert after != before
    of_post, of_comment, of_tag = after
    assert of_comment == of_post[:1]
    assert of_tag == of_post


async def copies(database: Database) -> list[tuple[datetime, ...]]:
    statements = (
        select(Post.public_from, Post.created_at),
        select(Comment.public_from),
        select(PostTag.post_public_from, PostTag.post_created_at),
    )
    async with database.reading() as connection:
        return [tuple((await connection.execute(statement)).one()) for statement in statements]
