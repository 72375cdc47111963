"""What a mutation works with: the session of its transaction, and the rows that its viewer may see."""

import enum
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import InstrumentedAttribute, undefer
from sqlalchemy.orm.attributes import flag_modified
from strawberry import UNSET

from db.base import Entity
from db.companions import Known
from db.events import EventKind
from db.log import append
from db.transactions import Session
from db.write import Reference, insert_row, referenced
from gql import policy
from gql.auth import Accounts
from gql.context import Caller, Context
from gql.errors import BadUserInputError, Problem, Rejected, UserErrorCode, rejected
from gql.loaders import company
from gql.policy import Viewer
from gql.relay import key_of
from gql.selection import Needed

E = TypeVar("E", bound=Entity)

May = Callable[[Viewer | None, Any], bool]


class Lock(enum.Enum):
    """Against whom a row is locked until the transaction's end. SQLite has one writer at a time anyway."""

    UPDATE = "those who change or delete it"
    DELETE = "those too who refer to it"


_LOCKS: dict[Lock, dict[str, Any]] = {
    Lock.UPDATE: {"key_share": True},
    Lock.DELETE: {},
}


class Write:
    """One mutation's. Its transaction may be tried more than once: `begin` starts anew."""

    session: Session

    def __init__(self, context: Context, needed: Needed) -> None:
        self.caller: Caller = context.caller
        self.database = context.database
        self._feed = context.feed
        self.prepared: Any = None
        self._needed = needed
        self._viewer = context.viewer
        self.reset()

    def begin(self, session: Session) -> None:
        self.session = session
        self.reset()

    def reset(self) -> None:
        """As if nothing had been done yet, or when it was rolled back."""
        self.viewer = self._viewer
        # What is done after the commit, such as sending a mail.
        self.afterwards: list[Callable[[], None]] = []
        # What was inserted, as the payload is going to read it, by who may see it.
        self.inserted: dict[Viewer | None, Known] = defaultdict(dict)

    def committed(self) -> None:
        """Also when nobody waits for the answer any more."""
        for action in self.afterwards:
            action()

    @property
    def user_id(self) -> int:
        """The viewer's, of a mutation that only users may call."""
        if self.viewer is None:
            raise RuntimeError("nobody is logged in")
        return self.viewer.id

    @property
    def accounts(self) -> Accounts:
        return self.caller.accounts

    async def find(
        self,
        model: type[E],
        global_id: str | None,
        *path: str,
        may: May | None = None,
        version: Any = UNSET,
        also: InstrumentedAttribute[Any] | None = None,
        lock: Lock = Lock.UPDATE,
    ) -> E:
        """A row that the viewer may see, locked until the end of the transaction.

        `may` says whether the viewer may do what is about to be done, `version` is what the client expects.
        `also` is a computed attribute to read with it. Rejects, at the path in the input, what is not there
        or cannot be seen, which are the same to whoever asks.
        """
        key = self.key(model, global_id, *path)
        row = await self.locked(model, key, also=also, lock=lock)
        if row is None:
            raise _missing(model, *path)
        if may and not may(self.viewer, row):
            raise rejected(UserErrorCode.FORBIDDEN, "You may not do this.", *path)
        if version is not UNSET and version != getattr(row, "version"):  # noqa: B009 # Only some have one.
            changed = Problem(
                UserErrorCode.CONFLICT,
                "It was changed since; look at it again.",
                ("input", "expectedVersion"),
            )
            raise Rejected(changed, key=key)
        return row

    async def reference(
        self, model: type[Entity], global_id: str | None, path: str, *columns: InstrumentedAttribute[Any]
    ) -> Any:
        """A light row of what a new row is to refer to, locked against those who delete it or change what
        foreign keys bring along. Rejects as `find` does.
        """
        key = self.key(model, global_id, path)
        names = ("id", *(column.key for column in columns))
        row = await referenced(self.session, model, key, names, policy.visible(model, self.viewer))
        if row is None:
            raise _missing(model, path)
        return row

    async def insert(
        self,
        to: InstrumentedAttribute[Any],
        global_id: str | None,
        path: str,
        tells: EventKind | None = None,
        **values: Any,
    ) -> int:
        """The key of a new row that nothing else of the transaction needs as an entity, or changes, nor what
        the new row refers to.

        `to` is the relationship that leads to what the global id names, which is locked as by `reference`;
        what its foreign key brings along is taken over. Rejects as `find` does. `tells` is the event that the
        row is to those who follow what it refers to, told as by `tell`.
        """
        target = to.property.mapper.class_
        referred = policy.visible(target, self.viewer).alternatives
        reference = Reference(to, self.key(target, global_id, path), referred)
        columns = self._needed.of(reference.model)
        visible = policy.visible(reference.model, self.viewer)
        others = company(reference.model, self._needed, self.viewer, self.inserted[self.viewer])
        inserted = await insert_row(self.session, reference, values, columns, visible, tells, others)
        if inserted is None:
            raise _missing(target, path)
        if tells:
            self._ring()
        if inserted.is_visible:
            self.inserted[self.viewer].setdefault((reference.model, "id"), {})[inserted.row.id] = inserted.row
        return inserted.row.id

    async def tell(self, kind: EventKind, post_id: int, key: int) -> None:
        """Let those know who follow a post, or all posts, when this is committed."""
        await append(self.session, kind, post_id, key)
        self._ring()

    def _ring(self) -> None:
        if self._feed is not None:
            self.afterwards.append(self._feed.bell.ring)

    def key(self, model: type[Entity], global_id: str | None, *path: str) -> int:
        """The key in a global id; rejects, at the path in the input, what is none of this model."""
        try:
            return key_of(global_id, model)
        except BadUserInputError as error:
            raise rejected(UserErrorCode.INVALID, str(error), *path) from error

    async def locked(
        self,
        model: type[E],
        key: int,
        *,
        also: InstrumentedAttribute[Any] | None = None,
        lock: Lock = Lock.UPDATE,
    ) -> E | None:
        """A row by its key, None where there is none or the viewer may not see it."""
        visible = policy.visible(model, self.viewer)
        statement = (
            select(model).where(model.id == key, or_(*visible.alternatives)).with_for_update(**_LOCKS[lock])
        )
        if also is not None:
            statement = statement.options(undefer(also))
        return await self.session.scalar(statement, visible.values)

    def change(self, row: Entity, given: Any, *names: str) -> None:
        """Take over those fields of the input that are present; what stays as it was is not written."""
        for name in names:
            value = getattr(given, name)
            if value is not UNSET and not is_same(value, getattr(row, name)):
                setattr(row, name, value)
                # SQLAlchemy compares JSON as Python does, by which it would write no true over a 1.
                flag_modified(row, name)


def _missing(model: type[Entity], *path: str) -> Rejected:
    return rejected(UserErrorCode.NOT_FOUND, f"There is no such {model.__name__.lower()}.", *path)


def is_same(left: Any, right: Any) -> bool:
    """Equal as JSON too, where true is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(is_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_same, left, right))
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)
