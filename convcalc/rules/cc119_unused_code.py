"""An entry of `code` that is about no layer.

`code` says what PyTorch code calls for layers, by kind, by name or by a pattern of names; what other tools are said to
count follows from it. An entry with a misspelt name changes nothing, and the layers that it is meant for stay modules.
`convcalc analyze` says it too.

Flagged is a key that is no kind of a layer of the spec, and that fits no layer's full name; and an entry of which all
layers are named by entries below it, since the last that fits holds.

Not flagged: anything while the spec has mistakes, or where variables or input sizes are given other values than the
spec's own, since other layers may stand then.

False positives: a table of calls that is kept alike in several specs.

Source: what tools that hook modules do not see of functions, as `convcalc counts` has it.

Flagged:
    input: [3, 32, 32]
    code: {reluu: F.relu} # <- CC119
    layers:
      - conv: {out_channels: 32, kernel_size: 3}
      - relu

Flagged:
    input: [3, 32, 32]
    code:
      first: F.relu # <- CC119
      relu: F.relu6
    layers:
      - relu: {name: first}

Allowed:
    input: [3, 32, 32]
    code: {relu: F.relu, last: x.relu}
    layers:
      - conv: {out_channels: 32, kernel_size: 3}
      - relu: {repeat: 2}
      - relu: {name: last}
"""

SEVERITY = "warning"
