"""A list or a mapping where a name stands.

A key is a name. YAML allows collections there, which mean nothing in a spec.

False positives: none.

Source: YAML 1.2, complex keys.

Flagged:
    input: [3, 32, 32]
    ? [a] # <- CC007
    : 1
    layers: [relu]

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
"""

SEVERITY = "error"
