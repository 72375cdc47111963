"""What every resolver can reach: who asks, and the loaders of this operation."""

from typing import Any

import strawberry

from db.engine import Database
from gql.loaders import Loaders
from gql.policy import Viewer
from gql.selection import needed_columns


class Context:
    """One for each operation. It owns the loaders, and with them the statements that still run at its end."""

    def __init__(self, database: Database, viewer: Viewer | None = None) -> None:
        self.database = database
        self.viewer = viewer
        self._loaders: Loaders | None = None

    def load(self, info: "Info") -> Loaders:
        """The loaders, which need the operation's document to know what columns to read."""
        if self._loaders is None:
            self._loaders = Loaders(self.database, self.viewer, needed_columns(info._raw_info))
        return self._loaders

    async def close(self) -> None:
        if self._loaders is not None:
            await self._loaders.close()


Info = strawberry.Info[Context, Any]


def load(info: Info) -> Loaders:
    return info.context.load(info)
