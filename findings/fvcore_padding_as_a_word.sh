#!/usr/bin/env bash
# fvcore counts nothing of a convolution whose padding is a word.
#
# Versions: fvcore 0.1.5.post20221221, torch 2.13.0 (Python 3.11, x86-64, CPU).
# Behaviour: nn.Conv2d(..., padding="same") and padding="valid" are traced as aten::_convolution_mode, for which fvcore
#   has no rule; the same padding in numbers is aten::_convolution, for which it has one. A warning names the operator
#   among the others that are skipped.
# Why it matters: networks that come from Keras, or are written by its habits, count 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0 fvcore==0.1.5.post20221221

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn


def flops(padding):
    layer = nn.Conv2d(3, 8, 3, padding=padding, bias=False)
    return FlopCountAnalysis(layer, torch.zeros(1, 3, 10, 10)).unsupported_ops_warnings(False).total()


print(torch.__version__, "padding 1:", flops(1), "same:", flops("same"), "0:", flops(0), "valid:", flops("valid"))
assert flops(1) == 10 * 10 * 8 * 3 * 9
assert flops(0) == 8 * 8 * 8 * 3 * 9
assert flops("same") == flops("valid") == 0
PYTHON
