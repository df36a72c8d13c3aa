"""A counter's file to a `Counter`, or every mistake in it with its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from convcalc import steps
from convcalc.counters import UNITS, ChosenFigure, Counter, PrintedFigure, ToolFault
from convcalc.counters.facts import FACTS
from convcalc.counters.values import CounterValues
from convcalc.language.coding import SPACES, is_call
from convcalc.language.expressions import Expression
from convcalc.language.misspelt_calls import advice as call_meant
from convcalc.language.parsing import parse
from convcalc.language.source import Diagnostic, Source, SpecError, called, read_small
from convcalc.language.suggestions import did_you_mean
from convcalc.language.tree import Mapping as MappingNode
from convcalc.language.tree import Node, described

_ADVICE = "a file of your own is named with its ending, as mine.yaml"
_EXAMPLE = "the least is as `figures: {MACs: {unit: macs, count: {conv: macs}}}`"

_OPTION = re.compile("[a-z][a-z0-9_]*")
_VALUE = re.compile(r"[^\s=,:]([^=,:]*[^\s=,:])?")
"""What can stand behind a = where an option is named."""
_OTHER = "other"
"""The key of the rule for any call that has none of its own."""
_FIGURE = "figure"
"""The option by which a figure is chosen, which every counter has."""

FIELDS = ("about", "package", "seen", "assumes", "options", "figures", "faults")
FIGURE_FIELDS = ("unit", "count", "zero", "calls", "others", "parts", "once", "per_sample", "times")
FAULT_FIELDS = ("kinds", "what", "when", "finding")


def unknown(name: str, known: Collection[str]) -> SpecError:
    """That there is no counter of a name."""
    meant = did_you_mean(name, known)
    advice = f"{f'{meant} There' if meant else 'there'} are {', '.join(known)}; {_ADVICE}"
    return SpecError([Diagnostic(called(name), 0, 0, 0, "CC013", f"there is no counter `{called(name)}`", advice)])


def no_file(name: str) -> SpecError:
    """That a file is no counter's, without a word of what is in it."""
    advice = f"`convcalc counts --rules {called(name)}` says what is wrong with it"
    return SpecError([Diagnostic(called(name), 0, 0, 0, "CC013", f"`{called(name)}` is no counter's file", advice)])


def chosen(counter: Counter, text: str, options: Sequence[tuple[str, str, str]]) -> ChosenFigure:
    """A figure of a counter with these options, each as its name, a sign and its value.

    Raises:
        SpecError: there is no such option, value or figure.
    """
    values = {name: known[0] for name, known in counter.options.items()}
    figure = next(iter(counter.figures.values()))
    for place, (name, sign, value) in enumerate(options):
        if name in [earlier for earlier, _, _ in options[:place]]:
            advice = "name the tool again for each value, as fvcore:mode=eval,fvcore:mode=train"
            raise _refusal(text, f"{counter.name}: `{called(name)}` stands there twice", advice)
        known: Collection[str] = counter.figures if name == _FIGURE else counter.options.get(name, ())
        if not known:
            there = (_FIGURE, *counter.options)
            advice = did_you_mean(name, there) or f"it has {', '.join(there)}, as {_usage(counter)}"
            raise _refusal(text, f"{counter.name} has no option `{called(name)}`", advice)
        word = next((word for word in known if word.lower() == value.lower()), None)
        if not sign or word is None:
            is_there = f"`{called(value)}`" if sign else "nothing"
            raise _refusal(text, f"{counter.name} has {name}={'|'.join(known)}, not {is_there}", "")
        if name == _FIGURE:
            figure = counter.figures[word]
        else:
            values[name] = word
    return ChosenFigure(counter, figure, values)


def no_figure(counter: Counter, unit: str) -> SpecError:
    """That a tool prints nothing that counts a unit."""
    words = [f"{word} ({figure.unit})" for word, figure in counter.figures.items()]
    other = next((figure.unit for figure in counter.figures.values() if "params" not in (figure.unit, unit)), "")
    advice = f"it prints {', '.join(words)}" + (f": write `{other}`" if other else "")
    return _refusal(counter.name, f"{counter.name} prints no {unit}", advice)


def _usage(counter: Counter) -> str:
    name, values = next(iter({**counter.options, _FIGURE: tuple(counter.figures)}.items()))
    return f"{counter.name}:{name}={values[-1]}"


def _refusal(text: str, message: str, advice: str) -> SpecError:
    return SpecError([Diagnostic(called(text), 0, 0, 0, "CC013", message, advice)])


def of_file(path: str) -> Counter:
    """The counter that a file describes, named as the file is.

    Raises:
        SpecError: it cannot be read, or not as a counter.
    """
    name, source = read_small(path, "counter")
    return of_text(name, source.path, source.text, checked=True)


def of_text(name: str, path: str, text: str, *, checked: bool = False) -> Counter:
    """The counter that a text describes; `path` is how its mistakes name it.

    `checked`: names in its rules that nothing gives are mistakes too, which takes longer to find out.

    Raises:
        SpecError: it is no counter.
    """
    source, fields = Source(path, text), dict[str, Any]()
    problems: list[Diagnostic] = []
    with steps.run():  # whoever comes first does not pay for it
        try:
            parsed = parse(source)
            problems += parsed.problems
            if parsed.complete:
                fields = _CounterReader(source, problems, checked=checked).counter(parsed.root)
        except steps.OutOfSteps as error:
            problems.append(Diagnostic(source.path, 0, 0, 0, "CC008", str(error)))
    if problems:
        raise SpecError(sorted(problems, key=lambda problem: (problem.line, problem.column)))
    return Counter(name=name, **fields)


class _CounterReader(CounterValues):
    def counter(self, root: Node | None) -> dict[str, Any]:
        """The fields of a file; those that cannot be read are reported and left out."""
        if not isinstance(root, MappingNode):
            what = "nothing" if root is None else described(root)
            message = f"expected a counter: a mapping of {', '.join(FIELDS)}; found {what}"
            self.problems.append(self.source.diagnostic("CC011", root.start if root else 0, 0, message, _EXAMPLE))
            return {}
        written = {name: node for name, _, node in self.entries("a counter", root, FIELDS)}
        fields: dict[str, Any] = {
            name: self.text(name, written[name]) if name in written else "" for name in ("about", "package", "seen")
        }
        fields["assumes"] = self.texts("assumes", written.get("assumes"))
        fields["options"] = self.options = self.read_options(written.get("options"))
        fields["figures"] = self.figures(written.get("figures"))
        if "figures" not in written:
            self.problem("CC012", root, "a counter needs `figures`", _EXAMPLE)
        fields["faults"] = tuple(self.fault(node) for node in self.items("faults", written.get("faults"), "faults"))
        return fields

    def read_options(self, node: Node | None) -> dict[str, tuple[str, ...]]:
        """The options of the tool, each with its values."""
        options = {}
        for name, key, values in self.entries("options", node):
            if not _OPTION.fullmatch(name) or name == _FIGURE or name in FACTS:
                taken = f"`{name}` is taken" if name == _FIGURE or name in FACTS else f"found `{name}`"
                advice = "it is written as fvcore:mode=train, and rules ask for it by its name"
                self.problem("CC011", key, f"options: expected a name of small letters and digits; {taken}", advice)
            options[name] = self.values(name, values)
        return options

    def values(self, name: str, node: Node) -> tuple[str, ...]:
        """What an option may be, in the order of the file; of what is written wrong, something to go on with."""
        values: dict[str, str] = {}
        for item in self.items(name, node):
            word = self.text(name, item)
            if not _VALUE.fullmatch(word) or word.lower() in values:
                twice = "stands there twice" if word.lower() in values else "cannot be written behind a ="
                self.problem("CC011", item, f"{name}: the value `{word}` {twice}")
            values[word.lower()] = word
        return tuple(values.values()) or ("",)

    def figures(self, node: Node | None) -> dict[str, PrintedFigure]:
        """What the tool prints."""
        figures: dict[str, PrintedFigure] = {}
        words: set[str] = set()
        entries = self.entries("figures", node)
        if node is not None and not entries and isinstance(node, MappingNode):
            self.problem("CC012", node, "figures: expected what the tool prints, found none", _EXAMPLE)
        for word, key, value in entries:
            if not _VALUE.fullmatch(word):
                self.problem("CC011", key, f"figures: the word `{word}` cannot be written behind figure=")
            if word.lower() in words:
                self.problem("CC010", key, f"figures: `{word}` stands there twice, but for the size of its letters")
            words.add(word.lower())
            figures[word] = self.figure(word, key, value)
        return figures

    def figure(self, word: str, key: Node, node: Node) -> PrintedFigure:
        """One of them, with its rules."""
        written = {name: value for name, _, value in self.entries(word, node, FIGURE_FIELDS)}
        unit = self.text("unit", written["unit"]) if "unit" in written else ""
        if unit not in UNITS and isinstance(node, MappingNode):
            what = f"found `{unit}`" if unit else "found none"
            self.problem("CC012", written.get("unit", key), f"{word}: expected a unit of {', '.join(UNITS)}; {what}")
        others, zero = written.get("others"), Expression("0")
        rules: dict[str, Mapping[str, Expression]] = {
            kind: {"": zero} for kind in self.listed_kinds("zero", written.get("zero"))
        }
        for kind, name, rule in self.entries("count", written.get("count")):
            if not self.kind("count", kind, name):
                continue
            if kind in rules:
                self.problem("CC010", name, f"count: {kind} counts nothing by `zero`", "remove one of the two")
            rules[kind] = self.rule(kind, rule, (kind,))
        return PrintedFigure(
            word,
            unit,
            rules,
            self.by_call("calls", written["calls"], None) if "calls" in written else {},
            others=self.expression("others", others) if others is not None else None,
            parts=self.parts(written.get("parts")),
            once=self.flag("once", written.get("once")),
            per_sample=self.flag("per_sample", written.get("per_sample")),
            times=self.expression("times", written["times"]) if "times" in written else None,
        )

    def parts(self, node: Node | None) -> dict[str, str]:
        """Words by kind."""
        entries = self.entries("parts", node)
        return {kind: self.text(kind, part) for kind, key, part in entries if self.kind("parts", kind, key)}

    def rule(self, name: str, node: Node, kinds: Iterable[str]) -> dict[str, Expression]:
        """Amounts by call, or one for any."""
        if isinstance(node, MappingNode):
            return self.by_call(name, node, kinds)
        expression = self.expression(name, node, kinds)
        return {} if expression is None else {"": expression}

    def by_call(self, name: str, node: Node, kinds: Iterable[str] | None) -> dict[str, Expression]:
        """Amounts by how the code calls a layer."""
        rules = {}
        for call, key, value in self.entries(name, node):
            meant = "" if call in (*SPACES, _OTHER) else call_meant(call)
            if meant or (call not in (*SPACES, _OTHER) and not is_call(call)):
                advice = meant or f"it is one of {', '.join(SPACES)}, {_OTHER}, or a call such as F.relu"
                self.problem("CC010", key, f"{name}: `{call}` is no way to call it", advice)
            expression = self.expression(f"{name}.{call}", value, kinds)
            if expression is not None:
                rules["" if call == _OTHER else call] = expression
        return rules

    def fault(self, node: Node) -> ToolFault:
        """What the tool gets wrong."""
        written = {name: value for name, _, value in self.entries("a fault", node, FAULT_FIELDS)}
        if not {"kinds", "what"} <= written.keys():
            if isinstance(node, MappingNode):
                self.problem("CC012", node, "a fault needs `kinds` and `what`", "kinds: [conv], what: a sentence")
            return ToolFault((), "")
        kinds = self.listed_kinds("kinds", written["kinds"])
        return ToolFault(
            kinds,
            self.text("what", written["what"]),
            self.expression("when", written["when"], kinds or None) if "when" in written else None,
            self.text("finding", written["finding"]) if "finding" in written else "",
        )
