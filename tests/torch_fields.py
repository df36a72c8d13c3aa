"""Makes tests/data/gradients/fields.json: what stacks of convolutions look at, as PyTorch differentiates. Needs torch.

    python tests/torch_fields.py

After Luo, Li, Urtasun and Zemel, Understanding the effective receptive field in deep convolutional neural networks
(2016): the derivative of the centre of the output by every pixel, for `depth` convolutions of 3x3 without a bias, over
`SEEDS` draws of weights and inputs.
- `uniform`: one channel, every weight 1: the map is a box convolved with itself, exactly;
- `normal`: `CHANNELS` channels, weights normal with mean 0: the mean of the *squared* derivative is in expectation that
  same map, as of two different ways through the taps the mean is 0;
- `relu`: as before with a ReLU behind each convolution but the last.

`squared` and `absolute` are the means of the square and of the absolute value, summed over the rows: a profile along
one axis with sum 1. `spread` is its standard deviation. `closed_form` is that of the box, sqrt(depth (3^2 - 1) / 12).
What is nearly Gaussian has an absolute value sqrt(2) times as wide as its square. `side` is the square root of the
least number of pixels that hold 95.45 % of the map of absolute values, and `theory` the theoretical field's side.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

DATA = Path(__file__).parent / "data/gradients"
DEPTHS = (5, 10, 20, 40)
SEEDS = 100
CHANNELS = 16
MASS = 0.9545


def main() -> None:
    """Write the profiles, with the versions they are of."""
    versions = {"python": platform.python_version(), "torch": importlib.metadata.version("torch").split("+")[0]}
    rows = [of_stack(depth, form) for depth in DEPTHS for form in ("uniform", "normal", "relu")]
    text = json.dumps({"versions": versions, "seeds": SEEDS, "channels": CHANNELS, "stacks": rows})
    (DATA / "fields.json").write_text(text.replace('{"depth"', '\n{"depth"') + "\n", "utf-8")


def of_stack(depth: int, form: str) -> dict[str, Any]:
    """The profiles of a stack, and their spread."""
    size = 2 * depth + 1
    squared, absolute = np.zeros((size, size)), np.zeros((size, size))
    for seed in range(1 if form == "uniform" else SEEDS):
        torch.manual_seed(seed)
        network = stack(depth, form)
        x = torch.randn(1, 1, size, size, requires_grad=True)
        network(x).sum().backward()
        gradient = x.grad[0, 0].double().numpy()
        squared += gradient**2
        absolute += np.abs(gradient)
    row = {
        "depth": depth,
        "form": form,
        "theory": size,
        "closed_form": math.sqrt(depth * 8 / 12),
        "spread": {"squared": spread(squared), "absolute": spread(absolute)},
        "side": side(absolute),
        "squared": profile(squared),
        "absolute": profile(absolute),
    }
    print(depth, form, row["closed_form"], row["spread"], row["side"])  # noqa: T201
    return row


def stack(depth: int, form: str) -> Any:
    """Convolutions that lose the border, so that exactly one position is left of the field."""
    channels = 1 if form == "uniform" else CHANNELS
    layers: list[Any] = []
    for place in range(depth):
        last = place == depth - 1
        layer = nn.Conv2d(channels if place else 1, 1 if last else channels, 3, bias=False)
        if form == "uniform":
            nn.init.constant_(layer.weight, 1 / 9)
        else:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu" if form == "relu" else "linear")
        layers.append(layer)
        if form == "relu" and not last:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def profile(amounts: np.ndarray) -> list[float]:
    """A map as one axis has it, with sum 1."""
    along = amounts.sum(0) / amounts.sum()
    return [float(f"{value:.6g}") for value in along]


def spread(amounts: np.ndarray) -> float:
    """The standard deviation along an axis, the mean of both axes' variances."""
    places = np.arange(len(amounts))
    variances = []
    for axis in (0, 1):
        along = amounts.sum(axis) / amounts.sum()
        mean = (along * places).sum()
        variances.append((along * (places - mean) ** 2).sum())
    return math.sqrt(sum(variances) / 2)


def side(amounts: np.ndarray) -> float:
    """The side of a square with as many pixels as the fewest that hold `MASS` of a map."""
    highest = np.sort(amounts, axis=None)[::-1].cumsum() / amounts.sum()
    return math.sqrt(int(np.searchsorted(highest, MASS)) + 1)


if __name__ == "__main__":
    main()
