"""The log's lines, each in JSON: what nobody expected and, where it is asked for, who asked for what.

Neither has anything of what the data was.
"""

import logging
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

logger = logging.getLogger("gazette")
access_logger = logging.getLogger("gazette.access")

_MOST_FRAMES = 40
_MOST_CAUSES = 5


def unexpected(error: BaseException, **more: Any) -> None:
    """Log an exception, by its types and by where it was raised.

    Its message is left out: it may quote anything, such as the row that a database refused.
    """
    causes = [_described(cause) for cause in _causes(error)]
    line = {"time": datetime.now(UTC).isoformat(), "event": "internal error", **more, "errors": causes}
    logger.error("%s", orjson.dumps(line, default=repr).decode())


def left_out(count: int, **more: Any) -> None:
    """Log how many exceptions of an operation have no lines of their own."""
    line = {
        "time": datetime.now(UTC).isoformat(),
        "event": "internal errors left out",
        **more,
        "count": count,
    }
    logger.error("%s", orjson.dumps(line).decode())


def access(**told: Any) -> None:
    """Log a request that was answered."""
    line = {"time": datetime.now(UTC).isoformat(), "event": "request", **told}
    access_logger.info("%s", orjson.dumps(line).decode())


def access_to_stdout() -> None:
    """Where a process of ours has its access log: errors go to stderr, and stay apart."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    access_logger.addHandler(handler)
    access_logger.setLevel(logging.INFO)


def _described(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    described: dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}"}
    # What a database calls the kind of its error. Its message has the values.
    if code := getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None):
        described["code"] = str(code)
    frames = [
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return {**described, "at": frames[-_MOST_FRAMES:]}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and what it came from."""
    for _ in range(_MOST_CAUSES):
        if error is None:
            return
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
