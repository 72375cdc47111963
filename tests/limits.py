"""For tests that ask for more at once than a front end does."""

from typing import Any

_NAMES = ("document", "token", "selection", "depth", "alias", "root_field", "directive", "cost")

UNLIMITED: dict[str, Any] = {f"{name}_limit": 10**12 for name in _NAMES}
"""Arguments of Settings."""
