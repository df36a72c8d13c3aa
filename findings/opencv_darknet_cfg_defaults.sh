#!/usr/bin/env bash
# A Darknet .cfg that leaves out a stride, or says one twice: OpenCV builds another network than Darknet, without a word.
#
# Versions: opencv-python-headless 4.14.0.94 (Python 3.11, x86-64).
# Behaviour: on a map of 12 x 12, [maxpool] with size=2 and no stride leaves 6 x 6, where Darknet's default is a stride
#   of 1 (parse_maxpool in src/parser.c of pjreddie/darknet and AlexeyAB/darknet), which leaves 12 x 12. [upsample]
#   without a stride leaves 12 x 12, where Darknet's default of 2 leaves 24 x 24. Of stride=3 and stride=1 in one section
#   OpenCV takes the last, which leaves 12 x 12; Darknet takes the first (option_find in src/option_list.c): 4 x 4.
# Why it matters: the same file has other sizes behind that section, and other costs, by the program that reads it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 opencv-python-headless==4.14.0.94

"$folder/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np

NET = "[net]\nwidth=12\nheight=12\nchannels=3\n"


def size(section):
    net = cv2.dnn.readNetFromDarknet(np.frombuffer((NET + section).encode(), np.uint8))
    _, _, leaving = net.getLayersShapes([1, 3, 12, 12])
    return int(leaving[-1][0][2])


SECTIONS = {  # what Darknet's source makes of it, and what OpenCV does
    "[maxpool]\nsize=2\n": (12, 6),
    "[upsample]\n": (24, 12),
    "[maxpool]\nsize=3\nstride=3\nstride=1\n": (4, 12),
}
print(cv2.__version__)
for section, (darknet, expected) in SECTIONS.items():
    seen = size(section)
    print(f"{section!r}: Darknet {darknet}, OpenCV {seen}")
    assert seen == expected != darknet
PYTHON
