"""A variant put in place of as many layers of a spec as can have it.

Where it cannot be had by all of them, those layers are left as they are that

1. say something for which the variant has no field,
2. cannot have it where they stand, on the shape that enters them in the spec as it is, or
3. break the network: layers whose output keeps its shape are replaced together, then the others one by one in the
   order in which they run, each if the network still stands with it and those before.

The network is built four times, and once more for each layer whose shape changes.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from convcalc.language.document import Shapes, Texts, examine
from convcalc.language.outline import Path
from convcalc.language.rewrite import CannotApply, Rewriter
from convcalc.language.source import Source
from convcalc.language.variants import Variant
from convcalc.network import Network, Node

Chosen = dict[Path, list[Node]]
"""The layers of the network behind each way through the spec."""


class Skipped(msgspec.Struct, frozen=True):
    """A layer as it is written once, with the full names that it has, that stays as it is; `reason` says why."""

    names: tuple[str, ...]
    reason: str


class Replacement(msgspec.Struct, frozen=True):
    """The spec with a variant in it, the network that it describes, the layers replaced, and those that stay."""

    source: Source
    network: Network
    replaced: tuple[str, ...]
    skipped: tuple[Skipped, ...]


def replaced(
    rewriter: Rewriter,
    variant: Variant,
    chosen: Chosen,
    inputs: Shapes | None = None,
    variables: Texts | None = None,
) -> Replacement:
    """The spec with the variant in place of the chosen layers, apart from those that cannot have it.

    Raises:
        CannotApply: none of them can.
    """
    return _Replacing(rewriter, variant, inputs, variables).done(chosen)


class _Replacing(msgspec.Struct):
    """`reasons` are why layers stay as they are, `built` is of the last layers with which the network stood."""

    rewriter: Rewriter
    variant: Variant
    inputs: Shapes | None
    variables: Texts | None
    reasons: dict[Path, str] = {}
    built: tuple[Source, Network] | None = None

    def done(self, chosen: Chosen) -> Replacement:
        problem = self._tried(chosen)
        if problem and len(chosen) == 1:
            raise CannotApply(problem)
        accepted = self._possible(chosen) if problem else chosen
        if self.built is None:
            raise CannotApply(self._reason(chosen))
        source, network = self.built
        names = tuple(node.name for nodes in accepted.values() for node in nodes)
        staying = {way: tuple(node.name for node in nodes) for way, nodes in chosen.items() if way not in accepted}
        skipped = tuple(Skipped(own, self.reasons[way]) for way, own in staying.items())
        return Replacement(source, network, names, skipped)

    def _possible(self, chosen: Chosen) -> Chosen:
        """The layers that can have the variant together where not all of them can."""
        sayable = {way: nodes for way, nodes in chosen.items() if self._is_sayable(way, nodes)}
        keeping = self._keeping(sayable)
        possible = {way: nodes for way, nodes in sayable.items() if way not in self.reasons}
        if not possible or (len(possible) < len(chosen) and not self._tried(possible)):
            return possible
        is_start = 0 < len(keeping) < len(possible) and not self._tried(keeping)
        accepted = keeping if is_start else {}
        for way, nodes in possible.items():
            if way not in accepted:
                problem = self._tried({**accepted, way: nodes})
                if problem:
                    self.reasons[way] = problem
                else:
                    accepted[way] = nodes
        return accepted

    def _is_sayable(self, way: Path, nodes: list[Node]) -> bool:
        """Whether the variant has a field for all that a layer says."""
        try:
            self.rewriter.rewritten(self.variant, {way: nodes})
        except CannotApply as problem:
            self.reasons[way] = str(problem)
            return False
        return True

    def _keeping(self, chosen: Chosen) -> dict[Path, list[Node]]:
        """The layers whose output has the shape it had; of those that fail where they stand, why is noted."""
        shapes = {node.name: node.shape for nodes in chosen.values() for node in nodes}
        try:
            source = self.rewriter.rewritten(self.variant, chosen)
        except CannotApply:  # together they cannot be written: one by one they may be
            return {}
        alone = examine(source, inputs=self.inputs, variables=self.variables, assumed=shapes, with_places=False)
        failures = {_owner(name, shapes): f"{name}: {message}" for name, message in reversed(alone.failures.items())}
        keeping = {}
        for way, nodes in chosen.items():
            failed = [node.name for node in nodes if node.name not in alone.shapes]
            if failed:
                self.reasons[way] = failures.get(failed[0], alone.problems[0].message if alone.problems else "")
            elif all(alone.shapes[node.name] == node.shape for node in nodes):
                keeping[way] = nodes
        return keeping

    def _tried(self, chosen: Chosen) -> str:
        """Why the network cannot be built so; nothing where it can."""
        try:
            source = self.rewriter.rewritten(self.variant, chosen)
        except CannotApply as problem:
            return str(problem)
        trial = examine(source, inputs=self.inputs, variables=self.variables, with_places=False)
        if trial.problems or trial.network is None:
            return trial.problems[0].message
        self.built = source, trial.network
        return ""

    def _reason(self, chosen: Chosen) -> str:
        """Why none of the layers can have it: the first reason, and how many there are."""
        more = len(chosen) - 1
        return self.reasons[next(iter(chosen))] + (f" (and {more} more layer{'s' * (more > 1)})" if more else "")


def _owner(name: str, names: Mapping[str, object]) -> str:
    """The layer of those names that is called so, or that what is called so is within."""
    while name not in names and "." in name:
        name = name.rpartition(".")[0]
    return name
