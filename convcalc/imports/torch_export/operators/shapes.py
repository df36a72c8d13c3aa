"""What moves elements and computes none: views, other orders, padding, and tensors that are made of sizes alone."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING

from convcalc.imports.errors import Inexpressible
from convcalc.imports.torch_export.graph import NumberName
from convcalc.imports.torch_export.operators.parts import END

if TYPE_CHECKING:
    from convcalc.imports.torch_export.translation import TorchCall


def _view(given: TorchCall) -> None:
    given.leaves(
        "Reshape", given.x, given.sizes("size" if given.argument("size") is not None else "shape"), allowzero=1
    )


def _flatten(given: TorchCall) -> None:
    x = given.x
    rank = given.rank(x)
    if rank == 0:
        given.leaves("Reshape", x, given.constant([1]))
        return
    start, end = given.axis("start_dim", x), given.axis("end_dim", x, -1)
    _merged(given, x, start, end)


def _merged(given: TorchCall, x: str, start: int, end: int) -> None:
    """Neighbouring axes as one."""
    dims = given.meta(x).dims
    kept = [*dims[:start], -1, *dims[end + 1 :]]
    sizes = [
        given.constant([size]) if isinstance(size, int) else given.node("Shape", x, start=axis, end=axis + 1)
        for axis, size in zip([*range(start), start, *range(end + 1, len(dims))], kept, strict=True)
    ]
    given.leaves("Reshape", x, given.node("Concat", *sizes, axis=0) if len(sizes) > 1 else sizes[0])


def _unflatten(given: TorchCall) -> None:
    x = given.x
    axis, sizes = given.axis("dim", x), given.integers("sizes") or []
    own = list(given.shape(x))
    rest = own[axis] // max(prod(size for size in sizes if size != -1), 1)
    sizes = [rest if size == -1 else size for size in sizes]
    given.leaves("Reshape", x, given.constant([*own[:axis], *sizes, *own[axis + 1 :]]))


def _permute(given: TorchCall) -> None:
    x = given.x
    given.leaves("Transpose", x, perm=[axis % given.rank(x) for axis in given.integers("dims") or []])


def _transpose(given: TorchCall) -> None:
    x = given.x
    pairs = [name for name in ("dim0", "axis0", "dim1", "axis1") if given.argument(name) is not None]
    first, second = (given.axis(name, x) for name in pairs)
    order = list(range(given.rank(x)))
    order[first], order[second] = second, first
    given.leaves("Transpose", x, perm=order)


def _turned(given: TorchCall) -> None:
    rank = given.rank(given.x)
    given.leaves("Transpose", given.x, perm=[*range(rank - 2), *range(rank - 1, max(rank - 3, -1), -1)])


def _moved(given: TorchCall) -> None:
    x = given.x
    rank = given.rank(x)
    sources, destinations = given.integers("source") or [], given.integers("destination") or []
    places = {to % rank: of % rank for of, to in zip(sources, destinations, strict=True)}
    others = iter(axis for axis in range(rank) if axis not in places.values())
    given.leaves("Transpose", x, perm=[places[axis] if axis in places else next(others) for axis in range(rank)])


def _squeeze(given: TorchCall) -> None:
    x = given.x
    dims = given.meta(x).dims
    stated = given.integers("dim")
    axes = [axis % len(dims) for axis in stated] if stated is not None else range(len(dims))
    gone = [axis for axis in axes if dims[axis] == 1]
    given.leaves("Squeeze", x, given.constant(gone)) if gone else given.leaves("Identity", x)


def _unsqueeze(given: TorchCall) -> None:
    x = given.x
    axis = given.integer("dim")
    given.leaves("Unsqueeze", x, given.constant([axis % (given.rank(x) + 1)]))


def _expand(given: TorchCall) -> None:
    size = given.argument("size", [])
    wanted = [1 if item == -1 else item for item in size]
    sizes = (
        given.constant(wanted)
        if all(isinstance(item, int) for item in wanted)
        else given.node("Concat", *(given.number(item) for item in wanted), axis=0)
    )
    given.leaves("Expand", given.x, sizes)


def _expand_as(given: TorchCall) -> None:
    given.leaves("Expand", given.x, given.node("Shape", given.first("other")))


def _repeat(given: TorchCall) -> None:
    x = given.x
    repeats = given.integers("repeats") or given.integers("dims") or []
    rank = given.rank(x)
    lacking = len(repeats) - rank
    if lacking > 0:
        x = given.node("Unsqueeze", x, given.constant(list(range(lacking))))
    given.leaves("Tile", x, given.constant([*[1] * -lacking, *repeats]))


_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _pad(given: TorchCall, mode: str = "", name: str = "pad") -> None:
    x = given.x
    pads = given.integers(name) or given.integers("padding") or []
    rank = given.rank(x)
    word = _MODES.get(mode or given.text("mode", "constant"))
    if word is None or len(pads) % 2 or len(pads) > 2 * rank:
        raise Inexpressible(f"padding {pads} of {rank} axes")
    before, after = [0] * rank, [0] * rank
    for place in range(len(pads) // 2):
        before[rank - 1 - place], after[rank - 1 - place] = pads[2 * place], pads[2 * place + 1]
    value = given.argument("value")
    inputs = [x, given.constant([*before, *after])]
    inputs += [given.scalar(float(value))] if isinstance(value, int | float) and word == "constant" else []
    given.leaves("Pad", *inputs, mode=word)


def _roll(given: TorchCall) -> None:
    x = given.x
    shifts, axes = given.integers("shifts") or [], given.integers("dims") or []
    if not axes:
        raise Inexpressible("all elements moved round")
    pairs = list(zip(shifts, axes, strict=True))
    for place, (shift, axis) in enumerate(pairs):
        axis %= given.rank(given.x)  # noqa: PLW2901  # counted from the first
        size = given.shape_on(given.x, axis)
        shift %= size  # noqa: PLW2901  # as far as it comes to
        last = place == len(pairs) - 1
        if not shift:
            x = given.node("Identity", x, out=given.output if last else "")
            continue
        cut = given.constant([size - shift]), given.constant([axis])
        tail = given.node("Slice", x, cut[0], given.constant([END]), cut[1])
        head = given.node("Slice", x, given.constant([0]), cut[0], cut[1])
        x = given.node("Concat", tail, head, axis=axis, out=given.output if last else "")


def _flip(given: TorchCall) -> None:
    x = given.x
    axes = [axis % given.rank(x) for axis in given.integers("dims") or []]
    ends = [given.constant([number] * len(axes)) for number in (-1, -END)]
    given.leaves("Slice", x, *ends, given.constant(axes), given.constant([-1] * len(axes)))


def _pixel_shuffle(given: TorchCall) -> None:
    given.leaves("DepthToSpace", given.x, blocksize=given.integer("upscale_factor", 1), mode="CRD")


def _pixel_unshuffle(given: TorchCall) -> None:
    given.leaves("SpaceToDepth", given.x, blocksize=given.integer("downscale_factor", 1), mode="CRD")


def _channel_shuffle(given: TorchCall) -> None:
    x, groups = given.x, given.integer("groups", 1)
    count, channels, *others = given.shape(x)
    apart = given.node("Reshape", x, given.constant([count, groups, channels // groups, *others]))
    turned = given.node("Transpose", apart, perm=[0, 2, 1, *range(3, len(others) + 3)])
    given.leaves("Reshape", turned, given.constant([count, channels, *others]))


def _triangle(given: TorchCall, *, upper: bool) -> None:
    given.leaves("Trilu", given.x, given.constant([given.integer("diagonal")], ()), upper=int(upper))


def _full(given: TorchCall, number: float | None = None) -> None:
    """A tensor of one number throughout."""
    meta = given.meta(given.output)
    value = given.argument("fill_value", 0) if number is None else number
    if not isinstance(value, int | float):
        raise Inexpressible("a number that is worked out")
    kind = given.element_type(given.output)
    number_alone = given.constant([value], (1,) if meta.dims else (), kind)
    if not meta.dims:
        given.leaves("Identity", number_alone)
        return
    if all(isinstance(size, int) for size in meta.dims):
        sizes = given.constant(list(given.shape(given.output)))
    elif given.argument("size") is not None:
        sizes = given.sizes("size")
    else:
        sizes = given.node("Shape", given.x)
    given.leaves("Expand", given.node("Identity", number_alone), sizes)


def _arange(given: TorchCall) -> None:
    kind = given.element_type(given.output)
    numbers = [given.argument(name, default) for name, default in (("start", 0), ("end", None), ("step", 1))]
    if all(isinstance(number, int | float) for number in numbers):
        given.leaves("Range", *(given.constant([number], (), kind) for number in numbers))
        return
    scalars = [
        given.node("Reshape", number.name, given.constant([], (0,)))
        if isinstance(number, NumberName)
        else given.constant([number], (), 7)
        for number in numbers
    ]
    y = given.node("Range", *scalars, out=given.output if kind == 7 else "")
    if kind != 7:
        given.leaves("Cast", y, to=kind)


def _scalar_tensor(given: TorchCall) -> None:
    value = given.argument("s", given.argument("data", 0))
    kind = given.element_type(given.output)
    given.leaves("Identity", given.constant([value], (), kind))


def _windows(given: TorchCall) -> None:
    """Every window of an axis as one more axis at the end."""
    x, axis = given.x, given.axis("dimension", given.x)
    size, step = given.integer("size", 1), given.integer("step", 1)
    count = (given.shape(x)[axis] - size) // step + 1
    places = [start * step + tap for start in range(count) for tap in range(size)]
    rank = given.rank(x)
    y = given.node("Gather", x, given.constant(places, (count, size)), axis=axis)
    given.leaves("Transpose", y, perm=[*range(axis + 1), *range(axis + 2, rank + 1), axis + 1])


def _as_strided(given: TorchCall) -> None:
    """The elements in another shape, where they are laid as they were: axes of one position lie anywhere."""
    sizes, strides = given.integers("size") or [], given.integers("stride") or []
    own = given.shape(given.x)
    long = [(size, step) for size, step in zip(sizes, strides, strict=True) if size > 1]
    laid = [(size, prod(sizes[axis + 1 :])) for axis, size in enumerate(sizes) if size > 1]
    if prod(sizes) != prod(own) or long != laid or given.integer("storage_offset"):
        raise Inexpressible("elements that are read at steps of their own")
    given.leaves("Reshape", given.x, given.constant(sizes))


def _copy(given: TorchCall) -> None:
    given.leaves("Expand", given.first("src"), given.node("Shape", given.x))


def _slice_scatter(given: TorchCall) -> None:
    """A tensor with part of an axis replaced by another."""
    x, source, axis = given.x, given.first("src"), given.axis("dim", given.x)
    size = given.shape_on(x, axis)
    start, end, _ = slice(given.integer("start"), given.integer("end", END)).indices(size)
    if given.integer("step", 1) != 1:
        raise Inexpressible("places apart that are replaced")
    along = given.constant([axis])
    ends = [(0, start), (end, size)]
    before, after = (
        [given.node("Slice", x, given.constant([first]), given.constant([last]), along)] if first < last else []
        for first, last in ends
    )
    parts = [*before, source, *after]
    given.leaves("Concat", *parts, axis=axis) if len(parts) > 1 else given.leaves("Identity", source)


RULES = {
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "_reshape_copy", "view_copy"), _view),
    "flatten": _flatten,
    "unflatten": _unflatten,
    "permute": _permute,
    **dict.fromkeys(("transpose", "swapaxes", "swapdims"), _transpose),
    **dict.fromkeys(("t", "numpy_T", "mT", "adjoint"), _turned),
    **dict.fromkeys(("movedim", "moveaxis"), _moved),
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "expand": _expand,
    "expand_as": _expand_as,
    **dict.fromkeys(("repeat", "tile"), _repeat),
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    **{f"reflection_pad{rank}d": partial(_pad, mode="reflect") for rank in (1, 2, 3)},
    **{f"replication_pad{rank}d": partial(_pad, mode="replicate") for rank in (1, 2, 3)},
    "roll": _roll,
    "flip": _flip,
    "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle,
    **dict.fromkeys(("channel_shuffle", "native_channel_shuffle"), _channel_shuffle),
    "tril": partial(_triangle, upper=False),
    "triu": partial(_triangle, upper=True),
    **dict.fromkeys(("full", "full_like", "new_full"), _full),
    **dict.fromkeys(("zeros", "zeros_like", "new_zeros", "empty", "empty_like", "new_empty"), partial(_full, number=0)),
    **dict.fromkeys(("ones", "ones_like", "new_ones"), partial(_full, number=1)),
    "arange": _arange,
    "scalar_tensor": _scalar_tensor,
    "unfold": _windows,
    "as_strided": _as_strided,
    "copy": _copy,
    "slice_scatter": _slice_scatter,
}
