#!/usr/bin/env bash
# A count of calflops that fails makes all later counts in the process too large: twice, three times, four times.
#
# Versions: torch 2.14.1, calflops 0.3.2, transformers 5.24.0 (Python 3.11, x86-64, CPU).
# Behaviour: it replaces functions of torch.nn.functional by ones that count, and puts them back at its end. A module
#   without params makes it stop with StopIteration in between. The next count wraps the wrapped functions, and so a
#   convolution counts once more each time.
# Why it matters: a notebook or a loop over layers that skips what fails prints multiples of the truth from then on;
#   ptflops in the same process fails.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1 calflops==0.3.2 transformers==5.24.0

"$folder/venv/bin/python" - <<'PYTHON'
from calflops import calculate_flops
from torch import nn
from torch.nn import functional


def macs(net):
    return calculate_flops(net, input_shape=(1, 3, 8, 8), print_results=False, output_as_string=False)[1]


original = functional.conv2d
conv = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False))
printed = [macs(conv)]
for _ in range(3):
    try:
        macs(nn.Sequential(nn.ReLU()))
    except StopIteration:
        printed.append(macs(conv))
print(printed, "conv2d is torch's:", functional.conv2d is original)
assert printed == [times * 64 * 8 * 27 for times in (1, 2, 3, 4)]
assert functional.conv2d is not original
PYTHON
