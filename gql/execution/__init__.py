"""A compiled executor for graphql-core and Strawberry.

An operation is planned once, and then run on columns: all values of one field, for all objects at once.
docs/execution.md says how. It knows nothing of Gazette.
"""

from gql.execution.executor import CompiledExecutor, counts
from gql.execution.fields import RESOLVE_COLUMN, single
from gql.execution.kept import Kept
from gql.execution.objects import decided_by_class

__all__ = ["RESOLVE_COLUMN", "CompiledExecutor", "Kept", "counts", "decided_by_class", "single"]
