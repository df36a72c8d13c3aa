"""The records that an analysis returns. Every number is an exact int; nothing is rounded or given a unit here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from convcalc.analysis.terms import Terms
from convcalc.layers import UNSIZED, Shape
from convcalc.network import Network
from convcalc.presenting import Presented

if TYPE_CHECKING:
    from convcalc.analysis.counts import ToolCount

COSTS = ("params", "buffers", "macs", "elementwise_ops", "flops")
"""What is counted of every layer."""

TRAFFIC = ("input_bytes", "weight_bytes", "output_bytes", "bit_operations")
"""What follows, for every layer, from the formats of its numbers."""

MACS = "1 MAC = one multiply and its add, padded taps counted; bias, norm and activation are element-wise ops"


ALONE = "no operation in place, a tensor is freed after its last use, layers in written order"
IN_PLACE = "what runs in place takes no memory, a tensor is freed after its last use, kernels in written order"


KERNELS = "norms folded, activations and sums in place"
NOTHING_MERGED = "nothing folds, merges or runs in place"


class Convention(msgspec.Struct, frozen=True, kw_only=True):
    """What the numbers of a report count.

    `fused`: rows are kernels, as `convcalc.fusing` merges layers into them; `kernels` says how. `device` is what the
    bounds are for.
    """

    batch: int = 1
    dtype: str = "float32"
    fused: bool = False
    kernels: str = ""
    device: str = ""
    macs: str = MACS
    flops: str = "2 * macs + elementwise_ops; bias adds are among the element-wise ops"
    params: str = "learnable; shared weights once; running statistics are buffers"
    peak_activation_bytes: str = ALONE
    bytes: str = "of one sample each tensor, of an array each row of its first axis, starts on a byte"
    receptive_field: str = "input positions an output position can depend on, as if the input were unbounded"


class ReceptiveField(msgspec.Struct, frozen=True, rename={"is_global": "global"}):
    """What a layer's output positions see, an entry for each spatial axis of the input.

    `is_global`: every position of the input arrives, axis by axis, by operations over all positions of a tensor; then
    `size`, `stride` and `start` speak of the local paths beside them. Operations over all positions that bring some of
    the input only, as behind a crop or over one axis, are counted into the size: it goes from the first position
    that arrives to the last, on the real axis. Where nothing of the input is seen, as by a parameter, the size is 0.

    All three are None where no local path is left or, if nothing is global, where the field could not be worked out
    within limits; None as a whole where that is so on every axis, as the stride is where no path is local. A stride
    below 1 is a fraction, and None where tensors are laid end to end. Where sizes differ between positions it is the
    largest.
    """

    size: tuple[int | None, ...] | None
    stride: tuple[Any, ...] | None
    start: tuple[int | None, ...] | None
    is_global: bool


class Bound(msgspec.Struct, frozen=True):
    """The least time that a layer takes on a device, in picoseconds, rounded down, and what binds it.

    `compute_ps` is what its operations take at the peak of its formats, `memory_ps` what its bytes take; `ps` is the
    larger, and `by` names it. `padded_macs` are those that its channels, filled up to what the device takes at once,
    add.
    """

    ps: int
    by: str
    compute_ps: int
    memory_ps: int
    padded_macs: int = 0


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One layer. MACs and operations are for the whole batch; shapes are without it.

    `input_bytes`, `weight_bytes` (biases among them, buffers not) and `output_bytes` are in the formats that the
    numbers have, each tensor read once; `bit_operations` are MACs times the bits of both factors, which have the
    formats `weights` and `activations`. `fused` are the layers that run in the same kernel, by name. `bound` is the
    least that it takes on a device. `costed`: what it costs is known. Where it is not, its costs are 0.
    """

    name: str
    kind: str
    line: int
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    params: int
    buffers: int
    macs: int
    elementwise_ops: int
    flops: int
    receptive_field: ReceptiveField
    input_bytes: int
    weight_bytes: int
    output_bytes: int
    bit_operations: int
    weights: str
    activations: str
    fused: tuple[str, ...] = ()
    bound: Bound | None = None
    costed: bool = True


def sums(rows: Sequence[Any], costs: Iterable[str] = COSTS) -> dict[str, int]:
    """What rows of a report, or lines of a table, cost together."""
    return {cost: sum(map(attrgetter(cost), rows)) for cost in costs}


class Totals(msgspec.Struct, frozen=True):
    """Sums over the layers, and what follows from them.

    Where layers are uncosted (`Report.uncosted`), they are the least that they can be, but for bytes of activations:
    those are so where layers are unsized (`Report.unsized`).
    `weight_bytes` are those of the params, without buffers, whose bytes are `buffer_bytes`. `activation_bytes` are
    those of all layers' outputs, `peak_activation_bytes` the most that live at one time, the input among them.
    `macs_by_format` are the MACs by the formats of their factors, weight and activation: ``int4 x int8``. `bound_ps`
    is the sum of the layers' bounds, where there is a device.
    """

    params: int
    buffers: int
    macs: int
    elementwise_ops: int
    flops: int
    weight_bytes: int
    activation_bytes: int
    peak_activation_bytes: int
    buffer_bytes: int
    bit_operations: int
    macs_by_format: dict[str, int]
    bound_ps: int | None = None


class Peak(msgspec.Struct, frozen=True):
    """When the most activation memory is in use: while `layer` runs, with these tensors alive."""

    layer: str
    bytes: int
    tensors: tuple[str, ...]


class Report(Presented, msgspec.Struct, frozen=True):
    """The costs of a network.

    `misaligned` names the layers where paths meet whose receptive fields have different centres or strides. `terms`
    are those on which it was counted; where they say so, the network is `written` fused. `counted` is what another
    tool counts, where one is asked for.
    """

    network: Network
    convention: Convention
    totals: Totals
    layers: tuple[Row, ...]
    peak: Peak | None
    misaligned: tuple[str, ...]
    terms: Terms
    written: Network
    counted: ToolCount | None = None

    @property
    def figures(self) -> dict[str, Any]:
        """What a spec's `expect` may name: the totals, the shape of the first output, the size of the field."""
        nodes, outputs, field = self.network.nodes, self.network.outputs, self.receptive_field
        totals = msgspec.structs.asdict(self.totals)
        del totals["macs_by_format"], totals["bound_ps"]  # which are of how it runs
        return {
            **totals,
            "output": nodes[outputs[0]].shape if outputs else None,
            "receptive_field": field.size if field is not None else None,
        }

    def rows(self, first: int, last: int) -> Sequence[Row]:
        """The rows of the nodes from one up to another, the latter not included."""
        start = self.network.input_count
        return self.layers[first - start : last - start]

    @property
    def unsized(self) -> tuple[str, ...]:
        """The layers of which it is not even known how large their outputs are, by name."""
        return tuple(row.name for row in self.layers if row.output_shape == UNSIZED)

    @property
    def uncosted(self) -> tuple[str, ...]:
        """The layers of which it is not known what they cost, by name."""
        return tuple(row.name for row in self.layers if not row.costed)

    @property
    def receptive_field(self) -> ReceptiveField | None:
        """That of the network: see `field_of`."""
        return field_of(self.network, [row.receptive_field for row in self.layers])


def field_of(network: Network, seen: Sequence[ReceptiveField]) -> ReceptiveField | None:
    """That of the layer which `place_of_field` names. `seen` are those of the layers."""
    place = place_of_field(network, seen)
    return None if place is None else seen[place]


def place_of_field(network: Network, seen: Sequence[ReceptiveField]) -> int | None:
    """The place among the layers of that whose field is the network's.

    It is that of the output with the largest field, of those that see more than one position by a local path, or with
    one that is not worked out. Where none does, it is the last layer which does; else the last layer.
    """
    start = network.input_count
    outputs = [index - start for index in network.outputs if index >= start]
    local = [place for place in outputs if _is_local(seen[place])]
    lost = [place for place in outputs if seen[place].size is None and not seen[place].is_global]
    if lost:
        return lost[0]
    if local:
        return max(local, key=lambda place: max(size or 0 for size in seen[place].size or ()))
    behind = [place for place, field in enumerate(seen) if _is_local(field)]
    return behind[-1] if behind else len(seen) - 1 if seen else None


def meets(figure: Any, expected: Any) -> bool:
    """Whether a figure is what a spec expects; one number stands for all axes."""
    alike = isinstance(figure, tuple) and isinstance(expected, int) and set(figure) == {expected}
    return alike or bool(figure == expected)


def _is_local(field: ReceptiveField) -> bool:
    """Whether it sees more than one position by a local path."""
    return bool(field.stride is not None and field.size and set(field.size) - {0, 1, None})
