"""Networks as ONNX models. What is here needs the extra `onnx`, and is imported only where it is used."""

FORMAT = "an ONNX model"
SUFFIX = ".onnx"
OPTIONS = ("no_weights", "seed", "batch", "opset", "dtype", "fused")
