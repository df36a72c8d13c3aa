#!/usr/bin/env bash
# thop counts a transposed convolution as if its window slid over the output: 4.5 times its work at stride 2.
#
# Versions: torch 2.14.1, thop 0.1.1.post2209072238 (Python 3.11, x86-64, CPU).
# Behaviour: of ConvTranspose2d(16, 8, 3, stride=2) on 8x8 it prints 332,928 MACs: 17·17 output positions times
#   16·9·8. Each of 8·8 input positions is multiplied with 9·8 weights of its 16 channels: 73,728, which is also what
#   FlopCounterMode halved says, and what multiplying ones gives, counted from the sum of the output.
# Why it matters: decoders and generators look several times as heavy as they are, and more so the larger the stride.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1 thop==0.1.1.post2209072238

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from thop import profile
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

layer = nn.ConvTranspose2d(16, 8, 3, stride=2, bias=False).eval()
x = torch.ones(1, 16, 8, 8)
nn.init.ones_(layer.weight)
with torch.no_grad(), FlopCounterMode(display=False) as counter:
    products = int(layer(x).sum())  # all factors are 1, so each product adds 1
printed, _ = profile(nn.Sequential(layer), inputs=(x,), verbose=False)
print("thop:", int(printed), "products:", products, "FlopCounterMode / 2:", counter.get_total_flops() // 2)
assert products == counter.get_total_flops() // 2 == 8 * 8 * 16 * 9 * 8
assert printed == 17 * 17 * 16 * 9 * 8
PYTHON
