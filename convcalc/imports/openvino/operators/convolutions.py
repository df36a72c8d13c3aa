"""Convolutions and products of matrices, each with the bias that is added behind it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from convcalc.imports.errors import Inexpressible
from convcalc.imports.openvino.document import IrLayer
from convcalc.imports.openvino.operators.pools import per_axis, window

if TYPE_CHECKING:
    from convcalc.imports.openvino.translation import IrCall

_ADDING = {"add"}
_LOOKED_THROUGH = {"convert", "fakequantize"}


def _conv(call: IrCall, grouped: bool) -> None:
    weight, groups, filters = _filters(call, grouped)
    rank = len(filters) - 2
    attributes = {**window(call, rank), "kernel_shape": list(filters[2:]), "group": groups}
    bias = _bias(call, filters[0], rank)
    call.leaves("Conv", call.tensor(), weight, *bias, **attributes)


def _filters(call: IrCall, grouped: bool) -> tuple[str, int, tuple[int, ...]]:
    """The weights, the groups, and the shape without an axis of groups in front."""
    weight, shape = call.learned(1), call.shape(1)
    if not grouped:
        return weight, 1, shape
    groups, joined = shape[0], (shape[0] * shape[1], *shape[2:])
    return call.node("Reshape", weight, call.constant(joined)), groups, joined


def _bias(call: IrCall, channels: int, rank: int) -> list[str]:
    """What is added behind, where it is one number a channel; the layer that adds it then passes on what enters.

    Numbers that both are multiplied with before are the alpha and beta of a dense layer in ONNX.
    """
    translation = call.translation
    (own,) = call.outputs
    made, passed = own, list[IrLayer]()
    adding = _only_reader(call, own)
    if adding is not None and _without_factor(call, adding, own):
        passed.append(adding)
        made = _output(call, adding)
        adding = _only_reader(call, made)
    if adding is None or adding.type.lower() not in _ADDING:
        return []
    (name,) = [source for source in translation.sources(adding) if source != made] or [""]
    maker = translation.makers.get(name)
    if maker is not None and maker.type == "Multiply":
        name = next((source for source in translation.sources(maker) if _without_factor(call, maker, source)), name)
    if not name or not _is_stored(call, name):
        return []
    dims = translation.ports[name].dims
    wanted: list[int | None] = [channels, *[1] * rank]
    if len(dims) < len(wanted) or dims[-len(wanted) :] != wanted or any(size != 1 for size in dims[: -len(wanted)]):
        return []
    for layer in (*passed, adding):
        translation.folded[_output(call, layer)] = own
        translation.passed.add(layer.number)
    return [call.node("Reshape", translation.restored(name) or translation.read(name), call.constant([channels]))]


def _without_factor(call: IrCall, layer: IrLayer, name: str) -> bool:
    """Whether a layer multiplies a tensor by a single number of the file."""
    sources = call.translation.sources(layer)
    if layer.type != "Multiply" or len(sources) != 2 or name not in sources:
        return False
    other = sources[1 - sources.index(name)]
    dims = call.translation.ports[other].dims if other else [0]
    return all(size == 1 for size in dims) and _is_stored(call, other)


def _output(call: IrCall, layer: IrLayer) -> str:
    return call.translation.name_of((layer.number, layer.outputs[0].number))


def _only_reader(call: IrCall, name: str) -> IrLayer | None:
    """The one layer that reads a tensor, once."""
    readers = call.translation.readers.get(name, [])
    return readers[0] if len(readers) == 1 else None


def _is_stored(call: IrCall, name: str) -> bool:
    """Whether a tensor that stands further behind is an array of the file, perhaps in another type."""
    maker = call.translation.makers.get(name)
    while maker is not None and maker.type.lower() in _LOOKED_THROUGH:
        name = call.translation.sources(maker)[0]
        maker = call.translation.makers.get(name)
    return maker is not None and maker.type == "Const"


def _transposed(call: IrCall, grouped: bool) -> None:
    weight, groups, filters = _filters(call, grouped)
    rank = len(filters) - 2
    attributes: dict[str, Any] = {**window(call, rank), "kernel_shape": list(filters[2:]), "group": groups}
    added = per_axis(call, "output_padding", rank, 0)
    sizes = call.after()[2:]
    bias = _bias(call, filters[1] * groups, rank)
    is_given = call.has(2) or attributes.pop("auto_pad", "") != ""
    if not is_given:
        call.leaves("ConvTranspose", call.tensor(), weight, *bias, output_padding=added, **attributes)
        return
    if None in sizes:
        raise Inexpressible("the sizes of what leaves are open, and the numbers that say them are in the .bin")
    word = {"same_upper": "SAME_UPPER", "same_lower": "SAME_LOWER"}.get(call.text("auto_pad").lower(), "")
    if word:
        attributes = {key: value for key, value in attributes.items() if key != "pads"} | {"auto_pad": word}
    call.leaves("ConvTranspose", call.tensor(), weight, *bias, output_shape=sizes, output_padding=added, **attributes)


def _product(call: IrCall) -> None:
    operands = []
    for place, name in enumerate(("transpose_a", "transpose_b")):
        x, rank = call.learned(place), len(call.dims(place))
        if call.flag(name) and rank > 1:
            x = call.node("Transpose", x, perm=[*range(rank - 2), rank - 1, rank - 2])
        operands.append(x)
    is_dense = call.is_constant(1) and len(call.dims(0)) == len(call.dims(1)) == 2
    features = call.after()[-1:]
    bias = _bias(call, features[0], 0) if is_dense and features[0] is not None else []
    call.leaves("Gemm" if bias else "MatMul", *operands, *bias)


def _einsum(call: IrCall) -> None:
    call.leaves("Einsum", *(call.tensor(place) for place in range(len(call.sources))), equation=call.text("equation"))


def _deformable(call: IrCall) -> None:
    filters = call.shape(2)
    attributes = {**window(call, len(filters) - 2), "kernel_shape": list(filters[2:])}
    groups: dict[str, Any] = {"group": call.integer("group", 1), "offset_group": call.integer("deformable_group", 1)}
    inputs = [call.tensor(), call.learned(2), call.tensor(1)]
    inputs += ["", call.tensor(3)] if call.has(3) else []
    call.leaves("DeformConv", *inputs, **attributes, **groups)


RULES = {
    "convolution": partial(_conv, grouped=False),
    "groupconvolution": partial(_conv, grouped=True),
    "convolutionbackpropdata": partial(_transposed, grouped=False),
    "groupconvolutionbackpropdata": partial(_transposed, grouped=True),
    "deformableconvolution": _deformable,
    "matmul": _product,
    "einsum": _einsum,
}
