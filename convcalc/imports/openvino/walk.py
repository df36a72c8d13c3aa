"""From a network to a record: its layers are put in ONNX's words, and then walked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from convcalc.imports import Buffer, ReadOptions
from convcalc.imports.errors import CannotImport, Inexpressible, OverLimit, plain
from convcalc.imports.onnx.nodes import Attributes, GraphNode
from convcalc.imports.onnx.operators.pools import pooled
from convcalc.imports.onnx.reading import INT64, Graph, Model, Tensor, ValueInfo
from convcalc.imports.onnx.samples import SamplesMeet
from convcalc.imports.onnx.values import Call, Value, viewed
from convcalc.imports.onnx.walk import Walk
from convcalc.imports.openvino.document import net_of
from convcalc.imports.openvino.translation import IrNode, IrTranslation
from convcalc.imports.record import Imported
from convcalc.imports.rounding import rounding_of_kept_windows
from convcalc.steps import OutOfSteps

_OPSET = 24
"""The version of ONNX's operators in whose words layers are put."""

_POOLS = {"MaxPool": "max_pool", "AveragePool": "avg_pool"}
_MOST_NAMED = 3


class _IrArray(Tensor):
    """An array: its sizes, and its numbers where these are known."""

    __slots__ = ("_known",)

    def __init__(self, name: str, dims: tuple[int, ...], kind: int, numbers: tuple[int | float, ...] | None) -> None:
        self.name, self.dims, self.element_type, self.external = name, dims, kind, False
        self.place = (0, 0)
        self._known = numbers

    @property
    def count_read(self) -> int:
        return len(self._known or ())

    def is_same(self, other: Tensor) -> bool:
        return self is other

    def numbers(self) -> tuple[int | float, ...] | None:
        return self._known

    def view(self) -> Sequence[int | float]:
        return self._known or ()


class _IrGraph(Graph):
    """A network that was put in other words."""

    __slots__ = ("infos",)

    def __init__(self, translation: IrTranslation) -> None:
        self.name, self.nodes, self.stated = translation.net.name, list(translation.nodes), []
        self.initialisers = {name: _IrArray(name, *array) for name, array in translation.arrays.items()}
        self.infos = {
            name: ValueInfo(name, list(port.dims), translation.element_type(name), is_tensor=True)
            for name, port in translation.ports.items()
        }
        self.inputs = [self.infos[name] for name in translation.inputs]
        self.outputs = [self.infos[name] for name in translation.outputs]


class _IrModel(Model):
    """A network with the sizes that the file has for every tensor."""

    def stated(self) -> dict[str, ValueInfo]:
        graph = self.graph
        return graph.infos if isinstance(graph, _IrGraph) else {}


class _IrWalk(Walk):
    """The walk over these nodes, which are completed when the shapes that enter them are known."""

    def step(self, node: GraphNode, depth: int = 0) -> None:
        super().step(self._completed(node) if isinstance(node, IrNode) else node, depth)

    def _completed(self, node: IrNode) -> IrNode:
        if node.deduced is None:
            return node
        values = [self.value(name) for name in node.inputs]
        if any(value is not None and not value.known for value in values):
            return node
        try:
            numbers, attributes = node.deduced([self.batch.full(value) for value in values if value is not None])
        except Inexpressible as error:
            return replace(node, reason=str(error))
        inputs = [*node.inputs, *map(self._constant, numbers)]
        return replace(node, inputs=inputs, attributes=Attributes({**node.attributes, **attributes}))

    def _constant(self, numbers: Sequence[int | float]) -> str:
        initialisers = self.model.graph.initialisers
        name = f"numbers/{len(initialisers)}"
        initialisers[name] = _IrArray(name, (len(numbers),), INT64, tuple(numbers))
        return name

    def _outputs(self, call: Call) -> Sequence[Value]:
        node = call.node
        if isinstance(node, IrNode) and node.reason:
            raise Inexpressible(node.reason)
        if any(not value.known for value in call.values()):
            return super()._outputs(call)
        if node.op in _POOLS and node.attributes.get("rounding") == "ceil" and not any(node.outputs[1:]):
            return [pooled(call, _POOLS[node.op], {"ceil_mode": _rounding(call)})]
        if node.op == "openvino.adaptive_pool":
            cells = tuple(call.attributes.integers("cells") or [])
            return [call.out(call.layer(call.attributes.text("kind"), {"output_size": cells}, call.map()))]
        if node.op == "openvino.attention":
            return [_attention(call)]
        return super()._outputs(call)


def _rounding(call: Call) -> bool | str:
    """How the number of windows is rounded where the last one is always kept."""
    attributes, sizes = call.attributes, call.value(0).shape[2:]
    kernels, strides, dilations = (attributes.integers(name) or [] for name in ("kernel_shape", "strides", "dilations"))
    pads = attributes.integers("pads")
    if pads is None:
        return False
    extents = [(kernel - 1) * apart + 1 for kernel, apart in zip(kernels, dilations, strict=True)]
    padding = list(zip(pads[: len(sizes)], pads[len(sizes) :], strict=True))
    return rounding_of_kept_windows(sizes, extents, strides, padding)


def _attention(call: Call) -> Value:
    values = call.values()
    shape = values[0].shape
    batch = 0 if len(shape) > 2 and shape[0] == 1 else None
    inputs = [viewed(call.builder, value, batch, len(shape)) for value in values]
    fields: dict[str, Any] = {"is_causal": True} if call.flag("is_causal") else {}
    return call.out(call.layer("scaled_dot_product_attention", fields, *inputs), batch)


def of_bytes(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The record of the network in a file.

    Raises:
        CannotImport: it is none, or is broken; sizes are open; a size that is worked out is another than the file has.
    """
    try:
        net = net_of(buffer)
        translation = IrTranslation(net)
        translation.go()
        imported = _walked(translation, options, source)
    except OutOfSteps:
        raise OverLimit from None
    differing = [text for text in imported.warnings if text.startswith("the file declares another shape")]
    if differing:
        raise CannotImport(f"{differing[0]}: please report it")
    notes = [note for note in imported.notes if "exporters" not in note]
    return replace(
        imported,
        format=f"an OpenVINO IR of version {net.version}",
        runtime="",
        unit="layer",
        unused=(),  # what decides sizes is not read as a tensor
        notes=(*notes, *_notes(translation)),
    )


def _walked(translation: IrTranslation, options: ReadOptions, source: str) -> Imported:
    if not translation.outputs:
        raise CannotImport("no tensor leaves the network: it has no layer of the type Result")
    _check_sizes(translation, options)

    def walk(how: str = "") -> Imported:
        model = _IrModel(b"", _IrGraph(translation), {"": _OPSET}, translation.net.producer, {})
        walking = _IrWalk(model, options.sizes, how, options.values)
        walking.builder.learned = dict.fromkeys(translation.unlearned, False)
        walking.element_types.stated = {name: translation.element_type(name) for name in translation.ports}
        walking.element_types.restored = translation.held
        walking.element_types.trained = translation.rounded
        return walking.record(source, strict=options.strict)

    try:
        return walk()
    except SamplesMeet as error:
        return walk(error.how)


def _check_sizes(translation: IrTranslation, options: ReadOptions) -> None:
    """Refuse other sizes than the file has: what it says of tensors would not hold, and it is all that is known."""
    for name in translation.inputs:
        wanted = options.sizes.get(name, options.sizes.get("") if len(translation.inputs) == 1 else None)
        dims = translation.ports[name].dims
        if wanted is None:
            continue
        fixed = dims[len(dims) - len(wanted) :] if len(wanted) <= len(dims) else dims
        if len(wanted) not in (len(dims), len(dims) - 1) or any(
            size is not None and size != own for size, own in zip(fixed, wanted, strict=False)
        ):
            shown = "x".join("?" if size is None else str(size) for size in dims)
            raise CannotImport(
                f"input {plain(name)} is {shown} in the file, and sizes that it has fixed hold for every layer; "
                "convert the model again for others"
            )


def _notes(translation: IrTranslation) -> list[str]:
    """What a reader of the figures must know."""
    notes = []
    for text, names in translation.notes.items():
        listed = ", ".join(names[:_MOST_NAMED])
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        notes.append(f"{'layers' if len(names) > 1 else 'layer'} {listed}{more} {text}")
    notes.append(
        f"the constants of the file hold {translation.floats():,} numbers with fractions, single ones among them"
    )
    return notes
