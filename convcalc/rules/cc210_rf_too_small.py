"""A field smaller than what is looked for.

An output position can only depend on what its receptive field holds, and in practice mostly on its middle. A net
whose last map sees less than the object decides by parts and texture.

Flagged is the tensor that enters the last global pooling, or an output with positions, whose largest field is smaller
on some axis than the object. It is an info, and a warning where the size of the object is set.

Not flagged: heads that see everything, such as linear over flattened positions, attention, or a branch of global
pooling that comes back to the map.

Options:
    object-size: positions of the input that the object takes along an axis; by default the whole input.

False positives: restoration, segmentation by texture, and any task whose evidence is local.

Source: Luo, Li, Urtasun and Zemel, Understanding the effective receptive field (2016); Araujo, Norris and Sim,
Computing receptive fields (Distill, 2019).

Flagged:
    input: [3, 64, 64]
    layers:
      - conv: {out_channels: 8, kernel_size: 3, padding: 1}
      - relu # <- CC210
      - global_avg_pool
      - linear: 10

Allowed:
    input: [3, 64, 64]
    layers:
      - conv: {out_channels: 8, kernel_size: 3, padding: 1}
      - flatten
      - linear: 10
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._graph import positions, some_behind
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import shown

SEVERITY = "info"

_MOST_LAYERS_ADVISED = 8


def check(subject: Subject) -> Iterator[Problem]:
    """Last maps that see less than the object."""
    network = subject.network
    inputs = {node.shape[1:] for node in network.inputs}
    if not subject.complete or len(inputs) != 1:
        return
    wanted = subject.settings.object_size
    for index in sorted(_last_maps(subject)):
        seen = subject.row(index).receptive_field
        if seen.is_global or seen.size is None or len(seen.size) != len(next(iter(inputs))):
            continue
        needed = tuple(wanted or size for size in next(iter(inputs)))
        if not any(size is not None and size < least for size, least in zip(seen.size, needed, strict=True)):
            continue
        subject.at = index
        sizes = tuple(size or 0 for size in seen.size)
        looked_for = "an object" if wanted else "an input"
        yield subject.problem(
            index,
            f"{network.nodes[index].name}: a position of this last map sees {shown(sizes)} "
            f"position{'' if set(sizes) == {1} else 's'} of {looked_for} of {shown(needed)}",
            _advice(sizes, needed, seen.stride),
            severity="warning" if wanted else "",
        )


def _last_maps(subject: Subject) -> set[int]:
    nodes, first = subject.network.nodes, subject.network.input_count
    comes_back = some_behind(subject, lambda index: positions(nodes[index].shape) > 1)
    maps = {index for index in subject.network.outputs if index >= first and positions(nodes[index].shape) > 1}
    for index, node in subject.layers:
        kind = node.config
        is_without_window = kind.is_pool and not kind.is_windowed
        if is_without_window and positions(node.shape) == 1 and not comes_back[index]:
            maps.update(source for source in node.inputs if source >= first and positions(nodes[source].shape) > 1)
    return maps


def _advice(sizes: tuple[int, ...], needed: tuple[int, ...], strides: tuple[int | None, ...] | None) -> str:
    axis = max(range(len(sizes)), key=lambda axis: needed[axis] - sizes[axis])
    stride = strides[axis] if strides else None
    if not stride:
        return "stride earlier, dilate, or go deeper"
    more = -(-(needed[axis] - sizes[axis]) // (2 * stride))
    if more > _MOST_LAYERS_ADVISED:
        return f"stride earlier, or dilate: {more} more windows of 3 would be needed at this stride of {stride}"
    windows = "window" if more == 1 else "windows"
    return f"{more} more {windows} of 3 at this stride of {stride} would do, or striding earlier, or dilating"
