"""Who may see what: one predicate for each model, part of every statement that reads it."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, true

from db.base import Entity, is_public
from db.models import Role


class Viewer(NamedTuple):
    """The user on whose behalf an operation runs. Nobody is None."""

    id: int
    role: Role


def visible(model: type[Entity], viewer: Viewer | None) -> ColumnElement[bool]:
    """Which rows of a model this viewer may see.

    A model that has a `public_from`, of its own or brought along by a foreign key, is seen from then on; one
    that has none (a user, a tag) is seen by everybody.
    """
    public_from = getattr(model, "public_from", None)
    return true() if public_from is None else is_public(public_from)


def may_see_email(viewer: Viewer | None, user_id: int) -> bool:
    return viewer is not None and (viewer.id == user_id or viewer.role is Role.ADMIN)
