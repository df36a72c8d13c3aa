"""A file that cannot be read, or is not YAML.

A file that is missing, a directory or no UTF-8, a syntax error, a second document. Nothing behind a syntax error is
read; what stands before it is checked all the same, and the rules run on the layers there.

False positives: none.

Source: YAML 1.2.

Flagged:
    input: [3, 32, 32
    layers: [relu] # <- CC001

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
"""

SEVERITY = "error"
