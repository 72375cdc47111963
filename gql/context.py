"""What every resolver can reach: who asks, and the loaders of this operation."""

from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.types.execution import ExecutionResult

from db.companions import Known
from db.engine import Database
from gql.attempts import hashed, network
from gql.auth import Accounts
from gql.bounds import Limits
from gql.budget import Budget, Spent
from gql.errors import BadUserInputError, LimitExceededError
from gql.feed import Feed
from gql.loaders import Loaders
from gql.policy import Viewer
from gql.selection import Needed, needed_columns


@dataclass
class Caller:
    """What a request brings along besides its viewer, and what mutations of accounts need."""

    accounts: Accounts
    address: str = ""
    user_agent: str = ""
    has_invalid_token: bool = False
    has_tried_password: bool = False

    def try_password(self) -> None:
        """Before a password is hashed: one request could ask for as many as a document has room for."""
        if self.has_tried_password:
            raise BadUserInputError("A request can have one password.")
        self.has_tried_password = True


class Context:
    """One for each operation. It owns the loaders, and with them the statements that still run at its end."""

    def __init__(
        self,
        database: Database,
        viewer: Viewer | None = None,
        caller: Caller | None = None,
        *,
        limits: Limits = Limits(),  # noqa: B008 # It cannot be changed.
        budget: Budget | None = None,
        feed: Feed | None = None,
        last_event_id: str | None = None,
    ) -> None:
        self.database = database
        self.viewer = viewer
        self.limits = limits
        self.budget = budget
        self.feed = feed
        self.last_event_id = last_event_id
        self._caller = caller
        self._loaders: Loaders | None = None
        self._needed: Needed | None = None
        self._known: Known | None = None
        self._answered = 0  # Characters.

    @property
    def has_invalid_token(self) -> bool:
        return self._caller is not None and self._caller.has_invalid_token

    @property
    def caller(self) -> Caller:
        if self._caller is None:
            raise RuntimeError("this operation came without a request")
        return self._caller

    async def spend(self, cost: int) -> Spent | None:
        """Take an operation's cost from the budget of who asks, strangers from that of their address.

        Raises BudgetExhaustedError. It is None where there are no budgets.
        """
        if self.budget is None:
            return None
        viewer = self.viewer
        payer = network(self.caller.address) if viewer is None else hashed(f"user {viewer.id}")
        return await self.budget.spend(payer, cost)

    def load(self, info: "Info") -> Loaders:
        """The loaders, which need the operation's document to know what columns to read."""
        if self._loaders is None:
            room = self.limits.answer - self._answered
            self._loaders = Loaders(self.database, self.viewer, self.needed(info), self._known, room=room)
        return self._loaders

    def needed(self, info: "Info") -> Needed:
        """The columns that the operation reads, of each model."""
        if self._needed is None:
            self._needed = needed_columns(info)
        return self._needed

    def answered(self, characters: int) -> None:
        """Count text that is in the answer, as often as it is there.

        A row is read once, and may be answered thousands of times.
        """
        self._answered += characters

    @property
    def has_answered_enough(self) -> bool:
        """Whether the answer is too long to be sent."""
        return self._answered > self.limits.answer

    def bounded(self, result: ExecutionResult) -> ExecutionResult:
        """The result, or that it is too long: it was executed all the same, and a mutation has been done."""
        if not (self.has_answered_enough and result.data):
            return result
        most = self.limits.answer
        error = LimitExceededError(f"The answer has more than {most:,} characters of text; ask for less.")
        path: list[str | int] = [next(iter(result.data))]
        located = GraphQLError(str(error), path=path, original_error=error)
        # With those of its fields, of which somebody may have to know.
        return ExecutionResult(None, [located, *(result.errors or ())])

    async def renew(self, viewer: Viewer | None, known: Known | None = None) -> None:
        """Forget what was read: after a write, and for another viewer after a log-in.

        What that viewer may see of a write may be known from the write itself, with all that is needed of it.
        """
        await self.close()
        self.viewer, self._known, self._loaders = viewer, known, None

    async def close(self) -> None:
        if self._loaders is not None:
            await self._loaders.close()


@dataclass(frozen=True)
class Surroundings:
    """What the contexts of all operations of an application have in common."""

    database: Database
    limits: Limits = Limits()  # noqa: RUF009 # It cannot be changed.
    budget: Budget | None = None
    feed: Feed | None = None

    def context(self, viewer: Viewer | None, caller: Caller, last_event_id: str | None = None) -> Context:
        return Context(
            self.database,
            viewer,
            caller,
            limits=self.limits,
            budget=self.budget,
            feed=self.feed,
            last_event_id=last_event_id,
        )


Info = strawberry.Info[Context, Any]


def load(info: Info) -> Loaders:
    return info.context.load(info)
