"""Who asks over a WebSocket, and how long: until the token expires or the session ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from db.enums import Role
from db.errors import DatabaseUnavailableError
from db.models import Session, User
from gql import audience
from gql.app import create_app
from gql.settings import Settings
from tests.accounts import PASSWORD, VIEWER, ask, join, tokens_of, with_ada
from tests.client import Client
from tests.sent import sent
from tests.sockets import PATIENCE, Listening, Streams, listening

pytestmark = pytest.mark.anyio

ADA = {"data": {"viewer": {"username": "ada"}}}
NEW = "another horse battery"
NEVER = 3600.0


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # Nobody looks at the sessions unless told to.
    return settings.model_copy(update={"session_seconds": NEVER})


@pytest.fixture
async def client(served: Listening) -> AsyncIterator[Client]:
    """The same application over HTTP."""
    async with with_ada(served.app) as client:
        yield client


async def token_of(client: Client, username: str = "ada") -> str:
    token: str = (await tokens_of(client, username))["accessToken"]
    return token


@pytest.mark.parametrize(
    "payload",
    [
        lambda token: {"authorization": token},
        lambda token: {"Authorization": token},
        lambda token: {"headers": {"Authorization": token}},
        lambda token: {"headers": {"authorization": token, "other": 1}, "authorization": ""},
    ],
)
async def test_an_init_says_who_asks(
    served: Listening, client: Client, payload: Callable[[str], dict[str, Any]]
) -> None:
    token = await token_of(client)
    async with served.begun(payload(f"Bearer {token}")) as socket:
        assert await socket.execute(VIEWER) == ADA


async def test_a_header_says_who_asks(served: Listening, client: Client) -> None:
    headers = {"Authorization": f"Bearer {await token_of(client)}"}
    async with served.begun(additional_headers=headers) as socket:
        assert await socket.execute(VIEWER) == ADA
    # What the init says comes first, also where it is wrong.
    async with served.socket(additional_headers=headers) as socket:
        await socket.send(type="connection_init", payload={"authorization": "Bearer x"})
        assert (await socket.closed())[0] == 4403


@pytest.mark.parametrize(
    "payload", [None, {}, {"authorization": None}, {"authorization": ""}, {"headers": 5}]
)
async def test_a_stranger_asks(served: Listening, payload: dict[str, Any] | None) -> None:
    async with served.begun(payload) as socket:
        assert await socket.execute(VIEWER) == {"data": {"viewer": None}}


@pytest.mark.parametrize("value", ["x", "Bearer x", "Basic x", 5, ["Bearer x"], {"a": 1}, True])
async def test_an_invalid_token_is_forbidden(served: Listening, value: Any) -> None:
    async with served.socket() as socket:
        await socket.send(type="connection_init", payload={"authorization": value})
        assert (await socket.closed())[0] == 4403


async def test_an_invalid_header_is_forbidden(served: Listening) -> None:
    async with served.socket(additional_headers={"Authorization": "Bearer x"}) as socket:
        await socket.send(type="connection_init")
        assert (await socket.closed())[0] == 4403


async def expiring(served: Listening, client: Client, seconds: int) -> str:
    """A token that is accepted for so many seconds, the ten of leeway among them."""
    tokens = served.app.state.accounts.tokens
    token: str = tokens.access(tokens.read(await token_of(client)), timedelta(seconds=seconds - 10))
    return token


async def test_an_expired_token_is_forbidden(served: Listening, client: Client) -> None:
    token = await expiring(served, client, -1)
    async with served.socket() as socket:
        await socket.send(type="connection_init", payload={"authorization": f"Bearer {token}"})
        assert (await socket.closed())[0] == 4403


async def test_a_socket_ends_when_its_token_is_accepted_no_more(
    served: Listening, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = Streams().answer(served.app, monkeypatch)
    token, expired = await token_of(client), await expiring(served, client, 3)
    async with (
        served.begun({"authorization": f"Bearer {token}"}) as other,
        served.begun({"authorization": f"Bearer {expired}"}) as socket,
    ):
        await socket.subscribe("1", "subscription {x}")
        stream = await streams.next()
        assert stream.viewer is not None
        assert await socket.closed() == (4403, "The access token has expired.")
        await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)
        assert await other.is_alive()


async def mutate(client: Client, token: str, query: str) -> None:
    body = (await ask(client, token, f"mutation {{{query} {{userErrors {{code}}}}}}")).json()
    (payload,) = body["data"].values()
    assert payload == {"userErrors": []}


async def log_out(client: Client, token: str, _: str) -> None:
    await mutate(client, token, "logOut(input: {})")


async def log_out_everywhere(client: Client, _: str, __: str) -> None:
    await mutate(client, await token_of(client), "logOut(input: {everywhere: true})")


async def revoke(client: Client, token: str, _: str) -> None:
    query = "{viewer {sessions {nodes {id isCurrent}}}}"
    sessions = (await ask(client, token, query)).json()["data"]["viewer"]["sessions"]["nodes"]
    (current,) = (session["id"] for session in sessions if session["isCurrent"])
    await mutate(client, token, f'revokeSession(input: {{id: "{current}"}})')


async def change_password(client: Client, token: str, _: str) -> None:
    given = f'{{currentPassword: "{PASSWORD}", newPassword: "{NEW}"}}'
    await mutate(client, token, f"changePassword(input: {given})")


async def deactivate(client: Client, _: str, user_id: str) -> None:
    await join(client, username="kim", role=Role.ADMIN)
    await mutate(client, await token_of(client, "kim"), f'deactivateUser(input: {{id: "{user_id}"}})')


async def delete_oneself(client: Client, token: str, user_id: str) -> None:
    await mutate(client, token, f'deleteUser(input: {{id: "{user_id}"}})')


@pytest.mark.parametrize(
    "end", [log_out, log_out_everywhere, revoke, change_password, deactivate, delete_oneself]
)
async def test_a_socket_ends_with_its_session(
    served: Listening,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Client, str, str], Awaitable[None]],
) -> None:
    await join(client, username="ben")
    token, other = await token_of(client), await token_of(client, "ben")
    user_id = (await ask(client, token, "{viewer {id}}")).json()["data"]["viewer"]["id"]
    async with (
        served.begun({"authorization": f"Bearer {token}"}) as socket,
        served.begun({"authorization": f"Bearer {other}"}) as of_another,
        served.begun() as of_a_stranger,
    ):
        streams = Streams().answer(served.app, monkeypatch)
        await socket.subscribe("1", "subscription {x}")
        stream = await streams.next()
        monkeypatch.undo()
        await end(client, token, user_id)
        assert await socket.closed() == (4403, "The session is over.")
        await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)
        assert await of_another.is_alive()
        assert await of_a_stranger.is_alive()


async def test_who_logs_out_by_a_socket_hears_of_it_first(served: Listening, client: Client) -> None:
    async with served.begun({"authorization": f"Bearer {await token_of(client)}"}) as socket:
        await socket.subscribe("1", "mutation {logOut(input: {}) {endedSessions}}")
        assert (await socket.receive())["payload"] == {"data": {"logOut": {"endedSessions": 1}}}
        assert await socket.receive() == {"id": "1", "type": "complete"}
        assert (await socket.closed())[0] == 4403


async def end_unheard(client: Client, username: str) -> None:
    """As another process does."""
    owner = select(User.id).where(User.username == username).scalar_subquery()
    async with client.database.writing() as writing:
        await writing.execute(delete(Session).where(Session.owner_id == owner))


async def test_an_operation_is_that_of_a_session_that_still_counts(served: Listening, client: Client) -> None:
    async with served.begun({"authorization": f"Bearer {await token_of(client)}"}) as socket:
        await end_unheard(client, "ada")
        await socket.subscribe("1", VIEWER)
        assert (await socket.closed())[0] == 4403


async def test_sessions_that_end_elsewhere_are_noticed(settings: Settings) -> None:
    settings = settings.model_copy(update={"session_seconds": 0.05})
    async with listening(create_app(settings), settings) as served:
        client = Client(served.app)
        async with client.http:
            for username in ("ada", "ben"):
                await join(client, username=username)
            ada, ben = await token_of(client, "ada"), await token_of(client, "ben")
            async with (
                served.begun({"authorization": f"Bearer {ada}"}) as socket,
                served.begun({"authorization": f"Bearer {ben}"}) as other,
            ):
                await end_unheard(client, "ada")
                assert (await socket.closed())[0] == 4403
                assert await other.execute(VIEWER) == {"data": {"viewer": {"username": "ben"}}}


async def test_one_look_is_for_all_sockets(served: Listening, client: Client) -> None:
    tokens = [await token_of(client) for _ in range(3)]
    async with (
        served.begun({"authorization": f"Bearer {tokens[0]}"}) as first,
        served.begun({"authorization": f"Bearer {tokens[1]}"}) as second,
        served.begun({"authorization": f"Bearer {tokens[2]}"}) as third,
    ):
        await end_unheard(client, "ada")
        with sent(client.database) as statements:
            served.app.state.accounts.sessions_changed()
            for socket in (first, second, third):
                assert (await socket.closed())[0] == 4403
        # What is scheduled is looked for meanwhile.
        assert len([statement for statement in statements if "sessions" in statement.sql]) == 1


@pytest.mark.parametrize("error", [DatabaseUnavailableError("away"), RuntimeError("unexpected")])
async def test_a_look_that_fails_sends_nobody_away(
    served: Listening,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    failed = asyncio.Event()

    async def fail(*_: Any) -> Any:
        failed.set()
        raise error

    async with served.begun({"authorization": f"Bearer {await token_of(client)}"}) as socket:
        with monkeypatch.context() as patch:
            patch.setattr(audience, "viewers_of", fail)
            served.app.state.accounts.sessions_changed()
            await asyncio.wait_for(failed.wait(), PATIENCE)
        assert await socket.execute(VIEWER) == ADA
        # The next look is taken all the same.
        await end_unheard(client, "ada")
        served.app.state.accounts.sessions_changed()
        assert (await socket.closed())[0] == 4403
    assert ("RuntimeError" in caplog.text) == isinstance(error, RuntimeError)
    caplog.clear()
