"""A value that its field does not take.

A text for a number, a number below the least, a fraction where a size is whole, an expression without a value, a
layer that is no kind with its fields.

False positives: none.

Source: the pages of `convcalc kinds`.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 0, kernel_size: 3} # <- CC011

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
"""

SEVERITY = "error"
