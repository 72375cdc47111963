"""A server whose access tokens are good for so many seconds. A test runs it as a process of its own."""

import sys
from datetime import timedelta

import uvicorn

from gql import tokens
from gql.app import create_app
from gql.mutations import sessions
from gql.server import server_options
from gql.settings import Settings


def serve(lifetime: timedelta) -> None:
    tokens._LEEWAY = 0
    tokens.Tokens.access.__defaults__ = (lifetime,)
    sessions.ACCESS_LIFETIME = lifetime  # type: ignore[attr-defined] # It imports it.
    settings = Settings()
    uvicorn.run(create_app(settings), port=settings.port, **server_options(settings))


if __name__ == "__main__":
    serve(timedelta(seconds=float(sys.argv[1])))
