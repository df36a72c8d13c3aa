"""Expressions in a spec: ``2 * width``, ``round_to(width * 1.4, 8)``, ``2 if index == 0 else 1``.

The text is parsed by Python's own parser and read off its syntax tree, node by node against a whitelist; nothing
is ever evaluated as code. Numbers are exact: ints and fractions, so 0.1 is one tenth. Sizes of numbers, lists and
texts are bounded, and every operation spends steps for what it works through, so that no expression hangs.
"""

from __future__ import annotations

import ast
import keyword
import operator
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from convcalc import steps
from convcalc.arithmetic.number import is_truth, whole
from convcalc.arithmetic.varying import (
    Varying,
    VaryingRatio,
    both,
    either,
    maximum,
    minimum,
    negated,
    plain,
    ratio,
    select,
)
from convcalc.arithmetic.window import PADDING_WORDS
from convcalc.fields import shown
from convcalc.language.parsing import DEEPEST as DEEPEST_LIST
from convcalc.language.tree import number

LONGEST = 1000
"""Characters of an expression."""
_MOST_CLASHES = 1000
"""Times that other threads may come in between while an expression is parsed."""
DEEPEST = 100
"""Operations within operations."""
_LONGEST_LIST = 10_000
MOST_BITS = 256
"""Of a number on the way; what a field may hold is smaller still."""
_STEPS_OF_PARSING = 30
_STEPS_OF_OPERATION = 3
_STEPS_OF_SUMMAND = 5
"""A fraction takes that long to be added or multiplied."""
CHARACTERS_IN_STEP = 100
"""Of a text that is kept or looked through."""

SHAPE_OF = "shape of"
"""Among the values, no name that an expression can use: a function from a layer's name to its output's shape."""
OF_LAYERS = ("channels_of", "size_of")
"""The functions of a layer, which are given its output's shape."""
CONSTANTS = {"true": True, "false": False, "null": None}


def is_name(text: str) -> bool:
    """Whether a text can be the name of a value: an identifier that is no word of the language."""
    taken = text in CONSTANTS or text in FUNCTIONS or text in PADDING_WORDS or keyword.iskeyword(text)
    return text.isidentifier() and not taken and (text.isascii() or unicodedata.normalize("NFKC", text) == text)


class ExpressionError(ValueError):
    """What is wrong; `node` is the part of the expression to blame, None for the whole."""

    def __init__(self, message: str, node: ast.AST | None = None) -> None:
        super().__init__(message)
        self.node = node


def place(text: str, node: ast.AST | None) -> tuple[int, int]:
    """The first character of a part in the expression's text, and the one behind its last.

    Python counts bytes, and from where the text starts when blanks are taken off.
    """
    if node is None or "\n" in text or not hasattr(node, "end_col_offset"):
        return 0, len(text)
    bare = text.strip().encode()
    shift = len(text) - len(text.lstrip())
    start, end = (len(bare[:offset].decode(errors="ignore")) for offset in (node.col_offset, node.end_col_offset))  # type: ignore[attr-defined]
    return shift + start, shift + end


class Unknown(ExpressionError):
    """It rests on a value that could not be read, which has been reported where it stands."""


UNKNOWN = object()
"""The value of a name whose own text could not be read."""


class Expression:
    """A parsed expression; `names` are those it needs to be evaluated, each with where it stands.

    `layers` are those in ``size_of`` and ``channels_of``, which have no value before the network is built.
    """

    __slots__ = ("layers", "names", "steps", "text", "tree")

    def __init__(self, text: str) -> None:
        """Parse.

        Raises:
            ExpressionError: not an expression of the whitelist.
            OutOfSteps: one run may not take the steps.
        """
        steps.spend(_STEPS_OF_PARSING + len(text) // CHARACTERS_IN_STEP)
        self.text = text
        self.tree = _parse(text)
        levels: list[list[ast.AST]] = [[self.tree]]
        while levels[-1]:
            levels.append([child for node in levels[-1] for child in ast.iter_child_nodes(node)])
        nodes = [node for level in levels for node in level]
        steps.spend(_STEPS_OF_OPERATION * len(nodes))
        self.steps = _STEPS_OF_OPERATION * sum(isinstance(node, ast.expr) for node in nodes)
        for node in nodes:
            if not isinstance(node, _ALLOWED):
                raise ExpressionError(f"{_what(node)} is not for expressions in a spec", node)
        if len(levels) > DEEPEST + 1:  # the last is empty
            raise ExpressionError(f"an expression nested more than {DEEPEST} deep")
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        of_layers = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in OF_LAYERS]
        arguments = [argument for call in of_layers for argument in call.args]
        self.layers = [argument.id for argument in arguments if isinstance(argument, ast.Name)]
        others = {*map(id, arguments), *(id(call.func) for call in calls)}
        names = [node for node in nodes if isinstance(node, ast.Name)]
        self.names = [node for node in names if id(node) not in others and node.id not in CONSTANTS]

    @property
    def name(self) -> str | None:
        """The name, if the expression is nothing but one."""
        return self.tree.id if isinstance(self.tree, ast.Name) and self.names else None

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The value: int, Fraction, bool, str, None or a tuple of such.

        Raises:
            ExpressionError: a name without a value, a type or a size that does not fit.
            OutOfSteps: it takes more work than one run may.
        """
        steps.spend(self.steps)
        return _evaluate(self.tree, self.text, values)


def _parse(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise ExpressionError(f"an expression of more than {LONGEST} characters")
    if re.fullmatch(r"\d+-\d+-\d+", text):
        raise ExpressionError(f"{text} is a date; a subtraction has blanks around the signs")
    if re.search(r"\d_\d", text):
        raise ExpressionError("digits are not grouped by _ here")
    flat = text.strip().replace("\n", " ")
    try:
        with warnings.catch_warnings():  # Python's hints about a text that is no Python are not for our users
            warnings.simplefilter("ignore")
            return _in_any_thread(flat)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ExpressionError(f"{text[:60]!r} is neither a number nor an expression") from None


def _in_any_thread(text: str) -> ast.expr:
    """The tree of an expression, whatever other threads parse meanwhile.

    Python 3.11 and 3.12 count the depth of all trees that are being built in one place, and raise where another thread
    builds one in between (https://github.com/python/cpython/issues/106905). The count begins anew with every tree.
    """
    for _ in range(_MOST_CLASHES):
        try:
            return ast.parse(text, mode="eval").body
        except SystemError:
            continue
    return ast.parse(text, mode="eval").body


_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, items: item in items,
    ast.NotIn: lambda item, items: item not in items,
}

_ALLOWED = (
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.Name, ast.Constant, ast.Subscript),
    *(ast.List, ast.Tuple, ast.Load, ast.And, ast.Or, ast.Not, ast.USub, ast.UAdd, ast.Div, ast.Pow, *_OPERATORS),
)


def _what(node: ast.AST) -> str:
    words = {
        "Attribute": "a dot",
        "Lambda": "lambda",
        "JoinedStr": "an f-string",
        "NamedExpr": ":=",
        "Slice": "a slice",
    }
    name = type(node).__name__
    return words.get(name, name.lower())


def _evaluate(node: ast.expr, text: str, values: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return _named(node, values)
    if isinstance(node, ast.Constant):
        return _constant(node, text)
    if isinstance(node, ast.BinOp):
        return _binary(node, _evaluate(node.left, text, values), _evaluate(node.right, text, values))
    if isinstance(node, ast.Compare):
        return _compare(node, text, values)
    if isinstance(node, ast.IfExp):
        return _chosen(node, text, values)
    if isinstance(node, ast.BoolOp):
        return _connected(node, text, values)
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not):
            return negated(_truth(node.operand, text, values))
        return _signed(node, _evaluate(node.operand, text, values))
    if isinstance(node, ast.List | ast.Tuple):
        return bounded_list(tuple([_evaluate(item, text, values) for item in node.elts]), node)
    if isinstance(node, ast.Subscript):
        return _subscript(node, _evaluate(node.value, text, values), _evaluate(node.slice, text, values))
    if isinstance(node, ast.Call):
        return _call(node, text, values)
    raise ExpressionError(f"{_what(node)} is not for expressions in a spec", node)


def _named(node: ast.Name, values: Mapping[str, Any]) -> Any:
    if node.id in CONSTANTS:
        return CONSTANTS[node.id]
    try:
        value = values[node.id]
    except KeyError:
        raise ExpressionError(f"{node.id!r} has no value here", node) from None
    if value is UNKNOWN:
        raise Unknown(f"{node.id!r} could not be read", node)
    return value


def _constant(node: ast.Constant, text: str) -> Any:
    if isinstance(node.value, float):
        try:  # the float has lost digits; the text has not
            return number(ast.get_source_segment(text.strip().replace("\n", " "), node) or "")
        except ValueError as error:
            raise ExpressionError(str(error), node) from None
    if isinstance(node.value, bool | int | str) or node.value is None:
        return _bounded(node.value, node)
    raise ExpressionError(f"{node.value!r} is not for expressions in a spec", node)


def _bounded(value: Any, node: ast.AST | None) -> Any:
    """The value, whole where it is whole; refused where it grows beyond any meaning."""
    if isinstance(value, tuple):
        return bounded_list(value, node)
    if isinstance(value, str):
        steps.spend(len(value) // CHARACTERS_IN_STEP)
    elif value is not None and not is_truth(value):
        if getattr(value, "denominator", 1) == 1:
            value = value.numerator
        if _has_more_bits(value, MOST_BITS):
            raise ExpressionError("the number grows too large", node)
    return value


def _has_more_bits(number_: Any, bits: int) -> bool:
    """Whether a whole number, or a part of a fraction, has more binary digits.

    One that varies is asked where it may have; its parts may have a factor in common, and are asked what they are.
    """
    parts = [part for part in (number_.numerator, number_.denominator) if part.bit_length() > bits]
    if parts and isinstance(number_, VaryingRatio):
        return _has_more_bits(plain(number_), bits)
    return any(not -(2**bits) < part < 2**bits for part in parts)


def bounded_list(items: tuple[Any, ...], node: ast.AST | None = None) -> tuple[Any, ...]:
    """The list; refused where there are too many items in it and the lists in it, or lists too deep within lists.

    Raises:
        ExpressionError: it is refused.
        OutOfSteps: one run may not take the steps to look at it.
    """
    count = _items(items, node)
    steps.spend(count // 2)
    if count > _LONGEST_LIST:
        raise ExpressionError(f"a list of more than {_LONGEST_LIST} items", node)
    return items


def _items(value: tuple[Any, ...], node: ast.AST | None, depth: int = 1) -> int:
    """Items of a list and of the lists in it, each of which counts for one at least, until they are too many."""
    if depth > DEEPEST_LIST:
        raise ExpressionError(f"lists within lists more than {DEEPEST_LIST} deep", node)
    count = 0
    for item in value:
        count += max(_items(item, node, depth + 1), 1) if isinstance(item, tuple) else 1
        if count > _LONGEST_LIST:
            break
    return count


def _is_number(value: Any) -> bool:
    return not isinstance(value, str | tuple | None) and not is_truth(value)


def _connected(node: ast.BoolOp, text: str, values: Mapping[str, Any]) -> Any:
    """What `and` and `or` say: from the left, as far as it takes."""
    decides = isinstance(node.op, ast.Or)
    result: Any = not decides
    for part in node.values:  # in a loop, as each function within another counts against Python's own limit
        truth = _truth(part, text, values)
        if truth is decides:
            return decides
        result = either(result, truth) if decides else both(result, truth)
    return result


def _chosen(node: ast.IfExp, text: str, values: Mapping[str, Any]) -> Any:
    """One value or another; where the condition varies, and both are numbers, whichever it is at each point."""
    condition = _truth(node.test, text, values)
    if not isinstance(condition, bool):
        try:
            first, second = (_evaluate(part, text, values) for part in (node.body, node.orelse))
        except ExpressionError:  # one of the two is there because the other would not do
            first = second = None
        if _is_number(first) and _is_number(second):
            return select(condition, first, second)
    return _evaluate(node.body if condition else node.orelse, text, values)


def _binary(node: ast.BinOp, left: Any, right: Any) -> Any:
    sign = type(node.op)
    try:
        if sign in (ast.Add, ast.Mult) and (isinstance(left, tuple) or isinstance(right, tuple)):
            return _bounded(_list_operation(sign, left, right), node)
        if not (_is_number(left) and _is_number(right)):
            raise TypeError
        if sign is ast.Div:
            return _bounded(_divided(left, right), node)
        if sign is ast.Pow:
            power = whole(right)
            if power is None or not 0 <= power <= MOST_BITS:
                raise ExpressionError(f"expected a power from 0 to {MOST_BITS}, found {shown(right)}", node.right)
            right = int(power)
            if right and _has_more_bits(left, MOST_BITS // right + 1):  # before it is worked out
                raise ExpressionError("the number grows too large", node)
            return _bounded(left**right, node)
        return _bounded(_OPERATORS[sign](left, right), node)
    except TypeError:
        raise ExpressionError(f"{shown(left)} and {shown(right)} do not go together here", node) from None
    except ZeroDivisionError:
        raise ExpressionError("division by zero", node) from None


def _divided(left: Any, right: Any) -> Any:
    if isinstance(left, Varying | VaryingRatio) or isinstance(right, Varying | VaryingRatio):
        return ratio(left, right)
    from fractions import Fraction

    return Fraction(left) / right


def _list_operation(sign: type[ast.AST], left: Any, right: Any) -> tuple[Any, ...]:
    """``[1] + [2]`` and ``[1] * 3``, with the length checked before the list is made."""
    if sign is ast.Add and isinstance(left, tuple) and isinstance(right, tuple):
        return left + right
    items, times = (left, right) if isinstance(left, tuple) else (right, left)
    number_ = whole(times)
    if sign is ast.Add or number_ is None:
        raise TypeError
    return items * min(int(number_), _LONGEST_LIST // _items(items, None) + 1 if items else 0)


def _compare(node: ast.Compare, text: str, values: Mapping[str, Any]) -> Any:
    left, result = _evaluate(node.left, text, values), True
    for sign, right_node in zip(node.ops, node.comparators, strict=True):
        right = _evaluate(right_node, text, values)
        steps.spend(_steps_to_read(left) + _steps_to_read(right))
        try:
            holds = _OPERATORS[type(sign)](left, right)
        except TypeError:
            raise ExpressionError(f"{shown(left)} and {shown(right)} cannot be compared", node) from None
        result = both(result, holds)
        if result is False:
            return False
        left = right
    return result


def _steps_to_read(value: Any) -> int:
    """What it takes to go through a value once, as a comparison does."""
    if isinstance(value, tuple):
        return _STEPS_OF_OPERATION * _items(value, None)
    return len(value) // CHARACTERS_IN_STEP if isinstance(value, str) else 0


def _truth(node: ast.expr, text: str, values: Mapping[str, Any]) -> Any:
    value = _evaluate(node, text, values)
    if not is_truth(value):
        raise ExpressionError(f"expected a comparison or true or false, found {shown(value)}", node)
    return value


def _signed(node: ast.UnaryOp, value: Any) -> Any:
    if not _is_number(value):
        raise ExpressionError(f"expected a number, found {shown(value)}", node.operand)
    return -value if isinstance(node.op, ast.USub) else value


def _subscript(node: ast.Subscript, items: Any, index: Any) -> Any:
    if not isinstance(items, tuple):
        raise ExpressionError(f"expected a list, found {shown(items)}", node.value)
    place_ = whole(index)
    if place_ is None or not -len(items) <= place_ < len(items):
        raise ExpressionError(f"expected an index from 0 to {len(items) - 1}, found {shown(index)}", node.slice)
    return items[int(place_)]


def _round_to(value: Any, multiple: int) -> int:
    """The nearest multiple (half up), at least one, and never below 90 % of the value.

    The rule by which MobileNets and EfficientNets round channels (``make_divisible`` in their code).
    """
    if whole(multiple) is None or multiple < 1:
        raise ValueError
    nearest = maximum(multiple, (2 * value + multiple) // (2 * multiple) * multiple)
    return select(10 * nearest >= 9 * value, nearest, nearest + multiple)  # type: ignore[no-any-return]  # a whole number


def _folded(sign: type[ast.AST], items: tuple[Any, ...], result: Any) -> Any:
    """The sum or product, every number on the way to it bounded: the denominators of fractions multiply."""
    if not isinstance(items, tuple) or not all(map(_is_number, items)):
        raise TypeError
    steps.spend(_STEPS_OF_SUMMAND * len(items))
    for item in items:
        result = _bounded(_OPERATORS[sign](result, item), None)
    return result


def _compared(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values, or the items of the one list that they are."""
    items = values[0] if len(values) == 1 else values
    if not isinstance(items, tuple):
        raise TypeError
    steps.spend(sum(map(_steps_to_read, items)) + _STEPS_OF_OPERATION * len(items))
    return items


def _extreme(of_plain: Callable[..., Any], of_two: Callable[[Any, Any], Any], values: tuple[Any, ...]) -> Any:
    items = _compared(values)
    if any(isinstance(item, Varying | VaryingRatio) for item in items):
        return reduce(of_two, items)
    return of_plain(items)


def _rounded(value: Any) -> Any:
    """Without the digits that `round` may be given, to which it takes ten to a power."""
    return round(value)


def _on_axis(value: Any, axis: int, elsewhere: Any, rank: int) -> Any:
    """`value` on one axis and `elsewhere` on the others; a word stays a word, a list gives its item."""
    if isinstance(value, str):
        return value
    items = value if isinstance(value, tuple) else (value,) * rank
    return tuple(items[axis] if index == axis else elsewhere for index in range(rank))


def _taps(kernel: Any, rank: int) -> Any:
    """How many taps a kernel has on all its axes together."""
    return _folded(ast.Mult, kernel if isinstance(kernel, tuple) else (kernel,) * rank, 1)


def _as_double(value: Any) -> Any:
    """The nearest number that 64 bits hold, exactly: what a program has that calculates in floating point."""
    if not _is_number(value) or isinstance(value, Varying | VaryingRatio):
        raise TypeError
    from fractions import Fraction

    return Fraction(float(value))


FUNCTIONS: dict[str, tuple[Callable[..., Any], str]] = {
    "abs": (abs, "abs(x)"),
    "as_double": (_as_double, "as_double(x): the nearest number of 64 bits"),
    "ceil": (lambda x: -(-x // 1), "ceil(x): rounded up"),
    "channels_of": (lambda *_: None, "channels_of(layer): the channels of a layer's output, or of an input"),
    "floor": (lambda x: x // 1, "floor(x): rounded down"),
    "len": (len, "len(list)"),
    "max": (lambda *values: _extreme(max, maximum, values), "max(a, b, ...)"),
    "min": (lambda *values: _extreme(min, minimum, values), "min(a, b, ...)"),
    "on_axis": (_on_axis, "on_axis(value, axis, elsewhere): value on one spatial axis, elsewhere on the others"),
    "round": (_rounded, "round(x): to the nearest, halves to even"),
    "round_to": (_round_to, "round_to(x, multiple): to the nearest multiple, never below 90 % of x"),
    "size_of": (
        lambda *_: None,
        "size_of(layer): the sizes of a layer's output, or of an input, without its channels",
    ),
    "sum": (lambda items: _folded(ast.Add, items, 0), "sum(list)"),
    "taps": (_taps, "taps(kernel_size): the taps of a kernel on all axes together"),
}


def _call(node: ast.Call, text: str, values: Mapping[str, Any]) -> Any:
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords:
        name = node.func.id if isinstance(node.func, ast.Name) else "this"
        raise ExpressionError(f"{name} is not a function here; there are {', '.join(FUNCTIONS)}", node.func)
    if node.func.id in OF_LAYERS:
        return _of_layer(node, node.func.id, values)
    function, usage = FUNCTIONS[node.func.id]
    arguments = [_evaluate(argument, text, values) for argument in node.args]
    if function in (_on_axis, _taps):
        rank = values.get("rank", 1)  # 1 outside of layers
        if rank is UNKNOWN:
            raise Unknown("'rank' could not be read", node)
        arguments.append(rank)
    try:
        return _bounded(function(*arguments), node)
    except (TypeError, ValueError, IndexError, ZeroDivisionError, AttributeError):
        texts = ", ".join(shown(argument) for argument in arguments[: len(node.args)])
        raise ExpressionError(f"expected {usage.partition(':')[0]}, found {node.func.id}({texts})", node) from None


def _of_layer(node: ast.Call, function: str, values: Mapping[str, Any]) -> Any:
    if len(node.args) != 1 or not isinstance(node.args[0], ast.Name):
        raise ExpressionError(f"expected {function}(layer), with the name of a layer above or input", node)
    shape_of = values.get(SHAPE_OF)
    if not callable(shape_of):  # outside of layers, where it may be a variable's name that was refused
        raise ExpressionError(f"{function} is for the fields of layers", node)
    channels, *sizes = shape_of(node.args[0].id)
    return channels if function == "channels_of" else tuple(sizes)
