"""What each process does from time to time: announce scheduled posts, and forget old events."""

import asyncio
import time
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

    async def run(self) -> None:
        tidied = time.monotonic()
        while True:
            try:
                await asyncio.sleep(await self._seconds())
                if await transaction(self._database, log.announce):
                    self._bell.ring()
                if time.monotonic() - tidied > _TIDY:
                    tidied = time.monotonic()
                    while await transaction(self._database, lambda session: log.forget(session, self._kept)):
                        pass
            except DatabaseUnavailableError:
                await asyncio.sleep(_LOOK)
            except Exception as error:  # It has to go on, whatever it was.
                unexpected(error, requestId=None, operation=None, viewer=None)
                await asyncio.sleep(_TIDY)

    async def _seconds(self) -> float:
        """Until there is something to do, as far as that is known."""
        seconds = await log.seconds_until_due(self._database)
        return _LOOK if seconds is None else min(max(seconds, 0), _LOOK)
