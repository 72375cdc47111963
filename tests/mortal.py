"""A server that is killed at a moment of its first write. A test runs it as a process of its own."""

import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
from sqlalchemy import event

from db import transactions
from db.lane import Held
from gql.app import create_app
from gql.settings import Settings

# On SQLite a connection comes back to the pool when the transaction has ended, and before anybody is told.
MOMENTS = {"before the commit": "commit", "after the commit": "checkin"}


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def serve(moment: str) -> None:
    settings = Settings()
    app = create_app(settings)
    if app.state.database.is_sqlite:
        event.listen(app.state.database.write_engine.sync_engine, MOMENTS[moment], die)
    else:
        transactions.execute = dying(moment)  # type: ignore[assignment] # One function for another.
    uvicorn.run(app, port=settings.port)


def dying(moment: str) -> Callable[[Held, str], Coroutine[Any, Any, str]]:
    """What sends PostgreSQL a transaction's begin and end."""
    execute = transactions.execute

    async def send(held: Held, sql: str) -> str:
        if (moment, sql) == ("before the commit", "COMMIT"):
            die()
        status = await execute(held, sql)
        if (moment, sql) == ("after the commit", "COMMIT"):
            die()
        return status

    return send


if __name__ == "__main__":
    serve(sys.argv[1])
