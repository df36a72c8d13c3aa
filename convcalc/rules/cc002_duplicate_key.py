"""A key or a name that is given twice.

The same key twice in a mapping, of which many readers of YAML silently keep the last; or a layer that is called as
one before it in the same scope, so that a reference could mean either.

False positives: none.

Source: YAML 1.2, section 3.2.1.3: keys are unique; PyYAML issues 41 and 165.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, kernel_size: 5} # <- CC002

Flagged:
    input: [3, 32, 32]
    layers:
      - relu: {name: a}
      - tanh: {name: a} # <- CC002

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
"""

SEVERITY = "error"
