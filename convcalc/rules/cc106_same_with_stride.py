"""Padding `same` at a stride above 1, which frameworks pad differently or refuse.

At stride 1 `same` means one thing. At a stride above 1 the positions to add depend on the size of the axis: TensorFlow
and Keras add the odd one at the end, PyTorch refuses the word, and explicit padding of the same total is centred
otherwise, so that weights trained in one framework give other numbers in the next.

Flagged is a convolution or pooling with padding `same` or `same_lower` that has a stride above 1 on some axis.

Not flagged: transposed convolutions, which crop by `same` and do not pad.

False positives: nets that are TensorFlow's or Keras's and stay there. Suppress it there, with that as the reason.

Source: PyTorch nn.Conv2d ("padding='same'" is refused for strided convolutions); TensorFlow, "Notes on padding".

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: same} # <- CC106

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 8, kernel_size: 3, padding: same}
      - conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1}
      - conv_transpose: {out_channels: 8, kernel_size: 3, stride: 2, padding: same}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import pads, shown, windowed

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Problem]:
    """Windows that move by more than one and say `same`."""
    for layer in windowed(subject):
        word = getattr(layer.node.config, "padding", None)
        strides = tuple(window.stride for window in layer.windows)
        if word not in {"same", "same_lower"} or max(strides) == 1:
            continue
        added = [(window.before, window.after) for window in layer.windows]
        yield subject.problem(
            layer.index,
            f"{layer.node.name}: padding {word} at stride {shown(strides)} adds {_pads_added(added)} to an axis of "
            f"{shown(layer.sizes)}, and something else to others; PyTorch refuses it",
            f"write padding: {pads(added)}, which is what it is here",
            field="padding",
        )


def _pads_added(added: list[tuple[int, int]]) -> str:
    return " and ".join(f"{before} before and {after} after" for before, after in dict.fromkeys(added))
