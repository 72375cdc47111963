"""Strangers make accounts, and learn nothing about those of others."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event

from db.enums import Role
from db.models import User
from gql.app import create_app
from gql.mail import Mail
from gql.settings import Settings
from tests.accounts import PASSWORD, Outbox, ask, count, join, log_in, tokens_of
from tests.client import Client
from tests.conftest import NewUrl

pytestmark = pytest.mark.anyio

EVERYTHING = """
    user {
      id username name bio email emailVerifiedAt isActive role version
      posts {totalCount} sessions {totalCount} viewerCanUpdate viewerCanDelete viewerCanAdministrate
    }
    userEdge {node {username email}}
"""
SIGN_UP = f"""
    mutation ($input: CreateUserInput!) {{
      createUser(input: $input) {{{EVERYTHING} userErrors {{code message path}}}}
    }}
"""
OWN = "{viewer {id username email emailVerifiedAt isActive version}}"


async def sign_up(client: Client, **given: Any) -> dict[str, Any]:
    given = {"username": "ada", "email": "ada@example.org", "password": PASSWORD} | given
    return await client.mutate("createUser", "user {username role}", **given)


async def test_whoever_signs_up_can_log_in_and_by_the_address_once_it_is_confirmed(client: Client) -> None:
    outbox = Outbox(client)
    signed_up = await sign_up(client, email="Ada@Example.ORG")
    assert signed_up == {"user": {"username": "ada", "role": "USER"}, "userErrors": []}
    assert (await log_in(client, "ADA"))["userErrors"] == []
    assert (await log_in(client, "ada@example.org"))["userErrors"] == [("WRONG_CREDENTIALS", "")]
    mail = await outbox.mail()
    assert (mail.to, mail.subject) == ("Ada@example.org", "Confirm your address")
    (token,) = await outbox.tokens_in(mail)
    assert (await client.mutate("verifyEmail", token=token))["userErrors"] == []
    assert (await log_in(client, "ADA@example.org"))["viewer"] == {"username": "ada"}


async def test_where_sign_up_is_closed_admins_make_accounts(settings: Settings) -> None:
    async with Client(create_app(settings.model_copy(update={"sign_up": False}))) as client:
        for role in (None, Role.EDITOR, Role.ADMIN):
            asks = client if role is None else await client.viewing(await join(client, role=role))
            errors = [] if role is Role.ADMIN else [("FORBIDDEN", "")]
            assert (await sign_up(asks))["userErrors"] == errors
        # A token that has expired makes nobody an admin.
        expired = Client(client.app, Authorization="Bearer gone")
        async with expired.http:
            document = SIGN_UP, {"input": {"username": "eve", "email": "e@example.org", "password": PASSWORD}}
            assert await expired.codes(*document) == {"UNAUTHENTICATED"}


async def test_an_address_makes_twenty_accounts_an_hour_and_a_request_one(client: Client) -> None:
    given = 'email: "e@example.org", password: "correct horse battery"'
    two = " ".join(
        f'{name}: createUser(input: {{username: "{name}", {given}}}) {{userErrors {{code}}}}'
        for name in ("ab", "cd")
    )
    assert await client.codes(f"mutation {{{two}}}") == {"BAD_USER_INPUT"}
    assert await count(client, User) == 1
    answers = [(await sign_up(client, username=f"user{number}"))["userErrors"] for number in range(20)]
    assert answers == [[]] * 19 + [[("TOO_MANY_ATTEMPTS", "")]]


REFUSED = {
    "nine": "tr0ub4dor",
    "nine, though eighteen code points": "a\u0308o\u0308u\u0308" * 3,
    "nothing": "",
    "129": "tr0ub4dor" * 14 + "xyz",
    "129 of which each is three code points": "\u1100\u1161\u11a8ab" * 43,
    "very long": "tr0ub4dor" * 20_000,
    "one that is tried first": "qwertyuiop",
    "in capitals": "QWERTYUIOP",
    "in full width": "ｑｗｅｒｔｙｕｉｏｐ",
    "three characters, repeated": "abcabcabcabc",
    "the username": "Countess-Lovelace",
    "the username in full width": "Ｃountess-Lovelace",
    "the address": "Lovelace.1815@example.org",
    "what is before the @": "LOVELACE.1815",
}
GOOD = {
    "ten": "tr0ub4dor&",
    "128": "tr0ub4dor&3 " * 10 + "12345678",
    "128 of which each is two code points": "a\u0308o\u0308u\u0308e\u0308" * 32,
}


@pytest.mark.parametrize("password", REFUSED.values(), ids=REFUSED)
async def test_a_password_that_is_refused(client: Client, password: str) -> None:
    names = {"username": "countess-lovelace", "email": "lovelace.1815@example.org"}
    refused = await sign_up(client, **names, password=password)
    assert refused == {"user": None, "userErrors": [("INVALID", "password")]}
    assert await count(client, User) == 0


@pytest.mark.parametrize("password", GOOD.values(), ids=GOOD)
async def test_a_good_password(client: Client, password: str) -> None:
    assert (await sign_up(client, password=password))["userErrors"] == []
    assert (await log_in(client, "ada", password))["userErrors"] == []


async def test_a_password_is_the_same_in_every_unicode_form(client: Client) -> None:
    wide, composed, small = "Ａngstro\u0308m unit", "Angstr\u00f6m unit", "angstr\u00f6m unit"
    assert (await sign_up(client, password=wide))["userErrors"] == []
    assert (await log_in(client, "ada", composed))["userErrors"] == []
    assert (await log_in(client, "ada", small))["userErrors"] == [("WRONG_CREDENTIALS", "")]


async def test_a_username_that_differs_in_case_or_form_only_is_taken(client: Client) -> None:
    assert (await sign_up(client, username="Größe"))["userErrors"] == []
    for number, same in enumerate(("größe", "GRÖSSE", "Gro\u0308ße", "Ｇröße")):
        taken = await sign_up(client, username=same, email=f"{number}@example.org")
        assert taken["userErrors"] == [("TAKEN", "username")], same


async def test_of_many_who_want_a_username_at_once_one_gets_it(client: Client) -> None:
    wanted = [sign_up(client, username=name, email=f"{name}@example.org") for name in ("ada", "ADA", "aDa")]
    errors = [payload["userErrors"] for payload in await asyncio.gather(*wanted)]
    assert sorted(errors) == [[], [("TAKEN", "username")], [("TAKEN", "username")]]


async def signs_up_as_eve(url: str, owned: str) -> tuple[list[Any], list[str], Mail, bool]:
    """In a world where Ada has an address, Eve wants one: what she is told and can read of herself, what
    statements that took, and the mail, with whether it has a token."""
    async with Client(create_app(Settings(database_url=url))) as client:
        outbox = Outbox(client)
        await join(client, username="ada", email=owned)
        statements: list[str] = []

        def record(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            statements.append(statement)

        engine = client.database.write_engine.sync_engine
        event.listen(engine, "before_cursor_execute", record)
        given = {"username": "eve", "email": "ADA@example.org", "password": PASSWORD}
        signed_up = await client.send(SIGN_UP, {"input": given})
        event.remove(engine, "before_cursor_execute", record)
        mail = await outbox.mail()
        own = await ask(client, (await tokens_of(client, "eve"))["accessToken"], OWN)
        for answer in (signed_up, own):
            del answer.headers["x-request-id"]
        answers = [(answer.status_code, answer.headers, answer.json()) for answer in (signed_up, own)]
        return answers, statements, mail, bool(await outbox.tokens_in(mail))


async def test_whether_an_address_is_taken_is_told_to_its_owner_only(new_url: NewUrl) -> None:
    """Two worlds that differ in nothing but whose the address is, and two answers that differ in nothing."""
    taken, statements, mail, has_token = await signs_up_as_eve(new_url(), "ada@example.org")
    free, same_statements, confirmation, confirms = await signs_up_as_eve(new_url(), "else@example.org")
    assert taken == free
    assert statements == same_statements
    assert free[0][2]["data"]["createUser"]["userErrors"] == []
    assert (mail.to, mail.subject, has_token) == ("ADA@example.org", "You have an account already", False)
    assert (confirmation.to, confirmation.subject, confirms) == (mail.to, "Confirm your address", True)


async def test_who_claims_an_address_first_keeps_its_owner_from_nothing(client: Client) -> None:
    outbox = Outbox(client)
    assert (await sign_up(client, username="eve"))["userErrors"] == []
    eves_token = await outbox.token()
    assert (await sign_up(client, username="ada"))["userErrors"] == []
    assert (await client.mutate("verifyEmail", token=await outbox.token()))["userErrors"] == []
    assert (await log_in(client, "ada@example.org"))["viewer"] == {"username": "ada"}
    # The mail to Ada that Eve caused is worth nothing any more, even if Ada takes it for her own.
    taken = await client.mutate("verifyEmail", "user {id}", token=eves_token)
    assert taken == {"user": None, "userErrors": [("TAKEN", "token")]}
    assert (await log_in(client, "ada@example.org"))["viewer"] == {"username": "ada"}


BAD_NAMES = {
    "a header": "ada\r\nBcc: all@example.org",
    "a line": "ada\nlovelace",
    "an address": "ada@example.org",
    "markup": "<b>ada</b>",
    "the other direction": "ada\u202e",
    "a space": "ada lovelace",
}


@pytest.mark.parametrize("username", BAD_NAMES.values(), ids=BAD_NAMES)
async def test_a_username_brings_nothing_into_mails(client: Client, username: str) -> None:
    outbox = Outbox(client)
    assert (await sign_up(client, username=username))["userErrors"] == [("INVALID", "username")]
    assert await outbox.mails() == []


@pytest.mark.parametrize(
    "email",
    [
        "ada@example.org\r\nBcc: all@example.org",
        "ada@example.org, all@example.org",
        "Ada <ada@example.org>",
        '"ada lovelace"@example.org',
        "ada@example.org\n",
        "ada",
        "@example.org",
    ],
)
async def test_an_address_is_one_address(client: Client, email: str) -> None:
    outbox = Outbox(client)
    errors = (await sign_up(client, email=email))["userErrors"]
    if email.strip() == "ada@example.org":
        assert (errors, (await outbox.mail()).to) == ([], "ada@example.org")
    else:
        assert (errors, await outbox.mails()) == ([("INVALID", "email")], [])


async def test_very_long_text_costs_next_to_nothing(client: Client) -> None:
    """Accents on one letter are sorted by their square: this many kept the process busy for seconds."""
    heavy = "a" + "\u0301\u0323" * 40_000
    loop, before = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    assert (await sign_up(client, username=heavy))["userErrors"] == [("INVALID", "username")]
    assert (await sign_up(client, password=heavy))["userErrors"] == [("INVALID", "password")]
    assert (await log_in(client, heavy, heavy))["userErrors"] == [("WRONG_CREDENTIALS", "")]
    query = "query ($name: String!) {user(by: {username: $name}) {id}}"
    assert await client.data(query, {"name": heavy}) == {"user": None}
    assert loop.time() - before < 3


async def test_a_member_who_deletes_the_account_frees_its_names(client: Client) -> None:
    outbox = Outbox(client)
    ada = await join(client, username="ada", email="ada@example.org")
    as_ada = await client.viewing(ada)
    (viewer,) = (await as_ada.data("{viewer {id}}")).values()
    assert (await as_ada.mutate("deleteUser", id=viewer["id"]))["userErrors"] == []
    assert (await sign_up(client))["userErrors"] == []
    assert (await outbox.mail()).subject == "Confirm your address"
