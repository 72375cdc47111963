"""A server that is killed at a moment of its first write. A test runs it as a process of its own."""

import os
import signal
import sys

import uvicorn
from sqlalchemy import event

from gql.app import create_app
from gql.settings import Settings

# A connection comes back to the pool when the transaction has ended, and before anybody is told.
MOMENTS = {"before the commit": "commit", "after the commit": "checkin"}


def serve(moment: str) -> None:
    settings = Settings()
    app = create_app(settings)

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    event.listen(app.state.database.write_engine.sync_engine, MOMENTS[moment], die)
    uvicorn.run(app, port=settings.port)


if __name__ == "__main__":
    serve(sys.argv[1])
