"""The errors that `make planted` plants are still in terms of the code as it is."""

import pytest

from tests.planted import BUGS, EXECUTION, ROOT, Bug


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_an_error_can_be_planted(bug: Bug) -> None:
    text = (ROOT / EXECUTION / f"{bug.module}.py").read_text()
    assert text.count(bug.old) == 1
    compile(text.replace(bug.old, bug.new), bug.module, "exec")
