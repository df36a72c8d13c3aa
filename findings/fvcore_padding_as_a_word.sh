#!/usr/bin/env bash
# fvcore counts nothing of a convolution whose padding is "same" or "valid".
#
# Versions: torch 2.14.1, fvcore 0.1.5.post20221221 (Python 3.11, x86-64, CPU).
# Behaviour: with padding=1 a 3x3 convolution is traced as aten::_convolution, which has a rule; with padding="same"
#   as aten::_convolution_mode, which has none and counts as 0. It says so in a warning about operators that are not
#   supported, among add and relu, which are meant to count nothing.
# Why it matters: of a network that was ported from TensorFlow, where "same" is the usual word, nothing but the linear
#   layers is counted.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1 fvcore==0.1.5.post20221221

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn

x = torch.zeros(1, 3, 8, 8)
printed = {}
for padding in (1, "same", "valid"):
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=padding)).eval()
    analysis = FlopCountAnalysis(net, x)
    printed[padding] = analysis.total()
    print(padding, printed[padding], dict(analysis.unsupported_ops()))
assert printed == {1: 64 * 8 * 27, "same": 0, "valid": 0}
PYTHON
