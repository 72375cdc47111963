"""uvicorn's HTTP protocol, with the head and the body of a response in one write."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Protocol(HttpToolsProtocol):
    """For `uvicorn.run(http=...)`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # As the base.
        super().connection_made(JoinedWrites(transport, self.loop))  # type: ignore[arg-type] # It has all.


class JoinedWrites:
    """A transport that writes at once what comes in the same turn of the event loop.

    uvicorn writes the head of a response and then its body, and uvloop sends each as it comes: two system
    calls, each of which wakes the client up. For a small query that is a fifth of all.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._written: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._written:
            self._loop.call_soon(self._flush)
        self._written.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        written, self._written = self._written, []
        if written and not self._transport.is_closing():
            self._transport.write(b"".join(written))
