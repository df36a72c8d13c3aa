#!/usr/bin/env bash
# thop counts a transposed convolution at its output positions, stride² times what it multiplies.
#
# Versions: thop 0.1.1.post2209072238, torch 2.13.0 (Python 3.11, x86-64, CPU).
# Behaviour: all of nn.Conv1d to nn.ConvTranspose3d go through one formula, output elements times input channels of a
#   group times taps. A transposed convolution has its taps at each input position: a 3x3 of stride 2 from 16 to 8
#   channels on 8x8 multiplies 64·16·8·9 = 73,728 times, and thop says 332,928, by its 17x17 outputs. The products are
#   counted here another way: of ones with weights of 1, each adds 1 to the sum of what leaves.
# Why it matters: decoders of U-Nets, GANs and segmentation look up to four times as dear (eight in three axes).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q setuptools==80.9.0 numpy==2.4.6 torch==2.13.0 thop==0.1.1.post2209072238

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from thop import profile
from torch import nn

layer = nn.ConvTranspose2d(16, 8, 3, stride=2, bias=False)
net = nn.Sequential(layer).eval()
nn.init.ones_(layer.weight)
macs, _ = profile(net, inputs=(torch.zeros(1, 16, 8, 8),), verbose=False)

products = int(layer(torch.ones(1, 16, 8, 8)).sum())
print(torch.__version__, "thop:", macs, "products:", products)
assert products == 8 * 8 * 16 * 8 * 9
assert macs == 17 * 17 * 8 * 16 * 9
PYTHON
