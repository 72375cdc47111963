"""What a rule is."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gql.check.facts import Facts
from gql.settings import Settings

_LOCAL = ("", "localhost", "127.0.0.1", "::1")


class Level(enum.Enum):
    """An error helps an attacker or loses data. A warning may be meant so."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Given:
    """What is going to be served."""

    settings: Settings
    workers: int
    facts: Facts


Find = Callable[[Given], str | None]


class Rule(NamedTuple):
    """`find` says what is wrong and what to do, or None. Its docstring is the README's line."""

    name: str
    level: Level
    about: str
    find: Find


class Finding(NamedTuple):
    """What is wrong, and what to do."""

    rule: str
    level: Level
    message: str


def rules(level: Level, *finds: Find) -> tuple[Rule, ...]:
    return tuple(Rule(find.__name__.replace("_", "-"), level, find.__doc__ or "", find) for find in finds)


def is_local(host: str | None) -> bool:
    """Whether what is sent there stays on this machine; the path of a socket does."""
    return not host or host in _LOCAL or host.startswith("/")
