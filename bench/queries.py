"""What the contestants are asked: for each of them in its own words, for the same rows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gql.relay import to_global_id

COMMENT = "A comment of about the usual length. " * 3
TITLES = {
    "Q1": "a post and its author",
    "Q2": "20 posts, their authors, 3 comments each with authors",
    "Q3": "1,000 posts and their authors",
    "M1": "write a comment",
    "Q1+": "Q1, logged in",
    "Q2+": "Q2, logged in",
    "count": "20 users, of each 3 posts and how many there are",
    "back": "the 20 posts before a cursor, with cursors and authors",
    "deep": "the 20 posts behind a cursor, 90 % down",
    "nodes": "100 nodes by their ids, of 3 types",
    "aliases": "100 posts by 100 root fields",
    "leaves": "1,000 posts with 10 fields each",
}
"""All operations by their keys."""

COMPARED = ("Q1", "Q2", "Q3", "M1")
"""What every contestant answers."""

_POST = "query Q1($id: ID!) {post(by: {id: $id}) {id title author {id name}}}"
_FEED = """query Q2($first: Int!, $comments: Int!) {posts(first: $first) {nodes {
  id title createdAt author {id name} comments(first: $comments) {nodes {id body author {id name}}}}}}"""
_LONG = """query Q3($first: Int!) {posts(first: $first) {nodes {
  id title slug status createdAt author {id username name}}}}"""
_WRITE = """mutation M1($input: CreateCommentInput!) {createComment(input: $input) {
  comment {id createdAt author {name}} userErrors {code message}}}"""
_COUNT = """query Count {users(first: 20) {nodes {
  id name posts(first: 3) {totalCount nodes {id title} pageInfo {hasNextPage endCursor}}}}}"""
_BACK = """query Back($cursor: String) {posts(last: 20, before: $cursor) {
  edges {cursor node {id title author {id name}}} pageInfo {hasPreviousPage startCursor}}}"""
_DEEP = """query Deep($cursor: String) {posts(first: 20, after: $cursor) {nodes {
  id title createdAt author {id name}}}}"""
_NODES = """query Nodes($ids: [ID!]!) {nodes(ids: $ids) {__typename id
  ... on Post {title slug author {name}} ... on User {username name}
  ... on Comment {body commenter: author {name}}}}"""
_LEAVES = """query Leaves {posts(first: 1000) {nodes {
  id title slug status publishedAt viewCount createdAt updatedAt version excerpt}}}"""


@dataclass(frozen=True)
class Operation:
    """Bodies that are sent in turn."""

    key: str
    bodies: Sequence[str]
    token: str = ""

    def lines(self) -> list[str]:
        """As requests.lua reads them."""
        return [f"{self.token or '-'}\t{body}\n" for body in self.bodies]

    def only(self, turn: int) -> "Operation":
        """With the body that is sent at this turn."""
        return Operation(self.key, [self.bodies[turn % len(self.bodies)]], self.token)


def body(query: str, name: str, **variables: Any) -> str:
    return json.dumps({"query": " ".join(query.split()), "operationName": name, "variables": variables})


def keys(posts: int, how_many: int = 500) -> list[int]:
    """Ids of posts, all over the table."""
    return [number * 7919 % posts + 1 for number in range(how_many)]


def _aliases(posts: int) -> str:
    ids = (to_global_id("Post", key) for key in keys(posts, 100))
    fields = " ".join(f'p{number}: post(by: {{id: "{key}"}}) {{id title}}' for number, key in enumerate(ids))
    return f"query Aliases {{{fields}}}"


def _mixed_ids(posts: int) -> list[str]:
    return [
        to_global_id(name, key % most + 1)
        for name, most, how_many in (("Post", posts, 50), ("User", 2000, 25), ("Comment", posts, 25))
        for key in keys(posts, how_many)
    ]


def gazette(posts: int, token: str, *, middle: str, deep: str) -> dict[str, Operation]:
    """For Gazette; `middle` and `deep` are cursors of posts half and 90 % down."""
    ids = [to_global_id("Post", key) for key in keys(posts)]
    one = [body(_POST, "Q1", id=key) for key in ids]
    feed = [body(_FEED, "Q2", first=20, comments=3)]
    operations = (
        Operation("Q1", one),
        Operation("Q2", feed),
        Operation("Q3", [body(_LONG, "Q3", first=1000)]),
        Operation("M1", [body(_WRITE, "M1", input={"postId": key, "body": COMMENT}) for key in ids], token),
        Operation("Q1+", one, token),
        Operation("Q2+", feed, token),
        Operation("count", [body(_COUNT, "Count")]),
        Operation("back", [body(_BACK, "Back", cursor=middle)]),
        Operation("deep", [body(_DEEP, "Deep", cursor=deep)]),
        Operation("nodes", [body(_NODES, "Nodes", ids=_mixed_ids(posts))]),
        Operation("aliases", [body(_aliases(posts), "Aliases")]),
        Operation("leaves", [body(_LEAVES, "Leaves")]),
    )
    return {operation.key: operation for operation in operations}


def plain(posts: int) -> dict[str, Operation]:
    """For servers with plain lists and ids, and without accounts: who writes a comment is an argument."""
    queries = {
        "Q1": "query Q1($id: ID!) {post(id: $id) {id title author {id name}}}",
        "Q2": """query Q2($first: Int!, $comments: Int!) {posts(first: $first) {
          id title createdAt author {id name} comments(first: $comments) {id body author {id name}}}}""",
        "Q3": """query Q3($first: Int!) {posts(first: $first) {
          id title slug status createdAt author {id username name}}}""",
        "M1": """mutation M1($postId: ID!, $authorId: ID!, $body: String!) {
          createComment(postId: $postId, authorId: $authorId, body: $body) {id createdAt author {name}}}""",
    }
    variables: dict[str, list[dict[str, Any]]] = {
        "Q1": [{"id": str(key)} for key in keys(posts)],
        "Q2": [{"first": 20, "comments": 3}],
        "Q3": [{"first": 1000}],
        "M1": [{"postId": str(key), "authorId": "7", "body": COMMENT} for key in keys(posts)],
    }
    return {
        key: Operation(key, [body(query, key, **given) for given in variables[key]])
        for key, query in queries.items()
    }


def comparable(key: str, data: Any) -> Any:
    """What every contestant has to answer alike: all but ids, the shape of lists and what M1 makes."""
    if key == "M1":
        return _plain(data)["createComment"]["author"]
    return _plain(data)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"nodes"}:
        return _plain(value["nodes"])
    if set(value) == {"comment", "userErrors"}:
        return _plain(value["comment"])
    return {key: _plain(item) for key, item in value.items() if key != "id"}
