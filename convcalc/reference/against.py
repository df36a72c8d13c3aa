"""The same arrays through ONNX Runtime: what it makes of each layer's ONNX form, against what the executor made.

Every layer is compared alone, on the tensors that entered it in the executor, so that what is found is the layer's own
and does not hide in what came before. The outputs of the whole network, run as one model, are compared at the end.
What only moves numbers has to agree to the bit; elsewhere the tolerance is what rounding accounts for (see
`convcalc.reference.rounding`). The outputs may differ by the relative tolerances of all layers, added up as errors that
know nothing of each other; if that is not enough, by what a rounding put into every layer does to them.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from convcalc.layers import Array, Shape
from convcalc.network import Network
from convcalc.reference.execution import Step, Weights
from convcalc.reference.rounding import largest, rounding

if TYPE_CHECKING:
    from onnx import ModelProto

_PACKAGES = ("onnx", "onnxruntime")

_DISTURBED = 16
"""Outputs may differ by so many times what disturbing every layer by its own rounding does to them."""

_SINGLE = float(np.finfo(np.float32).eps)


class MissingPackage(ImportError):
    """A package of the extra is not installed; the message says how to get it."""


def require_packages() -> None:
    """Say what to install, if it is not there."""
    missing = [package for package in _PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        packages = f"{missing[0]} is" if len(missing) == 1 else "onnx and onnxruntime are"
        raise MissingPackage(f"{packages} not installed, which ONNX Runtime takes: pip install 'convcalc[onnx]'")


class ValueCheck(msgspec.Struct, frozen=True):
    """A layer's tensor as both made it, or why there is nothing to compare.

    `place` is the index of the node, `shape` that of ONNX Runtime's tensor without the batch. `difference` is the
    largest of any element, infinite where shapes differ or a number is none; `tolerance` is what rounding accounts for.
    """

    place: int
    shape: Shape | None = None
    difference: float = 0.0
    tolerance: float = 0.0
    reason: str = ""

    @property
    def agrees(self) -> bool | None:
        """None where nothing was compared."""
        return None if self.reason else self.difference <= self.tolerance


class OnnxRuntime:
    """Stands between the executor and its weights, and so sees what every layer is given.

        runtime = OnnxRuntime(network, RandomWeights(network), threads=2)
        for step in execute(network, inputs, runtime, engine):
            comparison = runtime.compare(step)
        outputs = runtime.compare_outputs(inputs)

    For the last of these every array and the outputs are kept, unless `outputs` is False.
    """

    def __init__(self, network: Network, weights: Weights, threads: int = 1, *, outputs: bool = True) -> None:
        require_packages()
        self.network = network
        self.weights = weights
        self.threads = threads
        self._with_outputs = outputs
        self._entering: Sequence[Array] = ()
        self._arrays: Mapping[str, Array] = {}
        self._kept: dict[str, Array] = {}
        self._outputs: dict[int, Array] = {}
        self._tolerances: dict[int, float] = {}
        self._spread = 0.0
        self._incomplete = ""

    def of(self, index: int, inputs: Sequence[Array]) -> Mapping[str, Array]:
        """The arrays of a node; see `Weights`."""
        self._entering, self._arrays = list(inputs), self.weights.of(index, inputs)
        over = self.network.nodes[index].in_place
        if over is not None:  # the layer is about to write there
            overwritten = inputs[over].copy()
            self._entering = [overwritten if array is inputs[over] else array for array in inputs]
        return self._arrays

    def done(self, index: int) -> None:
        """The node has run; see `Weights`."""
        self.weights.done(index)

    def compare(self, step: Step) -> ValueCheck:
        """The layer that the executor has just run, alone."""
        from convcalc.exports.errors import CannotWrite
        from convcalc.exports.onnx.run import NotRun, run
        from convcalc.exports.onnx.write import model

        node, entering, arrays = self.network.nodes[step.place], self._entering, self._arrays
        self._entering, self._arrays = (), {}  # freed when this returns
        if step.output is None:
            return self._uncompared(step.place, "the executor has no output")
        if step.output.shape[1:] != node.shape:  # and what follows does not run on it
            self._incomplete = self._incomplete or f"{node.name} does not have the shape that is claimed"
        self._keep(step.place, arrays, step.output)
        batch, dtype = entering[0].shape[0], str(entering[0].dtype)
        try:
            written = model(self.network.alone(step.place), dtype=dtype, batch=batch)
            named = {f"{node.name}.{name}": array for name, array in arrays.items()}
            each_once = list(dict(zip(node.inputs, entering, strict=True)).values())
            (theirs,) = run(written, named, each_once, self.threads, as_written=True)
        except CannotWrite as error:
            return self._uncompared(step.place, "; ".join(layer.reason for layer in error.layers) or str(error))
        except NotRun as error:
            return self._uncompared(step.place, f"ONNX Runtime: {error}")
        relative, size = rounding(step, entering, written)
        self._spread = math.hypot(self._spread, relative)
        self._tolerances[step.place] = relative * size
        return _compared(step.place, step.output, theirs, relative * size)

    def compare_outputs(self, inputs: Mapping[str, Array]) -> list[ValueCheck]:
        """The outputs of the network, all layers in one model, fused and folded as ONNX Runtime likes."""
        from convcalc.exports.onnx.run import NotRun, run
        from convcalc.exports.onnx.write import model

        places = list(dict.fromkeys(self.network.outputs))
        if not self._with_outputs or self._incomplete:
            return [ValueCheck(place, reason=self._incomplete or "not asked for") for place in places]
        entering = [inputs[node.name] for node in self.network.inputs]
        made = [self._outputs[place] if place in self._outputs else entering[place] for place in places]
        try:
            written = model(self.network, dtype=str(entering[0].dtype), batch=entering[0].shape[0])
            outputs = run(written, self._kept, entering, self.threads)
        except NotRun as error:
            return [ValueCheck(place, reason=f"ONNX Runtime: {error}") for place in places]
        results = [
            _compared(place, ours, theirs, max(self._spread * largest(ours), self._tolerances.get(place, 0.0)))
            for place, ours, theirs in zip(places, made, outputs, strict=True)
        ]
        if all(result.agrees for result in results):
            return results
        # A network may enlarge what is rounded on the way: by how much is measured.
        moved = run(
            _disturbed(written, {node.name for node in self.network.layers}), self._kept, entering, self.threads
        )
        return [
            msgspec.structs.replace(result, tolerance=max(result.tolerance, _DISTURBED * apart(exact, disturbed)))
            for result, exact, disturbed in zip(results, outputs, moved, strict=True)
        ]

    def _uncompared(self, place: int, reason: str) -> ValueCheck:
        self._incomplete = self._incomplete or f"{self.network.nodes[place].name} was not compared: {reason}"
        self._kept, self._outputs = {}, {}
        return ValueCheck(place, reason=reason)

    def _keep(self, place: int, arrays: Mapping[str, Array], output: Array) -> None:
        if not self._with_outputs or self._incomplete:
            return
        node = self.network.nodes[place]
        owner = node if node.shared is None else self.network.nodes[node.shared]
        borrowed = owner.borrowed_names
        self._kept |= {f"{owner.name}.{name}": array for name, array in arrays.items() if name not in borrowed}
        if place in self.network.outputs:
            self._outputs[place] = output


def _compared(place: int, ours: Array, theirs: Array, tolerance: float) -> ValueCheck:
    difference = apart(ours, theirs) if ours.shape == theirs.shape else math.inf
    return ValueCheck(place, tuple(theirs.shape[1:]), difference, tolerance)


def apart(first: Array, second: Array) -> float:
    """The largest difference of any element."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(first - second)
    apart[(first == second) | (np.isnan(first) & np.isnan(second))] = 0  # infinite, or no number, in both
    difference = float(np.max(apart, initial=0.0))
    return math.inf if math.isnan(difference) else difference


def _disturbed(written: ModelProto, layers: set[str]) -> ModelProto:
    """The model with every element of every layer moved by about its own rounding."""
    from onnx import ModelProto, helper

    disturbed = ModelProto()
    disturbed.CopyFrom(written)
    del disturbed.graph.node[:]
    for node in written.graph.node:
        disturbed.graph.node.append(node)
        if (name := node.output[0]) in layers:
            exact, factor = f"{name}/exact", f"{name}/factor"
            disturbed.graph.node[-1].output[0] = exact
            drawn: dict[str, Any] = {"mean": 1.0, "scale": _SINGLE, "seed": float(len(disturbed.graph.node))}
            disturbed.graph.node.append(helper.make_node("RandomNormalLike", [exact], [factor], **drawn))
            disturbed.graph.node.append(helper.make_node("Mul", [exact, factor], [name]))
    return disturbed
