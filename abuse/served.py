"""Gazette as `gazette serve` serves it, on a PostgreSQL of its own with the demo rows."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from bench.contestants import SECRET, Contestant, Server
from bench.postgresql import PostgreSQL
from db import demo
from db.engine import Database, DatabaseSettings
from db.migrate import migrate


async def _fill(url: str) -> None:
    settings = DatabaseSettings(url=url)
    await migrate(settings)
    database = Database(settings)
    await demo.seed(database, demo.Size())
    await database.dispose()


@contextmanager
def served(*arguments: str, **environment: str) -> Iterator[tuple[Server, PostgreSQL]]:
    with PostgreSQL() as postgres:
        postgres.execute("CREATE DATABASE gazette TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        url = postgres.url("gazette")
        asyncio.run(_fill(url))
        settings = {"GAZETTE_SECRET_KEYS": SECRET, **environment}
        with Server(Contestant("gazette", ("gql", "serve", *arguments), {}, settings), url) as server:
            yield server, postgres
