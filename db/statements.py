"""Statements that are built and compiled once, and run with other values each time."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Dialect, Enum, Float, Numeric, Select
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import TypeEngine

from db.types import UtcDateTime

Values = Mapping[str, Any]
"""Of a statement's parameters, by their names. A statement takes those that it knows."""

Source = Select[*tuple[Any, ...]] | ReturningInsert[*tuple[Any, ...]]
"""What SQLAlchemy makes a statement of."""

Column = Sequence[Any]
"""A column's values, from the first row to the last."""

SHAPES = 512
"""How many statements of each kind are kept: those that were used last."""


class Statement:
    """A SELECT with named parameters, or an INSERT that returns something.

    It is what SQLAlchemy makes of it for the driver, worked out once.

    Whoever builds one does so in a function of everything that its text depends on, and of nothing else:
    `lru_cache` then finds it again by the very arguments that made it. A value that is written into it, and
    is no parameter, stays as it was the first time.
    """

    def __init__(self, source: Source, dialect: Dialect) -> None:
        self.source = source
        self._dialect = dialect
        self._width = len(source.exported_columns)

    @cached_property
    def _compiled(self) -> tuple[str, list[tuple[str, Callable[[Any], Any] | None]], dict[str, Any]]:
        """The text, its parameters in their order, and those values that are always the same.

        Not before it is needed, because a dialect gets to know its server with the first connection.
        """
        compiled: Any = self.source.compile(dialect=self._dialect)
        open_ones = dict.fromkeys(name for name, bound in compiled.binds.items() if bound.required)
        state = compiled.construct_expanded_state(open_ones)
        names = state.positiontup or ()
        constants = {name: state.parameters[name] for name in names if name not in open_ones}
        # The state has those of parameters that were expanded, and no others.
        processors = {**compiled._bind_processors, **state.processors}
        return state.statement, [(name, processors.get(name)) for name in names], constants

    @property
    def sql(self) -> str:
        return self._compiled[0]

    def arguments(self, values: Values) -> list[Any]:
        """The driver's parameters; raises KeyError where there is no value for one."""
        _, parameters, constants = self._compiled
        if constants:
            values = {**constants, **values}
        return [process(values[name]) if process else values[name] for name, process in parameters]

    @cached_property
    def _processors(self) -> list[tuple[int, Callable[[Column], Column]]]:
        """Only of those columns of which the driver's values are not yet Python's."""
        kinds = enumerate(column.type for column in self.source.exported_columns)
        processors = ((index, _processor(kind, self._dialect)) for index, kind in kinds)
        return [(index, process) for index, process in processors if process is not None]

    def columns(self, rows: Sequence[Sequence[Any]]) -> list[Column]:
        """The driver's rows as columns of values."""
        columns = self.transposed(rows)
        for index, process in self._processors:
            columns[index] = process(columns[index])
        return columns

    def transposed(self, rows: Sequence[Sequence[Any]]) -> list[Column]:
        return list(zip(*rows, strict=True)) or [()] * self._width


# What the driver says of a column's type. The processors of no other types ask for it.
_OIDS: tuple[tuple[type[TypeEngine[Any]], int], ...] = ((Float, 701), (Numeric, 1700))


def _processor(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Column], Column] | None:
    """What SQLAlchemy would do to each value of a result's column, for all of them at once."""
    if isinstance(kind, UtcDateTime):
        return lambda column: kind.process_result_column(column, dialect)
    implementation = kind.dialect_impl(dialect)
    oid = next((oid for general, oid in _OIDS if isinstance(implementation, general)), None)
    process: Callable[[Any], Any] | None = implementation.result_processor(dialect, oid)
    if process is None:
        return None
    if isinstance(kind, Enum):
        # There are few of them, and to look one up in a dictionary is quicker than to call a function.
        members = _Members(process)
        return lambda column: list(map(members.__getitem__, column))
    return lambda column: [process(value) for value in column]


class _Members(dict[Any, Any]):
    """An enum's members by what is stored of them, each found out when it is first seen."""

    def __init__(self, process: Callable[[Any], Any]) -> None:
        super().__init__()
        self._process = process

    def __missing__(self, stored: Any) -> Any:
        member = self[stored] = self._process(stored)
        return member
