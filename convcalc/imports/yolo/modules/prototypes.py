"""Prototypes of masks, which a head for segmentation mixes."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.yolo.modules import KnownModule
from convcalc.imports.yolo.modules.convolutions import conv
from convcalc.imports.yolo.place import At


def prototypes(at: At, x: Draft, hidden: int, masks: int) -> Draft:
    """Twice the size of the map: by repetition in yolov5 and yolov9, by a transposed convolution in ultralytics."""
    y = conv(at / "cv1", x, hidden, 3)
    if at.model.anchored:
        y = (at / "upsample").layer("upsample", {"scale_factor": 2}, y)
    else:
        fields = {"out_channels": hidden, "kernel_size": 2, "stride": 2}
        y = (at / "upsample").layer("conv_transpose", fields, y)
    return conv(at / "cv3", conv(at / "cv2", y, hidden, 3), masks)


def _row(at: At, x: Draft, hidden: int = 256, masks: int = 32) -> Draft:
    return prototypes(at, x, hidden, masks)


MODULES = {"Proto": KnownModule(_row)}
