#!/usr/bin/env bash
# calflops counts an upsampling by how its size is written: as positions, as one number, or as what enters.
#
# Versions: calflops 0.3.2, transformers 5.24.0, torch 2.14.1 (Python 3.11, x86-64, CPU).
# Behaviour: with size=(16, 16) F.interpolate counts 256, without channels and samples; with size=16 it counts 16; with
#   scale_factor=2 the elements that enter, since what is multiplied is not kept. All make the same 64 x 16 x 16 elements.
#   Factors that differ from axis to axis end in a TypeError.
# Why it matters: torchvision's segmentation networks upsample by size, others by factor; neither is their cost.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1 transformers==5.24.0 calflops==0.3.2

"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys

CODE = """
import torch
from calflops import calculate_flops
from torch.nn import functional as F

class Upsampling(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.none = torch.nn.Parameter(torch.zeros(1))  # it takes its device from a parameter
    def forward(self, x):
        return F.interpolate(x, {written})

print(calculate_flops(Upsampling(), (1, 64, 8, 8), print_results=False, output_as_string=False)[0])
"""


def run(written):
    return subprocess.run([sys.executable, "-c", CODE.format(written=written)], capture_output=True, text=True)


written = "size=(16, 16)", "size=16", "scale_factor=2"
figures = [int(run(size).stdout) for size in written]
print(dict(zip(written, figures)))
assert figures == [16 * 16, 16, 64 * 8 * 8]
assert "TypeError" in run("scale_factor=(2.0, 3.0)").stderr
PYTHON
