"""Subscriptions: what can be followed, and what of it is told to whom."""

import base64
import binascii
import enum
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeVar

import strawberry
from strawberry import UNSET

from db import models
from db.base import Entity
from db.events import EventKind
from db.log import Position
from gql.connections import Edge
from gql.context import Info, load
from gql.errors import BadUserInputError, NotFoundError
from gql.feed import Delivery, Feed, Topic
from gql.inputs import PostFilter
from gql.loaders import EVERYTHING, Loaders, Narrowing
from gql.payloads import edge, written
from gql.relay import described, key_of
from gql.types import NEWEST_FIRST, OLDEST_FIRST, Comment, Post

T = TypeVar("T")


class Verdict(enum.Enum):
    """What becomes of an event for one viewer."""

    TELL = "tell"
    KEEP_BACK = "keep back"
    TELL_LAST = "tell, and nothing after it"


Judge = Callable[[Loaders, int], Awaitable[Verdict]]
"""Looks at what an event is about as it is now, for the viewer of these loaders, by its key."""


@dataclass(frozen=True)
class Following(AsyncIterable[Delivery]):
    """What somebody follows, from where on, and who says what is told of it."""

    feed: Feed
    topic: Topic
    judge: Judge
    after: Position | None = None

    def __aiter__(self) -> AsyncGenerator[Delivery, None]:
        return self.feed.follow(self.topic, self.after)


def to_event_id(position: Position) -> str:
    """An id by which to go on, in base64url without padding."""
    text = f"{position.transaction_id}:{position.id}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def from_event_id(event_id: str) -> Position:
    """Anything that `to_event_id` cannot have made is refused."""
    try:
        decoded = base64.urlsafe_b64decode(f"{event_id}==").decode("ascii")
        position = Position(*map(int, decoded.split(":")))
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadUserInputError("`after` is not the id of an event.") from error
    if to_event_id(position) != event_id or not all(0 <= number < 2**63 for number in position):
        raise BadUserInputError("`after` is not the id of an event.")
    return position


class Told(NamedTuple):
    """An event, as what is told of it resolves from."""

    event_id: str
    key: int


@strawberry.type
class _Event:
    """What all of them have."""

    event_id: strawberry.ID = strawberry.field(
        description="Identifies this event; as `after` it is where to go on after an interruption."
    )


def _told(model: type[Entity]) -> Callable[[type[T]], type[T]]:
    """Declare what is told of events about this model."""

    def declare(declared: type[T]) -> type[T]:
        declared.model = model  # type: ignore[attr-defined] # Read by gql/selection.py.
        return strawberry.type(declared, description=described(declared.__doc__))

    return declare


_GONE = NotFoundError("This was deleted a moment ago.")


@_told(models.Post)
class PostPublishedEvent(_Event):
    """A post became public."""

    post: Post = written(models.Post, "The post as it is now.", _GONE)
    post_edge: Edge[Post] = edge(models.Post, NEWEST_FIRST, "The post's edge, newest first.", _GONE)


@_told(models.Post)
class PostUpdatedEvent(_Event):
    """A post was changed: its texts, its tags or its status."""

    post: Post | None = written(
        models.Post, "The post as it is now; null when you cannot see it any more, and then this ends."
    )


@_told(models.Comment)
class CommentAddedEvent(_Event):
    """Somebody said something about a post."""

    comment: Comment = written(models.Comment, "The comment as it is now.", _GONE)
    comment_edge: Edge[Comment] = edge(
        models.Comment, OLDEST_FIRST, "The comment's edge among those of its post or its parent.", _GONE
    )


_After = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The id of the last event that you have: first comes what you missed."),
]


def _post_published(
    info: Info,
    filter: Annotated[  # noqa: A002 # The argument's name in the schema.
        PostFilter | None, strawberry.argument(description="Only posts for which all of this holds.")
    ] = UNSET,
    after: _After = UNSET,
) -> AsyncIterable[PostPublishedEvent]:
    narrowing = filter.narrowing() if filter else EVERYTHING
    return _following(info, _matching(narrowing), after, EventKind.POST_PUBLISHED)


async def _post_updated(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Which post.")],  # noqa: A002
    after: _After = UNSET,
) -> AsyncIterable[PostUpdatedEvent]:
    kinds = EventKind.POST_UPDATED, EventKind.POST_PUBLISHED
    return _following(info, _still_there, after, *kinds, post_id=await _visible_post(info, id))


async def _comment_added(
    info: Info,
    post_id: Annotated[strawberry.ID, strawberry.argument(description="Which post.")],
    after: _After = UNSET,
) -> AsyncIterable[CommentAddedEvent]:
    post = await _visible_post(info, post_id)
    return _following(info, _comment, after, EventKind.COMMENT_ADDED, post_id=post)


@strawberry.type(description="What can be followed, over WebSocket or server-sent events.")
class Subscription:
    post_published: AsyncIterable[PostPublishedEvent] = strawberry.subscription(
        resolver=_post_published, description="Posts that become public, also those that were scheduled."
    )
    post_updated: AsyncIterable[PostUpdatedEvent] = strawberry.subscription(
        resolver=_post_updated, description="Changes of one post, as long as you can see it."
    )
    comment_added: AsyncIterable[CommentAddedEvent] = strawberry.subscription(
        resolver=_comment_added, description="Comments on one post, and replies to them."
    )


def _following(
    info: Info, judge: Judge, after: str | None, *kinds: EventKind, post_id: int | None = None
) -> AsyncIterable[Any]:  # What Strawberry makes a type of is what is told, and not the stream.
    context = info.context
    if context.feed is None:
        raise RuntimeError("this operation came without a feed")
    # A browser that connects again says by itself what it has.
    last = after or context.last_event_id
    return Following(context.feed, Topic(kinds, post_id), judge, from_event_id(last) if last else None)


async def _visible_post(info: Info, global_id: str) -> int:
    """The key of a post that the viewer can see: of others not even that something happens is told."""
    key = key_of(global_id, models.Post)
    (post,) = await load(info).rows(models.Post, "id", [key])
    if post is None:
        raise NotFoundError("There is no such post.")
    return key


def _matching(narrowing: Narrowing) -> Judge:
    async def judge(loaders: Loaders, key: int) -> Verdict:
        return Verdict.TELL if await loaders.among(models.Post, narrowing, key) else Verdict.KEEP_BACK

    return judge


async def _still_there(loaders: Loaders, key: int) -> Verdict:
    return Verdict.TELL if await loaders.among(models.Post, EVERYTHING, key) else Verdict.TELL_LAST


async def _comment(loaders: Loaders, key: int) -> Verdict:
    return Verdict.TELL if await loaders.among(models.Comment, EVERYTHING, key) else Verdict.KEEP_BACK
