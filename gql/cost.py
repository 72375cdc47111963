"""What an operation may come to in nodes, counted before it is executed.

A page counts as many nodes as it may have, and what is selected of a node counts for each of them. A count
of a connection is one, a mutation ten, introspection a hundred. `@skip` and `@include` change nothing.

Sizes may be variables, so what is worked out once for an operation is a sum of products; the numbers for its
variables go in with each request.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from graphql.utilities import value_from_ast_untyped

from gql.bounds import DEFAULT_PAGE
from gql.limits import INTROSPECTION

MUTATION_COST = 10
INTROSPECTION_COST = 100

# Beyond any Int.
_HUGE = 2**31

Values = Mapping[str, Any]
Given = int | str | None
"""An argument: a number, the name of a variable, or nothing."""


class Page(NamedTuple):
    """How many nodes a page of a connection has, and the most that one can have."""

    first: Given
    last: Given
    most: int

    def of(self, values: Values) -> int:
        size = _number(self.last, values)
        if size is None:
            size = _number(self.first, values)
        # Others are refused where the page is read.
        return DEFAULT_PAGE if size is None else min(max(size, 1), self.most)


class Items(NamedTuple):
    """How long the list in a variable is: as many nodes as it has ids."""

    name: str

    def of(self, values: Values) -> int:
        value = values.get(self.name)
        return len(value) if isinstance(value, list) else 1


def _number(given: Given, values: Values) -> int | None:
    value = values.get(given) if isinstance(given, str) else given
    # A Float without a fraction is an Int too; what is neither is refused when variables are coerced.
    return int(value) if isinstance(value, int | float) and abs(value) < _HUGE else None


Size = int | Page | Items
Sum = dict[tuple[Page | Items, ...], int]
"""Products of sizes that are not known yet, and how often each of them counts."""


class Cost:
    """Of one operation, for any variables."""

    def __init__(self, found: Sum, defaults: Values) -> None:
        self._constant = found.pop((), 0)
        self._defaults = defaults
        self._sizes = list(dict.fromkeys(size for sizes in found for size in sizes))
        place = {size: number for number, size in enumerate(self._sizes)}
        self._terms = [(number, [place[size] for size in sizes]) for sizes, number in found.items()]

    def of(self, variables: Values | None) -> int:
        """In nodes, at least 1."""
        total = self._constant
        if self._terms:
            values = {**self._defaults, **(variables or {})} if self._defaults else variables or {}
            sizes = [size.of(values) for size in self._sizes]
            for product, places in self._terms:
                for place in places:
                    product *= sizes[place]
                total += product
        return total or 1


def cost_of(
    operation: OperationDefinitionNode,
    schema: GraphQLSchema,
    fragments: Mapping[str, FragmentDefinitionNode],
    most: int,
) -> Cost:
    """Of an operation of a document that is valid and within its limits; `most` is that of a page."""
    root = cast(GraphQLObjectType, schema.get_root_type(operation.operation))
    found = _Walk(schema, fragments, most).children(root, [operation.selection_set])
    defaults = {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value
    }
    return Cost(found, defaults)


class _Selected(NamedTuple):
    """A field with all that is selected of it: what a document has twice is once in the response."""

    name: str
    definition: GraphQLField
    nodes: list[FieldNode]

    @property
    def kind(self) -> GraphQLNamedType:
        return get_named_type(self.definition.type)

    @property
    def below(self) -> list[SelectionSetNode]:
        return [node.selection_set for node in self.nodes if node.selection_set]

    def argument(self, name: str) -> ValueNode | None:
        # Those of all nodes are the same: the document is valid.
        for argument in self.nodes[0].arguments or ():
            if argument.name.value == name:
                return argument.value
        return None


class _Walk:
    """It goes as deep as the document, and looks at no more than what is selected with all fragments."""

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], most: int
    ) -> None:
        self.schema = schema
        self.fragments = fragments
        self.most = most

    def children(self, parent: GraphQLNamedType, selection_sets: Iterable[SelectionSetNode]) -> Sum:
        """What is selected of one object. Of types that an object cannot be of at once, all count."""
        total: Sum = defaultdict(int)
        for field in self._fields(parent, selection_sets):
            _add(total, self._field(field))
            if parent is self.schema.mutation_type:
                total[()] += MUTATION_COST
        return total

    def _field(self, field: _Selected) -> Sum:
        if field.name in INTROSPECTION:
            return {(): INTROSPECTION_COST}
        if "first" in field.definition.args:
            return self._connection(field)
        found = self.children(field.kind, field.below)
        if _is_entity(field.kind):
            found[()] += 1
        return _times(found, _length(field))

    def _connection(self, field: _Selected) -> Sum:
        names = {below.name for below in self._fields(field.kind, field.below)}
        each: Sum = defaultdict(int)
        each[()] = int(bool(names - {"totalCount", "__typename"}))
        for node in self._nodes(field.kind, field.below):
            _add(each, self.children(node.kind, node.below))
        found = _times(each, _page(field, self.most))
        found[()] += "totalCount" in names
        return found

    def _nodes(
        self, kind: GraphQLNamedType, selection_sets: Iterable[SelectionSetNode]
    ) -> Iterable[_Selected]:
        """The fields of a connection that are its nodes."""
        for field in self._fields(kind, selection_sets):
            if field.name in ("nodes", "node"):
                yield field
            elif field.name == "edges":
                yield from self._nodes(field.kind, field.below)

    def _fields(
        self, parent: GraphQLNamedType, selection_sets: Iterable[SelectionSetNode]
    ) -> Iterable[_Selected]:
        """The fields of an object, with those of its fragments."""
        found: dict[tuple[str, int], _Selected] = {}
        left = [(parent, selection_set) for selection_set in selection_sets]
        while left:
            parent, selection_set = left.pop()
            for node in selection_set.selections:
                if isinstance(node, FieldNode):
                    definition = self._definition(parent, node.name.value)
                    key = (node.alias or node.name).value, id(definition)
                    found.setdefault(key, _Selected(node.name.value, definition, [])).nodes.append(node)
                elif isinstance(node, InlineFragmentNode):
                    left.append((self._narrowed(parent, node), node.selection_set))
                elif isinstance(node, FragmentSpreadNode):
                    fragment = self.fragments[node.name.value]
                    left.append((self._narrowed(parent, fragment), fragment.selection_set))
        return found.values()

    def _definition(self, parent: GraphQLNamedType, name: str) -> GraphQLField:
        return cast(GraphQLField, self.schema.get_field(cast(GraphQLObjectType, parent), name))

    def _narrowed(
        self, parent: GraphQLNamedType, fragment: InlineFragmentNode | FragmentDefinitionNode
    ) -> GraphQLNamedType:
        condition = fragment.type_condition
        return self.schema.type_map[condition.name.value] if condition else parent


def _is_entity(kind: GraphQLNamedType) -> bool:
    """Whether it has a row of its own: what implements no interface is a part of something else."""
    return isinstance(kind, GraphQLInterfaceType) or bool(
        isinstance(kind, GraphQLObjectType) and kind.interfaces
    )


def _page(field: _Selected, most: int) -> Page | int:
    page = Page(_given(field.argument("first")), _given(field.argument("last")), most)
    return page if isinstance(page.first, str) or isinstance(page.last, str) else page.of({})


def _given(node: ValueNode | None) -> Given:
    if isinstance(node, VariableNode):
        return node.name.value
    return int(node.value) if isinstance(node, IntValueNode) else None


def _length(field: _Selected) -> Items | int:
    """How many objects a list is that is no connection, by the list that it is asked for with."""
    for name, argument in field.definition.args.items():
        if is_list_type(get_nullable_type(argument.type)):
            node = field.argument(name)
            if isinstance(node, VariableNode):
                return Items(node.name.value)
            return len(node.values) if isinstance(node, ListValueNode) else 1
    return 1


def _add(total: Sum, added: Sum) -> None:
    for sizes, number in added.items():
        total[sizes] += number


def _times(found: Sum, size: Size) -> Sum:
    total: Sum = defaultdict(int)
    for sizes, number in found.items():
        if isinstance(size, int):
            total[sizes] += number * size
        else:
            total[*sizes, size] += number
    return total
