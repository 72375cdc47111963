"""Cursors: the position of a row in an order, opaque to the client."""

import base64
import binascii
import zlib
from datetime import datetime, timedelta
from typing import Any

import orjson

from db.base import Entity
from db.keyset import Order, Position
from db.rows import Row, expression
from gql.errors import BadUserInputError

# Characters. No database has an index on values that are longer.
_LONGEST = 16_384


def encode(row: Row, order: Order) -> str:
    """A cursor, in base64url without padding, with a fingerprint of the order that it is a position in."""
    return _encode(row.model, order, (getattr(row, order.column), row.id))


def decode(cursor: str, model: type[Entity], order: Order) -> Position:
    """The position. A cursor that `encode` cannot have made for this order is refused."""
    if len(cursor) > _LONGEST:
        raise BadUserInputError("This is not a cursor.")
    try:
        fingerprint, value, key = orjson.loads(base64.urlsafe_b64decode(f"{cursor}=="))
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadUserInputError("This is not a cursor.") from error
    if fingerprint != _fingerprint(model, order):
        raise BadUserInputError("This is not a cursor of a connection in this order.")
    position = (_value(model, order, value), key)
    if type(key) is not int or not 0 <= key < 2**63 or _encode(model, order, position) != cursor:
        raise BadUserInputError("This is not a cursor.")
    return position


def _encode(model: type[Entity], order: Order, position: Position) -> str:
    content = orjson.dumps((_fingerprint(model, order), *position))
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _fingerprint(model: type[Entity], order: Order) -> int:
    direction = "desc" if order.descending else "asc"
    return zlib.crc32(f"{model.__name__}.{order.column} {direction}".encode())


def _value(model: type[Entity], order: Order, value: Any) -> Any:
    """What JSON has made of the order's value, as its column has it."""
    column = expression(model, order.column)
    kind = column.type.python_type
    if value is None and getattr(column, "nullable", False):
        return None
    if kind is datetime and isinstance(value, str):
        value = _moment(value)
    if type(value) is not kind or (kind is int and not -(2**63) <= value < 2**63):
        raise BadUserInputError("This is not a cursor.")
    if kind is str and "\x00" in value:
        raise BadUserInputError("This is not a cursor.")
    return value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadUserInputError("This is not a cursor.") from error
    if moment.utcoffset() != timedelta(0):
        raise BadUserInputError("This is not a cursor.")
    return moment
