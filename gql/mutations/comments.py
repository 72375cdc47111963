"""Saying something about a post, and taking it back."""

import strawberry
from sqlalchemy import exists, select

from db import models
from db.events import EventKind
from db.types import now
from gql import policy
from gql.connections import Edge
from gql.errors import UserErrorCode, rejected
from gql.mutation import Expecting, Keyed, mutation
from gql.payloads import Outcome, Payload, deleted, edge, payload, written
from gql.policy import Permission
from gql.types import OLDEST_FIRST, Comment
from gql.validation import CommentBody, nullable, optional
from gql.write import Lock, Write

_BODY = "What to say, as plain text."
_ID = "Which comment."


@strawberry.input(description="A new comment.")
class CreateCommentInput(Keyed):
    post_id: strawberry.ID = strawberry.field(description="What it is about.")
    parent_id: strawberry.ID | None = nullable("The comment of the same post that this replies to, if any.")
    body: CommentBody = strawberry.field(description=_BODY)


@strawberry.input(description="What to change of a comment.")
class UpdateCommentInput(Expecting):
    id: strawberry.ID = strawberry.field(description=_ID)
    body: CommentBody | None = optional(_BODY)


@strawberry.input(description="Which comment to delete.")
class DeleteCommentInput(Expecting):
    id: strawberry.ID = strawberry.field(description=_ID)


@payload(models.Comment)
class CommentPayload(Payload):
    comment: Comment | None = written(models.Comment, "The comment as it is now.")


@payload(models.Comment)
class CreateCommentPayload(CommentPayload):
    comment_edge: Edge[Comment] | None = edge(
        models.Comment, OLDEST_FIRST, "The comment's edge among those of its post or its parent."
    )


@payload(models.Comment)
class UpdateCommentPayload(CommentPayload): ...


@payload(models.Comment)
class DeleteCommentPayload(CommentPayload):
    comment: Comment | None = written(models.Comment, "What is left of a comment that has replies.")
    deleted_comment_id: strawberry.ID | None = deleted(models.Comment)


@mutation(CreateCommentPayload, Permission.USER)
async def create_comment(write: Write, given: CreateCommentInput) -> Outcome:
    """Say something about a post, or reply to a comment."""
    parent_id = await _parent(write, given) if given.parent_id else None
    key = await write.insert(
        models.Comment.post,
        given.post_id,
        "postId",
        EventKind.COMMENT_ADDED,
        author_id=write.user_id,
        parent_id=parent_id,
        text=given.body,
    )
    return Outcome(key)


async def _parent(write: Write, given: CreateCommentInput) -> int:
    # The post first, as whoever deletes it locks it before its comments.
    post = await write.reference(models.Post, given.post_id, "postId")
    parent = await write.reference(models.Comment, given.parent_id, "parentId", models.Comment.post_id)
    if parent.post_id != post.id:
        raise rejected(UserErrorCode.INVALID, "This is a comment of another post.", "parentId")
    return int(parent.id)


@mutation(UpdateCommentPayload, Permission.USER)
async def update_comment(write: Write, given: UpdateCommentInput) -> Outcome:
    """Say it otherwise."""
    comment = await write.find(
        models.Comment, given.id, "id", may=policy.may_update_comment, version=given.expected_version
    )
    if given.body:
        comment.text = given.body
    return Outcome(comment.id)


@mutation(DeleteCommentPayload, Permission.USER)
async def delete_comment(write: Write, given: DeleteCommentInput) -> Outcome:
    """Delete a comment; one with replies becomes a tombstone, without text and author."""
    comment = await write.find(
        models.Comment,
        given.id,
        "id",
        may=policy.may_delete_comment,
        version=given.expected_version,
        lock=Lock.DELETE,
    )
    # Nobody can add a reply meanwhile: its foreign key would have to lock this row.
    if not await write.session.scalar(select(exists().where(models.Comment.parent_id == comment.id))):
        await write.session.delete(comment)
        return Outcome(deleted=comment.id)
    comment.author_id, comment.text = None, ""
    comment.deleted_at = now()
    return Outcome(comment.id)
