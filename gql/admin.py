"""What the command line does about accounts, for the first admin above all."""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.engine import Database, DatabaseSettings
from db.enums import Role
from db.text import fold
from db.write import transaction, violation
from gql.mutations.sessions import shut_out
from gql.mutations.users import CreateUserInput
from gql.passwords import Passwords, weakness
from gql.tokens import now
from gql.validation import validated


class RefusedError(Exception):
    """What is wrong, for people; nothing was changed."""


async def create_user(
    settings: DatabaseSettings, username: str, email: str, password: str, role: str
) -> None:
    """Make an account with a confirmed address, by the rules of signing up."""
    try:
        wanted = Role(role.upper())
    except ValueError as error:
        raise RefusedError("The role is user, editor or admin.") from error
    given, problems = validated(CreateUserInput(username=username, email=email, password=password))
    if problems:
        raise RefusedError(" ".join(f"{problem.path[-1]}: {problem.message}" for problem in problems))
    password_hash = await _hash(password, username, email)
    user = models.User(
        username=given.username,
        username_key=fold(given.username),
        email=given.email,
        email_key=fold(given.email),
        email_verified_at=now(),
        password_hash=password_hash,
        role=wanted,
    )

    async def insert(session: AsyncSession) -> None:
        session.add(user)

    database = Database(settings)
    try:
        await transaction(database, insert)
    except IntegrityError as error:
        found = violation(error)
        raise RefusedError(
            f"This {((found and found.column) or '').removesuffix('_key')} is taken."
        ) from error
    finally:
        await database.dispose()


async def set_password(settings: DatabaseSettings, username: str, password: str) -> None:
    """Set a password and end all sessions."""

    async def update(session: AsyncSession) -> None:
        statement = select(models.User).where(models.User.username_key == fold(username)).with_for_update()
        user = await session.scalar(statement)
        if user is None:
            raise RefusedError(f"There is no user {username}.")
        user.password_hash = await _hash(password, user.username, user.email)
        await shut_out(session, user.id)

    database = Database(settings)
    try:
        await transaction(database, update)
    finally:
        await database.dispose()


async def _hash(password: str, *names: str) -> str:
    if found := weakness(password, *names):
        raise RefusedError(found)
    return await Passwords(1).hash(password)
