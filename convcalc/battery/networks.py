"""Small networks for the battery: what no single layer shows, such as shared weights, paths that meet, and decoders.

Each is written in the spec language over variables, for which values are drawn; where some values do not fit each
other, others are drawn.
"""

from __future__ import annotations

import msgspec

Range = tuple[int, int]


class _SmallNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """`channels` of each input, `sizes` and number of spatial `axes`, and `variables`, each from least to most."""

    layers: str
    variables: dict[str, Range] = {}
    inputs: tuple[str, ...] = ("input",)
    channels: Range = (1, 4)
    axes: Range = (1, 2)
    sizes: Range = (4, 9)


NETWORKS = {
    "residual": _SmallNetwork(
        variables={"width": (1, 4), "kernel": (1, 4), "dilation": (1, 2)},
        layers="""
- conv: {name: stem, out_channels: width, kernel_size: 3, stride: 2, padding: 1, bias: false}
- add:
    branches:
      - - conv: {out_channels: width, kernel_size: kernel, padding: same, dilation: dilation}
        - batch_norm
        - relu
        - conv: {out_channels: width, kernel_size: 3, padding: 1}
      - []
- relu
- basic_block: {channels: 2 * width, stride: 2}
""",
    ),
    "paths": _SmallNetwork(
        variables={"width": (1, 3), "left": (0, 3), "right": (0, 3)},
        axes=(1, 1),
        layers="""
- add:
    branches:
      - [conv: {out_channels: width, kernel_size: left + 1, padding: [[left, 0]]}]
      - [conv: {out_channels: width, kernel_size: right + 1, padding: [[0, right]]}]
- conv: {out_channels: width, kernel_size: 2}
""",
    ),
    "inception": _SmallNetwork(
        variables={"width": (1, 3), "dilation": (1, 3)},
        layers="""
- concat:
    branches:
      - [conv: {out_channels: width, kernel_size: 1}]
      - [conv: {out_channels: 1, kernel_size: 1}, conv: {out_channels: 2, kernel_size: 3, padding: same}]
      - [conv: {out_channels: width, kernel_size: 3, dilation: dilation, padding: dilation, bias: false}]
      - [max_pool: {kernel_size: 3, stride: 1, padding: 1}]
- avg_pool: {kernel_size: 2, ceil_mode: true}
""",
    ),
    "shared": _SmallNetwork(
        variables={"width": (1, 4), "kernel": (1, 3)},
        inputs=("left", "right"),
        layers="""
- conv: {name: look, from: left, out_channels: width, kernel_size: kernel, padding: same}
- batch_norm: {name: norm}
- conv: {name: look_again, share: look, from: right, out_channels: width, kernel_size: kernel, padding: same}
- batch_norm: {name: norm_again, share: norm}
- concat: {from: [norm, norm_again]}
- global_avg_pool
- linear: {name: judge, out_features: width}
""",
    ),
    "recurrent": _SmallNetwork(
        variables={"width": (1, 3), "times": (1, 3)},
        layers="""
- conv: {name: stem, out_channels: width, kernel_size: 1}
- conv: {name: step, out_channels: width, kernel_size: 3, padding: 1}
- conv: {share: step, out_channels: width, kernel_size: 3, padding: 1, repeat: times}
""",
    ),
    "gated": _SmallNetwork(
        variables={"width": (2, 5), "reduction": (1, 2)},
        layers="""
- conv: {out_channels: width, kernel_size: 3, padding: 1}
- squeeze_excite: {reduction: reduction}
- conv: {out_channels: 2, kernel_size: 2, stride: 2}
""",
    ),
    "transposed decoder": _SmallNetwork(
        variables={"width": (1, 3), "stride": (2, 3), "kernel": (1, 4)},
        axes=(1, 1),
        sizes=(4, 12),
        layers="""
- conv: {name: enter, out_channels: width, kernel_size: 3, padding: 1}
- conv: {name: down, out_channels: 2 * width, kernel_size: stride, stride: stride}
- conv_transpose: {name: up, out_channels: width, kernel_size: kernel, stride: stride, padding: same}
- conv_transpose: {out_channels: 1, kernel_size: 3, stride: 2, padding: 1, output_padding: 1}
- conv: {out_channels: 1, kernel_size: 3, padding: same_lower}
""",
    ),
    "skips": _SmallNetwork(
        variables={"width": (1, 3), "half": (2, 4)},
        axes=(1, 2),
        sizes=(8, 8),
        layers="""
- conv: {name: enter, out_channels: width, kernel_size: 3, padding: 1}
- max_pool: {kernel_size: 2}
- conv: {out_channels: 2 * width, kernel_size: 3, padding: 1}
- upsample: {name: up, scale_factor: 2, mode: nearest}
- concat: {from: [up, enter]}
- conv_transpose: {out_channels: width, kernel_size: 4, stride: 2, padding: 1}
- conv: {out_channels: 1, kernel_size: half}
""",
    ),
    "sub-pixel": _SmallNetwork(
        variables={"factor": (1, 3), "kernel": (1, 3)},
        channels=(1, 2),
        sizes=(3, 5),
        layers="""
- conv: {out_channels: 2 * factor * factor, kernel_size: kernel}
- pixel_shuffle: factor
- crop: {cropping: factor - 1}
- max_pool: {kernel_size: 2, stride: 1}
""",
    ),
    "causal stack": _SmallNetwork(
        variables={"width": (1, 3), "depth": (1, 3)},
        axes=(1, 1),
        sizes=(8, 12),
        layers="""
- conv: {name: stem, out_channels: width, kernel_size: 2, padding: causal}
- conv: {name: stack, out_channels: width, kernel_size: 2, dilation: 2 ** (index + 1), padding: causal, repeat: depth}
- mul: {branches: [[tanh], [sigmoid]]}
- add: {from: [previous, stem]}
""",
    ),
    "classifier": _SmallNetwork(
        variables={"width": (1, 4), "classes": (1, 5)},
        sizes=(6, 9),
        layers="""
- conv_bn_relu: {out_channels: width, kernel_size: 3}
- avg_pool: 2
- flatten
- dropout
- linear: {name: hidden, out_features: 6, bias: false}
- prelu
- linear: classes
- softmax
""",
    ),
    "tokens": _SmallNetwork(
        variables={"heads": (1, 2), "each": (1, 3)},
        sizes=(4, 8),
        layers="""
- conv: {name: patches, out_channels: heads * each, kernel_size: 2, stride: 2}
- flatten: {start_axis: 1}
- permute: {name: tokens, axes: [1, 0]}
- add: {branches: [[{layer_norm: {axes: -1}}, {attention: heads}], []]}
- add: {branches: [[{layer_norm: {axes: -1}}, {linear: 2 * heads * each}, gelu, {linear: heads * each}], []]}
- split: {sections: heads, part: 0, axis: 1}
""",
    ),
    "stage": _SmallNetwork(
        variables={"width": (1, 3), "expansion": (1, 2), "times": (1, 2)},
        sizes=(5, 9),
        layers="""
- inverted_residual:
    name: stage
    out_channels: width
    expansion: expansion
    stride: 2 if index == 0 else 1
    repeat: times
- slice: {start: 0, end: 1}
""",
    ),
    "turned": _SmallNetwork(
        variables={"width": (1, 3), "kernel": (2, 3)},
        axes=(2, 2),
        sizes=(4, 8),
        layers="""
- conv: {out_channels: width, kernel_size: [kernel, 1], stride: [2, 1]}
- permute: [0, 2, 1]
- conv: {out_channels: width, kernel_size: [kernel, 1], padding: same}
- channel_shuffle: width
""",
    ),
    "rates": _SmallNetwork(
        variables={"factor": (1, 3), "kernel": (1, 3)},
        axes=(1, 1),
        sizes=(4, 6),
        layers="""
- conv: {name: enter, out_channels: 2, kernel_size: 1}
- conv_transpose: {name: wide, out_channels: 2, kernel_size: factor, stride: factor}
- upsample: {from: enter, scale_factor: factor}
- conv: {out_channels: 2, kernel_size: kernel, padding: same}
- add: {from: [previous, wide]}
""",
    ),
}
"""What the battery runs beside single layers and blocks, by name."""
