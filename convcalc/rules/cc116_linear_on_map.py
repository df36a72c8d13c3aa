"""A linear layer straight on a map.

A linear layer multiplies the last axis and keeps the others. On a map of channels and positions that is one row of
positions, with the same weights for every channel and every other row: seldom what is meant, and of a cost that is far
from that of the layer behind a `flatten`. PyTorch refuses it, since there `in_features` is given; here it is inferred.
`convcalc analyze` says it too.

Flagged is a linear layer whose input has more than one row (the product of all axes but the last), if that input is the
output of a convolution, pooling, upsampling or pixel shuffle, past nothing but layers that leave the axes where they
are: normalisation, activation, what works on each element, padding, crops and merges. An input of the network counts as
a map if it has 1, 3 or 4 channels and two axes that are equal.

Not flagged: behind `flatten`, `permute`, `reshape`, `reduce`, attention, or another linear layer; models that are read
from an ONNX file.

False positives: a linear layer over time, straight behind a convolution over time, in forecasting nets.

Source: PyTorch nn.Linear, which applies to the last axis.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
      - relu
      - linear: 10 # <- CC116

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 16, stride: 16}
      - reshape: [16, 4]
      - permute: [1, 0]
      - linear: 32
      - reduce: {axes: [0]}
      - linear: 10

Flagged:
    input: [1, 28, 28]
    layers:
      - linear: 128 # <- CC116
      - relu
      - linear: 10

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
      - global_avg_pool
      - linear: 10
"""

SEVERITY = "warning"
