#!/usr/bin/env bash
# thop counts neither MACs nor params of a subclass of a module that it knows, nor of a function.
#
# Versions: thop 0.1.1.post2209072238, torch 2.13.0 (Python 3.11, x86-64, CPU).
# Behaviour: hooks are chosen by a dictionary with type(module) as its key, so that a class that only derives from
#   nn.Conv2d has none, and what has no hook counts 0, its params too. The same convolution as F.conv2d counts 0 as
#   well. With verbose=False, as nearly everybody calls it, nothing is said of it.
# Why it matters: torchvision's LayerNorm2d and timm's BatchNormAct2d are subclasses: of timm's EfficientNet-B0 29
#   million operations and 42,016 params are missing. Parts of Swin's attention are functions.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q setuptools==80.9.0 numpy==2.4.6 torch==2.13.0 thop==0.1.1.post2209072238

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from thop import profile
from torch import nn
from torch.nn import functional as F


class OwnConv(nn.Conv2d):
    pass


class Function(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(8, 3, 3, 3))

    def forward(self, x):
        return F.conv2d(x, self.weight)


def figures(layer):
    return profile(nn.Sequential(layer), inputs=(torch.zeros(1, 3, 10, 10),), verbose=False)


known, own = figures(nn.Conv2d(3, 8, 3, bias=False)), figures(OwnConv(3, 8, 3, bias=False))
function = figures(Function())
print(torch.__version__, "nn.Conv2d:", known, "subclass:", own, "function:", function)
assert known == (8 * 8 * 8 * 3 * 9, 8 * 3 * 9)
assert own == function == (0, 0)
PYTHON
