"""An input that begins with a batch axis.

A spec has none: `[1, 3, 224, 224]` is read as one channel of 3x224x224 positions, and every convolution as one over
three axes, three times as many weights. `convcalc analyze` says it too.

Flagged is an input of four sizes whose second is 1, 3 or 4 and whose last two are at least 8; and one of three sizes
which are 1, then 1, 2 or 3, then at least 96. In both cases only if no convolution or pooling that reads it, past what
works on each element, has a kernel that differs between the axes: whoever writes [1, 7, 7] means three.

Not flagged: models that are read from an ONNX file, whose batch axis is dropped.

False positives: volumes that are 3 or 4 positions deep, and recordings of up to 3 rows read as an image.

Source: the shapes of PyTorch and ONNX, which begin with the batch.

Flagged:
    input: [1, 3, 224, 224] # <- CC117
    layers:
      - conv: {out_channels: 8, kernel_size: 3, padding: 1}

Allowed:
    input: [1, 64, 64, 64]
    layers:
      - conv: {out_channels: 8, kernel_size: 3, padding: 1}

Allowed:
    input: [1, 28, 28]
    layers:
      - conv: {out_channels: 8, kernel_size: 3, padding: 1}

Allowed:
    input: [64, 4, 56, 56]
    layers:
      - conv: {out_channels: 8, kernel_size: [1, 3, 3], padding: [0, 1, 1]}
"""

SEVERITY = "warning"
