"""JSON that a client sends: how many values it has is known before it is parsed.

A megabyte of empty lists is 330,000 objects: the parser, the checks and the garbage collector would each
hold up everybody else for tens of milliseconds. To count them takes one or two.
"""

from typing import Any

import orjson

from gql.errors import LimitExceededError

# A value has two of its own at most, and two of its name.
_QUOTES = 4
_BEGINNING = 65_536  # Bytes.


def parse(text: bytes | bytearray | str, most: int) -> Any:
    """The values; raises LimitExceededError, and orjson's JSONDecodeError."""
    # Half of a character is no JSON either way.
    content = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    # Nothing with so few bytes can have more.
    if len(content) > most and _has_more(content, most):
        raise LimitExceededError(f"The request has more than {most:,} values; send less at once.")
    return orjson.loads(content)


def _has_more(content: bytes | bytearray, most: int) -> bool:
    """Whether there are more values. What is far too much shows it at its beginning."""
    begins = len(content) > _BEGINNING and _have_more(content[:_BEGINNING], most)
    return begins or _have_more(content, most)


def _have_more(content: bytes | bytearray, most: int) -> bool:
    """Likewise, of all of it. An empty list or object counts twice."""
    if _number(content) <= most:
        return False
    # What is in strings is no value. They are taken out, unless there are too many of them anyway.
    unescaped = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    if unescaped.count(b'"') > _QUOTES * most:
        return True
    return _number(b"".join(unescaped.split(b'"')[::2])) > most


def _number(content: bytes | bytearray) -> int:
    return 1 + content.count(b",") + content.count(b"[") + content.count(b"{")
