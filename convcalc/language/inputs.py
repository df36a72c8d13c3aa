"""What enters a network: the shapes that its spec says, or those that are given in their place."""

from __future__ import annotations

from collections.abc import Mapping

from convcalc.fields import FieldError
from convcalc.language import library
from convcalc.language.elsewhere import BATCHES
from convcalc.language.settings import SHAPE, Settings
from convcalc.language.source import Diagnostic, Source
from convcalc.language.suggestions import did_you_mean, listed
from convcalc.language.tree import Mapping as MappingNode
from convcalc.language.tree import Node, Scalar, Sequence, brief, described, span
from convcalc.layers import Shape


class Inputs:
    """The inputs of one spec, in the order written, by name.

    `shapes` has None for what could not be read. `lines` are where they are written, `places` where their shapes stand:
    the text, the first character and the one behind the last. `problems` are those of shapes that are `given` from
    outside; the spec's own are the compiler's. A spec that is not `complete` may have further down what is missing.
    """

    def __init__(self, settings: Settings, tree: MappingNode, given: Mapping[str, Shape], *, complete: bool) -> None:
        self.settings = settings
        self.compiler = settings.compiler
        self.problems: list[Diagnostic] = []
        source = self.compiler.source
        written = self._written(tree, complete=complete)
        accepted = {name: self._given(name, shape, written) for name, shape in given.items()}
        self.lines = {name: source.line(node.start) for name, node in written.items()}
        self.places: list[tuple[Source, int, int]] = []
        for name, node in written.items():
            text = _source(name, given[name]) if name in given else None
            self.places.append((source, *span(node)) if text is None else (text, len(name) + 1, len(text.text)))
        self.shapes: dict[str, Shape | None] = {
            name: accepted[name] if name in accepted else self._shape(node, name) for name, node in written.items()
        }

    def _written(self, tree: MappingNode, *, complete: bool) -> dict[str, Node]:
        """The nodes of the shapes."""
        shape, shapes = tree.find("input"), tree.find("inputs")
        if shape is not None and shapes is not None:
            self.compiler.problem("CC011", shapes, "expected `input` or `inputs`, found both")
        if shape is not None:
            return {"input": shape}
        if isinstance(shapes, MappingNode) and shapes.entries:
            for key, _ in shapes.entries:
                if not library.is_input_name(str(key.value)):
                    self.compiler.problem("CC011", key, f"inputs: `{key.value}` cannot be the name of an input")
            return {str(key.value): value for key, value in shapes.entries}
        if shapes is not None:
            message = f"inputs: expected shapes by name, found {described(shapes)}"
            advice = "`input: [...]` is of one, `inputs: {image: [...]}` of more"
            self.compiler.problem("CC011", shapes, message, advice)
        elif complete:
            self.compiler.problem("CC012", tree, "a spec needs `input`", "input: [3, 224, 224]")
        return {}

    def _given(self, name: str, shape: Shape, written: Mapping[str, Node]) -> Shape | None:
        """A shape from outside, None where it cannot stand in place of the spec's own."""
        source = _source(name, shape)
        if name not in written:
            advice = did_you_mean(name, written) or f"it has {listed(written)}"
            if name == "input" and written:  # which is what sizes without a name are of
                sizes = "x".join(map(str, shape))
                options = [f"--input {own}={sizes}" for own in written]
                advice = f"its inputs have names: {listed(options)}"
            self.problems.append(source.diagnostic("CC013", 0, len(name), f"the spec has no input `{name}`", advice))
            return None
        own = self._shape(written[name], name)
        if own is not None and len(own) != len(shape):
            own_text = "x".join(map(str, own))
            problem = f"expected {len(own)} sizes, as the spec's {own_text} has, found {len(shape)}"
            advice = "channels come first, and there is no batch axis"
        else:
            try:
                return SHAPE.accept(tuple(shape), 1)
            except FieldError as error:
                problem, advice = str(error), ""
        self.problems.append(source.diagnostic("CC011", 0, len(source.text), f"{name}: {problem}", advice))
        return None

    def _shape(self, node: Node, name: str) -> Shape | None:
        first = node.items[0] if isinstance(node, Sequence) and node.items else None
        if isinstance(first, Scalar) and (first.value in BATCHES and first.value not in self.settings.values):
            sizes = ", ".join(brief(size, self.compiler.source.text) for size in node.items[1:])  # type: ignore[union-attr]
            message = f"{name}: expected the channels first, found {described(first)}"
            self.compiler.problem("CC011", first, message, f"there is no batch axis: [{sizes}]")
            return None
        value = self.settings.typed(node, SHAPE, name)
        return value if isinstance(value, tuple) else None


def _source(name: str, shape: Shape) -> Source:
    """The text of a shape that is given from outside, as the command line takes it."""
    return Source("--input", f"{name}={'x'.join(map(str, shape))}")
