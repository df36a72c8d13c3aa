"""The values of a spec: its variables, those given from outside, and typed values that rest on them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from convcalc import steps
from convcalc.fields import FieldError, FieldType, Listed
from convcalc.language import tree
from convcalc.language.expressions import UNKNOWN, ExpressionError, Unknown, is_name
from convcalc.language.limits import FIGURES, entries, read_amount
from convcalc.language.overrides import Overrides, parted
from convcalc.language.parsing import parse
from convcalc.language.source import Diagnostic, Source
from convcalc.language.suggestions import did_you_mean, listed
from convcalc.language.template import IN_LAYER, Compiler
from convcalc.language.tree import Node, Scalar, described, span
from convcalc.language.values import CompiledValue

SHAPE = Listed("sizes, channels first, no batch axis", minimum=1)


class Evaluated(msgspec.Struct, frozen=True):
    """A given value that is not a text to be read: a number, a text, or a tuple of such, as an expression gives it."""

    value: Any


class Settings:
    """Evaluates what stands outside the layers; `values` are the variables by name."""

    def __init__(self, compiler: Compiler) -> None:
        self.compiler = compiler
        self.values: dict[str, Any] = {}
        self.keys: dict[str, Scalar] = {}
        self.rests_on: dict[str, set[str]] = {}  # the names in the value of each variable
        self.overrides = Overrides()
        self.is_over_limit = False  # variables that follow have no value
        self.problems: list[Diagnostic] = []  # of what was given from outside; the spec's own are the compiler's

    def text(self, mapping: tree.Mapping, field: str) -> str:
        """A text field as it is written, nothing where it is not there."""
        node = mapping.find(field)
        if node is None:
            return ""
        if not isinstance(node, Scalar):
            self.compiler.problem("CC011", node, f"{field}: expected a text, found {described(node)}")
            return ""
        # 1e3 is a number to YAML and a name all the same.
        return node.value if isinstance(node.value, str) else self.compiler.source.text[node.start : node.end]

    def variables(self, node: Node | None, given: Mapping[str, object]) -> None:
        """Read the variables in order; a given value stands in for the spec's own."""
        if node is not None and not isinstance(node, tree.Mapping):
            message = f"variables: expected a mapping, found {described(node)}"
            self.compiler.problem("CC011", node, message, "variables: {width: 64}")
        names = [str(key.value) for key, _ in tree.entries_of(node)]
        for name, value in given.items():
            if name not in names and parted(name):
                self.overrides.add(name, self._given(name, value, set()))
            elif name not in names:
                advice = did_you_mean(name, names) or f"it has {listed(names) or 'none'}"
                if name == "input":
                    advice = f"sizes of an input are given by --input {value}"
                message = f"the spec has no variable `{name}`"
                source = Source("--set", f"{name}={value}")
                self.problems.append(source.diagnostic("CC013", 0, len(name), message, advice))
        known: set[str] = set()
        for key, value in tree.entries_of(node):
            name = str(key.value)
            if not is_name(name) or name in {*IN_LAYER, "index"}:
                self.compiler.problem("CC011", key, f"variables: `{name}` cannot be the name of a variable")
                self.values[name] = UNKNOWN
            elif name in given:
                self.keys[name] = key
                self.values[name] = self._given(name, given[name], known)
            else:
                self.keys[name] = key
                self.values[name] = self.own(name, value, known)
            known.add(name)

    def own(self, name: str, node: Node, known: set[str]) -> Any:
        """The value that the spec gives a variable."""
        if self.is_over_limit:
            return UNKNOWN
        try:
            read, self.rests_on[name] = self.compiler.uses_of(partial(self.compiler.value, node, known, None, name))
            return self.evaluated(read, name)
        except steps.OutOfSteps as error:
            self.is_over_limit = True
            self.compiler.problems.append(self.compiler.source.diagnostic("CC008", *span(node), f"{name}: {error}"))
            return UNKNOWN

    def _given(self, name: str, given: object, known: set[str]) -> Any:
        if isinstance(given, Evaluated):
            return given.value
        text = str(given)
        source = Source("--set", f"{name}={text}")
        parsed = parse(Source("--set", " " * (len(name) + 1) + text))  # so that places are those in `source`
        problems = [replace(problem, text=source.text) for problem in parsed.problems]
        if parsed.root is None and not problems:
            message = f"{name}: expected a value, found nothing"
            problems = [source.diagnostic("CC011", 0, len(source.text), message)]
        if parsed.root is None or problems:
            self.problems += problems
            return UNKNOWN
        own = Settings(Compiler(source, self.compiler.find_block, self.compiler.known))
        own.values, own.rests_on, own.is_over_limit = self.values, self.rests_on, self.is_over_limit
        value = own.own(name, parsed.root, known)
        self.is_over_limit = own.is_over_limit
        self.problems += own.compiler.problems
        return value

    def evaluated(self, value: CompiledValue, name: str) -> Any:
        """What a value says, `UNKNOWN` where it cannot be read."""
        try:
            return value.evaluate(self.values)
        except Unknown:
            return UNKNOWN
        except ExpressionError as error:
            self.compiler.problem("CC011", value.node, f"{name}: {error}")
            return UNKNOWN

    def typed(self, node: Node, type_: FieldType, name: str) -> Any:
        """A value of a type, None where it cannot be read."""
        value = self.evaluated(self.compiler.value(node, set(self.values), type_, name), name)
        if value is UNKNOWN:
            return None
        try:
            return type_.accept(value, 1)
        except FieldError as error:
            self.compiler.problem("CC011", node, f"{name}: {error}")
            return None

    def expected(self, node: Node | None) -> dict[str, object]:
        """The figures under `expect` that must be met: amounts, the output's shape, the receptive field."""
        expected: dict[str, object] = {}
        for key, value in entries(self.compiler, node, "expect", FIGURES):
            name = str(key.value)
            is_shape = name == "output" or (name == "receptive_field" and isinstance(value, tree.Sequence))
            expected[name] = self.typed(value, SHAPE, name) if is_shape else read_amount(self.compiler, key, value)
        return expected
