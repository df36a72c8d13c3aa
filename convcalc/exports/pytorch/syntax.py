"""Expressions of Python, with the numbers in them that may become arguments, and how they are laid out in lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

WIDTH = 120
REQUIRED: Any = msgspec.UNSET
"""In place of a default where there is none."""


class LiteralValue(msgspec.Struct, frozen=True):
    """A literal, with what it is called where it differs from use to use; one that is the `default` is not written."""

    value: Any
    label: str
    default: Any = REQUIRED


class EnteringTensor(msgspec.Struct, frozen=True):
    """A tensor that enters a layer, by its number."""

    number: int = 0


class Own(msgspec.Struct, frozen=True):
    """What a layer holds as an attribute; `part` tells several of one layer apart."""

    part: str = ""


class Joined(msgspec.Struct, frozen=True):
    """Expressions side by side."""

    parts: tuple[Expression, ...]


class Bracketed(msgspec.Struct, frozen=True):
    """A list of expressions."""

    items: tuple[Expression, ...]


class Argument(msgspec.Struct, frozen=True):
    """An argument of a call, by its place where it has no keyword."""

    value: Expression
    keyword: str = ""


class PythonCall(msgspec.Struct, frozen=True):
    """A call; what is called may be an expression itself, such as a method of what another call gives."""

    function: Expression
    arguments: tuple[Argument, ...]


class Loop(msgspec.Struct, frozen=True):
    """As many calls as are counted, laid out as arguments."""

    body: PythonCall
    counter: str
    count: int


Expression = str | LiteralValue | EnteringTensor | Own | Joined | Bracketed | PythonCall | Loop
"""Plain text stands for itself."""

Placed = LiteralValue | EnteringTensor | Own
"""What is written as it is where the expression stands."""

Render = Callable[[Placed], str]
"""How a number, a tensor or an attribute is written where the expression stands."""


def call(function: Expression, *arguments: Expression, **keywords: Expression) -> PythonCall:
    """A call with arguments by place and by keyword."""
    placed = [Argument(value) for value in arguments]
    return PythonCall(function, (*placed, *(Argument(value, keyword) for keyword, value in keywords.items())))


def method(of: Expression, name: str, *arguments: Expression, **keywords: Expression) -> PythonCall:
    """A call of a method."""
    return call(Joined((of, f".{name}")), *arguments, **keywords)


def joined(*parts: Expression) -> Joined:
    """Expressions side by side."""
    return Joined(parts)


def numbers(expression: Expression) -> Iterator[LiteralValue]:
    """The numbers in an expression, in the order they stand."""
    if isinstance(expression, LiteralValue):
        yield expression
    for part in _parts(expression):
        yield from numbers(part)


def entering(expression: Expression) -> Iterator[EnteringTensor]:
    """The tensors in an expression, as often as they stand there."""
    if isinstance(expression, EnteringTensor):
        yield expression
    for part in _parts(expression):
        yield from entering(part)


def shape_of(expression: Expression) -> Any:
    """The expression without its numbers: what two of one form have in common."""
    if isinstance(expression, LiteralValue):
        return (LiteralValue, expression.label, repr(expression.default))
    if isinstance(expression, PythonCall):
        keywords = tuple(argument.keyword for argument in expression.arguments)
        return (PythonCall, keywords, tuple(map(shape_of, _parts(expression))))
    if isinstance(expression, Joined | Bracketed):
        return (type(expression), tuple(map(shape_of, _parts(expression))))
    return expression


def _parts(expression: Expression) -> tuple[Expression, ...]:
    if isinstance(expression, Joined):
        return expression.parts
    if isinstance(expression, Bracketed):
        return expression.items
    if isinstance(expression, PythonCall):
        return (expression.function, *(argument.value for argument in expression.arguments))
    return ()


def flat(expression: Expression, render: Render) -> str:
    """An expression on one line."""
    if isinstance(expression, str):
        return expression
    if isinstance(expression, LiteralValue | EnteringTensor | Own):
        return render(expression)
    if isinstance(expression, Joined):
        return "".join(flat(part, render) for part in expression.parts)
    if isinstance(expression, Bracketed):
        return f"[{', '.join(flat(item, render) for item in expression.items)}]"
    if isinstance(expression, Loop):
        return f"*({flat(expression.body, render)} for {expression.counter} in range({expression.count}))"
    arguments = (_argument(argument, render) for argument in written(expression, render))
    return f"{flat(expression.function, render)}({', '.join(arguments)})"


def written(expression: PythonCall, render: Render) -> list[Argument]:
    """The arguments of a call but for those that are what they would be anyway."""
    return [argument for argument in expression.arguments if not _is_default(argument, render)]


def _is_default(argument: Argument, render: Render) -> bool:
    value = argument.value
    return isinstance(value, LiteralValue) and value.default is not REQUIRED and render(value) == literal(value.default)


def _argument(argument: Argument, render: Render) -> str:
    return f"{argument.keyword}={flat(argument.value, render)}" if argument.keyword else flat(argument.value, render)


def literal(value: Any) -> str:
    """A value as Python writes it, texts in double quotes."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return 'float("inf")' if value > 0 else '-float("inf")'
    return repr(value)


def lines(prefix: str, expression: Expression, render: Render, indent: int, suffix: str = "") -> list[str]:
    """A statement or an item in lines of at most `WIDTH`, broken as ruff breaks them, where it can be."""
    lead = " " * indent
    straight = f"{lead}{prefix}{flat(expression, render)}{suffix}"
    if len(straight) <= WIDTH:
        return [straight]
    if isinstance(expression, Joined) and isinstance(expression.parts[-1], PythonCall | Bracketed):
        front = "".join(flat(part, render) for part in expression.parts[:-1])
        return lines(prefix + front, expression.parts[-1], render, indent, suffix)
    if isinstance(expression, Joined) and len(expression.parts) > 1 and isinstance(expression.parts[0], PythonCall):
        behind = "".join(flat(part, render) for part in expression.parts[1:])
        return lines(prefix, expression.parts[0], render, indent, behind + suffix)
    if isinstance(expression, Loop):
        counted = f"{lead}    for {expression.counter} in range({expression.count})"
        return [f"{lead}{prefix}*(", *lines("", expression.body, render, indent + 4), counted, f"{lead}){suffix}"]
    if isinstance(expression, PythonCall):
        items = [(f"{argument.keyword}=" * bool(argument.keyword), argument.value)
                 for argument in written(expression, render)]  # fmt: skip
        opening, closing = f"{flat(expression.function, render)}(", ")"
    elif isinstance(expression, Bracketed):
        items, opening, closing = [("", item) for item in expression.items], "[", "]"
    else:
        return [straight]
    if not items:
        return [straight]
    inner = " " * (indent + 4)
    together = inner + ", ".join(f"{front}{flat(item, render)}" for front, item in items)
    body = [together]
    if len(together) > WIDTH or isinstance(expression, Bracketed):
        body = [line for front, item in items for line in lines(front, item, render, indent + 4, ",")]
    return [f"{lead}{prefix}{opening}", *body, f"{lead}{closing}{suffix}"]
