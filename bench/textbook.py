"""The textbook: Strawberry on FastAPI, ORM sessions and a dataloader a relation, as tutorials have it.

It has no accounts, no permissions and no limits; who writes a comment is an argument.
"""

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry
from aiodataloader import DataLoader
from fastapi import FastAPI
from sqlalchemy import BigInteger, DateTime, FetchedValue, ForeignKey, Text, func, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.fastapi import GraphQLRouter

from db.engine import DatabaseSettings

Info = strawberry.Info[dict[str, Any], None]

engine = create_async_engine(
    DatabaseSettings(url=os.environ["DATABASE_URL"]).url, pool_size=16, max_overflow=0
)
Session = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    type_annotation_map = {str: Text, int: BigInteger, datetime: DateTime(timezone=True)}

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())


class UserRow(Base):
    __tablename__ = "users"

    username: Mapped[str]
    email: Mapped[str]
    name: Mapped[str]
    bio: Mapped[str]


class PostRow(Base):
    __tablename__ = "posts"

    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str]
    slug: Mapped[str]
    body: Mapped[str]
    status: Mapped[str]
    public_from: Mapped[datetime] = mapped_column(server_default=FetchedValue())


class CommentRow(Base):
    __tablename__ = "comments"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    body: Mapped[str]
    # Gazette's tables want these two copies of the post's columns.
    post_public_from: Mapped[datetime]
    post_author_id: Mapped[int]


class UserLoader(DataLoader[int, UserRow | None]):
    async def batch_load_fn(self, keys: list[int]) -> list[UserRow | None]:
        async with Session() as session:
            users = await session.scalars(select(UserRow).where(UserRow.id.in_(keys)))
            by_id = {user.id: user for user in users}
        return [by_id.get(key) for key in keys]


class CommentsLoader(DataLoader[tuple[int, int], list[CommentRow]]):
    """A key is a post's id and how many comments."""

    async def batch_load_fn(self, keys: list[tuple[int, int]]) -> list[list[CommentRow]]:
        rank = func.row_number().over(
            partition_by=CommentRow.post_id, order_by=(CommentRow.created_at, CommentRow.id)
        )
        ranked = (
            select(CommentRow, rank.label("rank"))
            .where(CommentRow.post_id.in_([post_id for post_id, _ in keys]))
            .subquery()
        )
        comment = aliased(CommentRow, ranked)
        most = max(first for _, first in keys)
        statement = select(comment).where(ranked.c.rank <= most).order_by(comment.post_id, ranked.c.rank)
        by_post: dict[int, list[CommentRow]] = {}
        async with Session() as session:
            for row in await session.scalars(statement):
                by_post.setdefault(row.post_id, []).append(row)
        return [by_post.get(post_id, [])[:first] for post_id, first in keys]


@strawberry.type
class User:
    id: strawberry.ID
    username: str
    email: str
    name: str
    bio: str
    created_at: datetime


@strawberry.type
class Comment:
    id: strawberry.ID
    body: str
    created_at: datetime
    author_id: strawberry.Private[int]

    @strawberry.field
    async def author(self, info: Info) -> User:
        return await info.context["users"].load(self.author_id)  # type: ignore[no-any-return]


@strawberry.type
class Post:
    id: strawberry.ID
    title: str
    slug: str
    body: str
    status: str
    created_at: datetime
    author_id: strawberry.Private[int]

    @strawberry.field
    async def author(self, info: Info) -> User:
        return await info.context["users"].load(self.author_id)  # type: ignore[no-any-return]

    @strawberry.field
    async def comments(self, info: Info, first: int = 20) -> list[Comment]:
        return await info.context["comments"].load((self.id, first))  # type: ignore[no-any-return]


@strawberry.type
class Query:
    @strawberry.field
    async def post(self, id: strawberry.ID) -> Post | None:  # noqa: A002 # The argument's name in the schema.
        async with Session() as session:
            row: Any = await session.get(PostRow, int(id))
            return row  # type: ignore[no-any-return]

    @strawberry.field
    async def posts(self, first: int = 20) -> list[Post]:
        newest = select(PostRow).order_by(PostRow.created_at.desc(), PostRow.id.desc()).limit(first)
        async with Session() as session:
            rows: Sequence[Any] = (await session.scalars(newest)).all()
            return rows  # type: ignore[return-value]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def create_comment(self, post_id: strawberry.ID, author_id: strawberry.ID, body: str) -> Comment:
        async with Session() as session:
            post = await session.get_one(PostRow, int(post_id))
            row: Any = CommentRow(
                post_id=post.id,
                author_id=int(author_id),
                body=body,
                post_public_from=post.public_from,
                post_author_id=post.author_id,
            )
            session.add(row)
            await session.commit()
        return row  # type: ignore[no-any-return]


async def get_context() -> dict[str, Any]:
    return {"users": UserLoader(), "comments": CommentsLoader()}


schema = strawberry.Schema(Query, Mutation, extensions=[lambda: ParserCache(), lambda: ValidationCache()])
router: GraphQLRouter[dict[str, Any], None] = GraphQLRouter(schema, context_getter=get_context)
app = FastAPI()
app.include_router(router, prefix="/graphql")


@app.get("/readyz")
async def readyz() -> str:
    return "ok"
