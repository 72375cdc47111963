"""The application: the GraphQL endpoint, the explorer, and what an orchestrator asks for."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import State
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from db.bell import Bell
from db.engine import Database
from db.errors import DatabaseUnavailableError
from db.migrate import current_revision, head_revision
from gql import explorer, log
from gql.access import AccessLog
from gql.audience import Audience
from gql.auth import accounts_of
from gql.bounds import Bounds
from gql.budget import Budget
from gql.clock import Clock
from gql.execution import counts
from gql.feed import Feed
from gql.live import Live
from gql.negotiation import prefers_events
from gql.operations import Operations
from gql.persisted import Persisted
from gql.registered import Registered
from gql.schema import build_schema
from gql.settings import Settings
from gql.sse import EventStreams
from gql.transport import GraphQLEndpoint
from gql.trusted import Trusted
from gql.websocket import WebSocketEndpoint

_YOUNG_OBJECTS = 20_000
# Between two runs over what has survived one, and over all: what many runs have left holds up everybody.
_YOUNGER_RUNS = (2, 10)
# Seconds after which a thread that reads a long document lets the others go on: a page of posts waits for
# its turn about six times. Shorter turns take SQLite, which has threads too, some percent of its time.
_TURN = 0.0005
_PREFLIGHT = 7200  # Seconds for which a browser need not ask again, as many as any of them takes.

_PATH = "/graphql"


class Application(FastAPI):
    """FastAPI, with a shorter way to where nearly all requests go.

    Its layers would do nothing for an endpoint that answers its own errors, and take as long as a small
    query's execution. A middleware that somebody adds is for all requests: then they go the ordinary way.
    """

    def build_middleware_stack(self) -> ASGIApp:
        ordinary = super().build_middleware_stack()
        stack = ordinary if self.user_middleware else self._shorter(ordinary)
        return AccessLog(stack) if self.state.access_log else stack

    def _shorter(self, ordinary: ASGIApp) -> ASGIApp:
        edge = self.state.edge

        async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
            is_short = scope["type"] != "lifespan" and scope["path"] == _PATH
            await (edge if is_short else ordinary)(scope, receive, send)

        return dispatch


class Edge:
    """What answers at /graphql: by a socket, by a stream of events, or at once."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._state.sockets(scope, receive, send)
        elif prefers_events(_accept(scope)):
            await self._state.streams(scope, receive, send)
        else:
            await self._state.endpoint(scope, receive, send)


def _accept(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"accept":
            return str(value, "latin-1")
    return None


def create_app(settings: Settings | None = None) -> FastAPI:
    """An application with a database of its own; without settings it takes those of the environment.

    Raises MissingSecretError where there is nothing to sign tokens with.
    """
    settings = settings or Settings()
    accounts = accounts_of(settings)
    app = Application(
        title="Gazette", lifespan=lambda app: _running(app.state, settings.bounds), openapi_url=None
    )
    state = app.state
    state.access_log, state.accounts = settings.access_log, accounts
    database = state.database = Database(
        settings.database, statement_seconds=settings.statement_seconds or None
    )
    bell = state.bell = Bell(database)
    state.feed = Feed(database, bell)
    state.clock = Clock(database, bell, timedelta(seconds=settings.events_kept))
    state.budget = None
    if settings.budget:
        state.budget = Budget(settings.budget, settings.budget_seconds, settings.redis_url)
    endpoint = state.endpoint = _endpoint(settings, state)
    given = (endpoint.schema, endpoint.surroundings, endpoint.in_flight)
    state.live = Live(*given, deadline=settings.deadline)
    _add_sockets(state, settings)
    state.edge = Edge(state)
    app.router.routes += [Route(_PATH, state.edge), WebSocketRoute(_PATH, state.edge)]
    if settings.explorer:
        _add_explorer(app)
    _add_health(app, database)
    _add_metrics(app)
    if settings.allowed_origins:
        _share(app, settings.allowed_origins)
    return app


@asynccontextmanager
async def _running(state: State, bounds: Bounds) -> AsyncIterator[dict[str, Any]]:
    """What runs beside the requests, and the end of everything."""
    ticking = asyncio.create_task(state.clock.run())
    # What the servers below go by, see gql/server.py and gql/frames.py.
    yield {"bounds": bounds, "audience": state.audience}
    await state.audience.close()
    state.clock.stop()
    await asyncio.wait({ticking})
    await state.live.close()
    await state.feed.close()
    await state.bell.close()
    await state.accounts.mailer.close()
    await state.accounts.attempts.close()
    if state.budget:
        await state.budget.close()
    await state.endpoint.persisted.close()
    await state.database.dispose()


def _endpoint(settings: Settings, state: State) -> GraphQLEndpoint:
    schema = build_schema(
        introspection=settings.introspection,
        suggestions=settings.suggestions,
        compiled=settings.executor == "compiled",
        limits=settings.limits,
    )
    return GraphQLEndpoint(
        schema,
        state.database,
        state.accounts,
        operations=settings.operations,
        with_explorer=settings.explorer,
        bounds=settings.bounds,
        budget=state.budget,
        persisted=_persisted(settings, state.database),
        max_age=settings.max_age,
        feed=state.feed,
    )


def _add_sockets(state: State, settings: Settings) -> None:
    """What serves those who stay connected."""
    endpoint = state.endpoint
    state.audience = Audience(state.database, settings.socket_bounds)
    state.accounts.watchers.append(state.audience.sessions_changed)
    operations = Operations(
        endpoint.schema,
        endpoint.surroundings,
        endpoint.in_flight,
        endpoint.persisted,
        state.live,
        deadline=settings.deadline,
    )
    given = (operations, state.audience, state.accounts, state.database)
    state.streams = EventStreams(*given, settings.bounds, settings.socket_bounds)
    state.sockets = WebSocketEndpoint(*given, settings.socket_bounds, settings.allowed_origins)


def _persisted(settings: Settings, database: Database) -> Persisted:
    can_register = settings.persisted_queries and not settings.trusted_only
    registered = Registered(settings.redis_url) if can_register else None
    return Persisted(Trusted(database), registered, trusted_only=settings.trusted_only)


def _add_explorer(app: FastAPI) -> None:
    app.mount("/explorer", explorer.assets)

    @app.get("/")
    async def root() -> Response:
        return RedirectResponse(_PATH)


def _share(app: FastAPI, origins: list[str]) -> None:
    """Let pages of other origins read what is answered.

    They send their token themselves; a browser adds nothing of its own, no cookie and no password.
    """
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "Last-Event-ID", "X-Request-ID"],
        expose_headers=["Retry-After", "WWW-Authenticate", "X-Request-ID"],
        max_age=_PREFLIGHT,
    )


def create_served_app() -> FastAPI:
    """The application in a process of its own, with the interpreter set for that.

    What is there after the start stays: it is not searched again and again. A page of a thousand rows makes
    some ten thousand objects that are all in use until it is sent, and so does the next one.
    """
    settings = Settings()
    if settings.access_log:
        log.access_to_stdout()
    app = create_app(settings)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *_YOUNGER_RUNS)
    sys.setswitchinterval(_TURN)
    return app


def _add_health(app: FastAPI, database: Database) -> None:
    """What an orchestrator asks for."""

    @app.get("/healthz")
    async def healthz() -> Response:
        """The process is up."""
        return PlainTextResponse("ok")

    @app.get("/readyz")
    async def readyz() -> Response:
        """The database answers, and has the tables that this version needs."""
        try:
            async with database.reading() as connection:
                revision = await current_revision(connection)
        except (DatabaseUnavailableError, SQLAlchemyError):
            return PlainTextResponse("the database does not answer", status_code=503)
        if revision != head_revision():
            return PlainTextResponse("the database is not migrated", status_code=503)
        return PlainTextResponse("ok")


def _add_metrics(app: FastAPI) -> None:
    """What an operator watches, and nothing of what is in the database or of who asks for it."""

    @app.get("/metrics")
    async def metrics() -> Response:
        """How this process has executed operations, in Prometheus' format for text."""
        name = "gazette_operations_total"
        lines = [f"# HELP {name} Operations, by what executed them.", f"# TYPE {name} counter"]
        lines += [f'{name}{{executor="{executor}"}} {counts[executor]}' for executor in ("compiled", "stock")]
        return PlainTextResponse("\n".join([*lines, ""]), media_type="text/plain; version=0.0.4")
