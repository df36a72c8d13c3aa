#!/usr/bin/env bash
# calflops divides a transposed convolution by its groups twice: in 4 groups of 8 channels nothing is left.
#
# Versions: torch 2.14.1, calflops 0.3.2, transformers 5.24.0 (Python 3.11, x86-64, CPU).
# Behaviour: of ConvTranspose2d(8, 8, 2, stride=2) on 5x5 it prints 6,400 MACs, which is right; in 2 groups 1,600 in
#   place of 3,200, in 4 and in 8 groups 0 in place of 1,600 and 800. The second axis of the weight has the channels
#   of a group already, and is divided by the groups again, rounded down.
# Why it matters: depthwise upsampling, as segmentation networks initialise it with bilinear kernels, costs nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1 calflops==0.3.2 transformers==5.24.0

"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys

COUNT = """
import sys
import torch
from calflops import calculate_flops
from torch import nn

groups = int(sys.argv[1])
layer = nn.ConvTranspose2d(8, 8, 2, stride=2, groups=groups, bias=False)
options = {"input_shape": (1, 8, 5, 5), "print_results": False, "output_as_string": False}
_, macs, _ = calculate_flops(nn.Sequential(layer), **options)
nn.init.ones_(layer.weight)
print(int(macs), int(layer(torch.ones(1, 8, 5, 5)).sum()))
"""
PRINTED = {1: 6400, 2: 1600, 4: 0, 8: 0}
for groups in PRINTED:
    run = subprocess.run([sys.executable, "-c", COUNT, str(groups)], capture_output=True, text=True, check=True)
    printed, products = map(int, run.stdout.split())
    print(groups, "groups:", printed, "printed", products, "products")
    assert products == 25 * 8 * 8 * 4 // groups
    assert printed == PRINTED[groups]
PYTHON
