"""Mails go to a real SMTP server, and a request never waits or fails because of one."""

import asyncio
import base64
import email
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import Message
from typing import Any

import aiosmtplib
import pytest
from pydantic import SecretStr, ValidationError

from gql.app import create_app
from gql.mail import Mail, Mailer, delivery
from gql.settings import Settings
from tests.accounts import join
from tests.client import Client
from tests.server import free_port

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("url", "must_be_encrypted"),
    [
        ("smtp://user:password@mail.example.org", True),
        ("smtp://mail.example.org:25", True),
        ("smtp://127.0.0.1:25", None),
        ("smtps://user:password@mail.example.org", None),
    ],
)
async def test_nothing_goes_to_another_machine_in_the_clear(
    monkeypatch: pytest.MonkeyPatch, url: str, must_be_encrypted: bool | None
) -> None:
    sent: list[dict[str, Any]] = []

    async def send(_: object, **given: Any) -> None:
        sent.append(given)

    monkeypatch.setattr(aiosmtplib, "send", send)
    await delivery(url, "gazette@example.org")(Mail("ada@example.org", "A mail", "Its text."))
    (given,) = sent
    assert (given["start_tls"], given["use_tls"]) == (must_be_encrypted, url.startswith("smtps"))


class SmtpServer:
    """Speaks as much SMTP as it takes, to who has the password."""

    def __init__(self) -> None:
        self.envelopes: list[tuple[str, str, Message]] = []
        self.credentials: list[str] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        sender = recipient = ""
        while line := (await reader.readline()).decode().strip():
            verb, _, rest = line.partition(" ")
            answer = "250 fine"
            if verb == "EHLO":
                answer = "250-here\r\n250 AUTH PLAIN"
            elif verb == "AUTH":
                self.credentials.append(base64.b64decode(rest.split()[1]).decode())
                answer = "235 welcome"
            elif verb == "MAIL":
                sender = rest
            elif verb == "RCPT":
                recipient = rest
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                content = await reader.readuntil(b"\r\n.\r\n")
                self.envelopes.append((sender, recipient, email.message_from_bytes(content[:-5])))
            elif verb == "QUIT":
                answer = "221 bye"
            writer.write(f"{answer}\r\n".encode())
        writer.close()


async def reset_for_ada(settings: Settings, mail: str) -> None:
    """Her answer comes whatever becomes of the mail."""
    changed = {"mail": SecretStr(mail), "mail_from": "Gazette <gazette@example.org>"}
    async with Client(create_app(settings.model_copy(update=changed))) as client:
        await join(client, username="ada", email="ada@example.org")
        payload = await client.mutate("requestPasswordReset", email="ada@example.org")
        assert payload == {"userErrors": []}
        await client.app.state.accounts.mailer.sent()


async def test_a_mail_arrives(settings: Settings) -> None:
    server = SmtpServer()
    async with server.listening() as port:
        await reset_for_ada(settings, f"smtp://us%40er:pass%2Fword@127.0.0.1:{port}")
    assert server.credentials == ["\0us@er\0pass/word"]
    ((sender, recipient, message),) = server.envelopes
    assert (sender.split()[0], recipient.split()[0]) == ("FROM:<gazette@example.org>", "TO:<ada@example.org>")
    assert message["From"] == "Gazette <gazette@example.org>"
    assert (message["To"], message["Subject"]) == ("ada@example.org", "A new password")
    assert str(message.get_payload()).startswith("Hello ada, this sets a new password:")


@pytest.mark.parametrize("why", ["nobody listens", "it hangs up", "it wants no such mail"])
async def test_a_mail_server_that_fails_is_logged_and_says_nothing(
    settings: Settings, caplog: pytest.LogCaptureFixture, why: str
) -> None:
    caplog.set_level(logging.INFO)
    said = b"554 no mail for ada@example.org\r\n" if why == "it wants no such mail" else b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = free_port() if why == "nobody listens" else server.sockets[0].getsockname()[1]
        await reset_for_ada(settings, f"smtp://user:password@127.0.0.1:{port}")
    (record,) = [record for record in caplog.records if record.name == "gazette"]
    assert record.getMessage().startswith("a mail could not be sent: SMTP")
    assert [word for word in ("ada@", "password", "Hello") if word in caplog.text] == []


async def test_mails_under_way_are_sent_before_the_end() -> None:
    sent: list[Mail] = []

    async def slowly(mail: Mail) -> None:
        await asyncio.sleep(0.05)
        sent.append(mail)

    mailer = Mailer(slowly)
    mailer.send(Mail("ada@example.org", "A subject", "text"))
    assert sent == []
    await mailer.close()
    assert len(sent) == 1


async def test_the_console_shows_the_mail(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    await reset_for_ada(settings, "console")
    assert "mail to ada@example.org: A new password\nHello ada" in capsys.readouterr().err


@pytest.mark.parametrize(
    "mail",
    ["smtp://", "smtp://user:p/ss@host", "smtp://host:port", "smtp://host:0", "smtp://[host", "http://host"],
)
async def test_a_mail_server_that_is_none_is_refused_at_the_start(mail: str) -> None:
    with pytest.raises(ValidationError) as error:
        Settings(mail=SecretStr(mail))
    (problem,) = error.value.errors()
    assert "smtp://user:password@host:587" in problem["msg"]
    assert "ss@" not in problem["msg"]
