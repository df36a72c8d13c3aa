"""Layers that no kind expresses, but of which Caffe's rules say how large their output is."""

from __future__ import annotations

from convcalc import steps
from convcalc.imports.caffe.blobs import CaffeLayer
from convcalc.imports.caffe.text import TextMessage
from convcalc.imports.drafts import Draft


def _prior_boxes(call: CaffeLayer) -> Draft:
    """Boxes that depend on sizes alone: two rows, of places and of variances, four numbers a box."""
    call.count(2, 2)
    param = call.parameters("prior_box_param")
    rows, columns = call.x.shape[-2:] if len(call.x.shape) == 3 else (0, 0)
    if not rows:
        raise call.error(f"reads a blob of {len(call.x.shape) + 1} axes, where 4 were expected")
    boxes = rows * columns * _priors(param)
    if not boxes:
        raise call.error("min_size is not given")
    return call.opaque((2, 4 * boxes), "its boxes are worked out from sizes, not from elements")


def _priors(param: TextMessage) -> int:
    """Boxes at a position: one a shape for each smallest size, and one more for each largest."""
    ratios = [1.0]
    flips = param.flag("flip", default=True)
    for ratio in param.reals("aspect_ratio"):
        steps.spend(len(ratios))
        if all(abs(ratio - other) >= 1e-6 for other in ratios):
            ratios += [ratio, 1 / ratio] if flips and ratio else [ratio]
    return len(ratios) * len(param.reals("min_size")) + len(param.reals("max_size"))


def _detections(call: CaffeLayer) -> Draft:
    """A row of seven numbers for each box that is kept, which data decides; Caffe has one before there is any."""
    return call.opaque((1, 1, 7), "how many boxes it keeps is decided by data")


def _regions(call: CaffeLayer) -> Draft:
    """The map under each of the regions that enter beside it; what is behind is counted for one of them."""
    param = call.parameters("roi_pooling_param")
    sizes = param.whole("pooled_h", 0), param.whole("pooled_w", 0)
    if not all(sizes):
        raise call.error("pooled_h and pooled_w are to be given")
    return call.opaque((call.x.shape[0], *sizes), "data decides of how many regions; what is behind is that of one")


def _positioned_regions(call: CaffeLayer) -> Draft:
    param = call.parameters("psroi_pooling_param")
    channels, group = param.whole("output_dim", 0), param.whole("group_size", 0)
    if not channels or not group:
        raise call.error("output_dim and group_size are to be given")
    return call.opaque((channels, group, group), "data decides of how many regions; what is behind is that of one")


def _recurrent(call: CaffeLayer) -> Draft:
    """Caffe has the steps where other layers have the batch."""
    features = call.parameters("recurrent_param").whole("num_output", 0)
    if not features:
        raise call.error("num_output is not given")
    return call.opaque((*call.x.shape[:1], features), "its steps lie on the axis that is the batch of other layers")


READS_FIRST = {"PSROIPooling", "ROIPooling"}
"""Types whose output is as large whatever enters beside their first bottom."""

OPERATORS = {
    "DetectionOutput": _detections,
    "LSTM": _recurrent,
    "PSROIPooling": _positioned_regions,
    "PriorBox": _prior_boxes,
    "RNN": _recurrent,
    "ROIPooling": _regions,
}
