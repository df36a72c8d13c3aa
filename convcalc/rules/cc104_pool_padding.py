"""A pool padded by more than half its window.

padding > kernel / 2: some windows would lie on padding alone, of which there is no largest and no mean.

False positives: none in PyTorch; ONNX and TensorFlow may allow it.

Source: PyTorch: pad should be at most half of effective kernel size.

Flagged:
    input: [3, 32, 32]
    layers:
      - max_pool: {kernel_size: 3, padding: 2} # <- CC104

Allowed:
    input: [3, 32, 32]
    layers:
      - max_pool: {kernel_size: 3, padding: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._subject import Problem, Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Problem]:
    """What the loader has found."""
    return subject.spec_findings("CC104")
