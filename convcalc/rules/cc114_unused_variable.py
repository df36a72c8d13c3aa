"""A variable that nothing uses.

Its value changes nothing, and so does `--set` of it: whoever sets a `width` that no layer reads gets the numbers of the
net as it was. Where it was set on the command line, that is what is marked. `convcalc analyze` says it too.

Flagged is a variable that is in no expression of the spec: in no shape, in no field, `when` or `repeat` of a layer, in
no layer and no default of a block, and not in the value of a variable that is used.

Not flagged: anything while the spec has mistakes; what a block uses that nothing calls (CC115).

False positives: a value that is kept for the record, which a comment would hold as well.

Source: the unused variables of every compiler (GCC's -Wunused-variable).

Flagged:
    input: [3, 32, 32]
    variables:
      width: 32 # <- CC114
    layers:
      - conv: {out_channels: 32, kernel_size: 3}

Allowed:
    input: [3, size, size]
    variables: {size: 32, scale: 2, width: 16 * scale, depth: 2}
    layers:
      - conv: {out_channels: width, kernel_size: 3, padding: 1, repeat: depth}
"""

SEVERITY = "warning"
