"""Walks through a connection, page by page."""

from typing import Any

from gql.relay import to_global_id
from tests.acting import data_as
from tests.client import Client
from tests.worlds import TYPES, Question, Rows, filter_variable, in_order, passes, seen_by

PAGE_INFO = ("startCursor", "endCursor", "hasNextPage", "hasPreviousPage")


class Walker:
    """Asks for one page after another, and checks each by itself."""

    def __init__(self, client: Client, question: Question, rows: Rows) -> None:
        self.client, self.question = client, question
        self.viewer = question.viewer(rows)
        kind, self.parent = question.kind, None
        if kind.parents:
            parents = rows[kind.parents]
            self.parent = parents[question.parent % len(parents)] if parents else None
        self.filter = filter_variable(question.filter, rows)
        self.edges: list[dict[str, Any]] = []
        self.cursor: str | None = None
        self.is_done = False
        self.total = 0

    @property
    def order(self) -> tuple[str, bool]:
        kind, order = self.question.kind, self.question.order
        return (kind.orders[order[0]], order[1]) if order else kind.default

    def oracle(self, rows: Rows) -> list[str]:
        kind = self.question.kind
        found = kind.rows(seen_by(self.viewer, rows), self.parent.id if self.parent else 0)
        if kind.filters:
            found = [post for post in found if passes(self.question.filter, rows, post)]
        return [to_global_id(kind.node, row.id) for row in in_order(found, self.order)]

    def document(self) -> str:
        kind = self.question.kind
        names = {"first": "Int", "after": "String", "last": "Int", "before": "String"}
        names |= {"orderBy": f"{kind.node}Order"} if kind.orders else {}
        names |= {"filter": "PostFilter"} if kind.filters else {}
        declared = ", ".join(f"${name}: {type_name}" for name, type_name in names.items())
        passed = ", ".join(f"{name}: ${name}" for name in names)
        page = "totalCount nodes {id} edges {cursor node {id}} pageInfo {" + " ".join(PAGE_INFO) + "}"
        field = f"found: {kind.field}({passed}) {{{page}}}"
        if kind.parents is None:
            return f"query ({declared}) {{{field}}}"
        node = f"node(id: $parent) {{... on {TYPES[kind.parents]} {{{field}}}}}"
        return f"query ($parent: ID!, {declared}) {{{node}}}"

    async def next_page(self) -> None:
        size = self.question.size
        ends = {"last": size, "before": self.cursor} if self.question.backward else {}
        page = await self.ask(**(ends or {"first": size, "after": self.cursor}))
        if page is None:
            self.is_done = True
        else:
            self.take(page)

    async def between(self, first: int, last: int) -> list[str]:
        """What lies between two edges that were seen, by both their cursors."""
        ends = {"after": self.edges[first]["cursor"], "before": self.edges[last]["cursor"]}
        page = await self.ask(**{"last" if self.question.backward else "first": 100}, **ends)
        assert page is not None
        return [node["id"] for node in page["nodes"]]

    async def ask(self, **given: Any) -> dict[str, Any] | None:
        """One page; None where the parent cannot be seen."""
        kind, order = self.question.kind, self.question.order
        variables: dict[str, Any] = {**given, "filter": self.filter}
        if order:
            variables["orderBy"] = {"field": order[0], "direction": "DESC" if order[1] else "ASC"}
        if self.parent:
            variables["parent"] = to_global_id(TYPES[kind.parents or ""], self.parent.id)
        data = await data_as(self.viewer, self.client, self.document(), variables)
        if self.parent and data["node"] is None:
            return None
        page: dict[str, Any] = (data["node"] if self.parent else data)["found"]
        return page

    def take(self, page: dict[str, Any]) -> None:
        edges, info = page["edges"], page["pageInfo"]
        assert [edge["node"] for edge in edges] == page["nodes"]
        assert info["startCursor"] == (edges[0]["cursor"] if edges else None)
        assert info["endCursor"] == (edges[-1]["cursor"] if edges else None)
        self.total = page["totalCount"]
        is_later = self.cursor is not None
        if self.question.backward:
            self.edges = edges + self.edges
            assert info["hasNextPage"] == is_later
            self.is_done, self.cursor = not info["hasPreviousPage"], info["startCursor"]
        else:
            self.edges = self.edges + edges
            assert info["hasPreviousPage"] == is_later
            self.is_done, self.cursor = not info["hasNextPage"], info["endCursor"]
        assert len(self.edges) < 100, "the pages go on for ever"
        # A page that says that there is more is full.
        assert self.is_done or len(edges) == self.question.size

    @property
    def seen(self) -> list[str]:
        return [edge["node"]["id"] for edge in self.edges]
