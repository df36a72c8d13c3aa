"""A field that must be written and is not.

`input` and `layers` of a spec, fields of a layer that have no default, one of two of which exactly one is needed.

False positives: none.

Source: the pages of `convcalc kinds`.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16} # <- CC012

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
"""

SEVERITY = "error"
