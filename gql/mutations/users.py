"""Signing up, profiles, and what admins do about accounts."""

import strawberry
from sqlalchemy import select
from strawberry import UNSET

from db import models
from db.enums import Role
from db.read import fetch
from db.text import fold
from gql import policy
from gql.connections import Edge
from gql.context import Context
from gql.errors import UserErrorCode, rejected
from gql.mutation import Expecting, mutation
from gql.mutations.recovery import confirm_address
from gql.mutations.sessions import shut_out, verify
from gql.passwords import weakness
from gql.payloads import Outcome, Payload, deleted, edge, payload, written
from gql.policy import Permission
from gql.relay import to_global_id
from gql.types import NEWEST_USERS, User
from gql.validation import Bio, Email, Name, Username, nullable, optional, secret
from gql.write import Lock, Write

_USERNAME = "The public handle: 2 to 32 letters, digits, _ . and -, unique whatever its case."
_NAME = "The name to show."
_BIO = "A few lines about this person, as plain text."
_ID = "Which user."


@strawberry.input(description="A new account.")
class CreateUserInput:
    username: Username = strawberry.field(description=_USERNAME)
    email: Email = strawberry.field(description="An address to confirm, by a mail that is sent to it.")
    password: str = strawberry.field(description="10 to 128 characters, and none of the common ones.")
    name: Name | None = nullable(_NAME)
    bio: Bio | None = nullable(_BIO)


@strawberry.input(description="What to change of a profile; what is absent stays as it is.")
class UpdateUserInput(Expecting):
    id: strawberry.ID = strawberry.field(description=_ID)
    username: Username | None = optional(_USERNAME)
    email: Email | None = optional("Another address; it counts once it is confirmed, by a mail sent to it.")
    current_password: str | None = secret("Needed to change one's own address.")
    name: Name | None = nullable(f"{_NAME} Null for none.")
    bio: Bio | None = optional(_BIO)


@strawberry.input
class _OneUser(Expecting):
    id: strawberry.ID = strawberry.field(description=_ID)


@strawberry.input(description="Which user is to log in no more.")
class DeactivateUserInput(_OneUser): ...


@strawberry.input(description="Which user may log in again.")
class ReactivateUserInput(_OneUser): ...


@strawberry.input(description="Which account to delete.")
class DeleteUserInput(_OneUser): ...


@strawberry.input(description="Which user is to have which role.")
class SetUserRoleInput(_OneUser):
    role: Role = strawberry.field(description="What the user may do from now on.")


@payload(models.User)
class UserPayload(Payload):
    user: User | None = written(models.User, "The user as they are now.")


@payload(models.User)
class CreateUserPayload(UserPayload):
    user_edge: Edge[User] | None = edge(models.User, NEWEST_USERS, "The user's edge, newest first.")


@payload(models.User)
class UpdateUserPayload(UserPayload): ...


@payload(models.User)
class SetUserRolePayload(UserPayload): ...


@payload(models.User)
class DeactivateUserPayload(UserPayload): ...


@payload(models.User)
class ReactivateUserPayload(UserPayload): ...


@payload(models.User)
class DeleteUserPayload(Payload):
    user: User | None = written(models.User, "The user as they are now; null where they were deleted.")
    deleted_user_id: strawberry.ID | None = deleted(models.User)


async def _hash(context: Context, given: CreateUserInput) -> str:
    accounts = context.caller.accounts
    if not (accounts.sign_up or policy.is_admin(context.viewer)):
        raise rejected(UserErrorCode.FORBIDDEN, "Nobody can sign up here; an admin makes the accounts.")
    if found := weakness(given.password, given.username, given.email):
        raise rejected(UserErrorCode.INVALID, found, "password")
    context.caller.try_password()
    if not await accounts.attempts.may_sign_up(context.caller.address):
        raise rejected(UserErrorCode.TOO_MANY_ATTEMPTS, "Too many accounts are made from here; wait an hour.")
    return await accounts.passwords.hash(given.password)


@mutation(CreateUserPayload, Permission.ANYBODY, prepare=_hash)
async def create_user(write: Write, given: CreateUserInput) -> Outcome:
    """Sign up. Whether the address has an account already is told by a mail to it and by nothing else."""
    user = models.User(
        username=given.username,
        username_key=fold(given.username),
        email=given.email,
        email_key=fold(given.email),
        password_hash=write.prepared,
        name=given.name or None,
        bio=given.bio or "",
    )
    write.session.add(user)
    await write.session.flush()
    await confirm_address(write, user, given.email)
    return Outcome(user.id)


async def _verify_for_address(context: Context, given: UpdateUserInput) -> None:
    """Whoever has an address can set the password: an access token alone is not to be enough for that."""
    user, viewer = models.User, context.viewer
    if not given.email or not viewer or given.id != to_global_id("User", viewer.id):
        return
    own = select(user.username, user.email).where(user.id == viewer.id)
    rows = await fetch(context.database, own)
    if not rows or rows[0].email == given.email:
        return
    if given.current_password is UNSET:
        message = "This is needed to change one's own address."
        raise rejected(UserErrorCode.REQUIRED, message, "currentPassword")
    await verify(context, rows[0].username, given.current_password or "", "currentPassword")


@mutation(UpdateUserPayload, Permission.USER, prepare=_verify_for_address)
async def update_user(write: Write, given: UpdateUserInput) -> Outcome:
    """Change a profile: one's own, or as an admin anyone's."""
    user = await write.find(
        models.User, given.id, "id", may=policy.may_write_user, version=given.expected_version
    )
    write.change(user, given, "username", "name", "bio")
    if given.username is not UNSET:
        user.username_key = fold(user.username)
    # The same one again is a wish for another mail.
    if given.email and (given.email != user.email or user.email_verified_at is None):
        await confirm_address(write, user, given.email)
    return Outcome(user.id)


@mutation(SetUserRolePayload, Permission.ADMIN)
async def set_user_role(write: Write, given: SetUserRoleInput) -> Outcome:
    """Say what a user may do, as an admin; it counts from their next request on."""
    user = await _administrated(write, given)
    write.change(user, given, "role")
    return Outcome(user.id)


@mutation(DeactivateUserPayload, Permission.ADMIN)
async def deactivate_user(write: Write, given: DeactivateUserInput) -> Outcome:
    """Keep a user from logging in, as an admin, and end all sessions; posts and comments stay."""
    user = await _administrated(write, given)
    user.is_active = False
    await shut_out(write.session, user.id)
    write.afterwards.append(write.accounts.sessions_changed)
    return Outcome(user.id)


@mutation(ReactivateUserPayload, Permission.ADMIN)
async def reactivate_user(write: Write, given: ReactivateUserInput) -> Outcome:
    """Let a user log in again, as an admin."""
    user = await _administrated(write, given)
    user.is_active = True
    return Outcome(user.id)


@mutation(DeleteUserPayload, Permission.USER)
async def delete_user(write: Write, given: DeleteUserInput) -> Outcome:
    """Delete an account with its posts, for good; its comments stay without text and author."""
    await _still_admin(write, given)
    user = await write.find(
        models.User,
        given.id,
        "id",
        may=policy.may_delete_user,
        version=given.expected_version,
        lock=Lock.DELETE,
    )
    await write.session.delete(user)
    write.afterwards.append(write.accounts.sessions_changed)
    if write.viewer and user.id == write.viewer.id:
        write.viewer = None
    return Outcome(deleted=user.id)


async def _administrated(write: Write, given: _OneUser) -> models.User:
    await _still_admin(write, given)
    return await write.find(
        models.User, given.id, "id", may=policy.may_administrate, version=given.expected_version
    )


async def _still_admin(write: Write, given: _OneUser) -> None:
    """Of two admins who take each other's role at the same moment, the second has it no more."""
    if not policy.is_admin(write.viewer):
        return
    # Both rows in one order for all, so that the second waits here and not in a circle.
    keys = {write.user_id, write.key(models.User, given.id, "id")}
    users = {key: await write.locked(models.User, key) for key in sorted(keys)}
    viewer = users[write.user_id]
    if viewer is None or viewer.role is not Role.ADMIN or not viewer.is_active:
        raise rejected(UserErrorCode.FORBIDDEN, "You may not do this.")
