"""Mails, sent behind the answer's back: how long one takes says nothing to whoever asked for it."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from email.message import EmailMessage
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import aiosmtplib

logger = logging.getLogger("gazette")

_MOST_CONNECTIONS = 4  # To the mail server, at once.
_PATIENCE = 10  # Seconds for the mail server, and for mails that are still to be sent at shutdown.

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Mail(NamedTuple):
    """What is sent to one address, as plain text."""

    to: str
    subject: str
    text: str


Deliver = Callable[[Mail], Awaitable[None]]


class Mailer:
    """Sends mails in tasks of its own. One that cannot be delivered is logged, without what it says."""

    def __init__(self, deliver: Deliver) -> None:
        self.deliver = deliver
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = asyncio.Semaphore(_MOST_CONNECTIONS)

    def send(self, mail: Mail) -> None:
        self.later(self._send(mail))

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Something that is done after the answer, such as finding out whom to write to."""
        task = asyncio.create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def sent(self) -> None:
        """Wait until all is done that is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Give what is under way a little time."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_PATIENCE)
        for task in self._tasks:
            task.cancel()

    async def _send(self, mail: Mail) -> None:
        async with self._connections:
            await self.deliver(mail)


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception as error:
        logger.error("a mail could not be sent: %s", type(error).__name__)


def delivery(url: str, sender: str) -> Deliver:
    """How the `mail` setting says: to the console, or to an SMTP server."""
    if url == "console":
        return _to_console
    parts = urlsplit(url)
    is_tls, host = parts.scheme == "smtps", parts.hostname or "localhost"

    async def deliver(mail: Mail) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, mail.to, mail.subject
        message.set_content(mail.text)
        await aiosmtplib.send(
            message,
            hostname=host,
            port=parts.port or (465 if is_tls else 587),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            use_tls=is_tls,
            # Only on the way to the same machine may somebody in between take the encryption off.
            start_tls=None if is_tls or host in _LOOPBACK else True,
            timeout=_PATIENCE,
        )

    return deliver


async def _to_console(mail: Mail) -> None:
    sys.stderr.write(f"--- mail to {mail.to}: {mail.subject}\n{mail.text}\n---\n")
