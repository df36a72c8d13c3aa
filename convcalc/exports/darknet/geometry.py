"""What sections of several kinds read off a layer: the map that enters, sizes that are the same on both axes."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.exports.darknet.plan import ALEXEYAB, CfgPlan, NoSection
from convcalc.layers import Shape


def image_of(plan: CfgPlan, index: int) -> Shape:
    """The shape of a tensor that a section reads as a map, which has just the axes that ours has."""
    place, shape = plan.at(index), plan.network.nodes[index].shape
    if (
        place.image is None
        or shape not in (place.image, place.image[:1])
        or (len(shape) == 1 and place.image[1:] != (1, 1))
    ):
        raise NoSection(f"a map of channels, height and width is read, and {list(shape)} enters")
    return place.image


def square(name: str, sizes: Sequence[int]) -> int:
    """The size that both axes have."""
    if len(set(sizes)) > 1:
        raise NoSection(f"{name} {list(sizes)} is not the same on both axes")
    return sizes[0]


def strides(plan: CfgPlan, sizes: Sequence[int], what: str) -> dict[str, object]:
    """The options that say a stride; AlexeyAB's program has one for each axis."""
    if len(set(sizes)) == 1:
        return {"stride": sizes[0]}
    plan.only(ALEXEYAB, f"strides of [{what}] that differ")
    return {"stride": sizes[0], "stride_y": sizes[0], "stride_x": sizes[1]}
