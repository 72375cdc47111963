"""The text of a document, which knows where its lines end."""

import re
from array import array
from bisect import bisect_left
from functools import cached_property

from graphql import Source, SourceLocation

_LINE_END = re.compile(r"\r\n|[\n\r]")  # As the specification has it.


class DocumentSource(Source):
    """Finds lines once: graphql-core's own goes through the text from its beginning for each error."""

    @cached_property
    def _line_ends(self) -> "array[int]":
        """Where the ends of lines begin."""
        return array("L", [found.start() for found in _LINE_END.finditer(self.body)])

    def get_location(self, position: int) -> SourceLocation:
        lines = bisect_left(self._line_ends, position)
        if not lines:
            return SourceLocation(1, position + 1)
        end = self._line_ends[lines - 1]
        start = end + (2 if self.body.startswith("\r\n", end) else 1)
        return SourceLocation(lines + 1, position + 1 - start)
