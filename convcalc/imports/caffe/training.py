"""What only training and testing need: losses, accuracies, and what is worked out of labels alone."""

from __future__ import annotations

from convcalc.imports.caffe.layers import NetLayer

_ENDS = {"Accuracy", "DetectionEvaluate", "HDF5Output", "Silence"}
"""Types without an output that anybody asks the network for, beside those whose name says that they are losses."""


def is_end(layer: NetLayer) -> bool:
    """Whether what a layer makes only says how well the network does."""
    return layer.type in _ENDS or layer.type.endswith("Loss") or not layer.tops


def without_training(layers: list[NetLayer]) -> tuple[list[NetLayer], list[NetLayer]]:
    """The layers that are left, and those that are not."""
    labels: set[str] = set()
    kept, left_out = [], []
    for layer in layers:
        if is_end(layer) and layer.bottoms:
            left_out.append(layer)
            continue
        if not layer.bottoms and layer.type != "Input":  # images, and behind them what is known of each
            labels.difference_update(layer.tops[:1])
            labels.update(layer.tops[1:])
        elif layer.bottoms and labels.issuperset(layer.bottoms):
            labels.update(layer.tops)
            left_out.append(layer)
            continue
        else:
            labels.difference_update(layer.tops)
        kept.append(layer)
    return kept, left_out
