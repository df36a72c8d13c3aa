"""A YAML tag.

`!!str`, `!!python/object` and the like: types follow from the fields, and a tag can make an unwary reader run code.

False positives: none.

Source: YAML 1.2; PyYAML's documentation on loading untrusted input.

Flagged:
    input: [3, 32, 32]
    layers: [!!str relu] # <- CC006

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
"""

SEVERITY = "error"
