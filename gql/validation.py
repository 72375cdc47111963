"""What values may be, written once in an input's annotations and checked before anything is done.

pydantic checks the fields that are present; what it says becomes a user error with the field's path.
"""

import dataclasses
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, NamedTuple, get_type_hints

import orjson
import strawberry
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, StringConstraints, TypeAdapter, ValidationError
from strawberry import UNSET
from strawberry.scalars import JSON

from db.text import fold, normal
from gql.errors import Problem, UserErrorCode

# Control characters, line separators, and what turns the direction of the text around it.
_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# Letters and signs that look like nothing.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_UNSEEN = {"Zs", "Zl", "Zp", "Cc", "Cf", "Mn", "Mc", "Me"}
_USERNAME = re.compile(r"\w[\w.-]*")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MOST_TAGS = 20
SECRET = "secret"  # noqa: S105 # The key in the metadata of a field that must be kept nowhere.
_LARGEST_JSON = 10_000
_DEEPEST_JSON = 10
_LARGEST_NUMBER = 2**53


def _line(value: str) -> str:
    if _NOT_IN_A_LINE.search(value):
        raise ValueError("This has characters that do not belong into a line of text.")
    return value


def _seen(value: str) -> str:
    if all(character in _BLANK or unicodedata.category(character) in _UNSEEN for character in value):
        raise ValueError("This has nothing that can be seen.")
    return value


def _plain(value: str) -> str:
    if "<" in value or ">" in value:
        raise ValueError("This is plain text: it has no < and >.")
    return value


def _folds_into(length: int) -> AfterValidator:
    """Folding makes some characters three: the key has to fit its column too."""

    def check(value: str) -> str:
        if len(fold(value)) > length:
            raise ValueError("This is too long.")
        return value

    return AfterValidator(check)


def _username(value: str) -> str:
    if not _USERNAME.fullmatch(value) or not _BLANK.isdisjoint(value):
        raise ValueError("A username is made of letters, digits, _ . and -.")
    return value


def _email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError("This is not an email address.") from error


def _slug(value: str) -> str:
    if not _SLUG.fullmatch(value):
        raise ValueError("A slug is made of a-z and 0-9, with single hyphens between.")
    return value


def _attributes(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("This has to be a JSON object.")
    if not _is_storable(value):
        raise ValueError("This is nested too deeply, or has a number beyond 2^53.")
    try:
        size = len(orjson.dumps(value))
    except orjson.JSONEncodeError as error:
        raise ValueError("A variable in this has no value.") from error
    if size > _LARGEST_JSON:
        raise ValueError(f"This is larger than {_LARGEST_JSON} bytes.")
    return value


def _few_tags(value: list[str]) -> list[str]:
    """Counted before each is looked at, so that the answer is never longer than what was sent."""
    if len(value) > MOST_TAGS:
        raise ValueError(f"A post has at most {MOST_TAGS} tags.")
    return value


def _is_storable(value: Any, depth: int = 0) -> bool:
    """Beyond 2^53 a double skips integers: what was sent might come back as another number."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return depth < _DEEPEST_JSON and all(_is_storable(item, depth + 1) for item in inner)
    return not isinstance(value, int | float) or abs(value) <= _LARGEST_NUMBER


def _text(shortest: int, longest: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=shortest, max_length=longest)


# A BeforeValidator comes first wherever it stands, but `_text` has to stand next to its `str`.
Username = Annotated[str, _text(2, 32), BeforeValidator(normal), AfterValidator(_username), _folds_into(64)]
Email = Annotated[str, _text(3, 254), AfterValidator(_email), _folds_into(508)]
Name = Annotated[str, _text(1, 100), AfterValidator(_line), AfterValidator(_plain), AfterValidator(_seen)]
Bio = Annotated[str, _text(0, 2000)]
Title = Annotated[str, _text(1, 200), AfterValidator(_line), AfterValidator(_seen)]
Slug = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_slug)]
Body = Annotated[str, StringConstraints(max_length=100_000)]
Attributes = Annotated[JSON, AfterValidator(_attributes)]
CommentBody = Annotated[str, StringConstraints(min_length=1, max_length=10_000), AfterValidator(_seen)]
TagName = Annotated[str, _text(1, 50), BeforeValidator(normal), *Name.__metadata__[1:], _folds_into(100)]
Tags = Annotated[list[TagName], BeforeValidator(_few_tags)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=64)]


def optional(description: str) -> Any:
    """A field that may be absent. Null, which would have no meaning, is refused."""
    return strawberry.field(default=UNSET, description=f"{description} Never null.")


def nullable(description: str) -> Any:
    """A field that may be absent, and may be null, which is a value of its own."""
    return strawberry.field(default=UNSET, description=description, metadata={"nullable": True})


def secret(description: str) -> Any:
    """An optional field that is kept nowhere, not even as a hash by which it could be guessed."""
    return strawberry.field(default=UNSET, description=f"{description} Never null.", metadata={SECRET: True})


class _Check(NamedTuple):
    """Of a field: how to check it, and whether it may be null."""

    name: str
    path: tuple[str, ...]
    check: Callable[[Any], Any]
    may_be_null: bool


@cache
def _checks(kind: type[Any]) -> list[_Check]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        _Check(
            field.name,
            ("input", camel(field.name)),
            TypeAdapter(hints[field.name]).validate_python,
            bool(field.metadata.get("nullable")),
        )
        for field in dataclasses.fields(kind)
    ]


def validated(given: Any) -> tuple[Any, list[Problem]]:
    """The input with its values as they will be stored, and what is wrong with them."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, path, check, may_be_null in _checks(given.__class__):
        value = getattr(given, name)
        if value is UNSET or (value is None and may_be_null):
            continue
        if value is None:
            problems.append(Problem(UserErrorCode.REQUIRED, "This cannot be null.", path))
            continue
        try:
            values[name] = check(value)
        except ValidationError as error:
            problems += _problems(error, path)
    return dataclasses.replace(given, **values), problems


def _problems(error: ValidationError, path: tuple[str, ...]) -> list[Problem]:
    return [
        Problem(
            UserErrorCode.INVALID,
            found["msg"].removeprefix("Value error, "),
            (*path, *(str(part) for part in found["loc"])),
        )
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
