"""What mails prove: whose an address is, and who somebody is without the password."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text, update

from db.accounts import MailedToken
from db.enums import Role
from db.models import User
from gql.app import create_app
from gql.relay import to_global_id
from gql.settings import Settings
from tests import factories
from tests.accounts import PASSWORD, WRONG, Outbox, count, is_let_in, join, log_in, tokens_of
from tests.client import Client

pytestmark = pytest.mark.anyio

NEW = "another horse battery"
INVALID = {"user": None, "userErrors": [("INVALID_TOKEN", "token")]}


async def request_reset(client: Client, email: str = "ada@example.org") -> None:
    assert (await client.mutate("requestPasswordReset", email=email)) == {"userErrors": []}


async def reset(client: Client, token: str, password: str = NEW) -> dict[str, Any]:
    return await client.mutate("resetPassword", "user {username}", token=token, newPassword=password)


async def verify_email(client: Client, token: str) -> dict[str, Any]:
    return await client.mutate("verifyEmail", "user {username}", token=token)


async def set_expired(client: Client) -> None:
    async with client.database.writing() as session:
        await session.execute(update(MailedToken).values(expires_at=factories.YESTERDAY))


async def address_of(client: Client, user: User) -> tuple[str, bool]:
    """And whether it is confirmed."""
    async with client.database.writing() as session:
        row = await session.get_one(User, user.id)
        return row.email, row.email_verified_at is not None


async def test_a_mailed_token_sets_a_password_once_and_ends_all_sessions(client: Client) -> None:
    outbox = Outbox(client)
    await join(client, username="ada", email="ada@example.org")
    access = (await tokens_of(client, "ada"))["accessToken"]
    await request_reset(client, "ADA@example.org")
    mail = await outbox.mail()
    assert (mail.to, mail.subject) == ("ada@example.org", "A new password")
    (token,) = await outbox.tokens_in(mail)
    # A password that is refused does not use it up.
    for bad in ("qwertyuiop", "short", "ADA@example.org"):
        assert (await reset(client, token, bad))["userErrors"] == [("INVALID", "newPassword")]
    assert await reset(client, token) == {"user": {"username": "ada"}, "userErrors": []}
    assert not await is_let_in(client, access)
    assert (await log_in(client, "ada"))["userErrors"] == [("WRONG_CREDENTIALS", "")]
    assert (await log_in(client, "ada", NEW))["userErrors"] == []
    assert await reset(client, token) == INVALID


async def test_of_two_who_use_a_token_at_once_one_succeeds(client: Client) -> None:
    outbox = Outbox(client)
    await join(client, username="ada", email="ada@example.org")
    await request_reset(client)
    token = await outbox.token()
    payloads = await asyncio.gather(*(reset(client, token, f"{NEW} {number}") for number in range(4)))
    assert sorted(len(payload["userErrors"]) for payload in payloads) == [0, 1, 1, 1]


async def test_a_token_lasts_an_hour_and_the_next_one_replaces_it(client: Client) -> None:
    outbox = Outbox(client)
    await join(client, username="ada", email="ada@example.org")
    await request_reset(client)
    first = await outbox.token()
    await request_reset(client)
    second = await outbox.token()
    assert await reset(client, first) == INVALID
    await set_expired(client)
    assert await reset(client, second) == INVALID


async def test_a_deactivated_user_gets_no_mail_and_uses_none(client: Client) -> None:
    outbox = Outbox(client)
    ada = await join(client, username="ada", email="ada@example.org")
    await request_reset(client)
    token = await outbox.token()
    async with client.database.writing() as session:
        await session.execute(update(User).values(is_active=False).where(User.id == ada.id))
    assert await reset(client, token) == INVALID
    await request_reset(client)
    assert await outbox.mails() == []


async def test_whose_an_address_is_cannot_be_asked(client: Client) -> None:
    outbox = Outbox(client)
    await join(client, email="ada@example.org")
    await join(client, email="bob@example.org", email_verified_at=None)
    await join(client, email="cleo@example.org", is_active=False)
    document = """mutation ($email: String!) {
      requestPasswordReset(input: {email: $email}) {userErrors {code message path}}
    }"""
    answers = set()
    for name in ("ada", "bob", "cleo", "nobody"):
        response = await client.send(document, {"email": f"{name}@example.org"})
        del response.headers["x-request-id"]
        answers.add((response.status_code, response.content, tuple(response.headers.items())))
    assert len(answers) == 1
    assert {mail.to for mail in await outbox.mails()} == {"ada@example.org", "bob@example.org"}


async def test_an_address_gets_five_mails_an_hour(client: Client) -> None:
    outbox = Outbox(client)
    await join(client, email="ada@example.org")
    await asyncio.gather(
        *(request_reset(client, email) for email in ("ada@example.org", "ADA@example.org") * 5)
    )
    assert len(await outbox.mails()) == 5
    # Signing up with the address is counted for itself: it does not use up what the owner asks for.
    for number in range(7):
        given = {"username": f"eve{number}", "email": "ada@example.org", "password": PASSWORD}
        assert (await client.mutate("createUser", **given))["userErrors"] == []
    assert len(await outbox.mails()) == 5
    await join(client, email="bob@example.org")
    await request_reset(client, "bob@example.org")
    assert (await outbox.mail()).to == "bob@example.org"


async def test_a_reset_goes_to_the_owner_and_not_to_who_claims_the_address(client: Client) -> None:
    outbox = Outbox(client)
    await join(client, username="eve", email="ada@example.org", email_verified_at=None)
    await request_reset(client)
    assert (await outbox.mail()).text.startswith("Hello eve,")
    await join(client, username="ada", email="ada@example.org")
    await join(client, username="mallory", email="ada@example.org", email_verified_at=None)
    await request_reset(client)
    assert (await outbox.mail()).text.startswith("Hello ada,")


async def test_a_new_address_counts_when_it_is_confirmed(client: Client) -> None:
    outbox = Outbox(client)
    ada = await join(client, username="ada", email="old@example.org")
    as_ada, ada_id = await client.viewing(ada), to_global_id("User", ada.id)
    await request_reset(client, "old@example.org")
    reset_token = await outbox.token()
    changed = await as_ada.mutate(
        "updateUser", "user {email}", id=ada_id, email="new@example.org", currentPassword=PASSWORD
    )
    assert changed == {"user": {"email": "old@example.org"}, "userErrors": []}
    mail = await outbox.mail()
    assert mail.to == "new@example.org"
    (token,) = await outbox.tokens_in(mail)
    assert (await log_in(client, "new@example.org"))["userErrors"] == [("WRONG_CREDENTIALS", "")]
    assert (await log_in(client, "old@example.org"))["userErrors"] == []
    assert await verify_email(client, token) == {"user": {"username": "ada"}, "userErrors": []}
    told = await outbox.mail()
    assert (told.to, told.subject) == ("old@example.org", "Your address was changed")
    assert await verify_email(client, token) == INVALID
    assert await address_of(client, ada) == ("new@example.org", True)
    assert (await log_in(client, "new@example.org"))["userErrors"] == []
    assert (await log_in(client, "old@example.org"))["userErrors"] == [("WRONG_CREDENTIALS", "")]
    # Who still reads the mails of the old address gets in with none of them.
    assert await reset(client, reset_token) == INVALID


async def test_an_address_is_changed_with_the_password_only(client: Client) -> None:
    """Whoever has the address can set a password: an access token that was stolen must not be enough."""
    outbox = Outbox(client)
    ada, admin = await join(client), await join(client, role=Role.ADMIN)
    given = {"id": to_global_id("User", ada.id), "email": "new@example.org"}
    for password, error in (
        ({}, "REQUIRED"),
        ({"currentPassword": None}, "REQUIRED"),
        ({"currentPassword": WRONG}, "WRONG_CREDENTIALS"),
    ):
        refused = await (await client.viewing(ada)).mutate("updateUser", **given, **password)
        assert refused["userErrors"] == [(error, "currentPassword")]
    assert await outbox.mails() == []
    assert (await (await client.viewing(admin)).mutate("updateUser", **given))["userErrors"] == []
    assert (await outbox.mail()).to == "new@example.org"


async def test_who_guessed_at_the_old_password_does_not_keep_the_owner_out(client: Client) -> None:
    outbox = Outbox(client)
    ada = await join(client, username="ada", email="ada@example.org")
    for name in ("ada", "ada@example.org"):
        for _ in range(6):
            await log_in(client, name, WRONG)
        assert (await log_in(client, name))["userErrors"] == [("TOO_MANY_ATTEMPTS", "")]
    await request_reset(client, ada.email)
    assert (await reset(client, await outbox.token()))["userErrors"] == []
    for name in ("ada", "ada@example.org"):
        assert (await log_in(client, name, NEW))["userErrors"] == []


async def test_a_change_of_address_ends_with_the_password(client: Client) -> None:
    """Whoever began it may have been a thief, whom the new password is to shut out."""
    outbox = Outbox(client)
    for number, how in enumerate(("changePassword", "resetPassword", "deactivateUser")):
        ada = await join(client, username=f"ada{number}")
        as_ada, ada_id = await client.viewing(ada), to_global_id("User", ada.id)
        thief = f"thief{number}@example.org"
        await as_ada.mutate("updateUser", id=ada_id, email=thief, currentPassword=PASSWORD)
        token = await outbox.token()
        if how == "changePassword":
            done = await as_ada.mutate(how, currentPassword=PASSWORD, newPassword=NEW)
        elif how == "resetPassword":
            await request_reset(client, ada.email)
            done = await reset(client, await outbox.token())
        else:
            admin = await client.viewing(await join(client, role=Role.ADMIN))
            done = await admin.mutate(how, id=ada_id)
            await admin.mutate("reactivateUser", id=ada_id)
        assert done["userErrors"] == []
        assert await verify_email(client, token) == INVALID, how
        assert await address_of(client, ada) == (ada.email, True)
        assert await count(client, MailedToken, MailedToken.user_id == ada.id) == 0


async def test_an_address_that_somebody_confirmed_meanwhile_is_taken(client: Client) -> None:
    outbox = Outbox(client)
    ada, bob = await join(client, username="ada"), await join(client, username="bob")
    tokens = {}
    for user in (ada, bob):
        as_user = await client.viewing(user)
        given = {"id": to_global_id("User", user.id), "email": "both@example.org"}
        await as_user.mutate("updateUser", **given, currentPassword=PASSWORD)
        tokens[user.username] = await outbox.token()
    payloads = await asyncio.gather(*(verify_email(client, token) for token in tokens.values()))
    taken = {"user": None, "userErrors": [("TAKEN", "token")]}
    assert [payload["userErrors"] for payload in payloads].count(taken["userErrors"]) == 1
    loser = ada if payloads[0] == taken else bob
    assert await address_of(client, loser) == (f"{loser.username}@example.org", True)
    assert await verify_email(client, tokens[loser.username]) == taken


async def test_who_lost_the_mail_can_have_another(client: Client) -> None:
    outbox = Outbox(client)
    ada = await join(client, email="ada@example.org", email_verified_at=None)
    as_ada, ada_id = await client.viewing(ada), to_global_id("User", ada.id)
    await as_ada.mutate("updateUser", id=ada_id, email="ada@example.org")
    await verify_email(client, await outbox.token())
    assert await address_of(client, ada) == ("ada@example.org", True)
    # Nobody needs another one then.
    await as_ada.mutate("updateUser", id=ada_id, email="ada@example.org")
    assert await outbox.mails() == []


async def test_links_lead_to_the_front_end(settings: Settings) -> None:
    linking = settings.model_copy(update={"front_end": "https://gazette.example/"})
    async with Client(create_app(linking)) as client:
        outbox = Outbox(client)
        await join(client, username="ada", email="ada@example.org")
        await request_reset(client)
        mail = await outbox.mail()
        (token,) = await outbox.tokens_in(mail)
        assert f"\n\nhttps://gazette.example/reset-password?token={token}\n" in mail.text


async def test_an_error_of_the_database_is_logged_without_what_was_sent(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async with client.database.writing() as session:
        await session.execute(text("ALTER TABLE users RENAME COLUMN bio TO gone"))
    given = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
    document = "mutation ($input: CreateUserInput!) {createUser(input: $input) {userErrors {code}}}"
    body = await client.execute(document, {"input": given})
    assert [error["extensions"]["code"] for error in body["errors"]] == ["INTERNAL_SERVER_ERROR"]
    assert "gql.mutations.users" in caplog.text
    values = ("ada@example.org", PASSWORD, "argon2id", "INSERT")
    assert [value for value in values if value in caplog.text] == []
