"""Random documents for any schema, and variables for them."""

import random
from typing import Any

from graphql import (
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_leaf_type,
    is_non_null_type,
    is_object_type,
    is_required_argument,
    is_union_type,
)

# Names of fields and aliases are few, so that many of them meet.
_ALIASES = "abcd"

# What cannot be given where null is refused.
_MAYBE = {"null", "$n", "$s", "$f", "{f: $f}"}


class Documents:
    """Writes documents with a source of randomness."""

    def __init__(self, schema: GraphQLSchema, r: random.Random) -> None:
        self.schema, self.random = schema, r
        self.variables: dict[str, str] = {}
        self.fragments: dict[str, str] = {}
        self._aliases: dict[tuple[str, str], str] = {}

    def document(self) -> str:
        r = self.random
        mutation = self.schema.mutation_type if r.random() < 0.15 else None
        body = self.selection((mutation or self.schema.query_type).name, r.randint(1, 4))  # type: ignore[union-attr]
        declared = ", ".join(f"${name}: {kind}" for name, kind in self.variables.items())
        head = ("mutation " if mutation else "query ") + (f"({declared}) " if declared else "")
        return head + body + "\n" + "\n".join(self.fragments.values())

    def values(self) -> dict[str, Any]:
        """Of some of the variables; of some a wrong one."""
        r, given = self.random, dict[str, Any]()
        kinds = {
            "Boolean": (True, False),
            "Int": (1, 2, 3),
            "String": ("s", "t"),
            "[Int!]": ([1], 2, [3, 4], []),
        }
        for name, declared in self.variables.items():
            kind = declared.partition(" =")[0].rstrip("!")
            if "!" in declared.partition("=")[0][-2:] or r.random() < 0.8:
                given[name] = r.choice(kinds.get(kind, ({}, {"a": 2}, {"b": ["x", None]}, {"f": {"a": 1}})))
            # Null where it must not be is found when the operation is executed.
            if r.random() < 0.02:
                given[name] = r.choice([None, "wrong", [[]]])
            elif " =" in declared and "!" not in declared and r.random() < 0.1:
                given[name] = None
        return given

    def selection(self, kind: str, depth: int) -> str:
        parts = [self._part(kind, depth) for _ in range(self.random.choice([1, 2, 3, 4, 5]))]
        return "{" + " ".join(parts) + "}"

    def _part(self, kind: str, depth: int) -> str:
        how = self.random.random()
        found: Any = self.schema.type_map[kind]
        if how < 0.08:
            return "__typename" + self._condition()
        if how < 0.2 and depth:
            condition = self._type_condition(found)
            inner = self.selection(condition or kind, depth - 1)
            return f"...{f' on {condition}' if condition else ''}{self._condition()} {inner}"
        if how < 0.32 and depth:
            return self._spread(found, depth)
        if is_union_type(found):
            return f"... on {self._type_condition(found) or kind} {{__typename}}"
        return self._field(found, depth)

    def _type_condition(self, kind: Any) -> str | None:
        """Sometimes one that nothing can match."""
        r = self.random
        related: list[str] = [kind.name]
        if is_abstract_type(kind):
            related += [found.name for found in self.schema.get_possible_types(kind)]
        elif is_object_type(kind):
            related += [found.name for found in kind.interfaces]
        others = [
            name
            for name, found in self.schema.type_map.items()
            if is_composite_type(found) and name[:2] != "__"
        ]
        choices = [None, *related, *related, r.choice(others)]
        return r.choice(choices)

    def _spread(self, kind: Any, depth: int) -> str:
        r = self.random
        name = f"F{r.randint(0, 5)}"
        if name not in self.fragments:
            # Its name is taken while it is written, so that none spreads itself.
            condition = self._type_condition(kind) or kind.name
            name = f"F{len(self.fragments)}x"
            self.fragments[name] = ""
            self.fragments[name] = f"fragment {name} on {condition} {self.selection(condition, depth - 1)}"
        elif not self.fragments[name]:
            return "__typename"
        return f"...{name}{self._condition()}"

    def _field(self, kind: Any, depth: int) -> str:
        r = self.random
        leaves = [name for name, field in kind.fields.items() if is_leaf_type(get_named_type(field.type))]
        deeper = [name for name in kind.fields if name not in leaves]
        name = r.choice(deeper if deeper and depth and r.random() < 0.55 else leaves or deeper)
        field = kind.fields[name]
        arguments = self._arguments(field)
        # One alias is for one field with one set of arguments, or the document would not be valid.
        alias = ""
        if arguments or r.random() < 0.3:
            alias = (
                self._aliases.setdefault((name, arguments), f"{r.choice(_ALIASES)}{len(self._aliases)}")
                + ": "
            )
        if r.random() < 0.01:
            alias = f"{r.choice(_ALIASES)}0: "  # Or is not.
        inner = (
            "" if name in leaves else f" {self.selection(get_named_type(field.type).name, max(depth - 1, 0))}"
        )
        return f"{alias}{name}{arguments}{self._condition()}{inner}"

    def _arguments(self, field: Any) -> str:
        r = self.random
        choices = {
            "n": ("1", "2", "null", "$n", "$m", "$d"),
            "s": ('"s"', '""', "$s", "null"),
            "l": ("[1, 2]", "3", "[$n]", "$l", "[]"),
            "f": ("{}", '{a: 1, b: ["x"]}', "{a: $n, f: {b: $s}}", "$f", "{f: $f}"),
        }
        given = []
        for name, argument in field.args.items():
            if name in choices and (is_required_argument(argument) or r.random() < 0.4):
                fitting = [
                    text for text in choices[name] if not (is_non_null_type(argument.type) and text in _MAYBE)
                ]
                chosen = r.choice(fitting if r.random() < 0.95 else choices[name])
                given.append(f"{name}: {self._declare(chosen)}")
        return f"({', '.join(given)})" if given else ""

    def _declare(self, text: str) -> str:
        kinds = {
            "$n": ("Int", "Int = 2"),
            "$m": ("Int!", "Int! = 4"),
            "$d": ("Int = 5",),
            "$s": ("String", 'String = "d"', "String = null"),
            "$l": ("[Int!]", "[Int!] = [9]", "[Int!] = 8"),
            "$f": ("Filter", 'Filter = {b: "single"}'),
        }
        for name, declarations in kinds.items():
            if name in text:
                self.variables.setdefault(name[1:], self.random.choice(declarations))
        return text

    def _condition(self) -> str:
        r = self.random
        if r.random() > 0.12:
            return ""
        written = []
        for name in r.sample(["skip", "include"], r.choice([1, 1, 1, 2])):
            value = r.choice(["true", "false", "$v1", "$v2", "$v3"])
            if value.startswith("$"):
                self.variables.setdefault(
                    value[1:], r.choice(["Boolean!", "Boolean! = true", "Boolean! = false"])
                )
            written.append(f" @{name}(if: {value})")
        return "".join(written)
