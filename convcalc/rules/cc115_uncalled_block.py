"""A block that nothing calls.

It costs nothing, and what it describes is not in the net. Often a layer was meant to be of that name.

Flagged is a block under `blocks` that is no layer of the spec, and no layer of any block.

Not flagged: anything while the spec has mistakes. An info, because `convcalc compare --variant` can put such a block in
place of convolutions.

False positives: blocks that stand there for `compare`.

Source: the unused functions of every compiler (GCC's -Wunused-function).

Flagged:
    input: [3, 32, 32]
    blocks:
      stage: # <- CC115
        layers: [conv: {out_channels: 8, kernel_size: 3}, relu]
    layers:
      - conv: {out_channels: 8, kernel_size: 3}

Allowed:
    input: [3, 32, 32]
    blocks:
      inner:
        layers: [conv: {out_channels: 8, kernel_size: 3}, relu]
      stage:
        layers: [inner, inner]
    layers:
      - stage
"""

SEVERITY = "info"
