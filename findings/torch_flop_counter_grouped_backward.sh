#!/usr/bin/env bash
# FlopCounterMode counts the backward pass of a grouped convolution by its weights once a group.
#
# Versions: torch 2.13.0 (Python 3.11, x86-64, CPU).
# Behaviour: the gradient by the weights is counted as a convolution of all input channels with all output channels,
#   groups or not. Of a depthwise 3x3 on 32 channels it says 32 times the forward pass; as 32 convolutions of one
#   channel each, which give the same numbers, as much as the forward pass.
# Why it matters: forward and backward of EfficientNet-B0 is 41 times its forward pass by this count, not 3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def flops(run):
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


x = torch.randn(1, 32, 10, 10)
depthwise = nn.Conv2d(32, 32, 3, groups=32, bias=False)
alone = nn.ModuleList(nn.Conv2d(1, 1, 3, bias=False) for _ in range(32))
for place, layer in enumerate(alone):
    layer.weight.data = depthwise.weight.data[place : place + 1]


def apart():
    return torch.cat([layer(x[:, place : place + 1]) for place, layer in enumerate(alone)], 1)


assert torch.allclose(depthwise(x), apart(), atol=1e-5)
forward = flops(lambda: depthwise(x))
grouped, split = flops(lambda: depthwise(x).sum().backward()), flops(lambda: apart().sum().backward())
gradients = torch.cat([layer.weight.grad for layer in alone])
assert torch.allclose(depthwise.weight.grad, gradients, atol=1e-3)
print(torch.__version__, "forward:", forward, "and backward:", grouped, "the same apart:", split)
assert forward == 2 * 8 * 8 * 32 * 9
assert split == 2 * forward
assert grouped == forward + 32 * forward
PYTHON
