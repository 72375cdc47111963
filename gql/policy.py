"""Who may see what: a predicate for each model, part of every statement that reads it."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, false, true

from db.base import Entity, is_public
from db.enums import Role


class Viewer(NamedTuple):
    """The user on whose behalf an operation runs, and the session. Nobody is None."""

    id: int
    role: Role
    session_id: int = 0


Visible = tuple[ColumnElement[bool], ...]
"""Predicates of which a row has to satisfy any one. Each by itself can be a range of an index."""


def visible(model: type[Entity], viewer: Viewer | None, *, hidden: bool = False) -> Visible:
    """Which rows of a model this viewer may see.

    A model that has a `public_from`, its own or brought along by a foreign key, is seen from then on, and by
    its `owner_id` and by editors at any time. One that has only an owner is seen by nobody else. One that has
    neither (a user, a tag) is seen by everybody.

    `hidden` says that nothing public is asked for, so that nobody looks for it there.
    """
    public_from, owner = getattr(model, "public_from", None), getattr(model, "owner_id", None)
    if public_from is None and owner is None:
        return (true(),)
    if public_from is not None and is_editor(viewer):
        return (true(),)
    ways: list[ColumnElement[bool]] = []
    if public_from is not None and not hidden:
        ways.append(is_public(public_from))
    if owner is not None and viewer is not None:
        ways.append(owner == viewer.id)
    return tuple(ways) or (false(),)


def is_editor(viewer: Viewer | None) -> bool:
    return viewer is not None and viewer.role in (Role.EDITOR, Role.ADMIN)


def is_admin(viewer: Viewer | None) -> bool:
    return viewer is not None and viewer.role is Role.ADMIN


def is_self(viewer: Viewer | None, user_id: int) -> bool:
    return viewer is not None and viewer.id == user_id


def may_see_email(viewer: Viewer | None, user_id: int) -> bool:
    return is_self(viewer, user_id) or is_admin(viewer)
