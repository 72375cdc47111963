"""The scalars that GraphQL itself has not."""

import re
from datetime import UTC, datetime

import strawberry

from gql.errors import BadUserInputError

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
# PostgreSQL keeps the very last moment for what never comes.
_LAST = datetime.max.replace(tzinfo=UTC)


def parse_datetime(value: object) -> datetime:
    """A moment in UTC, from RFC 3339 text with its offset; digits behind the microseconds are dropped."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise BadUserInputError("A DateTime is written as 2026-01-31T12:00:00Z, always with its offset.")
    try:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadUserInputError("There is no such DateTime.") from error
    if moment == _LAST:
        raise BadUserInputError("There is no such DateTime.")
    return moment


def serialize_datetime(value: datetime) -> datetime:
    """The value itself: orjson writes it as RFC 3339 text, many times faster than Python could."""
    if value.tzinfo is None:
        raise ValueError("a datetime needs its offset from UTC")
    return value


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="A moment, as RFC 3339 text with its offset, such as `2026-01-31T12:00:00+00:00`.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    parse_value=parse_datetime,
    serialize=serialize_datetime,
)
