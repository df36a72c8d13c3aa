"""Channels that cannot be divided as they are meant to be.

`groups` divides neither side's channels, or a shuffle, a split or a normalisation in groups does not come out even.

False positives: none; frameworks refuse it.

Source: PyTorch nn.Conv2d: in_channels must be divisible by groups.

Flagged:
    input: [30, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, groups: 4} # <- CC102

Allowed:
    input: [30, 32, 32]
    layers:
      - conv: {out_channels: 20, kernel_size: 3, groups: 5}
"""

SEVERITY = "error"
