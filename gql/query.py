"""The root fields of queries."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from inspect import Parameter
from typing import Annotated, Any

import strawberry

from db import models
from db.base import Entity
from db.keyset import Order
from db.rows import Row
from gql.connections import Connection, many
from gql.context import Info, load
from gql.errors import BadUserInputError
from gql.inputs import PostBy, PostFilter, PostOrder, TagBy, UserBy, UserOrder
from gql.loaders import Column
from gql.relay import Node, column_field, entities, from_global_id
from gql.types import NEWEST_FIRST, NEWEST_USERS, Post, Tag, User

MOST_NODES = 100


def _model_and_key(global_id: str) -> tuple[type[Entity], int]:
    type_name, key = from_global_id(global_id)
    if type_name not in entities:
        raise BadUserInputError("This is not an id.")
    return entities[type_name].model, key


def _node(roots: Sequence[Any], info: Info, id: str) -> Any:  # noqa: A002 # The argument's name in the schema.
    model, key = _model_and_key(id)
    return load(info).rows(model, "id", [key] * len(roots))


def _nodes(roots: Sequence[Any], info: Info, ids: Sequence[str]) -> Any:
    if len(ids) > MOST_NODES:
        raise BadUserInputError(f"At most {MOST_NODES} ids can be asked for at once.")
    asked = [_model_and_key(global_id) for global_id in ids]
    keys: dict[type[Entity], list[int]] = defaultdict(list)
    for model, key in asked:
        keys[model].append(key)
    found = [load(info).rows(model, "id", keys[model]) for model in keys]
    return _in_order(asked, list(keys), found, len(roots))


async def _in_order(
    asked: Sequence[tuple[type[Entity], int]],
    models: Sequence[type[Entity]],
    found: Sequence[Column],
    count: int,
) -> list[list[Row | None]]:
    rows = dict(zip(models, map(iter, await asyncio.gather(*found)), strict=True))
    nodes = [next(rows[model]) for model, _ in asked]
    return [nodes] * count


def _viewer(roots: Sequence[Any], info: Info) -> Any:
    viewer = info.context.viewer
    return load(info).rows(models.User, "id", [viewer and viewer.id] * len(roots))


def _lookup(model: type[Entity], by: type[UserBy | PostBy | TagBy]) -> Any:
    """A field that is one row of a model, by any of its unique columns."""

    def resolve(roots: Sequence[Any], info: Info, by: Any) -> Any:
        column, value = by.unique()
        return load(info).rows(model, column, [value] * len(roots))

    name = model.__name__.lower()
    return column_field(
        resolve,
        arguments=[_argument("by", by, "Which one.")],
        description=f"One {name}; null when there is no such {name}.",
    )


def _argument(name: str, kind: Any, description: str) -> Parameter:
    annotation = Annotated[kind, strawberry.argument(description=description)]
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation)


@strawberry.type(description="What can be read.")
class Query:
    node: Node | None = column_field(
        _node,
        arguments=[_argument("id", strawberry.ID, "A global id.")],
        description="Whatever has this id; null when there is no such thing.",
    )
    nodes: list[Node | None] = column_field(
        _nodes,
        arguments=[_argument("ids", list[strawberry.ID], "Global ids.")],
        description="What has these ids, at most 100, in their order; null for what is not there.",
    )
    viewer: User | None = column_field(
        _viewer, description="The user who asks; null when nobody is logged in."
    )
    user: User | None = _lookup(models.User, UserBy)
    users: Connection[User] = many(models.User, NEWEST_USERS, order=UserOrder, description="All users.")
    post: Post | None = _lookup(models.Post, PostBy)
    posts: Connection[Post] = many(
        models.Post, NEWEST_FIRST, filter=PostFilter, order=PostOrder, description="All posts."
    )
    tag: Tag | None = _lookup(models.Tag, TagBy)
    tags: Connection[Tag] = many(models.Tag, Order("name"), description="All tags, by name.")
