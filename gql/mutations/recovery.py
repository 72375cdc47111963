"""What is proved by a mail: that an address is one's own, and who somebody is without the password."""

from functools import partial

import strawberry
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.accounts import MailedToken, Purpose
from db.engine import Database
from db.read import fetch
from db.text import fold
from db.write import transaction
from gql.auth import Accounts
from gql.context import Context
from gql.errors import Rejected, UserErrorCode, rejected
from gql.mail import Mail
from gql.mutation import mutation
from gql.mutations.sessions import shut_out
from gql.passwords import weakness
from gql.payloads import Outcome, Payload, payload, written
from gql.policy import Permission
from gql.tokens import MAILED_LIFETIME, hash_token, new_token, now
from gql.types import User
from gql.validation import Email
from gql.write import Write

_MOST_ACCOUNTS = 3


@strawberry.input(description="Whose password to reset.")
class RequestPasswordResetInput:
    email: Email = strawberry.field(description="The account's address.")


@strawberry.input(description="A new password for whoever got the mail.")
class ResetPasswordInput:
    token: str = strawberry.field(description="The token from the mail; it is good for one hour, once.")
    new_password: str = strawberry.field(description="The password from now on, 10 to 128 characters.")


@strawberry.input(description="That an address is one's own.")
class VerifyEmailInput:
    token: str = strawberry.field(description="The token from the mail; it is good for one hour, once.")


@payload(models.User)
class RequestPasswordResetPayload(Payload): ...


@payload(models.User)
class ResetPasswordPayload(Payload):
    user: User | None = written(models.User, "Who can log in with the new password now.")


@payload(models.User)
class VerifyEmailPayload(Payload):
    user: User | None = written(models.User, "Whose address it is.")


def _token_mail(accounts: Accounts, to: str, subject: str, text: str, token: str, page: str) -> Mail:
    link = f"{accounts.front_end.rstrip('/')}/{page}?token={token}" if accounts.front_end else token
    return Mail(
        to, subject, f"{text}\n\n{link}\n\nIt is good for one hour. Was it not you? Ignore this mail."
    )


async def confirm_address(write: Write, user: models.User, email: str) -> None:
    """Send a token to an address that a user claims; whose it is already is told so instead.

    Both take the same statements, so that whoever asks learns nothing.
    """
    accounts, token = write.accounts, await _new_token(write.session, user.id, Purpose.VERIFY_EMAIL, email)
    owner = await write.session.scalar(
        select(models.User.id).where(
            models.User.email_key == fold(email), models.User.email_verified_at.is_not(None)
        )
    )
    mail = _token_mail(accounts, email, "Confirm your address", "Hello,", token, "verify-email")
    if owner is not None and owner != user.id:
        text = (
            "Somebody wanted to use your address for an account. You have one already: log in with it, or "
            "ask for a new password. Was it not you? Then nothing has happened."
        )
        mail = Mail(email, "You have an account already", text)
    if await accounts.attempts.may_mail(fold(email), "confirm"):
        write.afterwards.append(lambda: accounts.mailer.send(mail))


async def _new_token(session: AsyncSession, user_id: int, purpose: Purpose, email: str) -> str:
    """The only one of its purpose that the user has from now on."""
    # Locked, so that of two at once the second finds the first one's.
    await session.execute(select(models.User.id).where(models.User.id == user_id).with_for_update())
    await session.execute(
        delete(MailedToken).where(MailedToken.user_id == user_id, MailedToken.purpose == purpose)
    )
    token = new_token()
    session.add(
        MailedToken(
            token_hash=hash_token(token),
            user_id=user_id,
            purpose=purpose,
            email=email,
            expires_at=now() + MAILED_LIFETIME,
        )
    )
    await session.flush()
    return token


@mutation(RequestPasswordResetPayload, Permission.ANYBODY, without_token=True)
async def request_password_reset(write: Write, given: RequestPasswordResetInput) -> Outcome:
    """Have a token sent to an address. The answer is the same, and as quick, whosever it is."""
    accounts, database = write.accounts, write.database
    if await accounts.attempts.may_mail(fold(given.email), "reset"):
        write.afterwards.append(lambda: accounts.mailer.later(_mail_resets(accounts, database, given.email)))
    return Outcome()


async def _mail_resets(accounts: Accounts, database: Database, email: str) -> None:
    """To the account that has confirmed the address; only if there is none, to those that claim it."""
    user = models.User
    found = await fetch(
        database,
        select(user.id, user.username, user.email, user.email_verified_at)
        .where(user.email_key == fold(email), user.is_active)
        .order_by(user.email_verified_at.is_(None), user.id.desc())
        .limit(_MOST_ACCOUNTS),
    )
    owners = [row for row in found if row.email_verified_at]
    for user_id, username, address, _ in owners or found:
        work = partial(_new_token, user_id=user_id, purpose=Purpose.RESET_PASSWORD, email=address)
        token = await transaction(database, work)
        text = f"Hello {username}, this sets a new password:"
        accounts.mailer.send(_token_mail(accounts, address, "A new password", text, token, "reset-password"))


async def _check_and_hash(context: Context, given: ResetPasswordInput) -> str:
    """A token is looked up before a hash is made, which costs much more."""
    token, user = MailedToken, models.User
    rows = await fetch(
        context.database,
        select(user.username, user.email)
        .join(token, token.user_id == user.id)
        .where(
            token.token_hash == hash_token(given.token),
            token.purpose == Purpose.RESET_PASSWORD,
            token.expires_at > now(),
            user.is_active,
        ),
    )
    if not rows:
        raise _invalid()
    if found := weakness(given.new_password, *rows[0]):
        raise rejected(UserErrorCode.INVALID, found, "newPassword")
    context.caller.try_password()
    return await context.caller.accounts.passwords.hash(given.new_password)


@mutation(ResetPasswordPayload, Permission.ANYBODY, prepare=_check_and_hash, without_token=True)
async def reset_password(write: Write, given: ResetPasswordInput) -> Outcome:
    """Set a new password with a token from a mail; all sessions end."""
    email, user = await _redeem(write, given.token, Purpose.RESET_PASSWORD)
    if email != user.email:  # It was sent to an address that is no longer this user's.
        raise _invalid()
    user.password_hash = write.prepared
    await shut_out(write.session, user.id)
    write.afterwards.append(write.accounts.sessions_changed)
    # Whoever guessed at the old one is not to keep the owner out with the new one.
    for name in (user.username_key, user.email_key):
        await write.accounts.attempts.forgive(name)
    return Outcome(user.id)


@mutation(VerifyEmailPayload, Permission.ANYBODY, without_token=True)
async def verify_email(write: Write, given: VerifyEmailInput) -> Outcome:
    """Confirm an address with a token from a mail; from then on one can log in with it."""
    email, user = await _redeem(write, given.token, Purpose.VERIFY_EMAIL)
    if user.email_verified_at and fold(email) != user.email_key:
        told = Mail(user.email, "Your address was changed", "From now on your account has another address.")
        write.afterwards.append(lambda: write.accounts.mailer.send(told))
    user.email, user.email_key, user.email_verified_at = email, fold(email), now()
    try:
        await write.session.flush()
    except IntegrityError as error:
        message = "Somebody else has confirmed this address meanwhile."
        raise rejected(UserErrorCode.TAKEN, message, "token") from error
    return Outcome(user.id)


async def _redeem(write: Write, text: str, purpose: Purpose) -> tuple[str, models.User]:
    """Use a token up: where it was sent, and to whom.

    With it all others of the user go. Whoever reads the mails of the address until now is not to set a
    password with one of them.
    """
    hashed = hash_token(text)
    # The user first, as all do who make or forget tokens, so that none wait in a circle.
    user = await write.session.scalar(
        select(models.User)
        .join(MailedToken, MailedToken.user_id == models.User.id)
        .where(MailedToken.token_hash == hashed, models.User.is_active)
        .with_for_update(of=models.User)
    )
    token = await write.session.get(MailedToken, hashed)
    if user is None or token is None or token.purpose is not purpose or token.expires_at <= now():
        raise _invalid()
    email = token.email
    await write.session.execute(delete(MailedToken).where(MailedToken.user_id == user.id))
    return email, user


def _invalid() -> Rejected:
    return rejected(UserErrorCode.INVALID_TOKEN, "The token is not valid, or not any more.", "token")
