"""An input that ends with its channels.

In a spec channels come first: `[224, 224, 3]` is read as 224 channels of 224x3 positions. `convcalc analyze` says it
too.

Flagged is an input whose last size is 1 or 3 (or 4, where there are two others that are equal) and whose others are at
least 16; of two sizes one whose last is 1, 2 or 3 and whose first is at least 96. In both cases only if a convolution
or pooling of more than one tap reads it, past what works on each element, and none that reads it has a kernel that
differs between the axes.

Not flagged: inputs that are only upsampled or flattened; models that are read from an ONNX file.

False positives: feature maps that are 1 or 3 positions wide, read by square windows.

Source: the shapes of TensorFlow and Keras, which end with the channels.

Flagged:
    input: [224, 224, 3] # <- CC118
    layers:
      - conv: {out_channels: 8, kernel_size: 3, padding: 1}

Allowed:
    input: [128, 64, 1]
    layers:
      - conv: {out_channels: 8, kernel_size: [3, 1], padding: [1, 0]}
      - relu

Allowed:
    input: [512, 7, 7]
    layers:
      - conv: {out_channels: 8, kernel_size: 3, padding: 1}
"""

SEVERITY = "warning"
