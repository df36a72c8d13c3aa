"""A field that does not exist.

Of the spec, a layer, a block, `expect`, `budget` or `lint`. A misspelt field that were passed over would leave its
default in force without a word.

False positives: none.

Source: the pages of `convcalc kinds`.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernal_size: 3} # <- CC010

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
"""

SEVERITY = "error"
