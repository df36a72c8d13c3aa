"""Networks as ONNX models. What is here needs the extra `onnx`, and is imported only where it is used."""
