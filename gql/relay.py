"""Entities: what has a global id, and is declared from its model."""

import base64
import binascii
import enum
from binascii import b2a_base64
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from inspect import Parameter, Signature, cleandoc
from operator import attrgetter
from typing import Any, ClassVar, TypeVar

import orjson
import strawberry
from sqlalchemy import JSON, String
from sqlalchemy.orm import InstrumentedAttribute

from db.base import Entity
from db.sources import many_to_one
from gql.context import Context, Info, load
from gql.errors import BadUserInputError, NotFoundError
from gql.execution import RESOLVE_COLUMN, decided_by_class, single
from gql.selection import COMPANION, NEEDS

T = TypeVar("T")

LARGEST_ID = 2**63 - 1
_LONGEST_GLOBAL_ID = 200  # Characters, more than any type's name and a number come to.

# A column of so many at most is not counted, see gql/context.py: the cost bounds how often it is answered.
_FEW_CHARACTERS = 64

# Of each model; some 200 bytes each.
_KEPT_IDS = 2**14

_get_id = attrgetter("id")

ResolveColumn = Callable[..., Any]


def to_global_id(type_name: str, key: int) -> strawberry.ID:
    """An id that no other row of any type has: `Post:1`, in base64url without padding."""
    return strawberry.ID(base64.urlsafe_b64encode(f"{type_name}:{key}".encode()).rstrip(b"=").decode())


def from_global_id(global_id: str) -> tuple[str, int]:
    """The name of the type and the key. Anything that `to_global_id` cannot have made is refused."""
    if len(global_id) > _LONGEST_GLOBAL_ID:
        raise BadUserInputError("This is not an id.")
    try:
        decoded = base64.urlsafe_b64decode(f"{global_id}==").decode("ascii")
        type_name, _, digits = decoded.partition(":")
        key = int(digits)
    except (binascii.Error, ValueError) as error:
        raise BadUserInputError("This is not an id.") from error
    if to_global_id(type_name, key) != global_id or not 0 <= key <= LARGEST_ID:
        raise BadUserInputError("This is not an id.")
    return type_name, key


def key_of(global_id: str | None, model: type[Entity]) -> int:
    """The key in an id of this model's type; another type's id is refused."""
    type_name, key = from_global_id(global_id or "")
    if type_name != model.__name__:
        raise BadUserInputError(f"This is not the id of a {model.__name__.lower()}.")
    return key


@lru_cache(maxsize=256)
def _encoder(model: type[Entity]) -> Callable[[int], str]:
    """Makes global ids of a model's keys, as `to_global_id` does. Those that came last are kept."""
    prefix = f"{model.__name__}:".encode()

    # What differs in base64url are the characters 62 and 63, to which no ASCII letter, digit or colon comes.
    @lru_cache(maxsize=_KEPT_IDS)
    def encode(key: int) -> str:
        return b2a_base64(b"%b%d" % (prefix, key), newline=False).rstrip(b"=").decode("ascii")

    return encode


def _global_ids(roots: Sequence[Any], info: Info) -> Sequence[str]:
    """All roots are of one type, which the executor has found out."""
    return list(map(_encoder(roots[0].model), map(_get_id, roots)))


def column_field(
    resolve_column: ResolveColumn,
    *needs: str,
    arguments: Sequence[Parameter] = (),
    description: str | None = None,
    companion: InstrumentedAttribute[Any] | None = None,
) -> Any:
    """A field that is resolved for many objects at once: `resolve_column(roots, info, **given)`.

    It returns a value for each, or a future for them. `needs` names the columns of its row that it reads,
    `companion` the relationship that leads from its row to the one that it is.
    """
    resolve = single(resolve_column)
    root = Parameter("root", Parameter.POSITIONAL_OR_KEYWORD, annotation=Any)
    info = Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=Info)
    # Strawberry derives the field's arguments from the signature.
    resolve.__signature__ = Signature([root, info, *arguments])  # type: ignore[attr-defined]
    metadata = {NEEDS: needs, COMPANION: companion, RESOLVE_COLUMN: resolve_column}
    return strawberry.field(resolver=resolve, description=description, metadata=metadata)


@strawberry.interface(description="Anything that has an id of its own.")
class Node:
    """The base of all entity types. Their rows flow through as they are, and say what model they are of."""

    model: ClassVar[type[Entity]]

    id: strawberry.ID = column_field(_global_ids, description="Identifies this among everything there is.")

    @classmethod
    @decided_by_class
    def is_type_of(cls, row: Any, info: Any) -> bool:
        return getattr(row, "model", None) is cls.model


entities: dict[str, type[Node]] = {}
"""The declared types by their names, which are also the names in global ids."""


def entity(model: type[Entity]) -> Callable[[type[T]], type[T]]:
    """Declare a type of the schema from a model: it takes its descriptions, a field of a column takes all."""

    def declare(declared: type[T]) -> type[T]:
        for name in declared.__annotations__:
            if name not in vars(declared):
                setattr(declared, name, column(getattr(model, name)))
        declared.model = model  # type: ignore[attr-defined] # A class attribute of Node.
        finished = strawberry.type(declared, description=described(model.__doc__))
        entities[finished.__name__] = finished  # type: ignore[assignment] # It is a Node.
        return finished

    return declare


def column(attribute: InstrumentedAttribute[Any]) -> Any:
    """A field that is a column of the row."""
    kind = attribute.property.columns[0].type.python_type
    if issubclass(kind, enum.Enum) and not hasattr(kind, "__strawberry_definition__"):
        strawberry.enum(kind, description=described(kind.__doc__))
    description = described(attribute.property.doc)
    if count := _count_of(attribute):
        return column_field(_counted(attribute, count), attribute.key, description=description)
    return strawberry.field(description=description, metadata={NEEDS: (attribute.key,)})


Count = Callable[[Context, list[Any]], None]
"""Tells an operation how much text these values of one column are in its answer."""


def _count_of(attribute: InstrumentedAttribute[Any]) -> Count | None:
    """How values of a column are counted; those are not that have a few characters only."""
    kind = attribute.type
    if isinstance(kind, JSON):
        return _count_json
    if not isinstance(kind, String) or (kind.length is not None and kind.length <= _FEW_CHARACTERS):
        return None
    return _count_texts if kind.length is None else partial(_count_longest, kind.length)


def _counted(attribute: InstrumentedAttribute[Any], count: Count) -> ResolveColumn:
    get = attrgetter(attribute.key)

    def resolve(roots: Sequence[Any], info: Info) -> list[Any]:
        values = list(map(get, roots))
        count(info.context, values)
        return values

    return resolve


def _count_texts(context: Context, texts: list[Any]) -> None:
    context.answered(sum(map(len, filter(None, texts))))


def _count_longest(length: int, context: Context, texts: list[Any]) -> None:
    """As if each were as long as it may be: to look at them would take longer than to answer them."""
    context.answered(length * len(texts))


def _count_json(context: Context, values: list[Any]) -> None:
    """In bytes. Each is looked at once, however often it is there, and none where it is too much anyway."""
    times = Counter(map(id, values))
    for value in {id(value): value for value in values}.values():
        if not context.has_answered_enough:
            context.answered(times[id(value)] * _json_length(value))


def _json_length(value: Any) -> int:
    return len(orjson.dumps(value))


def computed(
    resolver: Callable[..., Any], *needs: InstrumentedAttribute[Any], description: str | None = None
) -> Any:
    """A field that is computed from columns of the row; it is described as the first of them by default."""
    return strawberry.field(
        resolver=resolver,
        description=description or described(needs[0].property.doc),
        metadata={NEEDS: tuple(attribute.key for attribute in needs)},
    )


def one(relationship: InstrumentedAttribute[Any]) -> Any:
    """A field that is the row to which a many-to-one relationship leads."""
    reference = many_to_one(relationship)
    get_key = attrgetter(reference.local_key)

    def resolve(roots: Sequence[Any], info: Info) -> Any:
        missing = None if reference.is_optional else NotFoundError("This was deleted a moment ago.")
        keys, loaders = list(map(get_key, roots)), load(info)
        known = loaders.known(reference.model, reference.key, keys, missing)
        return loaders.rows(reference.model, reference.key, keys, missing) if known is None else known

    description = described(relationship.property.doc)
    return column_field(resolve, reference.local_key, description=description, companion=relationship)


def described(doc: str | None) -> str | None:
    """A docstring or a `doc=` as the schema has it: its lines joined, its paragraphs kept."""
    if not doc:
        return None
    paragraphs = cleandoc(doc).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
