"""The root fields of queries."""

from typing import Annotated, Any

import strawberry

from db import models
from db.base import Entity
from db.keyset import Order
from gql.connections import Connection, many
from gql.context import Info, load
from gql.errors import BadUserInputError
from gql.inputs import PostBy, PostFilter, PostOrder, TagBy, UserBy, UserOrder
from gql.relay import Node, entities, from_global_id
from gql.types import NEWEST_FIRST, NEWEST_USERS, Post, Tag, User

MOST_NODES = 100

GlobalId = Annotated[strawberry.ID, strawberry.argument(description="A global id.")]
GlobalIds = Annotated[list[strawberry.ID], strawberry.argument(description="Global ids.")]


def _model_and_key(global_id: str) -> tuple[type[Entity], int]:
    type_name, key = from_global_id(global_id)
    if type_name not in entities:
        raise BadUserInputError("This is not an id.")
    return entities[type_name].model, key


def _node(info: Info, id: GlobalId) -> Any:  # noqa: A002 # The argument's name in the schema.
    model, key = _model_and_key(id)
    return load(info).row(model, "id", key)


def _nodes(info: Info, ids: GlobalIds) -> Any:
    if len(ids) > MOST_NODES:
        raise BadUserInputError(f"At most {MOST_NODES} ids can be asked for at once.")
    asked = [_model_and_key(global_id) for global_id in ids]
    return [load(info).row(model, "id", key) for model, key in asked]


def _viewer(info: Info) -> Any:
    viewer = info.context.viewer
    return None if viewer is None else load(info).row(models.User, "id", viewer.id)


def _lookup(model: type[Entity], by: type[UserBy | PostBy | TagBy]) -> Any:
    """A field that is one row of a model, by any of its unique columns."""

    def resolve(info: Info, by: Any) -> Any:
        return load(info).row(model, *by.unique())

    resolve.__annotations__["by"] = Annotated[by, strawberry.argument(description="Which one.")]
    name = model.__name__.lower()
    return strawberry.field(resolver=resolve, description=f"One {name}; null when there is no such {name}.")


@strawberry.type(description="What can be read.")
class Query:
    node: Node | None = strawberry.field(
        resolver=_node, description="Whatever has this id; null when there is no such thing."
    )
    nodes: list[Node | None] = strawberry.field(
        resolver=_nodes,
        description="What has these ids, at most 100, in their order; null for what is not there.",
    )
    viewer: User | None = strawberry.field(
        resolver=_viewer, description="The user who asks; null when nobody is logged in."
    )
    user: User | None = _lookup(models.User, UserBy)
    users: Connection[User] = many(models.User, NEWEST_USERS, order=UserOrder, description="All users.")
    post: Post | None = _lookup(models.Post, PostBy)
    posts: Connection[Post] = many(
        models.Post, NEWEST_FIRST, filter=PostFilter, order=PostOrder, description="All posts."
    )
    tag: Tag | None = _lookup(models.Tag, TagBy)
    tags: Connection[Tag] = many(models.Tag, Order("name"), description="All tags, by name.")
