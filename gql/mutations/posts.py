"""Writing, publishing and deleting posts."""

import secrets
from datetime import datetime

import strawberry
from slugify import slugify
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from strawberry import UNSET

from db import models
from db.enums import PostStatus
from db.events import EventKind
from db.log import schedule
from db.text import fold
from db.types import now
from db.write import insert_missing, violation
from gql import policy
from gql.connections import Edge
from gql.errors import UserErrorCode, rejected
from gql.mutation import Expecting, Keyed, mutation
from gql.payloads import Outcome, Payload, deleted, edge, payload, written
from gql.policy import Move, Permission
from gql.types import NEWEST_FIRST, Post
from gql.validation import MOST_TAGS, Attributes, Body, Slug, Tags, Title, nullable, optional
from gql.write import Lock, Write

_LONGEST_SLUG = 200
_MOST_VIEWS = 2**31 - 1

_TITLE = "The headline, as plain text."
_BODY = "The text, in Markdown."
_SLUG = "The name in addresses, unique."
_TAGS = f"Names of tags, at most {MOST_TAGS}; what is new is made."
_ATTRIBUTES = (
    "Whatever else a front end keeps with the post: a JSON object of at most 10 kB, at most 10 deep, with "
    "numbers up to 2^53."
)
_ID = "Which post."


@strawberry.input(description="A new post.")
class CreatePostInput(Keyed):
    title: Title = strawberry.field(description=_TITLE)
    body: Body = strawberry.field(description=_BODY)
    slug: Slug | None = nullable(f"{_SLUG} Made from the title where it is absent or null.")
    tags: Tags | None = nullable(_TAGS)
    attributes: Attributes | None = nullable(_ATTRIBUTES)


@strawberry.input(description="What to change of a post; what is absent stays as it is.")
class UpdatePostInput(Expecting):
    id: strawberry.ID = strawberry.field(description=_ID)
    title: Title | None = optional(_TITLE)
    body: Body | None = optional(_BODY)
    slug: Slug | None = optional(_SLUG)
    tags: Tags | None = optional(f"{_TAGS} All others are taken off.")
    attributes: Attributes | None = optional(_ATTRIBUTES)


@strawberry.input
class _OnePost(Expecting):
    id: strawberry.ID = strawberry.field(description=_ID)


@strawberry.input(description="Which post to make a draft.")
class UnpublishPostInput(_OnePost): ...


@strawberry.input(description="Which post to archive.")
class ArchivePostInput(_OnePost): ...


@strawberry.input(description="Which post to delete.")
class DeletePostInput(_OnePost): ...


@strawberry.input(description="Which post to publish, and when.")
class PublishPostInput(_OnePost):
    at: datetime | None = nullable("When it is to be public, in the future; at once where absent or null.")


@strawberry.input(description="Which post to count.")
class RecordPostViewInput(Keyed):
    id: strawberry.ID = strawberry.field(description=_ID)


@payload(models.Post)
class PostPayload(Payload):
    post: Post | None = written(models.Post, "The post as it is now.")


@payload(models.Post)
class CreatePostPayload(PostPayload):
    post_edge: Edge[Post] | None = edge(models.Post, NEWEST_FIRST, "The post's edge, newest first.")


@payload(models.Post)
class UpdatePostPayload(PostPayload): ...


@payload(models.Post)
class PublishPostPayload(CreatePostPayload): ...


@payload(models.Post)
class UnpublishPostPayload(PostPayload): ...


@payload(models.Post)
class ArchivePostPayload(PostPayload): ...


@payload(models.Post)
class DeletePostPayload(Payload):
    post: Post | None = written(models.Post, "The post as it is now; null where it was deleted.")
    deleted_post_id: strawberry.ID | None = deleted(models.Post)


@payload(models.Post)
class RecordPostViewPayload(PostPayload): ...


@mutation(CreatePostPayload, Permission.USER)
async def create_post(write: Write, given: CreatePostInput) -> Outcome:
    """Write a post; it is a draft until it is published."""
    post = models.Post(
        author_id=write.user_id,
        title=given.title,
        body=given.body,
        attributes=given.attributes or {},
        tags=[],
    )
    await _insert(write, post, given.slug or None)
    post.tags = await _tags(write, given.tags or [])
    return Outcome(post.id)


@mutation(UpdatePostPayload, Permission.USER)
async def update_post(write: Write, given: UpdatePostInput) -> Outcome:
    """Change a post's texts, tags or attributes."""
    post = await write.find(
        models.Post, given.id, "id", may=policy.may_write_post, version=given.expected_version
    )
    # It reads, and what had been changed before would be written by then: one version more.
    if given.tags is not UNSET:
        await _retag(write, post, given.tags or [])
    write.change(post, given, "title", "body", "slug", "attributes")
    if write.session.is_modified(post):
        await write.tell(EventKind.POST_UPDATED, post.id, post.id)
    return Outcome(post.id)


@mutation(PublishPostPayload, Permission.USER)
async def publish_post(write: Write, given: PublishPostInput) -> Outcome:
    """Let everybody read a draft, at once or from a time to come; a scheduled post can be given another."""
    post = await _movable(write, given, Move.PUBLISH)
    if given.at and not await write.session.scalar(select(now() < given.at)):
        raise rejected(UserErrorCode.INVALID, "This time is not in the future.", "at")
    await _publish(write, post, given.at or None)
    return Outcome(post.id)


@mutation(UnpublishPostPayload, Permission.USER)
async def unpublish_post(write: Write, given: UnpublishPostInput) -> Outcome:
    """Make a post a draft again."""
    post = await _movable(write, given, Move.UNPUBLISH)
    await _withdraw(write, post)
    post.stored_status, post.published_at = PostStatus.DRAFT, None
    return Outcome(post.id)


@mutation(ArchivePostPayload, Permission.USER)
async def archive_post(write: Write, given: ArchivePostInput) -> Outcome:
    """Take a post out of sight for everybody but its author and editors."""
    post = await _movable(write, given, Move.ARCHIVE)
    await _withdraw(write, post)
    post.stored_status = PostStatus.ARCHIVED
    return Outcome(post.id)


@mutation(DeletePostPayload, Permission.USER)
async def delete_post(write: Write, given: DeletePostInput) -> Outcome:
    """Delete a post and its comments, for good."""
    post = await write.find(
        models.Post,
        given.id,
        "id",
        may=policy.may_write_post,
        version=given.expected_version,
        lock=Lock.DELETE,
    )
    await write.session.delete(post)
    await write.tell(EventKind.POST_UPDATED, post.id, post.id)
    return Outcome(deleted=post.id)


@mutation(RecordPostViewPayload, Permission.ANYBODY)
async def record_post_view(write: Write, given: RecordPostViewInput) -> Outcome:
    """Count that a post was read; that is no change of the post."""
    # With a weaker lock it would wait for whoever publishes the post, and they for it.
    post = await write.find(models.Post, given.id, "id")
    await write.session.execute(
        update(models.Post)
        .where(models.Post.id == post.id, models.Post.view_count < _MOST_VIEWS)
        .values(view_count=models.Post.view_count + 1, updated_at=models.Post.updated_at)
        .execution_options(synchronize_session=False)
    )
    return Outcome(post.id)


async def _publish(write: Write, post: models.Post, at: datetime | None) -> None:
    """At once, or from a time on; then it is announced when that has come."""
    post.published_at = at or now()
    post.stored_status = PostStatus.PUBLISHED
    await schedule(write.session, post.id, at)
    kind = EventKind.POST_UPDATED if at else EventKind.POST_PUBLISHED
    await write.tell(kind, post.id, post.id)


async def _withdraw(write: Write, post: models.Post) -> None:
    await schedule(write.session, post.id, None)
    await write.tell(EventKind.POST_UPDATED, post.id, post.id)


async def _movable(write: Write, given: _OnePost, move: Move) -> models.Post:
    post = await write.find(
        models.Post,
        given.id,
        "id",
        may=policy.may_write_post,
        version=given.expected_version,
        also=models.Post.status,
    )
    if not policy.may_move(write.viewer, post, move):
        status = post.status.name.lower()
        raise rejected(UserErrorCode.IMPOSSIBLE, f"This cannot be done to a post that is {status}.", "id")
    return post


async def _insert(write: Write, post: models.Post, slug: str | None) -> None:
    """A given slug may be taken; one from the title is made unique, whoever else writes the same."""
    base = slug or slugify(post.title, max_length=_LONGEST_SLUG, word_boundary=True) or "post"
    post.slug = base
    while True:
        try:
            async with write.session.begin_nested():
                write.session.add(post)
            return
        except IntegrityError as error:
            found = violation(error)
            if slug or found is None or found.column != "slug":
                raise
            post.slug = f"{base}-{secrets.token_hex(3)}"


async def _retag(write: Write, post: models.Post, names: list[str]) -> None:
    wanted = await _tags(write, names)
    await write.session.refresh(post, ["tags"])
    if {tag.id for tag in wanted} != {tag.id for tag in post.tags}:
        post.tags = wanted
        # Its tags are rows of another table, but a change of them is one of the post.
        post.updated_at = now()


async def _tags(write: Write, names: list[str]) -> list[models.Tag]:
    """The tags of these names, whatever their case; made where they are new, whoever else makes them too."""
    by_key = {fold(name): name for name in reversed(names)}
    if not by_key:
        return []
    # In one order for all, so that two transactions wait for each other and not in a circle.
    rows = [
        {"name": by_key[key], "name_key": key, "slug": slugify(by_key[key], max_length=50) or "tag"}
        for key in sorted(by_key)
    ]
    found = await _existing(write, by_key)
    while missing := [row for row in rows if row["name_key"] not in found]:
        await insert_missing(write.session, models.Tag, missing)
        found = await _existing(write, by_key)
        for row in missing:
            # Another name may have its slug, as C++ and C do.
            row["slug"] = f"{row['slug'][:50]}-{secrets.token_hex(3)}"
    return [found[key] for key in dict.fromkeys(fold(name) for name in names)]


async def _existing(write: Write, keys: dict[str, str]) -> dict[str, models.Tag]:
    tags = await write.session.scalars(select(models.Tag).where(models.Tag.name_key.in_(sorted(keys))))
    return {tag.name_key: tag for tag in tags}
