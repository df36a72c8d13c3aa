"""What a class holds, item by item: layers, blocks, and lists of blocks, each an attribute and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from convcalc.exports.pytorch.syntax import (
    Argument,
    Bracketed,
    EnteringTensor,
    Expression,
    Joined,
    LiteralValue,
    Loop,
    Own,
    PythonCall,
    numbers,
    shape_of,
)


class ModuleItem(msgspec.Struct):
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
    listed: tuple[PythonCall, ...] = ()
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

    def numbers(self) -> Iterator[LiteralValue]:
        """All that may differ from use to use, in the order of `expressions`."""
        for expression in self.expressions():
            yield from numbers(expression)


class Name(msgspec.Struct, frozen=True):
    """In place of a number, what it is called in the class, or what it is made of."""

    text: str


def bound(expression: Expression, following: Callable[[], object]) -> Expression:
    """An expression with other values in place of its numbers, in the order of `numbers`."""
    if isinstance(expression, LiteralValue):
        return LiteralValue(following(), expression.label, expression.default)
    if isinstance(expression, PythonCall):
        return bound_call(expression, following)
    if isinstance(expression, EnteringTensor | Own | Loop | str):
        return expression
    if isinstance(expression, Joined):
        return Joined(tuple(bound(part, following) for part in expression.parts))
    return Bracketed(tuple(bound(item, following) for item in expression.items))


def bound_call(made: PythonCall, following: Callable[[], object]) -> PythonCall:
    """The same of what is a call and stays one."""
    function = bound(made.function, following)
    arguments = (Argument(bound(argument.value, following), argument.keyword) for argument in made.arguments)
    return PythonCall(function, tuple(arguments))


def rebound(item: ModuleItem, values: Iterator[object]) -> ModuleItem:
    """An item with other values in place of its numbers."""

    def following() -> object:
        return next(values)

    held = {part: bound(made, following) for part, made in item.held.items()}
    listed = tuple(bound_call(made, following) for made in item.listed)
    return msgspec.structs.replace(item, held=held, listed=listed, forward=bound(item.forward, following))
