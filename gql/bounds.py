"""How much may be asked for, and how often: what the settings say, as it is used."""

from dataclasses import dataclass

DEFAULT_PAGE = 20
PAGE_LIMIT = 100


@dataclass(frozen=True)
class Limits:
    """How much a document may ask for, and get. What is in a fragment counts each time that it is spread."""

    document: int = 100_000  # Characters.
    tokens: int = 2000  # With comments.
    name: int = 200  # Characters, of an alias for instance.
    selections: int = 2000
    depth: int = 12  # Levels, but for `edges`, `node` and `nodes`.
    aliases: int = 15
    root_fields: int = 20
    directives: int = 50
    introspections: int = 5
    introspection_depth: int = 20  # Levels, `__schema` or `__type` among them.
    cost: int = 10_000  # Nodes.
    page: int = PAGE_LIMIT  # Nodes.
    answer: int = 10_000_000  # Characters of texts and JSON, and in any case of those that are read for it.


@dataclass(frozen=True)
class Bounds:
    """How large a request may be, in bytes, in what seconds it has to arrive, and to be answered then."""

    body: int = 1_000_000
    query_string: int = 16_384
    head: int = 65_536
    seconds: int = 20
    deadline: float = 10
    values: int = 2000  # Of its JSON.


@dataclass(frozen=True)
class SocketBounds:
    """How many may be connected for long, by sockets and streams, and how they have to behave."""

    sockets: int = 2000
    address_sockets: int = 20
    operations: int = 20  # At once, of a socket.
    messages: int = 20  # A second, of a socket.
    init_seconds: float = 10
    ping_seconds: float = 12
    session_seconds: float = 5
    values: int = Bounds.values  # Of the JSON of a message.
