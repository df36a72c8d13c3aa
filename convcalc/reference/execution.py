"""A network run on arrays, layer by layer, and what was measured on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import NamedTuple, Protocol
from weakref import WeakValueDictionary

import numpy as np

from convcalc.arithmetic.number import product
from convcalc.fusing.kernels import Kernel
from convcalc.layers import Kind, Shape
from convcalc.layers.conv_transpose import ConvTranspose
from convcalc.network import Network, Node
from convcalc.reference.in_place import own, run_over
from convcalc.tensors.engine import Array, Engine


class Weights(Protocol):
    """Where a layer's arrays come from."""

    def of(self, index: int, inputs: Sequence[Array]) -> Mapping[str, Array]:
        """The arrays, by name, of the node at `index`, learned ones and buffers; `inputs` is what enters it."""

    def done(self, index: int) -> None:
        """The node at `index` has run."""


class _Handed(dict[str, Array]):
    """A layer's arrays, which remembers those that were read; `prefix` is what their names begin with in a kernel."""

    def __init__(self, arrays: Mapping[str, Array], prefix: str = "") -> None:
        super().__init__(arrays)
        self.used: set[str] = set()
        self.prefix = prefix

    def __getitem__(self, name: str) -> Array:
        self.used.add(self.prefix + name)
        return super().__getitem__(self.prefix + name)


class Step(NamedTuple):
    """What the node at `place` did: its output, batch in front, and what it executed, MACs and element-wise operations.

    `used` has the shapes of the arrays that it read and no layer before it did. `alive_bytes` are those of the tensors
    that lived while it ran, its output with `output_bytes` among them; one that is an array of a layer's own counts
    none. `in_place`: the output is in the memory of what the node reads there. `problem` is why there is no output:
    what the reference said.
    """

    place: int
    output: Array | None
    used: dict[str, Shape]
    multiplications: int
    element_operations: int
    output_bytes: int
    alive_bytes: int
    problem: str = ""
    in_place: bool = False


def written(config: Kind) -> SimpleNamespace:
    """The fields of a layer as a person could have written them, and nothing else of it."""
    return SimpleNamespace(**{name: getattr(config, name) for name in config.__struct_fields__})


def run_layer(
    engine: Engine, config: Kind, arrays: Mapping[str, Array], inputs: Sequence[Array], over: int | None = None
) -> tuple[Array, set[str]]:
    """One layer's output, and the names of the arrays that it read. `over` is the input that it is written over.

    Of a kernel each layer behind the first is run over what the layer before it made.
    """
    head, handed = config.first if isinstance(config, Kernel) else config, _Handed(arrays)
    if over is None:
        output = type(head).reference(engine, written(head), handed, *inputs)
    else:
        output = run_over(engine, head, written(head), handed, inputs, over)
    for part in config.then if isinstance(config, Kernel) else ():
        behind = _Handed(arrays, f"{part.prefix}.")
        output = output if over is not None else own(output, [*inputs, *arrays.values()])
        output = run_over(engine, part.config, written(part.config), behind, [output], 0)
        handed.used |= behind.used
    return output, handed.used


def running_steps(config: Kind, output: Shape, macs: int, elementwise_ops: int, params: int) -> int:
    """What a layer takes to run: a call for each of its operations, products, elements, and numbers to draw.

    What a window holds is copied once for all channels of its group that are made of it. What a transposed window
    writes is added up tap by tap, the more often the larger it is.
    """
    sharing = max(1, output[0] // getattr(config, "groups", 1))
    copied = macs // sharing if hasattr(config, "kernel_size") else 0
    if isinstance(config, ConvTranspose):
        copied += macs * product(config.kernel_size) // 40
    elements = product(output) + elementwise_ops
    return 250 + macs // 24_000 + copied // 1_500 + elements // 250 + params // 100


FAILURES = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, NotImplementedError)
"""What a reference may raise where it, or what it is given, is wrong."""


def failure(error: Exception) -> str:
    """What went wrong where anything may: what is raised, and what it says."""
    return f"{type(error).__name__}: {error}".rstrip(": ")


def execute(network: Network, inputs: Mapping[str, Array], weights: Weights, engine: Engine) -> Iterator[Step]:
    """Run every layer in order; a tensor is freed after its last use, or when another is written over it.

    `inputs` are by name and have the batch in front. A layer that fails, or yields another shape than the network says,
    is followed by noise of that shape, so that the layers behind it can be measured all the same. Whoever iterates
    must not keep an output longer than it needs.
    """
    nodes = network.nodes
    last_use = _last_use(network)
    overwrites = any(node.in_place is not None for node in nodes)
    tensors = {index: _read_only(inputs[node.name]) for index, node in enumerate(network.inputs) if index in last_use}
    read: WeakValueDictionary[int, Array] = WeakValueDictionary()
    own_arrays: set[int] = set()
    for index in range(network.input_count, len(nodes)):
        node = nodes[index]
        entering = [tensors[source] for source in node.inputs]
        arrays = weights.of(index, entering)
        before, problem, output, used = _executed(engine), "", None, set[str]()
        try:
            output, used = run_layer(engine, node.config, arrays, entering, node.in_place)
        except FAILURES as error:
            problem = failure(error)
        target = None if node.in_place is None else entering[node.in_place]
        is_over = output is not None and target is not None and np.may_share_memory(output, target)
        if is_over and last_use[node.inputs[node.in_place or 0]] == index:
            tensors.pop(node.inputs[node.in_place or 0])
        if overwrites and output is not None and not is_over and not node.config.holds_output:
            output = own(output, list(tensors.values()))  # and not a view of what another layer may write over
        if output is not None and any(np.may_share_memory(output, array) for array in arrays.values()):
            own_arrays.add(index)
        output_bytes = 0 if output is None or index in own_arrays else output.nbytes
        alive = output_bytes + sum(tensor.nbytes for source, tensor in tensors.items() if source not in own_arrays)
        del entering, target
        tensors = {kept: tensor for kept, tensor in tensors.items() if last_use[kept] > index}
        if index in last_use:
            tensors[index] = _as_claimed(output, node, inputs)
        borrowed = (node if node.shared is None else nodes[node.shared]).borrowed_names
        fresh = {  # what is borrowed may be a copy, where no view could lay it out
            name: arrays[name]
            for name in arrays
            if name in used
            and id(_holder(arrays[name])) not in read
            and not (name in borrowed and any(np.isin(arrays[name], array).all() for array in read.values()))
        }
        read.update((id(holder), holder) for holder in map(_holder, fresh.values()))
        shapes = {name: array.shape for name, array in fresh.items()}
        del arrays, fresh
        weights.done(index)
        macs, operations = (after - then for after, then in zip(_executed(engine), before, strict=True))
        yield Step(index, output, shapes, macs, operations, output_bytes, alive, problem, is_over)
        del output


def _read_only(array: Array) -> Array:
    """What the caller gave, which nothing writes to."""
    view = array.view()
    view.flags.writeable = False
    return view


def _executed(engine: Engine) -> tuple[int, int]:
    return engine.multiplications, engine.element_operations


def _holder(array: Array) -> Array:
    """The array that holds the elements of a view."""
    return array if array.base is None else _holder(array.base)


def _last_use(network: Network) -> dict[int, int]:
    """The last node that reads each node, for those that are read; outputs stay to the end."""
    used = {source: index for index, node in enumerate(network.nodes) for source in node.inputs}
    return used | dict.fromkeys(network.outputs, len(network.nodes))


def _as_claimed(output: Array | None, node: Node, inputs: Mapping[str, Array]) -> Array:
    first = next(iter(inputs.values()))
    wanted = (first.shape[0], *node.shape)
    if output is not None and output.shape == wanted:
        return output
    return np.random.default_rng(0).standard_normal(wanted).astype(first.dtype)
