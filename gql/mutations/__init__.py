"""The root fields of mutations: one module an entity, with its inputs, payloads and what is done."""

from typing import Any

from strawberry.tools import create_type

# Importing them declares their mutations.
from gql.mutation import mutations
from gql.mutations import comments, posts, recovery, sessions, tags, users

__all__ = ["Mutation", "comments", "posts", "recovery", "sessions", "tags", "users"]

Mutation: Any = create_type("Mutation", list(mutations.values()), description="What can be written.")
