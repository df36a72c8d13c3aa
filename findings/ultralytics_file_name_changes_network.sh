#!/usr/bin/env bash
# ultralytics: the same YAML under another file name is another network, also where it has no scales to choose from.
#
# Versions: ultralytics 8.4.190, torch 2.13.0, torchvision 0.28.0 (Python 3.11, x86-64).
# Behaviour: a file without `scales`, whose C3k2 says c3k = False, has 106,769 params as custom.yaml and 108,977 as
#   yolo11m-custom.yaml: the m in the name is taken for the scale, and at m, l and x C3k2 is made of C3k whatever the
#   row says.
# Why it matters: params and FLOPs of a copy with a telling name are not those of the file that was copied.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 torchvision==0.28.0
"$folder/venv/bin/pip" install -q --no-deps ultralytics==8.4.190
"$folder/venv/bin/pip" install -q numpy matplotlib opencv-python-headless pillow pyyaml requests psutil polars

cd "$folder"
YOLO_CONFIG_DIR="$folder" YOLO_AUTOINSTALL=false YOLO_VERBOSE=false "$folder/venv/bin/python" - <<'PYTHON'
from pathlib import Path

import ultralytics
from ultralytics.nn.tasks import DetectionModel

TEXT = """
nc: 1
backbone:
  - [-1, 1, Conv, [32, 3, 2]]
  - [-1, 1, C3k2, [64, False]]
head:
  - [[1], 1, Detect, [nc]]
"""


def params(name):
    Path(name).write_text(TEXT)
    return sum(array.numel() for array in DetectionModel(name, verbose=False).parameters())


print(ultralytics.__version__)
plain, named = params("custom.yaml"), params("yolo11m-custom.yaml")
print("custom.yaml:", plain)
print("yolo11m-custom.yaml:", named)
assert (plain, named) == (106_769, 108_977)
PYTHON
