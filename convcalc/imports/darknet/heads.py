"""What ends a network: the sections of detectors, which hold nothing, and those of losses."""

from __future__ import annotations

from convcalc.imports.darknet.tensors import CfgLayer, CfgTensor, size_of


def _boxes(layer: CfgLayer, key: str, numbers: int) -> int:
    """How many channels a detector reads: for each of its boxes some numbers, and one for each class."""
    section = layer.section
    boxes = len(section.text(key).split(",")) if section.has(key) else section.integer("num", 1)
    return boxes * (section.integer("classes", 20) + numbers)


def yolo(layer: CfgLayer) -> CfgTensor:
    """The head since YOLOv3."""
    return _head(layer, _boxes(layer, "mask", 5))


def gaussian_yolo(layer: CfgLayer) -> CfgTensor:
    """A head that also says how sure it is of each side of a box."""
    return _head(layer, _boxes(layer, "mask", 9))


def region(layer: CfgLayer) -> CfgTensor:
    """The head of YOLOv2."""
    return _head(layer, _boxes(layer, "", layer.section.integer("coords", 4) + 1))


def _head(layer: CfgLayer, channels: int) -> CfgTensor:
    """What a detector reads leaves; Darknet refuses a network where it has not the channels for all boxes."""
    shape = layer.image().shape
    if shape[0] != channels:
        layer.warnings.append(
            f"layer {layer.index}, [{layer.section.type}], reads {channels} channels, and {shape[0]} enter: Darknet "
            "refuses this network"
        )
    return layer.current


def detection(layer: CfgLayer) -> CfgTensor:
    """The head of YOLOv1."""
    section = layer.section
    numbers = (1 + section.integer("coords", 1)) * section.integer("num", 1) + section.integer("classes", 1)
    count, entering = section.integer("side", 7) ** 2 * numbers, size_of(layer.current.draft.shape)
    if count != entering:
        layer.warnings.append(
            f"layer {layer.index}, [detection], reads {count} numbers, and {entering} enter: Darknet refuses "
            "this network"
        )
    return CfgTensor(layer.current.draft, None)


def as_it_is(layer: CfgLayer) -> CfgTensor:
    """What is read leaves."""
    return layer.current


def cost(layer: CfgLayer) -> CfgTensor:
    """A loss: what it reads leaves, and no map."""
    return CfgTensor(layer.current.draft, None)


SECTIONS = {
    "yolo": yolo,
    "Gaussian_yolo": gaussian_yolo,
    "region": region,
    "detection": detection,
    "iseg": as_it_is,
    "contrastive": as_it_is,
    "cost": cost,
}
"""What is made of the sections, by type."""
