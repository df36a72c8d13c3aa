"""A layer, block, tensor, variable or anchor that does not exist, or contains itself.

A kind or block that there is none of, a `from` that names no layer above, a name in an expression that has no value,
an alias without an anchor or within it, blocks that call each other in a circle; also a layer that gets more or fewer
tensors than it takes.

False positives: none.

Source: the pages of `convcalc kinds`.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv2: {out_channels: 16, kernel_size: 3} # <- CC013

Flagged:
    input: [3, 32, 32]
    layers:
      - relu: {from: stem} # <- CC013

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
"""

SEVERITY = "error"
