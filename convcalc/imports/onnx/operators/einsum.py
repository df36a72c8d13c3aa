"""Einsum: any equation, two tensors at a time from the left, as products of matrices where letters are summed over.

What one tensor alone sums is summed first. Then letters of both that stay are so many products beside each other, those
of both that go are what is summed over, and the others rows and columns. Where none goes it is a product element by
element.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import msgspec

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.constants import Constant, is_learned
from convcalc.imports.onnx.operators.products import relaid
from convcalc.imports.onnx.values import Call, Value, laid_out, viewed

MOST_OPERANDS = 16
"""Tensors of an equation."""

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What axes may be called."""


class Operand(msgspec.Struct):
    """A tensor with a letter for each of its axes, each once; `constant` is a weight as it lies, if it is one."""

    letters: str
    draft: Draft | None
    constant: Constant | None = None


def spelled(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The letters of each tensor and of the result; for `...` letters of their own, the same from the last on."""
    left, arrow, result = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks) or len(terms) > MOST_OPERANDS:
        raise Inexpressible(f"equation {equation[:60]} of {len(ranks)} tensors")
    free = [letter for letter in _LETTERS if letter not in equation]
    hidden = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    most = max((count for term, count in zip(terms, hidden, strict=True) if "..." in term), default=0)
    if most > len(free):
        raise Inexpressible(f"equation {equation[:60]}")
    others = "".join(free[:most])
    full = [
        term.replace("...", others[most - count :]) if count >= 0 else term
        for term, count in zip(terms, hidden, strict=True)
    ]
    if not arrow:
        once = sorted(letter for letter in set(left) if letter.isalpha() and left.count(letter) == 1)
        result = "..." + "".join(once)
    result = result.replace("...", others)
    known = set("".join(full))
    fits = all(len(term) == rank and term.isalpha() for term, rank in zip(full, ranks, strict=True) if rank)
    if not fits or set(result) - known or len(set(result)) < len(result):
        raise Inexpressible(f"equation {equation[:60]}")
    return full, result


def _einsum(call: Call) -> Value:
    values = [call.value(index) for index in range(len(call.inputs))]
    terms, result = spelled(call.attributes.text("equation"), [len(value.shape) for value in values])
    sizes: dict[str, int] = {}
    for letters, value in zip(terms, values, strict=True):
        for letter, size in zip(letters, value.shape, strict=True):
            if 1 not in (size, sizes.get(letter, 1)) and sizes[letter] != size:
                raise Inexpressible(f"letter {letter} stands for {sizes[letter]} and for {size}")
            sizes[letter] = max(size, sizes.get(letter, 1))
    entering = [_term(call, value, letters, sizes) for value, letters in zip(values, terms, strict=True)]
    first = entering[0]
    for place, second in enumerate(entering[1:], start=2):
        needed = {*result, *"".join(term.letters for term in entering[place:])}
        first = _product(call, first, second, needed, sizes)
    draft = _summed(call, first, set(result), sizes)
    y = _laid(call, draft, first_letters(first, result), result, sizes)
    return laid_out(call, y, tuple(sizes[letter] for letter in result))


def first_letters(term: Operand, result: str) -> str:
    """The letters of a tensor of which the others have been summed over."""
    return "".join(letter for letter in term.letters if letter in result)


def _term(call: Call, value: Value, letters: str, sizes: dict[str, int]) -> Operand:
    """A tensor with each letter once: of one that stands twice the diagonal, of a repeated axis none."""
    repeated = {letter for letter, size in zip(letters, value.shape, strict=True) if size != sizes[letter]}
    if not repeated and len(set(letters)) == len(letters) and value.constant is not None and is_learned(value.constant):
        return Operand(letters, None, value.constant)
    draft = viewed(call.builder, value, None)
    for letter in [letter for letter in dict.fromkeys(letters) if letters.count(letter) > 1]:
        while letters.count(letter) > 1:
            draft, letters = _diagonal(call, draft, letters, letter)
    kept = "".join(letter for letter in letters if letter not in repeated)
    return Operand(kept, call.builder.reshaped(draft, tuple(sizes[letter] for letter in kept), (call.node,)))


def _diagonal(call: Call, x: Draft, letters: str, letter: str) -> tuple[Draft, str]:
    """Of two axes that have the same letter their diagonal, as the last axis: every size + 1-th of both laid out."""
    first = letters.index(letter)
    second = letters.index(letter, first + 1)
    beside = [axis for axis in range(len(letters)) if axis not in (first, second)]
    size, before = x.shape[first], tuple(x.shape[axis] for axis in beside)
    turned = _turned(call, x, [*beside, first, second])
    flat = call.builder.reshaped(turned, (*before, size * size), (call.node,))
    taken = call.layer("slice", {"axis": len(beside), "step": size + 1}, flat)
    return taken, "".join(letters[axis] for axis in beside) + letter


def _drafted(call: Call, term: Operand) -> Draft:
    if term.draft is not None:
        return term.draft
    if term.constant is None:
        raise Inexpressible("a tensor that is not known")
    value = Value(term.constant.shape, None, None, term.constant)
    return viewed(call.builder, value, None)


def _summed(call: Call, term: Operand, needed: set[str], sizes: dict[str, int]) -> Draft:
    """The tensor without the letters that nobody else has."""
    x = _drafted(call, term)
    gone = tuple(axis for axis, letter in enumerate(term.letters) if letter not in needed)
    if not gone:
        return x
    if all(sizes[term.letters[axis]] == 1 for axis in gone):
        left = tuple(sizes[letter] for letter in term.letters if letter in needed)
        return call.builder.reshaped(x, left, (call.node,))
    return call.layer("reduce", {"axes": gone, "operation": "sum"}, x)


def _product(call: Call, first: Operand, second: Operand, needed: set[str], sizes: dict[str, int]) -> Operand:
    """Two tensors as one, of the letters that are needed behind it."""
    if first.constant is not None and second.constant is None:
        first, second = second, first  # a weight is the second of a dense layer
    own = [
        "".join(letter for letter in term.letters if letter in needed or letter in other.letters)
        for term, other in ((first, second), (second, first))
    ]
    beside = [letter for letter in own[0] if letter in own[1] and letter in needed]
    rows = [letter for letter in own[0] if letter not in own[1]]
    columns = [letter for letter in own[1] if letter not in own[0]]
    summed = [letter for letter in own[0] if letter in own[1] and letter not in needed]
    x = _summed(call, first, {*own[0]}, sizes)
    letters = "".join([*beside, *rows, *columns])
    counts = [prod(sizes[letter] for letter in group) for group in (rows, summed, columns)]
    if second.constant is not None and second.letters == own[1] and not beside and summed:
        laid = _laid(call, x, own[0], [*rows, *summed], sizes, (*(sizes[letter] for letter in rows), counts[1]))
        fields = {"out_features": counts[2], "bias": False}
        order = [own[1].index(letter) for letter in (*columns, *summed)]
        weight = relaid(second.constant, order, (counts[2], counts[1]))
        z = call.layer("linear", fields, laid, arrays={"weight": weight})
    else:
        y = _summed(call, second, {*own[1]}, sizes)
        front = tuple(sizes[letter] for letter in beside)
        if summed:
            laid = _laid(call, x, own[0], [*beside, *rows, *summed], sizes, (*front, counts[0], counts[1]))
            other = _laid(call, y, own[1], [*beside, *summed, *columns], sizes, (*front, counts[1], counts[2]))
            z = call.layer("matmul", {}, laid, other)
        else:
            laid = _laid(call, x, own[0], [*beside, *rows], sizes, (*front, counts[0], 1))
            other = _laid(call, y, own[1], [*beside, *columns], sizes, (*front, 1, counts[2]))
            z = call.layer("mul", {}, laid, other)
    return Operand(letters, call.builder.reshaped(z, tuple(sizes[letter] for letter in letters)))


def _laid(
    call: Call,
    x: Draft,
    letters: str,
    order: Sequence[str],
    sizes: dict[str, int],
    shape: tuple[int, ...] | None = None,
) -> Draft:
    """A tensor with its axes in another order, and some of them taken together."""
    full = call.builder.reshaped(x, tuple(sizes[letter] for letter in letters))
    turned = _turned(call, full, [letters.index(letter) for letter in order])
    return turned if shape is None else call.builder.reshaped(turned, shape)


def _turned(call: Call, x: Draft, places: list[int]) -> Draft:
    """The axes in another order; where only axes of one position move it is a reshape."""
    large = [place for place in places if x.shape[place] > 1]
    if not places or large == sorted(large):
        return call.builder.reshaped(x, tuple(x.shape[place] for place in places))
    return call.layer("permute", {"axes": tuple(places)}, x)


OPERATORS = {"Einsum": _einsum}
