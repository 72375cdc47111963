"""Errors of PostgreSQL's read lane: which they are, what they say, and what becomes of the connection."""

from typing import Any

import pytest
from sqlalchemy import bindparam, func, make_url, select
from sqlalchemy.exc import DBAPIError

from db import read
from db.errors import ConnectionLostError, ContentionError, DatabaseUnavailableError
from db.statements import Statement
from tests.conftest import NewUrl
from tests.reading import TERMINATE, Reading, outside

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _both_lanes() -> None:
    """Not here: reading both ways takes connections from the lane, which is what these tests look at."""


RAISE = """
CREATE FUNCTION fail(state text) RETURNS int LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION USING ERRCODE = state, MESSAGE = 'it was ' || state; END $$
"""


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("40001", ContentionError),
        ("40P01", ContentionError),
        ("55P03", ContentionError),
        ("53300", DatabaseUnavailableError),
        ("57P03", DatabaseUnavailableError),
        ("57014", DatabaseUnavailableError),
        ("22012", DBAPIError),
        ("42P01", DBAPIError),
    ],
)
async def test_errors_are_those_of_sqlalchemys_own_way(
    reading: Reading, state: str, kind: type[Exception]
) -> None:
    async with outside(reading.database.settings.url) as ask:
        await ask(RAISE)
    statement = Statement(select(func.fail(bindparam("state"))), reading.database.dialect)
    with pytest.raises(kind) as expected:
        await read.fetch(reading.database, statement.source, {"state": state})
    with pytest.raises(kind) as found:
        await read.run(reading.database, statement, {"state": state})
    assert isinstance(expected.value, type(found.value))
    assert "fail(" in str(found.value) or kind is not DBAPIError
    # The connection is as good as before.
    assert reading.lane.at_hand == 1
    await reading.settled()


@pytest.mark.parametrize("value", ["a secret", 2**70])
async def test_an_error_says_nothing_of_the_values(reading: Reading, value: Any) -> None:
    with pytest.raises(DBAPIError) as found:
        await reading.echo(value)
    error: BaseException | None = found.value
    while error is not None:
        assert "SELECT coalesce" in str(error) or error is not found.value
        assert str(value) not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    await reading.settled()


async def test_a_database_that_is_not_there_is_unavailable() -> None:
    reading = Reading("postgresql://nobody@127.0.0.1:1/nothing", read_connections=1)
    for _ in range(3):
        with pytest.raises(DatabaseUnavailableError):
            await reading.echo(1)
    await reading.database.dispose()


async def test_a_read_that_takes_too_long_for_the_driver_is_an_unavailable_database(
    new_postgresql_url: NewUrl,
) -> None:
    url = make_url(new_postgresql_url()).update_query_dict({"command_timeout": "0.2"})
    reading = Reading(url.render_as_string(hide_password=False))
    with pytest.raises(DatabaseUnavailableError):
        await reading.sleep(5)
    assert await reading.echo(1) == 1
    await reading.database.dispose()


async def test_a_lost_connection_is_told_as_such(reading: Reading) -> None:
    await reading.fill()
    async with outside(reading.database.settings.url) as ask:
        await ask(TERMINATE)
    with pytest.raises(ConnectionLostError):
        await reading.lane.fetch(reading._echo, {"value": 1})
    # None of the others is tried.
    assert reading.lane.at_hand == 0
    assert await reading.lane.fetch(reading._echo, {"value": 1})
    await reading.settled()
