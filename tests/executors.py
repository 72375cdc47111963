"""Every query that a test sends is answered by both executors."""

import copy
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from graphql import OperationType
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.execution import ExecutionResult, PreExecutionError

from gql.context import Context
from gql.schema import Schema
from tests.sent import unheard

Execute = Callable[..., Awaitable[ExecutionResult]]

alone: ContextVar[bool] = ContextVar("alone", default=bool(os.environ.get("GAZETTE_TEST_ONE_EXECUTOR")))
"""Set where a query is to be answered once."""

compared: Counter[str] = Counter()
"""How many queries were."""

# Others may write meanwhile.
_ATTEMPTS = 3


@contextmanager
def answered_once() -> Iterator[None]:
    """By the schema's own executor, and not by graphql-core's as well."""
    token = alone.set(True)
    try:
        yield
    finally:
        alone.reset(token)


def by_both(execute: Execute) -> Execute:
    """The schema's `execute`, which looks at what graphql-core's own executor answers too."""

    async def execute_by_both(schema: Schema, query: str, *given: Any, **named: Any) -> ExecutionResult:
        result = await execute(schema, query, *given, **named)
        context = named.get("context_value")
        is_ours = not alone.get() and isinstance(context, Context)
        if is_ours and await _was_executed(schema, query, result, named):
            compared["queries"] += 1
            token = unheard.set(True)
            try:
                await _compare(execute, schema, query, result, named)
            finally:
                unheard.reset(token)
        return result

    return execute_by_both


async def _was_executed(schema: Schema, query: str, result: ExecutionResult, named: dict[str, Any]) -> bool:
    if isinstance(result, PreExecutionError):
        return False
    operation = (await schema.documents.read(query)).chosen(named.get("operation_name"))
    return operation is not None and operation.operation is OperationType.QUERY


async def _compare(
    execute: Execute, schema: Schema, query: str, result: ExecutionResult, named: dict[str, Any]
) -> None:
    stock: Any = copy.copy(schema)
    stock.execution_context_class = StrawberryGraphQLCoreExecutionContext
    for _ in range(_ATTEMPTS):
        expected = _shown(await _again(execute, stock, query, named))
        if _shown(result) == expected:
            return
        result = await _again(execute, schema, query, named)
    assert _shown(result) == expected, query


async def _again(execute: Execute, schema: Schema, query: str, named: dict[str, Any]) -> ExecutionResult:
    """With loaders of its own."""
    given: Context = named["context_value"]
    context = Context(given.database, given.viewer, given._caller, limits=given.limits)
    try:
        return await execute(schema, query, **{**named, "context_value": context})
    finally:
        await context.close()


def _shown(result: ExecutionResult) -> tuple[str, bool]:
    """The data with the order of its keys. Which of several errors under one null is reported, may differ."""
    return json.dumps(result.data, default=str), bool(result.errors)
