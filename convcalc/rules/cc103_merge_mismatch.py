"""Tensors that meet and do not fit each other, or weights that are shared and do not.

`add` and `mul` take equal shapes, or ones that can be broadcast; `concat` takes tensors that are alike on all axes
but the one it joins. A layer that shares its weights needs arrays of the same shapes, a single array that is shared
one with as many elements or more, or a parameter. Far from the input the message says which inputs would fit: in a
U-Net, multiples of 32 and the like.

False positives: none; frameworks refuse it.

Source: U-Net implementations, which check that sizes divide by their stride.

Flagged:
    input: [3, 75, 75]
    layers:
      - conv: {name: skip, out_channels: 8, kernel_size: 3, padding: 1}
      - max_pool: 2
      - upsample: {name: up, scale_factor: 2}
      - concat: {from: [skip, up]} # <- CC103

Allowed:
    input: [3, 76, 76]
    layers:
      - conv: {name: skip, out_channels: 8, kernel_size: 3, padding: 1}
      - max_pool: 2
      - upsample: {name: up, scale_factor: 2}
      - concat: {from: [skip, up]}
"""

SEVERITY = "error"
