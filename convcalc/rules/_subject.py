"""What a rule looks at, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from convcalc.analysis.analyze import as_written
from convcalc.analysis.report import Report, Row
from convcalc.analysis.terms import HowRun
from convcalc.language.deploying import place_of
from convcalc.language.places import TextPlaces
from convcalc.language.source import Diagnostic, Edit, Source
from convcalc.layers import Shape
from convcalc.network import Network, Node
from convcalc.rules._deployed import Deployed, in_words, terms_asked


class Fix(msgspec.Struct, frozen=True):
    """What would mend a problem without changing what the network computes; `title` says it in a few words."""

    title: str
    edits: tuple[Edit, ...]


class Problem(msgspec.Struct, frozen=True):
    """What a rule says: about the layer `index`, or the whole spec where it is None.

    The characters from `start` to `end` of the text are marked. `severity` is that of the rule where it is empty, and
    `layer` the name of the node. `diagnostic` is set where the loader has said it.
    """

    index: int | None
    start: int
    end: int
    message: str
    help: str = ""
    fix: Fix | None = None
    severity: str = ""
    layer: str = ""
    diagnostic: Diagnostic | None = None


class Growth(msgspec.Struct, frozen=True):
    """How much an amount may grow: by a share of what it was where `relative`, else by so much."""

    value: Any
    relative: bool
    text: str


class ConfiguredLimit(msgspec.Struct, frozen=True):
    """A limit of the configuration, with the tool by whose count it is held; empty for ours."""

    value: Any
    counted_as: str = ""


class RuleSettings(msgspec.Struct, frozen=True):
    """What is said to rules: how large, in pixels, what is looked for is, and how the network is deployed.

    `asked` goes before what its spec says of that, which goes before what is `configured`. `budgets` are limits that
    stand in `configuration`, not in the spec. `base` is the network that this one came from, called `base_name`, and
    `growth` how much more of an amount than there it may have.
    """

    object_size: int | None = None
    asked: HowRun = {}
    configured: HowRun = {}
    budgets: dict[str, ConfiguredLimit] = {}
    configuration: str = ""
    base: Report | None = None
    base_name: str = ""
    growth: dict[str, Growth] = {}


class Subject:
    """One spec that is linted.

    Where it has mistakes, `complete` is False and the network holds the layers that could be worked out: what is not
    there may be missing for that reason, so a rule that concludes from what is missing looks at `complete` first.
    """

    def __init__(
        self,
        source: Source,
        network: Network,
        places: TextPlaces,
        diagnostics: tuple[Diagnostic, ...] = (),
        settings: RuleSettings = RuleSettings(),  # noqa: B008  # frozen
        warnings: tuple[Diagnostic, ...] = (),
    ) -> None:
        self.source = source
        self.network = network
        self.places = places
        self.diagnostics = diagnostics
        self.warnings = warnings
        self.settings = settings
        self.complete = not diagnostics
        self.noticed: dict[str, list[Problem]] = {}  # by code, filled in by what runs the rules
        self.at: int | None = None  # the layer that a rule looks at, for when it raises

    @cached_property
    def report(self) -> Report:
        """The costs of the network, batch 1, float32."""
        return self.deployed.report if self.deployed.is_plain else as_written(self.network)

    @property
    def deployed(self) -> Deployed:
        """The network as it is deployed."""
        return self._deployed[0]

    @property
    def device_problem(self) -> Problem | None:
        """That the device which the spec names is none."""
        mistake = self._deployed[1]
        if mistake is None:
            return None
        message = mistake.message if mistake.path == self.source.path else in_words(mistake)
        return Problem(None, *place_of(self.source, "device"), f"device: {message}", mistake.help, severity="error")

    @cached_property
    def _deployed(self) -> tuple[Deployed, Diagnostic | None]:
        terms, mistake = terms_asked(self.network, self.settings.asked, self.settings.configured)
        return Deployed(self.network, terms), mistake

    def row(self, index: int) -> Row:
        """A layer's row of the report."""
        return self.report.layers[index - self.network.input_count]

    @property
    def layers(self) -> Iterator[tuple[int, Node]]:
        """The layers with their indices, in the order they run."""
        for index, node in enumerate(self.network.layers, self.network.input_count):
            self.at = index
            yield index, node

    def consumers(self, index: int) -> tuple[int, ...]:
        """The layers that a node's output enters, each once."""
        return self._consumers[index]

    @cached_property
    def _consumers(self) -> list[tuple[int, ...]]:
        consumers: list[list[int]] = [[] for _ in self.network.nodes]
        for index, node in enumerate(self.network.nodes):
            for source in dict.fromkeys(node.inputs):
                consumers[source].append(index)
        return [tuple(indices) for indices in consumers]

    def shapes(self, index: int) -> tuple[Shape, ...]:
        """The shapes that enter a layer."""
        nodes = self.network.nodes
        return tuple(nodes[source].shape for source in nodes[index].inputs)

    def is_output(self, index: int) -> bool:
        """Whether a node's output leaves the network."""
        return index in self._outputs

    @cached_property
    def _outputs(self) -> frozenset[int]:
        return frozenset(self.network.outputs)

    def problem(
        self, index: int, message: str, advice: str = "", field: str = "", fix: Fix | None = None, severity: str = ""
    ) -> Problem:
        """Something about a layer; its field is marked if it is written, else its key.

        `severity` is given where this finding is not what those of the rule are by default.
        """
        return Problem(index, *self.places.mark(index, field), message, advice, fix, severity)

    def problem_at_spec(self, message: str, advice: str, keys: tuple[str, ...], severity: str = "") -> Problem:
        """Something about the whole spec; marked is the last of `keys` that is written, each within the one before."""
        return Problem(None, *self.places.top(*keys), message, advice, severity=severity)

    def reported(self, code: str) -> Iterator[Problem]:
        """What was noticed about the text around the rules under a code, and what the loader reports under it."""
        yield from self.noticed.get(code, [])
        for diagnostic in (*self.diagnostics, *self.warnings):
            if diagnostic.code == code:
                yield Problem(None, 0, 0, diagnostic.message, diagnostic.help, diagnostic=diagnostic)
