"""The one door of every write.

permission -> validated input -> work in a transaction of its own -> a rejection rolls back, otherwise commit
-> loaders renewed -> only then what the payload selects is read, on the read lane, but for a new row, which
its own insert has brought back. So what a client is told is what is committed, and nothing is held meanwhile.
"""

from collections.abc import Awaitable, Callable
from inspect import signature
from typing import Annotated, Any

import strawberry
from sqlalchemy.exc import IntegrityError
from strawberry import UNSET

from db.errors import DatabaseUnavailableError
from db.transactions import Session
from db.write import transaction, violation
from gql import idempotency
from gql.context import Context, Info
from gql.errors import (
    Problem,
    Rejected,
    UnauthenticatedError,
    UnavailableError,
    UserErrorCode,
    rejected,
)
from gql.payloads import Outcome
from gql.policy import Permission
from gql.relay import described
from gql.validation import Key as KeyText
from gql.validation import camel, optional, validated
from gql.write import Write

Work = Callable[..., Awaitable[Outcome]]
Prepare = Callable[[Context, Any], Awaitable[Any]]

PERMISSION = "permission"
"""The key in a mutation's metadata under which it names its permission."""

mutations: dict[str, Any] = {}
"""The root fields of mutations by their names in Python."""

WITHOUT_TOKEN: set[str] = set()
"""The names in the schema of those that do the same whoever asks, also with an expired token."""


@strawberry.input
class Keyed:
    """The input of a mutation that a client may send again when its answer was lost."""

    idempotency_key: KeyText | None = optional(
        "Any text of your own, such as a UUID. Sent again with the same input within 24 hours it is not done "
        "again; the answer shows the entity as it is then."
    )


@strawberry.input
class Expecting(Keyed):
    """The input of a change that is not to overwrite another one."""

    expected_version: int | None = optional(
        "The version that is to be changed; where it is another one meanwhile, the answer is a CONFLICT."
    )


def mutation(
    payload: type[Any],
    permission: Permission,
    *,
    prepare: Prepare | None = None,
    without_token: bool = False,
) -> Callable[[Work], Work]:
    """Declare a root field from what it does in a transaction: `work(write, given)`.

    What takes long and needs no transaction, such as a password's hash, is done by `prepare(context, given)`;
    its result is at `write.prepared`. `without_token` says that it does not matter who asks.
    """

    def declare(work: Work) -> Work:
        kind = signature(work).parameters["given"].annotation

        async def resolve(info: Info, input: Any) -> Any:  # noqa: A002 # The argument's name in the schema.
            return await _perform(info, work, permission, prepare, input)

        resolve.__annotations__ = {
            "info": Info,
            "input": Annotated[kind, strawberry.argument(description="What to do it with.")],
            "return": payload,
        }
        resolve.__name__ = work.__name__
        if without_token:
            WITHOUT_TOKEN.add(camel(work.__name__))
        mutations[work.__name__] = strawberry.field(
            resolver=resolve, description=described(work.__doc__), metadata={PERMISSION: permission}
        )
        return work

    return declare


async def _perform(
    info: Info, work: Work, permission: Permission, prepare: Prepare | None, given: Any
) -> Outcome:
    context = info.context
    if not permission.is_given(context.viewer):
        if context.viewer is None:
            raise UnauthenticatedError("Only somebody who is logged in can do this.")
        return _refused(Problem(UserErrorCode.FORBIDDEN, "You may not do this.", ("input",)))
    given, problems = validated(given)
    if problems:
        return _refused(*problems)
    write = Write(context, context.needed(info))
    outcome = await _tried(context, write, work, prepare, given)
    await context.renew(write.viewer, write.inserted[write.viewer])
    return outcome


async def _tried(context: Context, write: Write, work: Work, prepare: Prepare | None, given: Any) -> Outcome:
    try:
        if prepare:
            write.prepared = await prepare(context, given)
        return await transaction(
            context.database, lambda session: _once(write, session, work, given), write.committed
        )
    except Rejected as error:
        write.reset()
        return Outcome(key=error.key, problems=error.problems)
    except IntegrityError as error:
        write.reset()
        return _refused(_problem(error, given))
    except DatabaseUnavailableError as error:
        raise UnavailableError("The database cannot write right now; try again.") from error


async def _once(write: Write, session: Session, work: Work, given: Any) -> Outcome:
    """The work, unless its idempotency key says that it was done."""
    write.begin(session)
    key = getattr(given, "idempotency_key", UNSET)
    if key is UNSET:
        return await work(write, given)
    if write.viewer is None:
        # Whose key would it be? To ignore it would be a promise that is not kept.
        message = "Only somebody who is logged in can use a key."
        raise rejected(UserErrorCode.INVALID, message, "idempotencyKey")
    user_id = write.user_id  # Some mutations leave nobody logged in.
    done = await idempotency.claim(session, user_id, key, work.__name__, given)
    if done is not None:
        return Outcome(**done)
    outcome = await work(write, given)
    await session.flush()
    await idempotency.keep(session, user_id, key, {"key": outcome.key, "deleted": outcome.deleted})
    return outcome


def _refused(*problems: Problem) -> Outcome:
    return Outcome(problems=problems)


def _problem(error: IntegrityError, given: Any) -> Problem:
    """What the database would not have, in terms of the input; raised again where that is not at fault."""
    found = violation(error)
    if found is not None and found.column is None:
        return Problem(
            UserErrorCode.NOT_FOUND, "Something that this refers to was deleted meanwhile.", ("input",)
        )
    name = found.column.removesuffix("_key") if found and found.column else ""
    if not hasattr(given, name):
        raise error
    return Problem(UserErrorCode.TAKEN, f"This {name} is taken.", ("input", camel(name)))
