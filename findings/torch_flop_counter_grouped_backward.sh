#!/usr/bin/env bash
# FlopCounterMode counts the gradient by the weights of a grouped convolution as often as there are groups.
#
# Versions: torch 2.14.1 (Python 3.11, x86-64, CPU).
# Behaviour: forward it divides by the groups, and so it does for the gradient by the input. For the gradient by the
#   weights it does not: of a 3x3 convolution of 8 channels on 10x10 in g groups it prints 1 + g forwards for the
#   backward pass, 9 where depthwise, and 2 only where g is 1. The gradient by each weight is a sum of as many
#   products as there are positions that leave, whatever the groups, as counted here by summing it over ones.
# Why it matters: a training step of EfficientNet-B0 is printed as 32 billion, where the forward pass is 0.77;
#   MobileNets and ResNeXts look dearer to train than they are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

for groups in (1, 2, 4, 8):
    layer = nn.Conv2d(8, 8, 3, padding=1, groups=groups, bias=False)
    x = torch.ones(1, 8, 10, 10, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        y = layer(x)
        forward = counter.get_total_flops()
        y.sum().backward()
    backward = counter.get_total_flops() - forward
    padded = torch.ones(1, 8, 12, 12)
    y = nn.functional.conv2d(padded, layer.weight, groups=groups)
    (of_weights,) = torch.autograd.grad(y.sum(), layer.weight)
    products = int(of_weights.sum())  # all factors are 1, so each product adds 1
    print(groups, "groups: forward", forward, "backward", backward, "of the weights in truth", 2 * products)
    assert forward == 2 * products == 2 * 100 * 8 * 8 // groups * 9
    assert backward == (1 + groups) * forward
PYTHON
