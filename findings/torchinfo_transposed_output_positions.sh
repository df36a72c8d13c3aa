#!/usr/bin/env bash
# torchinfo multiplies the params of a transposed convolution with its output positions: 4 times its work at stride 2.
#
# Versions: torch 2.14.1, torchinfo 1.8.0 (Python 3.11, x86-64, CPU).
# Behaviour: of ConvTranspose2d(16, 8, 2, stride=2) without a bias on 8x8 it prints 131,072 mult-adds: 512 weights at
#   16·16 positions that leave. Every weight meets the 8·8 positions that enter, 32,768 products, which
#   FlopCounterMode halved says too.
# Why it matters: the decoder of a U-Net looks four times as heavy as it is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1 torchinfo==1.8.0

"$folder/venv/bin/python" - <<'PYTHON'
import torch
import torchinfo
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

layer = nn.ConvTranspose2d(16, 8, 2, stride=2, bias=False).eval()
x = torch.ones(1, 16, 8, 8)
nn.init.ones_(layer.weight)
with torch.no_grad(), FlopCounterMode(display=False) as counter:
    products = int(layer(x).sum())  # all factors are 1, so each product adds 1
printed = torchinfo.summary(nn.Sequential(layer), input_data=x, verbose=0).total_mult_adds
print("torchinfo:", printed, "products:", products, "FlopCounterMode / 2:", counter.get_total_flops() // 2)
assert products == counter.get_total_flops() // 2 == 8 * 8 * 16 * 4 * 8
assert printed == 16 * 16 * 16 * 4 * 8
PYTHON
