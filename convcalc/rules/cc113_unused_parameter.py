"""A parameter of a block that nothing in the block uses.

Whatever a call gives for it, the block is the same. A block that takes a `stride` and forgets to hand it to its
convolution costs four times what is meant, without an error. `convcalc analyze` says it too.

Flagged is a parameter of a block of the spec that is in no expression of the block: in no field, `when` or `repeat` of
its layers, and in no default of a parameter behind it.

Not flagged: anything while the spec has mistakes, since what could not be read may use it.

False positives: a parameter that is kept so that several blocks can be called alike.

Source: the unused arguments of every compiler (GCC's -Wunused-parameter).

Flagged:
    input: [16, 32, 32]
    blocks:
      down:
        parameters: {channels: required, stride: 1} # <- CC113
        layers:
          - conv: {out_channels: channels, kernel_size: 3, padding: 1}
          - relu
    layers:
      - down: {channels: 32, stride: 2}

Allowed:
    input: [16, 32, 32]
    blocks:
      down:
        parameters: {channels: required, width: channels // 2, stride: 1, wide: true}
        layers:
          - conv: {out_channels: width, kernel_size: 3, stride: stride, padding: 1}
          - conv: {when: wide, out_channels: width, kernel_size: 1}
    layers:
      - down: {channels: 32, stride: 2}
"""

SEVERITY = "warning"
