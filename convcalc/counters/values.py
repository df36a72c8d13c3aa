"""What stands in a counter's file: mappings, texts, flags, rules; what cannot be read is reported and left out."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable

from convcalc import steps
from convcalc.counters.facts import hidden, names_for, not_given
from convcalc.language.expressions import FUNCTIONS, Expression, ExpressionError, place
from convcalc.language.source import STEPS_OF_DIAGNOSTIC, Diagnostic, Source
from convcalc.language.suggestions import did_you_mean, kind_meant, listed
from convcalc.language.tree import Mapping, Node, Scalar, Sequence, described, span
from convcalc.layers import names as kind_names


class CounterValues:
    """Reads the values of one file. `options` are those of the counter, each with its values, for the names in rules.

    `checked`: names in rules must be given by something, which takes a look at every kind; files that ship are checked
    by a test.
    """

    def __init__(self, source: Source, problems: list[Diagnostic], *, checked: bool) -> None:
        self.source = source
        self.problems = problems
        self.kinds = kind_names()
        self.checked = checked
        self.options: dict[str, tuple[str, ...]] = {}

    def problem(self, code: str, node: Node, message: str, advice: str = "") -> None:
        """Report something about a node."""
        self._report(code, span(node), message, advice)

    def _report(self, code: str, marked: tuple[int, int], message: str, advice: str) -> None:
        steps.spend(STEPS_OF_DIAGNOSTIC)
        self.problems.append(self.source.diagnostic(code, *marked, message, advice))

    def entries(
        self, what: str, node: Node | None, known: Collection[str] | None = None
    ) -> list[tuple[str, Scalar, Node]]:
        """The entries of a mapping; all keys but the known ones are reported."""
        if node is None:
            return []
        if not isinstance(node, Mapping):
            self.problem("CC011", node, f"{what}: expected a mapping, found {described(node)}")
            return []
        pairs = [(str(key.value), key, value) for key, value in node.entries]
        for name, key, _ in pairs:
            if known is not None and name not in known:
                advice = did_you_mean(name, known) or f"it has {listed(known)}"
                self.problem("CC010", key, f"{what} has no field `{name}`", advice)
        return [pair for pair in pairs if known is None or pair[0] in known]

    def text(self, name: str, node: Node) -> str:
        """What is written, be it a number to YAML or not."""
        if not isinstance(node, Scalar) or node.value is None:
            self.problem("CC011", node, f"{name}: expected a text, found {described(node)}")
            return ""
        return node.value if isinstance(node.value, str) else self.source.text[node.start : node.end]

    def items(self, name: str, node: Node | None, of: str = "texts") -> list[Node]:
        """The items of a list, of which there must be some where it is written."""
        if node is None:
            return []
        if not isinstance(node, Sequence) or not node.items:
            self.problem("CC011", node, f"{name}: expected a list of {of}, found {described(node)}")
            return []
        return node.items

    def texts(self, name: str, node: Node | None) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(self.text(name, item) for item in self.items(name, node))

    def kind(self, name: str, word: str, node: Node) -> bool:
        """Whether there is a kind of that name; where there is none, that is reported."""
        if word in self.kinds:
            return True
        self.problem("CC013", node, f"{name}: there is no kind `{word}`", kind_meant(word, self.kinds))
        return False

    def listed_kinds(self, name: str, node: Node | None) -> tuple[str, ...]:
        """A list of kinds, each once."""
        kinds: dict[str, None] = {}
        for item in self.items(name, node, "kinds"):
            word = self.text(name, item)
            if word in kinds:
                self.problem("CC010", item, f"{name}: `{word}` stands there twice", "remove one of the two")
            elif word and self.kind(name, word, item):
                kinds[word] = None
        return tuple(kinds)

    def flag(self, name: str, node: Node | None) -> bool:
        """True or false; false where it is not written."""
        if node is not None and not (isinstance(node, Scalar) and isinstance(node.value, bool)):
            self.problem("CC011", node, f"{name}: expected true or false, found {described(node)}")
        return isinstance(node, Scalar) and node.value is True

    def expression(self, name: str, node: Node, kinds: Iterable[str] | None = None) -> Expression | None:
        """An amount, or a condition, of layers of some kinds; None: of any."""
        if not isinstance(node, Scalar) or node.value is None:
            advice = "leave it out where nobody has seen what is counted" if isinstance(node, Scalar) else ""
            self.problem("CC011", node, f"{name}: expected an expression, found {described(node)}", advice)
            return None
        text = self.text(name, node)
        try:
            expression = Expression(text)
        except ExpressionError as error:
            self._report("CC011", self._within(node, text, error), f"{name}: {error}", "")
            return None
        if expression.layers:
            self.problem("CC011", node, f"{name}: a rule is about one layer, and `{expression.layers[0]}` is another")
        elif self.checked and self._has_functions(name, node, expression):
            self._check_names(name, node, expression, self.kinds if kinds is None else tuple(kinds))
            self._check_options(name, node, expression, () if kinds is None else tuple(kinds))
        return expression

    def _has_functions(self, name: str, node: Scalar, expression: Expression) -> bool:
        """Whether there are the functions that a rule calls."""
        for call in ast.walk(expression.tree):
            word = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else ""
            if word and word not in FUNCTIONS:
                advice = did_you_mean(word, FUNCTIONS) or f"there are {', '.join(FUNCTIONS)}"
                mark = self._within(node, expression.text, ExpressionError("", call.func))  # type: ignore[attr-defined]
                self._report("CC013", mark, f"{name}: there is no function `{word}`", advice)
                return False
        return True

    def _check_names(self, name: str, node: Scalar, expression: Expression, kinds: Collection[str]) -> None:
        for word in not_given(expression, kinds, self.options):
            first = next(asked for asked in expression.names if asked.id == word)
            error = ExpressionError("", first)
            values = {value for values in self.options.values() for value in values}
            if word in values or word in self.kinds:
                advice = f"a text stands in quotes: '{word}'"
            else:
                known = names_for(kinds if len(kinds) < len(self.kinds) else (), self.options)
                advice = did_you_mean(word, known) or f"there are {', '.join(known)}"
            message = f"{name}: nothing gives `{word}` a value"
            self._report("CC013", self._within(node, expression.text, error), message, advice)

    def _check_options(self, name: str, node: Scalar, expression: Expression, kinds: Collection[str]) -> None:
        """A rule that holds an option against a value means it, and not the field of a layer that is called so."""
        texts = {part.value for part in ast.walk(expression.tree) if isinstance(part, ast.Constant)}
        for option in hidden(expression, kinds, self.options):
            if texts.intersection(self.options[option]):
                first = next(asked for asked in expression.names if asked.id == option)
                mark = self._within(node, expression.text, ExpressionError("", first))
                message = f"{name}: `{option}` is the layer's own field here, which goes before the option"
                self._report("CC013", mark, message, "give the option another name")

    def _within(self, node: Scalar, text: str, error: ExpressionError) -> tuple[int, int]:
        """What is marked of an expression: the part to blame, where the text is written as it reads."""
        start = node.start + (not node.plain)
        if error.node is None or not self.source.text.startswith(text, start):
            return span(node)
        first, last = place(text, error.node)
        return start + first, start + last
