"""What is made of documents is kept for when they come again, as far as there is room."""

from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")

# There is room for so many things, none of a longer text than this, and for so many characters in all: what
# is made of a text takes some hundred times its length.
MOST = 512
LONGEST_TEXT = 16_384
MOST_TEXT = 2**18


class Kept(Generic[V]):
    """The values that were used last, each with the length of the text that it was made of.

    Of texts themselves there is room for more than of what is made of them.
    """

    def __init__(self, most: int = MOST, longest: int = LONGEST_TEXT, room: int = MOST_TEXT) -> None:
        self._most, self._longest, self._room = most, longest, room
        # The first is the one that was not used for the longest time.
        self._items: dict[Hashable, tuple[V, int]] = {}
        self.length = 0

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._items

    def get(self, key: Hashable) -> V | None:
        item = self._items.pop(key, None)
        if item is None:
            return None
        self._items[key] = item
        return item[0]

    def put(self, key: Hashable, value: V, length: int) -> None:
        """Keep a value, unless its text is too long, and drop what has no room any more."""
        self._drop(key)
        if length > self._longest:
            return
        self._items[key] = value, length
        self.length += length
        while len(self._items) > self._most or self.length > self._room:
            self._drop(next(iter(self._items)))

    def _drop(self, key: Hashable) -> None:
        item = self._items.pop(key, None)
        if item is not None:
            self.length -= item[1]
