"""What moves elements and computes none. Its axes and sizes are constants: shapes tell them (see `deduced`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from convcalc.imports.errors import Inexpressible
from convcalc.imports.openvino import deduced

if TYPE_CHECKING:
    from convcalc.imports.openvino.translation import IrCall

Shapes = Sequence[tuple[int, ...]]
Completed = tuple[Sequence[Sequence[int | float]], dict[str, Any]]

_PLACES = "cut or choose places by numbers of the .bin, which is not read: they are written as the first ones"


def _reshape(call: IrCall) -> None:
    stated, after = call.dims(), call.after()

    def complete(shapes: Shapes) -> Completed:
        return [deduced.rearranged(shapes[0], stated, after)], {"allowzero": 1}

    call.leaves("Reshape", call.tensor(), deduced=complete)


def _squeeze(call: IrCall) -> None:
    stated, after = call.dims(), call.after()
    call.leaves(
        "Squeeze", call.tensor(), deduced=lambda shapes: ([deduced.squeezed(shapes[0], stated, after)], {})
    ) if len(stated) > len(after) else call.leaves("Identity", call.tensor())


def _unsqueeze(call: IrCall) -> None:
    call.leaves("Unsqueeze", call.tensor(), call.constant(deduced.new_axes(call.dims(), call.after())))


def _transpose(call: IrCall) -> None:
    call.leaves("Transpose", call.tensor(), perm=deduced.order(call.dims(), call.after()))


def _concat(call: IrCall) -> None:
    tensors = [call.tensor(place) for place in range(len(call.sources))]
    call.leaves("Concat", *tensors, axis=call.integer("axis")) if len(tensors) > 1 else call.leaves(
        "Identity", tensors[0]
    )


def _split(call: IrCall) -> None:
    stated, parts = call.dims(), [call.after(place) for place in range(len(call.outputs))]

    def complete(shapes: Shapes) -> Completed:
        axis, sizes = deduced.parted(shapes[0], stated, parts)
        return [sizes], {"axis": axis}

    call.nodes("Split", [call.tensor()], call.outputs, deduced=complete)


def _gather(call: IrCall) -> None:
    stated, indices, after = call.dims(), call.dims(1), call.after()
    axis = deduced.along(stated, indices, after, first=call.is_constant(0))
    if not call.is_constant(1) and call.sources[1] not in call.translation.derived:
        call.leaves("Gather", call.tensor(), call.tensor(1), axis=axis)
        return
    if call.is_constant(0):
        call.leaves("Gather", call.tensor(), call.tensor(1), axis=axis)
        return
    size, shape = stated[axis], call.shape(1)
    if size is None:
        raise Inexpressible("places of an axis that is open")
    count = prod(shape)
    if count > 2**16:
        raise Inexpressible(f"{count:,} places of an axis, of which the numbers are not read")
    call.note(_PLACES)
    places = call.constant([place % size for place in range(count)], shape)
    call.leaves("Gather", call.tensor(), places, axis=axis)


def _gather_elements(call: IrCall) -> None:
    call.leaves("GatherElements", call.tensor(), call.tensor(1), axis=call.integer("axis"))


def _gather_nd(call: IrCall) -> None:
    call.leaves("GatherND", call.tensor(), call.tensor(1), batch_dims=call.integer("batch_dims"))


def _scatter(call: IrCall) -> None:
    call.leaves("ScatterND", *(call.tensor(place) for place in range(3)))


def _strided_slice(call: IrCall) -> None:
    """Axes that go and axes that are put in are said by masks; where it begins only if it is at an end."""
    if any(call.integers("ellipsis_mask")):
        raise Inexpressible("an ellipsis, whose place the numbers of the .bin decide")
    masks = {word: call.integers(f"{word}_mask") for word in ("begin", "end", "new_axis", "shrink_axis")}
    new = [axis for axis, bit in enumerate(masks["new_axis"]) if bit]
    own = [axis for axis in range(len(call.dims()) + len(new)) if axis not in new]
    gone = [place for place, axis in enumerate(own) if axis < len(masks["shrink_axis"]) and masks["shrink_axis"][axis]]
    behind = [place for place, axis in enumerate(own) if _goes_to_the_end(masks, axis)]
    left = len([axis for axis in range(len(own)) if axis not in gone])
    if left + len(new) != len(call.after()):
        raise Inexpressible("axes cut out that its masks do not tell")
    landing = [axis - len([place for place in gone if own[place] < axis]) for axis in new]
    y = _cut(call, gone, landing, behind)
    y = call.node("Squeeze", y, call.constant(gone)) if gone else y
    y = call.node("Unsqueeze", y, call.constant(landing)) if landing else y
    call.leaves("Identity", y)


def _goes_to_the_end(masks: dict[str, list[int]], axis: int) -> bool:
    """Whether an axis is cut from a place that is said to its end, of which none is."""
    bits = [masks[word][axis] if axis < len(masks[word]) else 0 for word in ("begin", "end")]
    return bits == [1, 0]


def _cut(call: IrCall, gone: Sequence[int], new: Sequence[int], behind: Sequence[int]) -> str:
    stated, after = call.dims(), call.after()

    def complete(shapes: Shapes) -> Completed:
        sizes = deduced.cut(shapes[0], stated, after, gone, new)
        axes = [axis for axis, size in enumerate(sizes) if size != shapes[0][axis]]
        if any(sizes[axis] > shapes[0][axis] for axis in axes):
            raise Inexpressible(f"shape {list(shapes[0])} cut to {sizes}")
        axes = axes or [0]
        starts = [shapes[0][axis] - sizes[axis] if axis in behind else 0 for axis in axes]
        return [starts, [start + sizes[axis] for start, axis in zip(starts, axes, strict=True)], axes], {}

    call.note(_PLACES)
    return call.node("Slice", call.tensor(), deduced=complete)


def _slice(call: IrCall) -> None:
    call.leaves("Identity", _cut(call, (), (), ()))


def _pad(call: IrCall) -> None:
    """How much is added to an axis is known, and not how much of it before: as much as behind, or one less."""
    after = call.after()
    mode = {"constant": "constant", "edge": "edge", "reflect": "reflect", "symmetric": "reflect"}
    word = mode.get(call.text("pad_mode", "constant").lower(), "constant")

    def complete(shapes: Shapes) -> Completed:
        sizes = deduced.kept(shapes[0], after)
        more = [size - own for size, own in zip(sizes, shapes[0], strict=True)]
        before = [amount // 2 if axis > 1 or word != "constant" else 0 for axis, amount in enumerate(more)]
        return [[*before, *(amount - first for amount, first in zip(more, before, strict=True))]], {}

    call.note("are padded by numbers of the .bin, which is not read: as much before as behind, or one less")
    call.leaves("Pad", call.tensor(), deduced=complete, mode=word)


def _broadcast(call: IrCall) -> None:
    after = call.after()
    call.leaves("Expand", call.tensor(), deduced=lambda shapes: ([deduced.kept(shapes[0], after)], {}))


def _tile(call: IrCall) -> None:
    after = call.after()

    def complete(shapes: Shapes) -> Completed:
        sizes = deduced.kept(shapes[0], after)
        shape = (*[1] * (len(sizes) - len(shapes[0])), *shapes[0])
        return [[size // own for size, own in zip(sizes, shape, strict=True)]], {}

    call.leaves("Tile", call.tensor(), deduced=complete)


def _interpolate(call: IrCall) -> None:
    after = call.after()
    mode = {"nearest": "nearest", "cubic": "cubic"}.get(call.text("mode", "nearest"), "linear")
    attributes: dict[str, Any] = {"mode": mode}
    word = call.text("coordinate_transformation_mode", "half_pixel")
    if call.layer.version == "opset1":
        word = "align_corners" if call.flag("align_corners", default=True) else "half_pixel"
    attributes["coordinate_transformation_mode"] = word
    if mode == "nearest":  # `simple` is down where a map grows, and where it shrinks up
        nearest = call.text("nearest_mode", "round_prefer_floor")
        attributes["nearest_mode"] = "floor" if nearest == "simple" else nearest
    attributes |= {"cubic_coeff_a": call.real("cube_coeff", -0.75)} if mode == "cubic" else {}

    def complete(shapes: Shapes) -> Completed:
        return [deduced.kept(shapes[0], after)], {}

    call.leaves("Resize", call.tensor(), "", "", deduced=complete, **attributes)


def _reduced(call: IrCall, op: str) -> None:
    """By a constant of which the length is known."""
    keepdims = call.flag("keep_dims")
    count = (call.shape(1) or (1,))[0] if call.has(1) else None
    axes = deduced.taken_together(call.dims(), call.after(), keepdims=keepdims, count=count)
    if not axes:
        call.leaves("Identity", call.tensor())
        return
    call.leaves(op, call.tensor(), call.constant(axes), keepdims=int(keepdims))


def _depth_to_space(call: IrCall) -> None:
    mode = "DCR" if call.text("mode", "blocks_first") == "blocks_first" else "CRD"
    call.leaves("DepthToSpace", call.tensor(), blocksize=call.integer("block_size", 1), mode=mode)


def _space_to_depth(call: IrCall) -> None:
    call.leaves("SpaceToDepth", call.tensor(), blocksize=call.integer("block_size", 1))


def _reorg(call: IrCall) -> None:
    call.leaves("SpaceToDepth", call.tensor(), blocksize=call.integer("stride", 1))


def _shuffled(call: IrCall) -> None:
    axis, groups = call.integer("axis", 1) % len(call.dims()), call.integer("group", 1)
    shape = call.dims()
    if shape[axis] is None:
        raise Inexpressible("an axis that is open")

    def complete(shapes: Shapes) -> Completed:
        own = shapes[0]
        return [[*own[:axis], groups, own[axis] // groups, *own[axis + 1 :]]], {}

    def back(shapes: Shapes) -> Completed:
        own = shapes[0]
        return [[*own[:axis], own[axis] * own[axis + 1], *own[axis + 2 :]]], {}

    apart = call.node("Reshape", call.tensor(), deduced=complete)
    order = list(range(len(shape) + 1))
    order[axis : axis + 2] = [axis + 1, axis]
    call.leaves("Reshape", call.node("Transpose", apart, perm=order), deduced=back)


def _top_k(call: IrCall) -> None:
    axis, after = call.integer("axis", -1), call.after()
    size = after[axis]
    if size is None:
        raise Inexpressible("how many are chosen is not known")
    largest = int(call.text("mode", "max") != "min")
    call.nodes("TopK", [call.tensor(), call.constant([size])], call.outputs, axis=axis, largest=largest)


def _cum_sum(call: IrCall) -> None:
    flags: dict[str, Any] = {"exclusive": int(call.flag("exclusive")), "reverse": int(call.flag("reverse"))}
    call.leaves("CumSum", call.tensor(), call.constant([len(call.dims()) - 1], ()), **flags)


def _grid_sample(call: IrCall) -> None:
    mode = {"bilinear": "linear", "bicubic": "cubic", "nearest": "nearest"}.get(call.text("mode", "bilinear"), "linear")
    words: dict[str, Any] = {"mode": mode, "padding_mode": call.text("padding_mode", "zeros")}
    call.leaves("GridSample", call.tensor(), call.tensor(1), align_corners=int(call.flag("align_corners")), **words)


def _roi_align(call: IrCall) -> None:
    sizes: dict[str, Any] = {"output_height": call.integer("pooled_h", 1), "output_width": call.integer("pooled_w", 1)}
    numbers: dict[str, Any] = {
        "sampling_ratio": call.integer("sampling_ratio"),
        "spatial_scale": call.real("spatial_scale", 1.0),
    }
    tensors = [call.tensor(place) for place in range(3)]
    call.leaves("RoiAlign", *tensors, mode=call.text("mode", "avg"), **sizes, **numbers)


_REDUCTIONS = {
    "reducemean": "ReduceMean", "reducesum": "ReduceSum", "reducemax": "ReduceMax", "reducemin": "ReduceMin",
    "reduceprod": "ReduceProd", "reducel1": "ReduceL1", "reducel2": "ReduceL2", "reducelogicaland": "ReduceMin",
    "reducelogicalor": "ReduceMax",
}  # fmt: skip

RULES = {
    "reshape": _reshape,
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "transpose": _transpose,
    "concat": _concat,
    **dict.fromkeys(("split", "variadicsplit"), _split),
    "gather": _gather,
    "gatherelements": _gather_elements,
    "gathernd": _gather_nd,
    "scatterndupdate": _scatter,
    "stridedslice": _strided_slice,
    "slice": _slice,
    "pad": _pad,
    "broadcast": _broadcast,
    "tile": _tile,
    "interpolate": _interpolate,
    **{name: partial(_reduced, op=op) for name, op in _REDUCTIONS.items()},
    "depthtospace": _depth_to_space,
    "spacetodepth": _space_to_depth,
    "reorgyolo": _reorg,
    "shufflechannels": _shuffled,
    "topk": _top_k,
    "cumsum": _cum_sum,
    "gridsample": _grid_sample,
    "roialign": _roi_align,
}
