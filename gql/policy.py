"""Who may see what, as a predicate of every statement that reads; and who may do what, to a row."""

import enum
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, false, true

from db.base import Entity, is_public
from db.enums import PostStatus, Role
from db.read import Visible
from db.selects import Alternatives
from db.types import now


class Viewer(NamedTuple):
    """The user on whose behalf an operation runs, and the session. Nobody is None."""

    id: int
    role: Role
    session_id: int = 0


def visible(model: type[Entity], viewer: Viewer | None, *, hidden: bool = False) -> Visible:
    """Which rows of a model this viewer may see.

    A model that has a `public_from`, of its own or brought along by a foreign key, is seen from then on; by
    its `owner_id` and by editors at any time. One with an owner only is seen by nobody else, until it
    expires. One that has neither (a user, a tag) is seen by everybody.

    `hidden` says that nothing public is asked for, so that nobody looks for it there.
    """
    known = {} if viewer is None else {_VIEWER: viewer.id}
    return Visible(_ways(model, bool(known), is_editor(viewer), hidden), known)


_VIEWER = "viewer_id"


@lru_cache(maxsize=256)
def _ways(model: type[Entity], is_known: bool, sees_all: bool, hidden: bool) -> Alternatives:
    """The predicates for all viewers of a kind; each by itself can be a range of an index."""
    public_from, owner = getattr(model, "public_from", None), getattr(model, "owner_id", None)
    if (public_from is None and owner is None) or (public_from is not None and sees_all):
        return Alternatives([true()])
    ways: list[ColumnElement[bool]] = []
    if public_from is not None and not hidden:
        ways.append(is_public(public_from))
    if owner is not None and is_known:
        expires_at = getattr(model, "expires_at", None)
        own = owner == bindparam(_VIEWER)
        ways.append(own if expires_at is None else own & (expires_at > now()))
    return Alternatives(ways or [false()])


class Permission(enum.Enum):
    """What it takes to call a mutation at all. What it may be done to is asked for each row."""

    ANYBODY = "anybody"
    USER = "user"
    EDITOR = "editor"
    ADMIN = "admin"

    def is_given(self, viewer: Viewer | None) -> bool:
        match self:
            case Permission.ANYBODY:
                return True
            case Permission.USER:
                return viewer is not None
            case Permission.EDITOR:
                return is_editor(viewer)
            case Permission.ADMIN:
                return is_admin(viewer)


def is_editor(viewer: Viewer | None) -> bool:
    return viewer is not None and viewer.role in (Role.EDITOR, Role.ADMIN)


def is_admin(viewer: Viewer | None) -> bool:
    return viewer is not None and viewer.role is Role.ADMIN


def _is(viewer: Viewer | None, user_id: int | None) -> bool:
    return viewer is not None and viewer.id == user_id


# What follows is asked by mutations and by `viewerCan` fields alike. A row has its model's attributes.


def may_see_account(viewer: Viewer | None, user: Any) -> bool:
    """The address and what else of an account is nobody's business."""
    return _is(viewer, user.id) or is_admin(viewer)


def may_write_user(viewer: Viewer | None, user: Any) -> bool:
    return may_see_account(viewer, user)


def may_administrate(viewer: Viewer | None, user: Any) -> bool:
    """Give a role, deactivate, reactivate: never oneself, so that there is always an admin."""
    return is_admin(viewer) and not _is(viewer, user.id)


def may_delete_user(viewer: Viewer | None, user: Any) -> bool:
    """Admins delete others; themselves only when they are no admins any more."""
    return may_administrate(viewer, user) or (_is(viewer, user.id) and not is_admin(viewer))


def may_write_post(viewer: Viewer | None, post: Any) -> bool:
    return _is(viewer, post.author_id) or is_editor(viewer)


class Move(enum.Enum):
    """What can become of a post."""

    PUBLISH = "publish"
    UNPUBLISH = "unpublish"
    ARCHIVE = "archive"


_FROM = {
    Move.PUBLISH: {PostStatus.DRAFT, PostStatus.SCHEDULED},
    Move.UNPUBLISH: {PostStatus.SCHEDULED, PostStatus.PUBLISHED, PostStatus.ARCHIVED},
    Move.ARCHIVE: {PostStatus.DRAFT, PostStatus.SCHEDULED, PostStatus.PUBLISHED},
}


def may_move(viewer: Viewer | None, post: Any, move: Move) -> bool:
    return may_write_post(viewer, post) and post.status in _FROM[move]


def may_comment(viewer: Viewer | None, post: Any) -> bool:
    """On whatever one can see."""
    return viewer is not None


def may_update_comment(viewer: Viewer | None, comment: Any) -> bool:
    return _is(viewer, comment.author_id)


def may_delete_comment(viewer: Viewer | None, comment: Any) -> bool:
    """Not a second time: a tombstone has no author."""
    return comment.author_id is not None and (_is(viewer, comment.author_id) or is_editor(viewer))


def may_write_tag(viewer: Viewer | None, tag: Any) -> bool:
    return is_editor(viewer)


def is_current(viewer: Viewer | None, session: Any) -> bool:
    return viewer is not None and viewer.session_id == session.id
