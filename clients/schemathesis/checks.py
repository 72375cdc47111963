"""What schemathesis checks of each answer: its own checks take any error for a failure.

Most of what it sends is wrong. An answer is right when it is GraphQL over HTTP and each of its errors has a
code of the README that is not our own fault.
"""

import os

import schemathesis

_DOCUMENTED = set(os.environ["GAZETTE_CODES"].split(","))


@schemathesis.check
def documented(context, response, case):
    assert response.status_code == 200, response.text
    answer = response.json()
    assert set(answer) <= {"data", "errors"}
    assert "data" in answer or answer["errors"]
    for error in answer.get("errors", ()):
        assert error["extensions"]["code"] in _DOCUMENTED, error
