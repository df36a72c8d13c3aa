"""What a class holds, item by item: layers, blocks, and lists of blocks, each an attribute and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from convcalc.exports.pytorch.syntax import Argument, Call, Entering, Expression, Own, Value, numbers, shape_of


class Item(msgspec.Struct):
    """Something that a class holds or does.

    `held` is what makes its attributes, by the part that `Own` names, `listed` what makes the modules of a list. They
    are called with what `sources` are, and give what `results` are. `reused` is the attribute that it uses in place of
    its own.
    """

    attribute: str
    forward: Expression
    sources: tuple[int, ...]
    results: tuple[int, ...]
    held: Mapping[str, Expression] = {}
    listed: tuple[Call, ...] = ()
    buffers: tuple[str, ...] = ()
    is_chain: bool = False
    reused: str = ""

    def expressions(self) -> Iterator[Expression]:
        """All that is written of it, in an order that is the same for all of one form."""
        yield from self.held.values()
        yield from self.listed
        yield self.forward

    def form(self, places: Mapping[int, object]) -> object:
        """What two of one form have in common; `places` says where a tensor comes from."""
        return (
            self.attribute,
            tuple(self.held),
            tuple(map(shape_of, self.expressions())),
            tuple(places[source] for source in self.sources),
            len(self.results),
            self.buffers,
            self.is_chain,
            self.reused,
        )

    def numbers(self) -> Iterator[Value]:
        """The numbers in it."""
        for expression in self.expressions():
            yield from numbers(expression)


class Name(msgspec.Struct, frozen=True):
    """In place of a number, what it is called in the class, or what it is made of."""

    text: str


def bound(expression: Expression, following: Callable[[], object]) -> Expression:
    """An expression with other values in place of its numbers, in the order of `numbers`."""
    if isinstance(expression, Value):
        return Value(following(), expression.label, expression.default)
    if isinstance(expression, Call):
        function = bound(expression.function, following)
        arguments = tuple(
            Argument(bound(argument.value, following), argument.keyword) for argument in expression.arguments
        )
        return Call(function, arguments)
    if isinstance(expression, Entering | Own | str):
        return expression
    if hasattr(expression, "parts"):
        return type(expression)(tuple(bound(part, following) for part in expression.parts))
    return type(expression)(tuple(bound(item, following) for item in expression.items))


def rebound(item: Item, values: Iterator[object]) -> Item:
    """An item with other values in place of its numbers."""

    def following() -> object:
        return next(values)

    held = {part: bound(made, following) for part, made in item.held.items()}
    listed = tuple(_call(bound(made, following)) for made in item.listed)
    return msgspec.structs.replace(item, held=held, listed=listed, forward=bound(item.forward, following))


def _call(expression: Expression) -> Call:
    assert isinstance(expression, Call)
    return expression
