"""A pool padded so far that a window lies on padding alone.

The first window ends before the input (padding before >= dilation * (kernel_size - 1) + 1), or the last one starts
behind it, on some axis: of padding alone there is no largest and no mean. With ceil_mode a window that would start
behind the input is left out.

False positives: none. PyTorch's modules take less, at most half a window at either end; ONNX takes less than a kernel.

Source: ONNX Runtime: pad should be smaller than kernel.

Flagged:
    input: [3, 32, 32]
    layers:
      - max_pool: {kernel_size: 3, padding: 3} # <- CC104

Allowed:
    input: [3, 32, 32]
    layers:
      - max_pool: {kernel_size: 3, padding: [[1, 2], [1, 2]]}
"""

SEVERITY = "error"
