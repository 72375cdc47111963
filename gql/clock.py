"""What each process does from time to time: announce scheduled posts, and forget old events."""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta

from db import log
from db.bell import Bell
from db.engine import Database
from db.errors import DatabaseUnavailableError
from db.write import transaction
from gql.log import unexpected

_LOOK = 5.0  # Seconds between two looks at what is scheduled; what is due before is known by then.
_TIDY = 60.0  # Seconds between two looks at what is old.


class Clock:
    """Runs as long as the application does. What one process has done the others find done."""

    def __init__(self, database: Database, bell: Bell, kept: timedelta) -> None:
        self._database = database
        self._bell = bell
        self._kept = kept
        self._is_over = asyncio.Event()

    def stop(self) -> None:
        """Let `run` end. To cancel it would leave a connection open that is just being made."""
        self._is_over.set()

    async def run(self) -> None:
        tidied = time.monotonic()
        while not self._is_over.is_set():
            try:
                await self._pause(await self._seconds())
                if self._is_over.is_set():
                    return
                if await transaction(self._database, log.announce):
                    self._bell.ring()
                if time.monotonic() - tidied > _TIDY:
                    tidied = time.monotonic()
                    while await transaction(self._database, lambda session: log.forget(session, self._kept)):
                        pass
            except DatabaseUnavailableError:
                await self._pause(_LOOK)
            except Exception as error:  # It has to go on, whatever it was.
                unexpected(error, requestId=None, operation=None, viewer=None)
                await self._pause(_TIDY)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_over.wait()

    async def _seconds(self) -> float:
        """Until there is something to do, as far as that is known."""
        seconds = await log.seconds_until_due(self._database)
        return _LOOK if seconds is None else min(max(seconds, 0), _LOOK)
