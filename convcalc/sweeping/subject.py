"""The network that is swept: how it is built for values of what is swept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from convcalc import opening
from convcalc.analysis.variants import NothingToReplace
from convcalc.language import Source, SpecError, loads
from convcalc.language.document import GIVEN, examine
from convcalc.language.overrides import parted
from convcalc.language.replacing import replaced
from convcalc.language.rewrite import CannotApply, Rewriter
from convcalc.language.settings import Evaluated
from convcalc.language.source import Diagnostic
from convcalc.language.suggestions import did_you_mean, listed
from convcalc.language.variants import VariantError, parsed
from convcalc.layers import Shape
from convcalc.network import Network

if TYPE_CHECKING:
    from convcalc.opening import How

VARIANT = "variant"
INPUT = "input"


class SweptNetwork:
    """A spec or a model file, with the input sizes and variables that are the same at all points.

    `base` is the network as it is without anything swept.
    """

    def __init__(
        self, path: str | Source, inputs: Mapping[str, Shape], variables: Mapping[str, object], how: How
    ) -> None:
        self.path = path
        self.inputs = dict(inputs)
        self.variables = dict(variables)
        self.how = how
        self.source = path if isinstance(path, Source) else opening.read(path, inputs, variables, **how)
        self.base = self._own()
        self._variants: dict[str, Source] = {}
        self._resized: tuple[Any, Source] | None = None

    def _own(self) -> Network:
        """The network as it is, or what can be worked out of it: at other points it may stand."""
        try:
            return opening.network_of(self.source, self.inputs, self.variables)
        except SpecError as error:
            if error.network is None:
                raise
            return error.network

    def check(self, names: Sequence[str]) -> None:
        """That there is something of each name to sweep.

        Raises:
            SpecError: there is not.
        """
        problems = [problem for name in names if (problem := self._problem(name)) is not None]
        problems += self._problems_of_fields([name for name in names if name not in self.base.variables])
        if problems:
            raise SpecError(problems)

    def _problems_of_fields(self, names: Sequence[str]) -> list[Diagnostic]:
        """What is wrong with names of fields: that no layer has them, whatever they are given."""
        given = {name: Evaluated(1) for name in names if parted(name)}
        if not given:
            return []
        reading = examine(self.source, inputs=self.inputs, variables={**self.variables, **given}, with_places=False)
        unknown = [problem for problem in reading.problems if problem.path == GIVEN and problem.code == "CC013"]
        return [replace(problem, path="--over", text=problem.text.partition("=")[0]) for problem in unknown]

    def check_variants(self, labels: Iterable[str]) -> None:
        """That there are variants of these names.

        Raises:
            SpecError: there is none of one.
        """
        for label in labels:
            try:
                parsed(label, Rewriter(self.source, self.base, {}).outline, {})
            except VariantError as error:
                raise _no_variant(label, error) from None

    def _problem(self, name: str) -> Diagnostic | None:
        inputs = [node.name for node in self.base.inputs]
        known = [*self.base.variables, *inputs, *([VARIANT] if self._is_spec else [])]
        place = Source("--over", name)
        named = self.source.named
        if (
            name in self.variables
            or name in self.inputs
            or (named and (name in named.variables or name in named.inputs))
        ):
            return place.diagnostic("CC011", 0, len(name), f"{name} is swept and given", "leave one of them out")
        if name in known or (name == INPUT and inputs) or parted(name):
            return None
        advice = did_you_mean(name, [*known, INPUT]) or f"it has {listed(known)}; a field is LAYER.FIELD"
        return place.diagnostic("CC013", 0, len(name), f"the network has no variable or input `{name}`", advice)

    @property
    def _is_spec(self) -> bool:
        return not self.source.converted

    def is_variant(self, name: str) -> bool:
        """Whether it is what stands in place of convolutions, and no variable of that name."""
        return name == VARIANT and name not in self.base.variables

    def is_pinned(self, name: str) -> bool:
        """Whether each value of what is swept makes a text of its own."""
        return self.is_variant(name) or (
            not self._is_spec and name in {INPUT, *(node.name for node in self.base.inputs)}
        )

    def network(self, values: Mapping[str, Any]) -> Network:
        """The network at a point; values may vary, but for those that are pinned.

        Raises:
            SpecError: there is no such network.
        """
        inputs = {name: shape for name, value in values.items() for name, shape in self._shapes(name, value)}
        variables = {
            name: Evaluated(value)
            for name, value in values.items()
            if (name in self.base.variables or parted(name)) and name not in inputs
        }
        source = self.source
        if inputs and not self._is_spec:
            source, inputs = self._resized_to(inputs), {}
        if any(map(self.is_variant, values)):
            source = self._variant(str(values[VARIANT]))
        given = {} if source.converted else self.variables
        return loads(source, inputs={**self.inputs, **inputs}, variables={**given, **variables})

    def _shapes(self, name: str, value: Any) -> list[tuple[str, tuple[Any, ...]]]:
        """The shapes of inputs that a swept value says: one size is that of all positions, channels stay."""
        nodes = self.base.inputs
        meant = [node for node in nodes if node.name == name] or (list(nodes) if name == INPUT else [])
        if not meant or name in self.base.variables:
            return []
        if isinstance(value, tuple):
            return [(node.name, value) for node in meant]
        return [(node.name, (node.shape[0], *(value,) * (len(node.shape) - 1))) for node in meant]

    def _resized_to(self, inputs: Mapping[str, Shape]) -> Source:
        """The text of a model file for other sizes; only the last is kept, as a text is large and sizes may be many."""
        key = tuple(inputs.items())
        if self._resized is None or self._resized[0] != key:
            if isinstance(self.path, Source):
                raise SpecError([Diagnostic(self.source.path, 0, 0, 0, "CC011", "expected a file to read again")])
            named = {name if len(self.base.inputs) > 1 else INPUT: shape for name, shape in inputs.items()}
            source = opening.read(self.path, {**self.inputs, **named}, self.variables, **self.how)
            self._resized = key, source
        return self._resized[1]

    def _variant(self, label: str) -> Source:
        if label not in self._variants:
            try:
                self._variants[label] = self._written_as(label)
            except (CannotApply, NothingToReplace) as error:
                raise _no_variant(label, error) from None
        return self._variants[label]

    def _written_as(self, label: str) -> Source:
        """The text of a variant, whose own sizes and variables can still be replaced."""
        rewriter = Rewriter(self.source, self.base, {})
        (variant,) = parsed(label, rewriter.outline, {})
        if label == "standard":
            return self.source
        chosen, _ = rewriter.chosen(variant, (), ())
        if not chosen:
            raise NothingToReplace("no layer to replace")
        return replaced(rewriter, variant, chosen, self.inputs, {}).source


def _no_variant(label: str, error: Exception) -> SpecError:
    place = Source("--over", f"{VARIANT}={label}")
    return SpecError([place.diagnostic("CC013", len(VARIANT) + 1, len(place.text), str(error))])
