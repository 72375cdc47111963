"""Logging in, staying so, and logging out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import strawberry
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.accounts import MailedToken, RefreshToken
from db.read import fetch
from db.text import fold
from gql.attempts import TooManyAttemptsError
from gql.context import Context
from gql.errors import Problem, UserErrorCode, rejected
from gql.mutation import Keyed, mutation
from gql.passwords import weakness
from gql.payloads import Outcome, Payload, deleted, payload, written
from gql.policy import Permission, Viewer
from gql.tokens import ACCESS_LIFETIME, REUSE, SESSION_LIFETIME, Claims, hash_token, new_token, now
from gql.types import User
from gql.write import Lock, Write

_LONGEST_AGENT = 200
_WRONG = (UserErrorCode.WRONG_CREDENTIALS, "The username or the password is wrong.")


@dataclass
class Issued:
    """Tokens as they are told to the client, once."""

    access_token: str
    access_token_expires_at: datetime
    refresh_token: str
    refresh_token_expires_at: datetime


@strawberry.type(description="What proves to be logged in.")
class Tokens:
    access_token: str = strawberry.field(
        description="Send it with each request: `Authorization: Bearer …`. It is good for 15 minutes."
    )
    access_token_expires_at: datetime = strawberry.field(description="When to have it renewed.")
    refresh_token: str = strawberry.field(
        description="Renews both tokens, once. Keep it where no script of others can read it."
    )
    refresh_token_expires_at: datetime = strawberry.field(
        description="When one has to log in again, unless the tokens are renewed before."
    )


@strawberry.input(description="Who logs in.")
class LogInInput:
    username: str = strawberry.field(description="The username, or the confirmed email address.")
    password: str = strawberry.field(description="The password.")


@strawberry.input(description="What to renew.")
class RefreshTokensInput:
    refresh_token: str = strawberry.field(description="The last one that was given out.")


@strawberry.input(description="Where to log out.")
class LogOutInput(Keyed):
    everywhere: bool = strawberry.field(
        default=False, description="All sessions, not only the one that asks."
    )


@strawberry.input(description="A new password.")
class ChangePasswordInput:
    current_password: str = strawberry.field(description="The password until now.")
    new_password: str = strawberry.field(description="The password from now on, 10 to 128 characters.")


@strawberry.input(description="Which session to end.")
class RevokeSessionInput(Keyed):
    id: strawberry.ID = strawberry.field(description="Which session.")


@payload(models.User)
class TokensPayload(Payload):
    tokens: Tokens | None = strawberry.field(
        resolver=lambda root: root.more, description="The new tokens; null when there was an error."
    )
    viewer: User | None = written(models.User, "Who is logged in now.")


@payload(models.User)
class LogInPayload(TokensPayload): ...


@payload(models.User)
class RefreshTokensPayload(TokensPayload): ...


@payload(models.User)
class ChangePasswordPayload(TokensPayload): ...


@payload(models.Session)
class LogOutPayload(Payload):
    ended_sessions: int = strawberry.field(
        resolver=lambda root: root.more or 0, description="How many sessions were ended."
    )


@payload(models.Session)
class RevokeSessionPayload(Payload):
    deleted_session_id: strawberry.ID | None = deleted(models.Session)


class Verified(NamedTuple):
    """A user whose password was right a moment ago: `password_hash` is what it was compared with."""

    id: int
    password_hash: str
    new_hash: str | None


async def verify(context: Context, name: str, password: str, *path: str) -> Verified:
    """Find the user and verify the password, once whether or not there is such a user. Rejects wrong ones."""
    caller = context.caller
    caller.try_password()
    # Counted by the name that was given: one count for an account's two would tell whose address it is.
    key, attempts = fold(name), caller.accounts.attempts
    try:
        await attempts.begin(key, caller.address)
    except TooManyAttemptsError as error:
        raise rejected(
            UserErrorCode.TOO_MANY_ATTEMPTS, "Too many failed attempts; wait a quarter of an hour.", *path
        ) from error
    found = await _account(context, key)
    stored = found[0].password_hash if found else None
    is_right, new_hash = await caller.accounts.passwords.verify(password, stored)
    succeeded = bool(is_right and stored and found[0].is_active)
    await attempts.end(key, caller.address, succeeded=succeeded)
    if not succeeded:
        raise rejected(*_WRONG, *path)
    return Verified(found[0].id, stored or "", new_hash)


async def _account(context: Context, key: str) -> Sequence[Any]:
    user = models.User
    by = user.username_key == key
    if "@" in key:  # No username has it.
        by = (user.email_key == key) & user.email_verified_at.is_not(None)
    return await fetch(context.database, select(user.id, user.password_hash, user.is_active).where(by))


async def _verify_log_in(context: Context, given: LogInInput) -> Verified:
    return await verify(context, given.username, given.password)


@mutation(LogInPayload, Permission.ANYBODY, prepare=_verify_log_in, without_token=True)
async def log_in(write: Write, given: LogInInput) -> Outcome:
    """Begin a session. An unknown user and a wrong password are the same answer."""
    user = await _unchanged(write, write.prepared)
    if write.prepared.new_hash:
        user.password_hash = write.prepared.new_hash
    return await _begin_session(write, user)


async def _unchanged(write: Write, verified: Verified) -> models.User:
    """The user, locked, unless the password became another one since it was verified."""
    user = await write.locked(models.User, verified.id)
    if user is None or user.password_hash != verified.password_hash or not user.is_active:
        raise rejected(*_WRONG)
    return user


async def _begin_session(write: Write, user: models.User) -> Outcome:
    sessions = models.Session
    await write.session.execute(
        delete(sessions).where(sessions.owner_id == user.id, sessions.expires_at <= now())
    )
    session = sessions(
        owner_id=user.id,
        user_agent=write.caller.user_agent[:_LONGEST_AGENT],
        expires_at=now() + SESSION_LIFETIME,
    )
    write.session.add(session)
    await write.session.flush()
    token = new_token()
    write.session.add(RefreshToken(token_hash=hash_token(token), session_id=session.id))
    return _issued(write, user, session, token)


def _issued(write: Write, user: models.User, session: models.Session, token: str) -> Outcome:
    write.viewer = Viewer(user.id, user.role, session.id)
    access = write.accounts.tokens.access(Claims(user.id, session.id))
    tokens = Issued(access, now() + ACCESS_LIFETIME, token, session.expires_at)
    return Outcome(user.id, more=tokens)


@mutation(RefreshTokensPayload, Permission.ANYBODY, without_token=True)
async def refresh_tokens(write: Write, given: RefreshTokensInput) -> Outcome:
    """Renew both tokens. A refresh token that comes back later than 30 s after its use ends the session."""
    refused = Outcome(
        problems=(
            Problem(
                UserErrorCode.INVALID_TOKEN,
                "The refresh token is not valid; log in again.",
                ("input", "refreshToken"),
            ),
        )
    )
    hashed = hash_token(given.refresh_token)
    # The session first, as those do who end it, so that each waits for the other and not in a circle.
    session = await write.session.scalar(
        select(models.Session)
        .join(RefreshToken, RefreshToken.session_id == models.Session.id)
        .where(RefreshToken.token_hash == hashed)
        .with_for_update(of=models.Session)
    )
    used = await write.session.get(RefreshToken, hashed)
    if session is None or used is None:
        return refused
    user = await write.session.get_one(models.User, session.owner_id)
    is_reused = used.used_at is not None and now() - used.used_at > REUSE
    if is_reused or session.expires_at <= now() or not user.is_active:
        # Somebody has a copy of it, and nobody knows who is the thief. This is committed.
        await write.session.delete(session)
        write.afterwards.append(write.accounts.sessions_changed)
        return refused
    successors = list(write.accounts.tokens.successors(given.refresh_token))
    if used.used_at is None:
        used.used_at = session.last_used_at = now()
        session.expires_at = now() + SESSION_LIFETIME
        write.session.add(RefreshToken(token_hash=hash_token(successors[0]), session_id=session.id))
        return _issued(write, user, session, successors[0])
    for token in successors:
        if await write.session.get(RefreshToken, hash_token(token)):
            return _issued(write, user, session, token)
    return refused


@mutation(LogOutPayload, Permission.USER)
async def log_out(write: Write, given: LogOutInput) -> Outcome:
    """End this session, or all of one's sessions. Their tokens are worth nothing from then on."""
    sessions = models.Session
    which = sessions.owner_id == write.user_id
    if write.viewer and not given.everywhere:
        which &= sessions.id == write.viewer.session_id
    ended = await write.session.scalars(delete(sessions).where(which).returning(sessions.id))
    write.viewer = None
    write.afterwards.append(write.accounts.sessions_changed)
    return Outcome(more=len(ended.all()))


async def _verify_and_hash(context: Context, given: ChangePasswordInput) -> tuple[Verified, str]:
    user, viewer = models.User, context.viewer
    own = user.id == (viewer and viewer.id)
    rows = await fetch(context.database, select(user.username, user.email).where(own))
    if not rows:  # Deleted a moment ago.
        raise rejected(*_WRONG)
    username, email = rows[0]
    if found := weakness(given.new_password, username, email):
        raise rejected(UserErrorCode.INVALID, found, "newPassword")
    verified = await verify(context, username, given.current_password, "currentPassword")
    return verified, await context.caller.accounts.passwords.hash(given.new_password)


@mutation(ChangePasswordPayload, Permission.USER, prepare=_verify_and_hash)
async def change_password(write: Write, given: ChangePasswordInput) -> Outcome:
    """Set another password. All sessions end, and a new one begins for whoever asks."""
    verified, password_hash = write.prepared
    user = await _unchanged(write, verified)
    user.password_hash = password_hash
    await shut_out(write.session, user.id)
    write.afterwards.append(write.accounts.sessions_changed)
    return await _begin_session(write, user)


@mutation(RevokeSessionPayload, Permission.USER)
async def revoke_session(write: Write, given: RevokeSessionInput) -> Outcome:
    """End one of one's own sessions, on a device that was lost for instance."""
    session = await write.find(models.Session, given.id, "id", lock=Lock.DELETE)
    await write.session.delete(session)
    write.afterwards.append(write.accounts.sessions_changed)
    return Outcome(deleted=session.id)


async def shut_out(session: AsyncSession, user_id: int) -> None:
    """End all sessions, and forget what was mailed: either may be in the hands of who knew the password."""
    for model, owner in ((models.Session, models.Session.owner_id), (MailedToken, MailedToken.user_id)):
        await session.execute(delete(model).where(owner == user_id))
