"""A model file run by another runtime as it is, with its own weights, and held against what was read of it.

An export of a network says nothing of how a file was read: whatever is wrong in the reading is in the export too. Here
the file itself runs. Every tensor of it that a layer stands for must have the shape that was read, and, where a layer's
arrays are numbers of the file, the values that the executor makes of the tensors that enter the layer there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from convcalc import steps
from convcalc.imports.makings import StoredNumbers
from convcalc.imports.onnx.stored import NoNumbers
from convcalc.layers import Kind, Shape
from convcalc.network import Network, Node, input_node
from convcalc.reference.against import apart, require_packages
from convcalc.reference.execution import FAILURES, Step, failure, run_layer, running_steps
from convcalc.reference.fields.field_checks import UNAFFORDABLE
from convcalc.reference.loaded.evaluating import Evaluation
from convcalc.reference.loaded.matching import as_weight
from convcalc.reference.loaded.models import file_of
from convcalc.reference.memory import TooLarge
from convcalc.reference.rounding import largest, rounding
from convcalc.tensors.engine import Array, Engine

if TYPE_CHECKING:
    from convcalc.exports.onnx.run import FileRun
    from convcalc.imports.record import FileTensor, Imported, Layer

_NOT_IN_FILE = "its arrays are not in the file as a layer has them"


class TensorCheck(msgspec.Struct, frozen=True):
    """A tensor of the file that a layer stands for: the shape that was read, and the one it has in the runtime.

    `difference` is the largest of any element, infinite where a number is none, and `tolerance` what rounding accounts
    for. `reason` is why values were not compared; where the runtime has no such tensor, `shape` is None too.
    """

    layer: str
    tensor: str
    read: Shape
    shape: Shape | None = None
    difference: float = 0.0
    tolerance: float = 0.0
    reason: str = ""

    @property
    def same_shape(self) -> bool | None:
        """Whether the runtime has the shape that was read, None where it has no such tensor.

        A number without an axis is one with an axis of one, as none of our tensors is without.
        """
        return None if self.shape is None else (self.shape or (1,)) == (self.read or (1,))

    @property
    def agrees(self) -> bool | None:
        """Whether nothing that was compared differs, None where nothing was."""
        if not self.same_shape:
            return self.same_shape
        return bool(self.reason) or self.difference <= self.tolerance


class FileCheck(msgspec.Struct, frozen=True):
    """All tensors of a file that layers stand for; `unmatched` counts layers that are only a part of an operator.

    `filled` are arrays of which the file holds no numbers, and that got random ones. `reason` is why the runtime does
    not run the file.
    """

    tensors: tuple[TensorCheck, ...] = ()
    unmatched: int = 0
    filled: tuple[str, ...] = ()
    reason: str = ""

    @property
    def agrees(self) -> bool | None:
        """Whether every tensor that was compared is as it was read; None where the file did not run."""
        return None if self.reason else all(tensor.agrees is not False for tensor in self.tensors)


def check_file(imported: Imported, *, seed: int = 0, threads: int = 1, most_bytes: int | None = None) -> FileCheck:
    """Run the file of a model on random numbers, and compare what was read of it.

    Raises:
        MissingPackage: a package that the runtime takes is not installed.
        TooLarge: its tensors take more than `most_bytes`.
    """
    require_packages()
    from convcalc.exports.onnx.run import NotRun, run_file

    layers = [layer for layer in imported.layers if layer.tensor is not None]
    needed = 8 * sum(prod(layer.tensor.shape) for layer in layers if layer.tensor is not None)
    if most_bytes is not None and needed > most_bytes:
        raise TooLarge(needed, most_bytes)
    wanted = [layer.tensor.name for layer in layers if layer.tensor is not None]
    entering = {tensor.name: tensor.shape for tensor in imported.entering.values()}
    try:
        limits: Any = {"seed": seed, "threads": threads, "most_bytes": most_bytes}
        run = run_file(imported.path, imported.content, entering, wanted, **limits)
    except NotRun as error:
        return FileCheck(reason=str(error))
    comparison = _Comparison(imported, run, Engine(threads))
    checks = [comparison.check(layer) for layer in imported.layers]
    unmatched = sum(layer.tensor is None and bool(layer.operators) for layer in imported.layers)
    return FileCheck(tuple(check for check in checks if check is not None), unmatched, run.filled)


class _Comparison:
    """The layers in order, each on what enters it in the runtime, or, where that has no such tensor, on what is made.

    What enters with another shape than was read is nothing to run a layer on.
    """

    def __init__(self, imported: Imported, run: FileRun, engine: Engine) -> None:
        self.run, self.engine = run, engine
        self._evaluation = Evaluation(_AsItRan(imported, run))
        tensors = (layer.tensor for layer in imported.layers)
        self._cuts = frozenset(tensor.name for tensor in (*tensors, *imported.entering.values()) if tensor is not None)
        self.shapes = dict(imported.inputs)
        self.tensors: dict[str, Array | None] = {
            name: self._as_ours(tensor, imported.inputs[name]) for name, tensor in imported.entering.items()
        }

    def check(self, layer: Layer) -> TensorCheck | None:
        """Compare one layer; None for one that stands for no tensor of the file."""
        entering = [self.tensors.get(name) for name in layer.inputs]
        shapes = tuple(self.shapes[name] for name in layer.inputs)
        self.shapes[layer.name] = layer.shape
        config = layer.config(shapes)
        output, reason = None, self._left_out(layer, config, shapes)
        step: Step | None = None
        arrays = None if reason else self._arrays(layer, config, shapes)
        if not reason and any(tensor is None for tensor in entering):
            reason = "what enters it is not as it was read, or not to be had"
        if not reason and arrays is None:
            reason = _NOT_IN_FILE
        if not reason:
            present = [tensor for tensor in entering if tensor is not None]
            step, reason = self._step(config, arrays or {}, present)
            output = step.output
        theirs = None if layer.tensor is None else self._as_ours(layer.tensor, layer.shape)
        made = None if layer.tensor is None else self.run.tensors.get(layer.tensor.name)
        self.tensors[layer.name] = output if made is None else theirs
        if layer.tensor is None:
            return None
        check = TensorCheck(layer.name, layer.tensor.name, layer.tensor.shape, reason=reason)
        if made is None:
            return msgspec.structs.replace(
                check, reason="the runtime has no such tensor: it is within a branch or function"
            )
        check = msgspec.structs.replace(check, shape=made.shape)
        if reason or theirs is None or step is None or output is None or output.shape != theirs.shape:
            return msgspec.structs.replace(
                check, reason=reason or "the samples of its batch are not beside one another"
            )
        if made.dtype.kind in "iu" and bool(np.any(output != np.trunc(output))):
            return msgspec.structs.replace(check, reason="the file computes in whole numbers")
        return self._valued(check, layer, config, shapes, step, theirs)

    def _left_out(self, layer: Layer, config: Kind, shapes: tuple[Shape, ...]) -> str:
        """Why a layer is not run, whatever enters it."""
        if layer.kind == "opaque":
            return "what they compute is not known"
        if layer.tensor is not None and self.run.rounds(layer.tensor.name, self._cuts):
            return "the file rounds on the way there, to whole numbers or as it is quantised"
        macs, elements = config.macs(*shapes), config.elementwise_ops(*shapes)
        affordable = steps.afford(running_steps(config, layer.shape, macs, elements, config.params(*shapes)))
        return "" if affordable else UNAFFORDABLE

    def _step(self, config: Kind, arrays: Mapping[str, Array], entering: Sequence[Array]) -> tuple[Step, str]:
        before = self.engine.multiplications
        try:
            with np.errstate(all="ignore"):  # random numbers may overflow, or have no root
                output, _ = run_layer(self.engine, config, arrays, entering)
        except FAILURES as error:
            return Step(0, None, {}, 0, 0, 0, 0), f"the executor did not run it: {failure(error)}"
        return Step(0, output, {}, self.engine.multiplications - before, 0, 0, 0), ""

    def _valued(
        self, check: TensorCheck, layer: Layer, config: Kind, shapes: tuple[Shape, ...], step: Step, theirs: Array
    ) -> TensorCheck:
        """The values of a layer, with the tolerance of its operators as they would be exported."""
        from convcalc.exports.errors import CannotWrite
        from convcalc.exports.onnx.write import model

        assert step.output is not None  # noqa: S101  # for the type checker
        entering = [tensor for name in layer.inputs if (tensor := self.tensors[name]) is not None]
        try:
            written = model(_network(layer, config, shapes), dtype="float32", batch=entering[0].shape[0])
        except CannotWrite as error:
            return msgspec.structs.replace(check, reason=str(error))
        except steps.OutOfSteps:
            return msgspec.structs.replace(check, reason=UNAFFORDABLE)
        relative, size = rounding(step, entering, written)
        coarser = max(self.run.precision / float(np.finfo(np.float32).eps), 1.0)
        relative = max(relative, 16 * float(np.finfo(np.float32).eps)) * coarser
        difference = apart(step.output.astype(np.float32), theirs)
        return msgspec.structs.replace(check, difference=difference, tolerance=relative * max(size, largest(theirs)))

    def _as_ours(self, tensor: FileTensor, shape: Shape) -> Array | None:
        """A tensor of the runtime with the batch in front; None where it has none, or another shape."""
        array = self.run.tensors.get(tensor.name)
        if array is None or (array.shape or (1,)) != (tensor.shape or (1,)) or array.dtype.kind not in "fiub":
            return None
        array = array.reshape(tensor.shape)
        laid = array[None] if tensor.batch is None else np.moveaxis(array, tensor.batch, 0)
        laid = laid.astype(np.float32)
        if laid.shape[1:] == shape:
            return laid
        return laid[None] if laid.shape == shape else None

    def _arrays(self, layer: Layer, config: Kind, shapes: tuple[Shape, ...]) -> dict[str, Array] | None:
        """The arrays of a layer as the file has them, None where one is not to be had."""
        arrays: dict[str, Array] = {}
        single = np.dtype(np.float32)
        for name, shape in config.arrays(*shapes).items():
            try:
                array = self._evaluation.array(layer.makings[name])
                arrays[name] = as_weight(array, shape, single, is_constant=name == "constant")
            except (KeyError, NoNumbers):
                return None
        return arrays


class _AsItRan:
    """The arrays of a file, and random ones where it holds no numbers and ran with these."""

    def __init__(self, imported: Imported, run: FileRun) -> None:
        self._file, self._run = file_of(imported), run

    def array(self, stored: StoredNumbers) -> Array:
        record = self._file.record(stored)
        filled = self._run.arrays(record.name) if record.name in self._run.filled else None
        return self._file.of(record) if filled is None else filled


def _network(layer: Layer, config: Kind, shapes: tuple[Shape, ...]) -> Network:
    """A network of the layer alone."""
    names = dict(zip(layer.inputs, shapes, strict=True))
    inputs = [input_node(name, shape, 0) for name, shape in names.items()]
    places = tuple(list(names).index(name) for name in layer.inputs)
    node = Node(name=layer.name, kind=layer.kind, config=config, inputs=places, shape=layer.shape, line=0)
    return Network("", "", (*inputs, node), len(inputs), (len(inputs),), (), {}, {}, {})
