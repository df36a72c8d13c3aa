"""A window that does not fit, so that no output is left.

floor((in + padding - extent) / stride) + 1 < 1 on an axis, where extent = dilation * (kernel - 1) + 1; or padding
that is copied from an axis too short to copy from.

False positives: none; frameworks refuse it when the network runs.

Source: PyTorch: Kernel size can't be greater than actual input size.

Flagged:
    input: [3, 4, 4]
    layers:
      - conv: {out_channels: 16, kernel_size: 5} # <- CC101

Allowed:
    input: [3, 4, 4]
    layers:
      - conv: {out_channels: 16, kernel_size: 5, padding: 2}
"""

SEVERITY = "error"
