"""Who asks: from the Authorization header to the viewer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from sqlalchemy import Dialect, Select, bindparam, select

from db import read
from db.engine import Database
from db.enums import Role
from db.models import Session, User
from db.rows import expression
from db.selects import is_among
from db.statements import SHAPES, Statement
from gql.attempts import Attempts
from gql.mail import Mailer, delivery
from gql.passwords import Passwords
from gql.policy import Viewer
from gql.settings import Settings
from gql.tokens import Claims, InvalidTokenError, Tokens, now


@dataclass(frozen=True)
class Accounts:
    """What an application has for its accounts, besides their tables."""

    tokens: Tokens
    passwords: Passwords
    attempts: Attempts
    mailer: Mailer
    sign_up: bool
    front_end: str
    # Of those who serve a session for longer than a request.
    watchers: list[Callable[[], None]] = field(default_factory=list)

    def sessions_changed(self) -> None:
        """After a commit by which sessions may have ended."""
        for watcher in self.watchers:
            watcher()


def accounts_of(settings: Settings) -> Accounts:
    return Accounts(
        Tokens(settings.secrets),
        Passwords(settings.password_threads),
        Attempts(
            settings.redis_url,
            account=settings.login_failures,
            address=settings.address_failures,
            sign_ups=settings.address_sign_ups,
        ),
        Mailer(delivery(settings.mail.get_secret_value(), settings.mail_from)),
        settings.sign_up,
        settings.front_end,
    )


async def authenticate(authorization: str | None, tokens: Tokens, database: Database) -> Viewer | None:
    """The viewer that an Authorization header names, None where there is no header.

    Raises InvalidTokenError; it never takes somebody for a stranger instead.
    """
    claims = claims_of(authorization, tokens)
    return None if claims is None else await viewer_of(claims, database)


def claims_of(authorization: str | None, tokens: Tokens) -> Claims | None:
    """What an Authorization header claims, None where there is no header; raises InvalidTokenError."""
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise InvalidTokenError
    return tokens.read(token.strip())


async def viewer_of(claims: Claims, database: Database) -> Viewer:
    """Whose token it is; raises InvalidTokenError where the session is over.

    The session and the user are looked up every time, so that a log-out, a deactivation, a new password or a
    new role count at once.
    """
    values = {"user_id": claims.user_id, "session_id": claims.session_id, "now": now()}
    for found in zip(*await read.run(database, _session(database.dialect), values), strict=True):
        return Viewer(*found)
    raise InvalidTokenError


async def viewers_of(database: Database, session_ids: Sequence[int]) -> dict[int, Viewer]:
    """The viewers of those sessions that still count, by the sessions."""
    statement = _sessions(database.dialect)
    values = {"keys": read.keys_of(database, session_ids), "now": now()}
    found = (Viewer(*row) for row in zip(*await read.run(database, statement, values), strict=True))
    return {viewer.session_id: viewer for viewer in found}


@lru_cache(maxsize=SHAPES)
def _sessions(dialect: Dialect) -> Statement:
    return Statement(_viewers().where(is_among(dialect, expression(Session, "id"))), dialect)


@lru_cache(maxsize=SHAPES)
def _session(dialect: Dialect) -> Statement:
    """A viewer, where the session is one of this user's and still counts."""
    is_asked = (Session.id == bindparam("session_id"), User.id == bindparam("user_id"))
    return Statement(_viewers().where(*is_asked), dialect)


def _viewers() -> Select[int, Role, int]:
    """Of all sessions that count."""
    return (
        select(User.id, User.role, Session.id)
        .join(Session, Session.owner_id == User.id)
        .where(User.is_active, Session.expires_at > bindparam("now"))
    )
