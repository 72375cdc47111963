"""Documents that ask for too much, or for what there is not, with the code that each is refused with."""

from gql.errors import PARSE_FAILED, VALIDATION_FAILED, LimitExceededError

LIMIT = LimitExceededError.code


def times(number: int, field: str) -> str:
    """The field, each time with another number in place of its `#`."""
    return " ".join(field.replace("#", str(index)) for index in range(number))


def chain(number: int, of: str) -> str:
    """Fragments of which each spreads the next one twice: 2^number times what the last one has."""
    return " ".join(
        f"fragment F{index} on Query {{...F{index + 1} ...F{index + 1}}}" for index in range(number)
    ) + (f" fragment F{number} on Query {{{of}}}")


def overlapping(number: int, of: str) -> str:
    """Fragments that select the same of the same posts: each has to be compared with all others."""
    fragments = times(number, f"fragment F# on Post {{{of}}}")
    return f"{{posts {{nodes {{{times(number, '...F#')}}}}}}} {fragments}"


def nested(levels: int) -> str:
    """Lists of a hundred in lists of a hundred."""
    text = "id"
    for level in reversed(range(levels)):
        text = f"{'author {posts' if level else 'posts'}(first: 100) {{nodes {{{text}}}}}{'}' * (level > 0)}"
    return f"{{{text}}}"


_INTROSPECTION = "__schema {types {name fields {name args {name} type {name ofType {name}}}}}"
_SIGN_UP = 'createUser(input: {username: "u#", email: "u#@example.org", password: "x"}) {userErrors {code}}'
_TEN = "id title slug status createdAt updatedAt version body excerpt viewCount"

DOCUMENTS = {
    "lists four deep": (nested(4), LIMIT),
    "twenty levels": ("{posts {nodes {" + "author {posts {nodes {" * 10 + "id" + "}}}" * 10 + "}}}", LIMIT),
    "10,000 braces": ("{" * 10_000, PARSE_FAILED),
    "fields in fields": ("{a" * 40_000, LIMIT),
    "lists in a literal": ("{posts(first: " + "[" * 90_000, LIMIT),
    "1,000 aliases": (f"{{{times(1000, 'a#: __typename')}}}", LIMIT),
    "1,000 aliases of a connection": (f"{{{times(1000, 'a#: posts {totalCount}')}}}", LIMIT),
    "600 aliases, within the tokens": (f"{{{times(600, 'a#: __typename')}}}", LIMIT),
    "100 mutations": (f"mutation {{{times(100, f'm#: {_SIGN_UP}')}}}", LIMIT),
    "50 mutations, within the tokens": (f"mutation {{{times(50, f'm#: {_SIGN_UP}')}}}", LIMIT),
    "10,000 directives": ("{viewer {id " + "@a " * 10_000 + "}}", LIMIT),
    "900 directives, within the tokens": ("{viewer {id " + "@a " * 900 + "}}", LIMIT),
    "1,000 times a field": ("{viewer {" + "id " * 1000 + "}}", LIMIT),
    "200 overlapping fragments": (overlapping(200, "author {name}"), LIMIT),
    "100 overlapping fragments, within the tokens": (overlapping(100, _TEN), LIMIT),
    "2^20 fragments": (f"{{...F0}} {chain(20, 'viewer {id}')}", LIMIT),
    "2^20 fragments of nothing": (f"{{...F0}} {chain(20, '')}", LIMIT),
    "2^150 fragments": (f"{{...F0}} {chain(150, 'viewer {id}')}", LIMIT),
    "fragments in a circle": (
        "{...A} fragment A on Query {...B} fragment B on Query {...A}",
        VALIDATION_FAILED,
    ),
    "100 fragments in circles": (
        f"{{...F0}} {times(100, 'fragment F# on Query {...F# ...F0 ...F1}')}",
        VALIDATION_FAILED,
    ),
    "an unknown fragment": ("{...A}", VALIDATION_FAILED),
    "900 unknown fragments": (f"{{{times(900, '...F#')}}}", VALIDATION_FAILED),
    "900 unknown fields": ("{viewer {" + times(900, "a#") + "}}", VALIDATION_FAILED),
    "500 unknown arguments": ("{posts(" + times(500, "a#: 1") + ") {totalCount}}", VALIDATION_FAILED),
    "200 unknown variables": (f"{{nodes(ids: [{times(200, '$v#')}]) {{id}}}}", VALIDATION_FAILED),
    "a document of 1 MB": ("{viewer {id}}".ljust(999_900), LIMIT),
    "a comment of 1 MB": ("{viewer {id}} #" + "a" * 999_900, LIMIT),
    "comments of 1 MB": ("#\n" * 300_000 + "{viewer {id}}", LIMIT),
    "45,000 comments, within the characters": ("{viewer {id}}" + "#\n" * 45_000, LIMIT),
    "50 times the schema": (f"{{{times(50, f'a#: {_INTROSPECTION}')}}}", LIMIT),
    "the schema in circles": (
        "{__schema {types {...F}}} fragment F on __Type {fields {type {...F}}}",
        VALIDATION_FAILED,
    ),
    "the schema in depth": (f"{{__schema {{types {'{ofType ' * 30}{{name}}{'}' * 30}}}}}", LIMIT),
    "a name of 90,000 characters": (f"{{viewer {{{'a' * 90_000}: id}}}}", LIMIT),
    "an operation's name of 80,000 characters": (
        f"query {'Q' * 80_000} {{nodes(ids: [{times(200, '$v#')}]) {{id}}}}",
        LIMIT,
    ),
    "a literal of 90,000 characters": (
        f'{{posts(first: "{"a" * 90_000}") {{totalCount}}}}',
        VALIDATION_FAILED,
    ),
    "200 operations": (
        f"{times(200, 'query Q# {...F}')} fragment F on Query {{viewer {{id}}}}",
        "BAD_USER_INPUT",
    ),
}
"""Each with its code; nothing is read for any of them."""
