"""How much a document may ask for, found out before it is validated: to validate it may be the attack.

Every part of a document is looked at once, and a fragment once wherever it is spread. There is no recursion.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    Lexer,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    SelectionSetNode,
    Token,
    TokenKind,
    ValidationContext,
)
from graphql.language.parser import Parser
from graphql.validation.validate import ValidationAbortedError

from gql.bounds import Limits
from gql.errors import LimitExceededError
from gql.source import DocumentSource

Definition = OperationDefinitionNode | FragmentDefinitionNode

INTROSPECTION = frozenset({"__schema", "__type"})

# What leads from a connection to its nodes is no level of its own.
_NO_LEVEL = frozenset({"edges", "node", "nodes"})
_SAID = {
    "selections": "The document selects {:,} fields and fragments",
    "depth": "The document is {:,} levels deep",
    "aliases": "The document has {:,} aliases",
    "root_fields": "The document has {:,} root fields",
    "directives": "The document has {:,} directives",
    "introspections": "The document asks for the schema {:,} times",
    "introspection_depth": "The document asks {:,} levels deep for the schema",
}
# Fragments that double each other come to numbers that nobody wants to read.
_COUNTLESS = 10**9
# As graphql-core counts them, about a microsecond each. Twenty fragments of the same ten fields take 9,000.
_COMPARISONS = 20_000


def parse_within(text: str, limits: Limits) -> DocumentNode:
    """The parsed document; raises LimitExceededError, and whatever graphql-core's parser does."""
    if len(text) > limits.document:
        raise LimitExceededError(
            f"The document has {len(text):,} characters; {limits.document:,} are allowed."
        )
    lexer = Lexer(DocumentSource(text))
    first = lexer.token
    try:
        node = _parse(lexer, limits)
    finally:
        longest = _take_apart(first)
    if longest > limits.name:
        raise LimitExceededError(
            f"The document has a name of {longest:,} characters; {limits.name:,} are allowed."
        )
    return node


def _parse(lexer: Lexer, limits: Limits) -> DocumentNode:
    """What graphql-core's `parse` does, with a lexer of which the tokens are known whatever comes of it."""
    # The parser counts comments by themselves, and all together only for us to read at the end.
    parser = Parser(lexer.source, lexer=lexer, max_lexical_tokens=limits.tokens, max_comments=limits.tokens)
    try:
        node = parser.parse_document()
    except GraphQLSyntaxError as error:
        if error.message.endswith("Parsing aborted."):
            raise _too_many_tokens(limits) from error
        raise
    except RecursionError as error:
        raise LimitExceededError("The document is nested too deeply.") from error
    if node.token_count > limits.tokens:
        raise _too_many_tokens(limits)
    return node


def _too_many_tokens(limits: Limits) -> LimitExceededError:
    return LimitExceededError(f"The document has more than {limits.tokens:,} tokens, with comments.")


def _take_apart(token: Token | None) -> int:
    """The characters of the longest name from this token on. None of them knows its neighbours any more.

    A name comes back with each row that it is a key of, and with each error that it is in. What refers to
    each other in a circle stays until the garbage collector looks for it, while everybody else waits.
    """
    longest = 0
    while token:
        if token.kind is TokenKind.NAME:
            longest = max(longest, token.end - token.start)
        token.prev, token.next, token = None, None, token.next
    return longest


class FewComparisons(OverlappingFieldsCanBeMergedRule):
    """Compares fields with fields, as many as there are pairs, and so no more than a few of them.

    graphql-core's own bound is half a second of work.
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = _COMPARISONS

    def enter_selection_set(self, *given: Any) -> None:
        """Raises LimitExceededError, out of the validation."""
        try:
            super().enter_selection_set(*given)
        except ValidationAbortedError as error:
            if self.rule_context.remaining_complexity_budget < 0:
                raise LimitExceededError("The document repeats too many fields to compare them.") from error
            raise


class _Place(Enum):
    """Where fields are selected."""

    ROOT = 0
    BELOW = 1
    INTROSPECTION = 2


class _Spread(NamedTuple):
    fragment: str
    level: int  # Of what is selected around it.
    place: _Place


@dataclass(slots=True)
class Shape:
    """What a definition selects, and what it spreads. The levels of introspection are counted apart."""

    selections: int = 0
    depth: int = 0
    aliases: int = 0
    root_fields: int = 0
    directives: int = 0
    introspections: int = 0
    introspection_depth: int = 0
    spreads: list[_Spread] = field(default_factory=list)

    def count_field(self, node: FieldNode, level: int, place: _Place) -> tuple[int, _Place]:
        """Returns the level and the place of what is selected below the field."""
        name = node.name.value
        level += name not in _NO_LEVEL
        self.aliases += node.alias is not None
        self.root_fields += place is _Place.ROOT
        if place is _Place.INTROSPECTION:
            self.introspection_depth = max(self.introspection_depth, level)
            return level, place
        self.depth = max(self.depth, level)
        if name in INTROSPECTION:
            self.introspections += 1
            self.introspection_depth = max(self.introspection_depth, 1)
            return 1, _Place.INTROSPECTION
        return level, _Place.BELOW

    def add(self, fragment: "Shape", spread: _Spread) -> None:
        """Count a fragment where it is spread."""
        for name in ("selections", "aliases", "directives", "introspections"):
            setattr(self, name, min(getattr(self, name) + getattr(fragment, name), _COUNTLESS))
        if spread.place is _Place.ROOT:
            self.root_fields = min(self.root_fields + fragment.root_fields, _COUNTLESS)
        depth, introspection_depth = spread.level + fragment.depth, fragment.introspection_depth
        if spread.place is _Place.INTROSPECTION:
            depth, introspection_depth = 0, max(depth, introspection_depth)
        self.depth = max(self.depth, depth)
        self.introspection_depth = max(self.introspection_depth, introspection_depth)


def check_shape(document: DocumentNode, limits: Limits) -> None:
    """Raises LimitExceededError. What a document may not be for other reasons is left to validation."""
    definitions = [node for node in document.definitions if isinstance(node, Definition)]
    shapes = [_shape(node) for node in definitions]
    named = {
        node.name.value: shape
        for node, shape in zip(definitions, shapes, strict=True)
        if isinstance(node, FragmentDefinitionNode)
    }
    _add_fragments(shapes, named)
    for node, shape in zip(definitions, shapes, strict=True):
        # A fragment counts where it is spread.
        if isinstance(node, OperationDefinitionNode):
            _check(shape, limits)


def _check(shape: Shape, limits: Limits) -> None:
    for name, said in _SAID.items():
        found, most = getattr(shape, name), getattr(limits, name)
        if found > most:
            raise LimitExceededError(f"{said.format(found)}; {most:,} are allowed.")


def _shape(definition: Definition) -> Shape:
    """Without what it spreads."""
    shape = Shape(directives=_directives(definition, *(definition.variable_definitions or ())))
    left: list[tuple[SelectionSetNode | None, int, _Place]] = [(definition.selection_set, 0, _Place.ROOT)]
    while left:
        selection_set, level, place = left.pop()
        selections = selection_set.selections if selection_set else ()
        shape.selections += len(selections)
        shape.directives += _directives(*selections)
        for node in selections:
            if isinstance(node, FieldNode):
                left.append((node.selection_set, *shape.count_field(node, level, place)))
            elif isinstance(node, InlineFragmentNode):
                left.append((node.selection_set, level, place))
            elif isinstance(node, FragmentSpreadNode):
                shape.spreads.append(_Spread(node.name.value, level, place))
    return shape


def _directives(*nodes: Any) -> int:
    return sum(len(node.directives or ()) for node in nodes)


def _add_fragments(shapes: Iterable[Shape], named: dict[str, Shape]) -> None:
    """Add to each shape those of its fragments, which have theirs by then.

    One in a circle adds what it has so far, one that there is not nothing: validation refuses the document.
    """
    begun = set[int]()
    left = [(shape, False) for shape in shapes]
    while left:
        shape, has_all = left.pop()
        if has_all:
            for spread in shape.spreads:
                if fragment := named.get(spread.fragment):
                    shape.add(fragment, spread)
        elif id(shape) not in begun:
            begun.add(id(shape))
            left.append((shape, True))
            left += [(named[spread.fragment], False) for spread in shape.spreads if spread.fragment in named]
