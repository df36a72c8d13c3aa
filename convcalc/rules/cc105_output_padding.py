"""Output padding that is no smaller than both stride and dilation.

`output_padding` tells apart the sizes that a convolution would have mapped to one: there are no more than the stride,
or the dilation, of them.

False positives: none; frameworks refuse it.

Source: PyTorch: output padding must be smaller than either stride or dilation.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv_transpose: {out_channels: 16, kernel_size: 3, stride: 2, output_padding: 2} # <- CC105

Allowed:
    input: [3, 32, 32]
    layers:
      - conv_transpose: {out_channels: 16, kernel_size: 3, stride: 2, output_padding: 1}
"""

SEVERITY = "error"
