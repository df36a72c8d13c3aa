"""A counter's file to a `Counter`, or every mistake in it with its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from convcalc.counters import UNITS, ChosenFigure, Counter, PrintedFigure, ToolFault
from convcalc.language.coding import SPACES, is_call
from convcalc.language.expressions import Expression, ExpressionError
from convcalc.language.parsing import parse
from convcalc.language.source import Diagnostic, Source, SpecError, called, read
from convcalc.language.suggestions import did_you_mean
from convcalc.language.tree import Mapping as MappingNode
from convcalc.language.tree import Node, Scalar, described, span
from convcalc.language.tree import Sequence as SequenceNode
from convcalc.layers import names as kind_names

_LONGEST = 64 * 2**10
"""Characters of a counter's file, and a multiple of what the longest takes."""

_ADVICE = "`convcalc counts --list` lists them; a file of your own is named with its ending, as mine.yaml"
_EXAMPLE = "the least is as `figures: {MACs: {unit: macs, count: {conv: macs}}}`"

FIELDS = ("about", "package", "seen", "assumes", "options", "figures", "faults")
FIGURE_FIELDS = ("unit", "count", "zero", "calls", "others", "parts", "once", "per_sample", "times")
FAULT_FIELDS = ("kinds", "what", "when", "finding")


def unknown(name: str, known: Collection[str]) -> SpecError:
    """That there is no counter of a name."""
    meant = did_you_mean(name, known) or f"there are {', '.join(known)}"
    message = f"there is no counter `{called(name)}`"
    return SpecError([Diagnostic(called(name), 0, 0, 0, "CC013", message, f"{meant}. {_ADVICE}")])


def chosen(counter: Counter, text: str, options: Sequence[tuple[str, str, str]]) -> ChosenFigure:
    """A figure of a counter with these options, each as its name, a sign and its value.

    Raises:
        SpecError: there is no such option, value or figure.
    """
    values = {name: known[0] for name, known in counter.options.items()}
    figure = next(iter(counter.figures.values()))
    for name, sign, value in options:
        known: Collection[str] = counter.figures if name == "figure" else counter.options.get(name, ())
        if not known:
            there = ("figure", *counter.options)
            advice = did_you_mean(name, there) or f"it has {', '.join(there)}, as {_usage(counter)}"
            raise _refusal(text, f"{counter.name} has no option `{called(name)}`", advice)
        word = next((word for word in known if word.lower() == value.lower()), None)
        if not sign or word is None:
            is_there = f"`{called(value)}`" if sign else "nothing"
            raise _refusal(text, f"{counter.name} has {name}={'|'.join(known)}, not {is_there}", "")
        if name == "figure":
            figure = counter.figures[word]
        else:
            values[name] = word
    return ChosenFigure(counter, figure, values)


def _usage(counter: Counter) -> str:
    name, values = next(iter({**counter.options, "figure": tuple(counter.figures)}.items()))
    return f"{counter.name}:{name}={values[-1]}"


def _refusal(text: str, message: str, advice: str) -> SpecError:
    return SpecError([Diagnostic(called(text), 0, 0, 0, "CC013", message, advice)])


def of_file(path: str) -> Counter:
    """The counter that a file describes, named as the file is.

    Raises:
        SpecError: it cannot be read, or not as a counter.
    """
    source = read(path)
    if len(source.text) > _LONGEST:
        message = f"is larger than {_LONGEST // 2**10} KiB, the most a counter's file may be"
        raise SpecError([Diagnostic(source.path, 0, 0, 0, "CC008", message)])
    last = source.path.replace("\\", "/").rpartition("/")[2]
    return of_text(last.rpartition(".")[0] or last, source.path, source.text)


def of_text(name: str, path: str, text: str) -> Counter:
    """The counter that a text describes; `path` is how its mistakes name it.

    Raises:
        SpecError: it is no counter.
    """
    source = Source(path, text)
    parsed = parse(source)
    reader = _CounterReader(source, list(parsed.problems))
    fields = reader.counter(parsed.root) if parsed.complete else {}
    if reader.problems:
        raise SpecError(sorted(reader.problems, key=lambda problem: (problem.line, problem.column)))
    return Counter(name=name, **fields)


class _CounterReader:
    def __init__(self, source: Source, problems: list[Diagnostic]) -> None:
        self.source = source
        self.problems = problems
        self.kinds = frozenset(kind_names())

    def problem(self, code: str, node: Node, message: str, advice: str = "") -> None:
        start, end = span(node)
        self.problems.append(self.source.diagnostic(code, start, end, message, advice))

    def counter(self, root: Node | None) -> dict[str, Any]:
        """The fields of a file; those that cannot be read are reported and left out."""
        if root is None:
            message = "expected a counter, found nothing"
            self.problems.append(self.source.diagnostic("CC011", 0, 0, message, _EXAMPLE))
            return {}
        written = {name: node for name, _, node in self.entries("a counter", root, FIELDS)}
        fields: dict[str, Any] = {
            name: self.text(name, written[name]) if name in written else "" for name in ("about", "package", "seen")
        }
        fields["assumes"] = self.texts("assumes", written.get("assumes"))
        fields["options"] = {
            name: self.texts(name, node) for name, _, node in self.entries("options", written.get("options"))
        }
        fields["figures"] = {
            word: self.figure(word, node) for word, _, node in self.entries("figures", written.get("figures"))
        }
        if not fields["figures"]:
            self.problem("CC012", root, "a counter needs `figures`", _EXAMPLE)
        faults = written.get("faults")
        items = faults.items if isinstance(faults, SequenceNode) else []
        fields["faults"] = tuple(self.fault(node) for node in items)
        return fields

    def entries(
        self, what: str, node: Node | None, known: Collection[str] | None = None
    ) -> list[tuple[str, Scalar, Node]]:
        """The entries of a mapping; all keys but the known ones are reported."""
        if node is None:
            return []
        if not isinstance(node, MappingNode):
            self.problem("CC011", node, f"{what}: expected a mapping, found {described(node)}")
            return []
        pairs = [(str(key.value), key, value) for key, value in node.entries]
        for name, key, _ in pairs:
            if known is not None and name not in known:
                advice = did_you_mean(name, known) or f"it has {', '.join(sorted(known))}"
                self.problem("CC010", key, f"{what} has no field `{name}`", advice)
        return [pair for pair in pairs if known is None or pair[0] in known]

    def text(self, name: str, node: Node) -> str:
        """What is written, be it a number to YAML or not."""
        if not isinstance(node, Scalar) or node.value is None:
            self.problem("CC011", node, f"{name}: expected a text, found {described(node)}")
            return ""
        return node.value if isinstance(node.value, str) else self.source.text[node.start : node.end]

    def texts(self, name: str, node: Node | None) -> tuple[str, ...]:
        """A list of texts."""
        if node is None:
            return ()
        if not isinstance(node, SequenceNode) or not node.items:
            self.problem("CC011", node, f"{name}: expected a list of texts, found {described(node)}")
            return ()
        return tuple(self.text(name, item) for item in node.items)

    def listed_kinds(self, name: str, node: Node | None) -> tuple[str, ...]:
        """A list of kinds."""
        listed = self.texts(name, node)
        for kind in listed:
            if kind not in self.kinds:
                self.problem("CC013", node, f"{name}: there is no kind `{kind}`", did_you_mean(kind, self.kinds))  # type: ignore[arg-type]
        return listed

    def expression(self, name: str, node: Node) -> Expression | None:
        """An amount, or a condition."""
        if isinstance(node, Scalar) and node.value is not None:
            try:
                return Expression(self.text(name, node))
            except ExpressionError as error:
                self.problem("CC011", node, f"{name}: {error}")
                return None
        self.problem("CC011", node, f"{name}: expected an expression, found {described(node)}")
        return None

    def flag(self, name: str, node: Node | None) -> bool:
        if node is not None and not (isinstance(node, Scalar) and isinstance(node.value, bool)):
            self.problem("CC011", node, f"{name}: expected true or false, found {described(node)}")
        return isinstance(node, Scalar) and node.value is True

    def figure(self, word: str, node: Node) -> PrintedFigure:
        written = {name: value for name, _, value in self.entries(word, node, FIGURE_FIELDS)}
        unit = self.text("unit", written["unit"]) if "unit" in written else ""
        if unit not in UNITS:
            self.problem("CC012", node, f"{word}: expected a unit of {', '.join(UNITS)}", _EXAMPLE)
        others = written.get("others")
        zero = Expression("0")
        rules: dict[str, Mapping[str, Expression]] = {
            kind: {"": zero} for kind in self.listed_kinds("zero", written.get("zero"))
        }
        for kind, key, rule in self.entries("count", written.get("count")):
            if kind not in self.kinds:
                self.problem("CC013", key, f"count: there is no kind `{kind}`", did_you_mean(kind, self.kinds))
            elif kind in rules:
                self.problem("CC010", key, f"count: {kind} counts nothing by `zero`")
            rules[kind] = self.rule(kind, rule)
        return PrintedFigure(
            word,
            unit,
            rules,
            self.rule("calls", written["calls"]) if "calls" in written else {},
            others=self.expression("others", others) if others is not None else None,
            parts={kind: self.text(kind, part) for kind, _, part in self.entries("parts", written.get("parts"))},
            once=self.flag("once", written.get("once")),
            per_sample=self.flag("per_sample", written.get("per_sample")),
            times=self.expression("times", written["times"]) if "times" in written else None,
        )

    def rule(self, name: str, node: Node) -> dict[str, Expression]:
        """Amounts by call, or one for any."""
        if not isinstance(node, MappingNode):
            expression = self.expression(name, node)
            return {} if expression is None else {"": expression}
        rules = {}
        for call, key, value in self.entries(name, node):
            if call not in SPACES and not is_call(call) and call != "other":
                advice = f"it is one of {', '.join(SPACES)}, other, or a call such as F.relu"
                self.problem("CC010", key, f"{name}: `{call}` is no way to call it", advice)
            expression = self.expression(f"{name}.{call}", value)
            if expression is not None:
                rules["" if call == "other" else call] = expression
        return rules

    def fault(self, node: Node) -> ToolFault:
        written = {name: value for name, _, value in self.entries("a fault", node, FAULT_FIELDS)}
        if not {"kinds", "what"} <= written.keys():
            self.problem("CC012", node, "a fault needs `kinds` and `what`")
            return ToolFault((), "")
        return ToolFault(
            self.listed_kinds("kinds", written["kinds"]),
            self.text("what", written["what"]),
            self.expression("when", written["when"]) if "when" in written else None,
            self.text("finding", written["finding"]) if "finding" in written else "",
        )
