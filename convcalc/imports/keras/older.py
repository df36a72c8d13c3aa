"""Configs of Keras 1, whose entries had other names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_RENAMED = {
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample_length": "strides",
    "atrous_rate": "dilation_rate",
    "inner_activation": "recurrent_activation",
    "border_mode": "padding",
    "subsample": "strides",
    "pool_length": "pool_size",
    "stride": "strides",
    "p": "rate",
}

_KERNEL = ("kernel_dim1", "kernel_dim2", "kernel_dim3")


def modern(class_name: str, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The class and the config as Keras 2 writes them; what it writes itself stays."""
    renamed = {_RENAMED.get(name, name): value for name, value in config.items() if _RENAMED.get(name) not in config}
    if "nb_row" in config and "nb_col" in config:
        renamed["kernel_size"] = [config["nb_row"], config["nb_col"]]
    elif all(name in config for name in _KERNEL):
        renamed["kernel_size"] = [config[name] for name in _KERNEL]
    if "dim_ordering" in config:
        renamed["data_format"] = "channels_first" if config["dim_ordering"] == "th" else "channels_last"
    if class_name == "Deconvolution2D":  # whose shape is written out; the padding that it says gives the same
        renamed["output_padding"] = None
    return class_name.replace("AtrousConv", "Conv"), renamed
