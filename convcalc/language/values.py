"""Values as they are written: constants, expressions and lists, read by the type of their field."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

from convcalc import steps
from convcalc.arithmetic.window import PADDING_WORDS
from convcalc.fields import AMBIGUOUS, FieldError, FieldType, Flag
from convcalc.language import tree
from convcalc.language.elsewhere import value_advice
from convcalc.language.expressions import (
    FUNCTIONS,
    LONGEST,
    Expression,
    ExpressionError,
    Unknown,
    bounded_list,
    is_name,
    place,
)
from convcalc.language.labels import BRACES, PART, Label, is_computed
from convcalc.language.source import STEPS_OF_DIAGNOSTIC, Diagnostic, Source
from convcalc.language.suggestions import did_you_mean
from convcalc.language.tree import Node, Scalar, scalar, span

_STEPS_OF_VALUE = 2

Read = TypeVar("Read")


class CompiledValue(msgspec.Struct, eq=False):
    """A field as written: a constant, an expression, or a list of such."""

    node: Node
    written: Any  # the constant, the Expression, a list of Values, or None if it could not be read
    constant: bool = False

    def evaluate(self, names: dict[str, Any]) -> Any:
        """What it says, given the values of names.

        Raises:
            ExpressionError: it has no value, or one beyond the limits of lists.
            OutOfSteps: it takes more work than one run may.
        """
        if self.written is None and not self.constant:
            raise Unknown("reported where it stands")
        if isinstance(self.written, Expression):
            return self.written.evaluate(names)
        if isinstance(self.written, list):
            return bounded_list(tuple([value.evaluate(names) for value in self.written]))
        return self.written

    def layers(self) -> Iterator[str]:
        """The layers and inputs whose sizes or channels it asks for."""
        if isinstance(self.written, Expression):
            yield from self.written.layers
        elif isinstance(self.written, list):
            for value in self.written:
                yield from value.layers()


class ValueReader:
    """Reads the values of one source, and collects what is wrong with them in `problems`."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Diagnostic] = []
        self.place = 0  # of what is being read
        self.used: set[str] = set()  # the names that what has been read rests on
        self._said: set[Diagnostic] = set()

    def problem(self, code: str, node: Node, message: str, advice: str = "") -> None:
        """Report something about a node, unless it could not even be read as YAML, which has been reported."""
        if isinstance(node, Scalar) and isinstance(node.value, tree.Unreadable):
            return
        self._add(self.source.diagnostic(code, *span(node), message, advice))

    def _add(self, problem: Diagnostic) -> None:
        steps.spend(STEPS_OF_DIAGNOSTIC)
        if problem not in self._said:  # what stands behind an anchor is read at every alias
            self._said.add(problem)
            self.problems.append(problem)

    def uses_of(self, read: Callable[[], Read]) -> tuple[Read, set[str]]:
        """What a call returns, and the names that the values it reads rest on, which are not added to `used`."""
        around, self.used = self.used, set()
        try:
            return read(), self.used
        finally:
            self.used = around

    def value(self, node: Node, names: set[str], type_: FieldType | None, field: str) -> CompiledValue:
        """A field's value; an untyped one (a block's argument) may also be a word or quoted text."""
        self.place = node.start
        if isinstance(node, tree.Sequence):
            return self._list(node, names, type_, field)
        if isinstance(node, tree.Mapping):
            expected = type_.expected if type_ is not None else "a value"
            return self._none(node, f"{field}: expected {expected}, found a mapping")
        if isinstance(node.value, tree.Unreadable):
            return CompiledValue(node, None)
        if isinstance(node.value, str) and (type_ is None or node.value not in type_.words):
            return self._expression(node, names, type_, field)
        if type_ is not None:
            try:
                type_.accept(node.value, 1)
            except FieldError as error:
                return self._none(node, f"{field}: {error}")
        return CompiledValue(node, node.value, constant=True)

    def _none(self, node: Node, message: str) -> CompiledValue:
        self.problem("CC011", node, message)
        return CompiledValue(node, None)

    def label(self, node: Scalar, names: set[str], field: str) -> Label:
        """A name that holds expressions; what cannot be read of it is reported and left out."""
        text, pieces, end = str(node.value), [], 0
        for match in BRACES.finditer(text):
            inner = self._expression(self._inside(node, match.start(1), match.end(1)), names, PART, field)
            pieces += [text[end : match.start()], *([inner.written] if inner.written is not None else [])]
            end = match.end()
        pieces.append(text[end:])
        if any(isinstance(piece, str) and is_computed(piece) for piece in pieces):
            self.problem("CC011", node, f"{field}: a brace without its other, found {text!r}")
        return Label(pieces)

    def _inside(self, node: Scalar, first: int, last: int) -> Scalar:
        """The characters from `first` to `last` of a text, in their place where the text is written as it reads."""
        text, start = str(node.value), node.start + (not node.plain)
        if not self.source.text.startswith(text, start):
            return scalar(text[first:last], node.start, node.end)
        return scalar(text[first:last], start + first, start + last)

    def _list(self, node: tree.Sequence, names: set[str], type_: FieldType | None, field: str) -> CompiledValue:
        steps.spend(_STEPS_OF_VALUE * len(node.items))
        if type_ is not None and type_.item is None:
            return self._none(node, f"{field}: expected {type_.expected}, found a list")
        items = [self.value(item, names, type_ and type_.item, field) for item in node.items]
        if all(item.constant for item in items):
            return CompiledValue(node, tuple(item.written for item in items), constant=True)
        return CompiledValue(node, items)

    def _expression(self, node: Scalar, names: set[str], type_: FieldType | None, field: str) -> CompiledValue:
        text = str(node.value)
        if text in names and not is_name(text):  # the name was refused where it was given
            return CompiledValue(node, None)
        if type_ is None and text.isidentifier() and (text not in names or not node.plain):
            close = did_you_mean(text, names) if node.plain and text not in PADDING_WORDS else ""
            if close:
                self.problem("CC013", node, f"{field}: `{text}` has no value here", close)
            return CompiledValue(node, text, constant=True)
        try:
            expression = Expression(text)
        except ExpressionError as error:
            if type_ is None and not node.plain:
                return CompiledValue(node, text, constant=True)
            return self._no_expression(node, type_, field, error)
        self.used.update(name.id for name in expression.names)
        for name in expression.names:
            if name.id not in names:
                return self._unknown_name(node, name, names, type_, field)
        return CompiledValue(node, expression)

    def _no_expression(
        self, node: Scalar, type_: FieldType | None, field: str, error: ExpressionError
    ) -> CompiledValue:
        text, takes_list = str(node.value), type_ is not None and type_.item is not None
        if text.count("(") > text.count(")") or text.count("[") > text.count("]"):
            message = f"{field}: a comma inside braces ends a value, and cuts {text!r} off"
            advice = "put the whole expression in quotes"
            if text.startswith("(") and takes_list:
                advice = f"a list is written in brackets: [{text[1:]}, ...]"
            return self._blame(node, None, "CC011", message, advice)
        expected = f"expected {type_.expected}; " if type_ is not None else ""
        advice = value_advice(text, takes_list=takes_list) if len(text) <= LONGEST else ""
        return self._blame(node, error.node, "CC011", f"{field}: {expected}{error}", advice)

    def _blame(self, node: Scalar, part: ast.AST | None, code: str, message: str, advice: str) -> CompiledValue:
        """Report something about a part of an expression, which has no value."""
        start, end = node.start, node.end
        if "\n" not in self.source.text[start:end]:
            first, last = place(str(node.value), part)
            start, end = start + (not node.plain) + first, min(end, start + (not node.plain) + last)
        self._add(self.source.diagnostic(code, start, end, message, advice))
        return CompiledValue(node, None)

    def _unknown_name(
        self, node: Scalar, part: ast.Name, names: set[str], type_: FieldType | None, field: str
    ) -> CompiledValue:
        name, is_alone = part.id, part.id == node.value
        expected = f"expected {type_.expected}; " if type_ is not None else ""
        if is_alone and name.lower() in AMBIGUOUS and isinstance(type_, Flag):
            advice = f"YAML 1.2 reads {name} as a text; write {AMBIGUOUS[name.lower()]}"
            return self._blame(node, part, "CC003", f"{field}: {expected}found the text '{name}'", advice)
        if name == "input_channels" and "in_channels" in names:
            advice = "there are several inputs; channels_of(NAME) are those of one of them"
        else:
            advice = did_you_mean(name, [*names, *(type_.words if type_ is not None else ())])
        if not advice and name in FUNCTIONS:
            advice = f"{name} is a function: {FUNCTIONS[name][1]}"
        if not advice and name == "index":
            advice = "index is the number of a repetition: it has a value where `repeat` stands, or within"
        problem = f"found `{name}`, which has no value here" if is_alone else f"`{name}` has no value here"
        code = "CC011" if is_alone and type_ is not None and not advice else "CC013"
        if not advice and (type_ is None or not type_.words):
            advice = "a value of your own stands under `variables`, or among the parameters of the block"
        return self._blame(node, part, code, f"{field}: {expected}{problem}", advice)
