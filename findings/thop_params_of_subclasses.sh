#!/usr/bin/env bash
# thop prints no params and no MACs of a module whose class derives from one that it knows.
#
# Versions: torch 2.14.1, thop 0.1.1.post2209072238 (Python 3.11, x86-64, CPU).
# Behaviour: rules are looked up by the exact type. A class that derives from nn.Conv2d and changes nothing counts as
#   nothing, and its params are missing from the total that is printed as params: 36 of 260.
# Why it matters: torchvision's LayerNorm2d, timm's BatchNormAct2d and any convolution with standardised weights
#   vanish from both figures, so that even params, which nobody disputes, are wrong for ConvNeXt and EfficientNet.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1 thop==0.1.1.post2209072238

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from thop import profile
from torch import nn


class Conv(nn.Conv2d):
    pass


x = torch.zeros(1, 3, 8, 8)
plain = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1))
derived = nn.Sequential(Conv(3, 8, 3), nn.Conv2d(8, 4, 1))
params = sum(weight.numel() for weight in derived.parameters())
printed = [tuple(map(int, profile(net, inputs=(x,), verbose=False))) for net in (plain, derived)]
print("nn.Conv2d, and a class of it:", *printed, "params:", params)
assert params == 260
assert printed == [(36 * 8 * 27 + 36 * 4 * 8, 260), (36 * 4 * 8, 36)]
PYTHON
