"""Costs of a network: one walk over its layers in the order they run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from convcalc import steps
from convcalc.analysis.report import (
    ALONE,
    COSTS,
    IN_PLACE,
    KERNELS,
    NOTHING_MERGED,
    Bound,
    Convention,
    Peak,
    ReceptiveField,
    Report,
    Row,
    Totals,
    sums,
)
from convcalc.analysis.terms import Terms, merged, terms_of
from convcalc.analysis.traffic import (
    bit_operations,
    buffer_bytes,
    macs_by_format,
    output_bytes,
    traffic_of,
    weight_bytes,
)
from convcalc.arithmetic.axes import NOT_WORKED_OUT, Reach
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.measuring import Measure, measure_beside
from convcalc.arithmetic.meeting import aligned
from convcalc.arithmetic.number import product
from convcalc.arithmetic.precision import Precision, precision
from convcalc.layers import Kind, Shape
from convcalc.network import Network, Node

if TYPE_CHECKING:
    from convcalc.devices import Device


def analyze(
    network: Network,
    *,
    batch: int | None = None,
    dtype: str | Precision | None = None,
    fused: bool | None = None,
    device: str | Device | None = None,
) -> Report:
    """Parameters, MACs, element-wise operations, receptive field and memory of every layer, and their totals.

    What is None is as the network's spec says in `deploy`, or else batch 1, float32, not fused, on no device. `dtype`
    is one format or several by role (see `convcalc.arithmetic.precision.precision`), `device` a name of
    `convcalc.devices.names` or a file.

    Raises:
        ValueError: a batch below 1, a dtype that there is not, or a device that has no peak for it.
        SpecError: a device that there is not, or a file that cannot be read as one.
    """
    return on_terms(network, terms_of(network, batch=batch, dtype=dtype, fused=fused, device=device))


def as_written(network: Network, *, batch: int = 1, dtype: str = "float32") -> Report:
    """As `analyze`, whatever `deploy` says: layer by layer, on no device."""
    return on_terms(network, Terms(batch=batch, precision=precision(dtype)))


def on_terms(network: Network, terms: Terms) -> Report:
    """As `analyze`, on terms that are known."""
    written, network = network, merged(network, terms.precision) if terms.fused else network
    fields, misaligned = receptive_fields(network)
    rows = tuple(rows_of(network, zip(network.layers, fields[network.input_count :], strict=True), terms))
    peak = _peak(network, terms)
    pairs = zip(network.layers, rows, strict=True)
    totals = Totals(
        **sums(rows, (*COSTS, "weight_bytes", "bit_operations")),
        activation_bytes=sum(row.output_bytes for row in rows),
        peak_activation_bytes=peak.bytes if peak else 0,
        buffer_bytes=sum(buffer_bytes(network, node, terms) for node, row in pairs if row.buffers),
        macs_by_format=macs_by_format(network, terms, [row.macs for row in rows]),
        bound_ps=sum(row.bound.ps for row in rows if row.bound is not None) if terms.device is not None else None,
    )
    return Report(network, convention(terms, written, network), totals, rows, peak, misaligned, terms, written)


def convention(terms: Terms, written: Network | None = None, network: Network | None = None) -> Convention:
    """What is said of the numbers that are counted on these terms, of a network that is known to be `written` so."""
    is_merged = written is None or network is None or _is_merged(written, network)
    return Convention(
        batch=terms.batch,
        dtype=str(terms.precision),
        fused=terms.fused,
        kernels=(KERNELS if is_merged else NOTHING_MERGED) if terms.fused else "",
        device=terms.device.name if terms.device is not None else "",
        peak_activation_bytes=IN_PLACE if terms.fused else ALONE,
    )


def _is_merged(written: Network, network: Network) -> bool:
    """Whether fusing has changed anything."""
    changed = any(node.merged or node.in_place is not None for node in network.nodes)
    return changed or len(written.nodes) != len(network.nodes)


def rows_of(
    network: Network,
    layers: Iterable[tuple[Node, Field]],
    terms: Terms = Terms(),  # noqa: B008  # frozen
) -> Iterator[Row]:
    """The rows of some layers, each given with its receptive field; what layers have in common is worked out once."""
    known: dict[Any, tuple[int, ...]] = {}
    measures: Measures = {}
    batch, bound = terms.batch, _bound_on(terms)
    for node, field in layers:
        shapes, formats = network.shapes_into(node), terms.formats(node)
        key = node.config, shapes, node.borrowed_names, node.precision
        numbers = known.get(key)
        if numbers is None:
            numbers = known[key] = costs_in(formats, *key[:3])
        params, buffers, macs, elementwise_ops, weights, bits = numbers
        owned, traffic = node.shared is None, traffic_of(network, node, terms, weights, bits)
        yield Row(
            node.name,
            node.kind,
            node.line,
            tuple(network.nodes[source].name for source in node.inputs),
            shapes,
            node.shape,
            params if owned else 0,
            buffers if owned else 0,
            macs * batch,
            elementwise_ops * batch,
            (2 * macs + elementwise_ops) * batch,
            measured(field, node.shape, measures),
            *traffic,
            formats.weights.name,
            formats.activations.name,
            fused=node.merged,
            bound=bound and bound(network, node, terms, macs * batch, elementwise_ops * batch, traffic),
            costed=node.config.costed,
        )


def _bound_on(terms: Terms) -> Callable[..., Bound | None] | None:
    """What gives a layer's bound, where there is a device."""
    if terms.device is None:
        return None
    from convcalc.analysis.bounds import bound

    return bound


def costs(config: Kind, shapes: tuple[Shape, ...], borrowed: Collection[str] = ()) -> tuple[int, int, int, int]:
    """Params, buffers, MACs and element-wise operations of one layer, batch 1; `borrowed` arrays are another's."""
    buffers = sum(product(shape) for name, shape in config.buffers(*shapes).items() if name not in borrowed)
    params = config.own_params(borrowed, *shapes) if borrowed else config.params(*shapes)
    return params, buffers, config.macs(*shapes), config.elementwise_ops(*shapes)


def costs_in(
    formats: Precision, config: Kind, shapes: tuple[Shape, ...], borrowed: Collection[str]
) -> tuple[int, int, int, int, int, int]:
    """As `costs`, with the bytes of the weights, and the bit operations."""
    params, buffers, macs, elementwise_ops = costs(config, shapes, borrowed)
    learned = weight_bytes(config, shapes, borrowed, formats) if type(params) is not int or params else 0
    bits = bit_operations(config, shapes, formats, macs) if type(macs) is not int or macs else 0
    return params, buffers, macs, elementwise_ops, learned, bits


MEETING = 3
"""Steps that it takes for each tensor that enters a layer."""


def receptive_fields(network: Network) -> tuple[list[Field], tuple[str, ...]]:
    """The field of every node, inputs among them, and the names of the layers where fields meet misaligned.

    All of them together take at most half of the steps that are left; what takes more is not worked out.

    Raises:
        OutOfSteps: so many tensors meet that they cannot be gone through.
    """
    steps.spend(sum(MEETING * len(node.inputs) for node in network.layers))
    fields: list[Field] = []
    misaligned = []
    with steps.part():
        for node in network.nodes:
            entering = tuple(fields[source] for source in node.inputs)
            shapes = network.shapes_into(node)
            fields.append(node.config.receptive_field(entering, shapes))
            if len(entering) > 1 and not aligned(node.config.paths(entering, shapes)):
                misaligned.append(node.name)
    return fields, tuple(misaligned)


Measures = dict[tuple[object, ...], tuple[Any, ...]]
"""What has been measured of axes that are kept, by their identity and what else counts."""


def measured(field: Field, shape: Shape, known: Measures | None = None) -> ReceptiveField:
    """The field of a tensor of that shape in numbers.

    Operations over all positions are counted in where they do not bring all of the input. `known` is shared by fields
    that have axes in common, and are kept as long as it is.
    """
    known = {} if known is None else known
    axes, is_global = field.axes, field.is_global
    spans = [None if is_global or cover is None else cover.span for cover in field.overall]
    if axes and not any(isinstance(axis, Reach) for axis in axes):
        if all(axis is None for axis in axes) and not any(cover and cover.span for cover in field.overall):
            nothing = (None,) * len(axes)
            return ReceptiveField((0,) * len(axes), nothing, nothing, is_global=False)
        if all(
            axis == NOT_WORKED_OUT or (axis is None and span is None) for axis, span in zip(axes, spans, strict=True)
        ):
            return ReceptiveField(None, None, None, is_global)
    outputs = {axis: shape[place] for place, axes in enumerate(field.carries) for axis in axes}
    measures = []
    for index, (axis, span) in enumerate(zip(field.axes, spans, strict=True)):
        last = field.sizes[index] - 1 if field.sizes else 0
        key = id(axis), span, last, outputs.get(index, 1)
        if key not in known:
            known[key] = _with_fraction(measure_beside(axis, span, last, key[3]))
        measures.append(known[key])
    size, stride, start = zip(*measures, strict=True) if measures else ((), (), ())
    nothing_moves = bool(axes) and all(axis is None for axis in axes)
    return ReceptiveField(size, None if nothing_moves else stride, start, is_global)


def _with_fraction(measured: Measure) -> tuple[Any, ...]:
    size, stride, start = measured
    if stride is None or stride[1] == 1:
        return size, stride and stride[0], start
    from fractions import Fraction

    return size, Fraction(*stride), start


def _peak(network: Network, terms: Terms) -> Peak | None:
    """The largest sum of tensors that are alive while a layer runs."""
    nodes, first = network.nodes, network.input_count
    last_use = last_uses(network)
    alive = alive_bytes(network, terms)
    most = max(alive, default=0)
    if not most:
        return None
    when = first + alive.index(most)
    tensors = tuple(
        node.name
        for index, node in enumerate(nodes[: when + 1])
        if last_use[index] >= when and activations(node) and index != nodes[when].overwritten
    )
    return Peak(nodes[when].name, most, tensors)


def alive_bytes(network: Network, terms: Terms) -> list[int]:
    """The sum of the tensors that are alive while each layer runs, its own output among them."""
    nodes, last_use = network.nodes, last_uses(network)
    sizes = [output_bytes(node, terms) for node in nodes]
    alive = sum(size for index, size in enumerate(sizes[: network.input_count]) if last_use[index] > index)
    sums = []
    for index in range(network.input_count, len(nodes)):
        node = nodes[index]
        if node.in_place is None:
            alive += sizes[index]
        sums.append(alive)
        freed = {*node.inputs, index} - {node.overwritten}
        alive -= sum(sizes[source] for source in freed if last_use[source] == index)
    return sums


def activations(node: Node) -> int:
    """Elements of the output, none where it is an array of the layer's own."""
    return 0 if node.config.holds_output else product(node.shape)


def last_uses(network: Network) -> list[int]:
    """The last layer that reads each node; the node itself where none does, beyond all where it leaves the network."""
    nodes = network.nodes
    last_use = list(range(len(nodes)))
    for index, node in enumerate(nodes):
        for source in node.inputs:
            last_use[source] = index
    for index in network.outputs:
        last_use[index] = len(nodes)
    return last_use
