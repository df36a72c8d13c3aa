"""Darknet's BFLOPS: by our rules, and by Darknet itself.

`tests/data/counters/darknet.json` has what AlexeyAB's keeps for each section of the cfgs that are tests of the reader,
and what it and pjreddie's print of the real ones.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.analysis.counts import ToolCount, count
from convcalc.counters import choose
from convcalc.network import Network

DATA = Path(__file__).parent / "data"
CFGS = DATA / "formats" / "darknet"
REAL: dict[str, Any] = json.loads((DATA / "counters" / "darknet.json").read_text())
DRAWN: list[dict[str, Any]] = json.loads(gzip.decompress((CFGS / "drawn.json.gz").read_bytes()))

APART = {
    r"upsample .*stride=-": "a shrinking upsample is read as the pool of means that it is",
    r"maxpool .*maxpool_depth=1": "a pool over channels is read as a reduction",
    r"shortcut .*weights_type": "a weighted shortcut is read as products with learned numbers and a sum",
    r"activation=(ramp|lhtan|plse)": "an activation that is no kind is read as what it is made of, sums among it",
    r"^local": "a local layer is read as a product of matrices",
}
"""Sections that are read as layers of other kinds, so that Darknet's count of them is not ours."""
ODD_SHORTCUTS = re.compile(r"^shortcut ")
"""Those onto a tensor of another shape are added in part, and counted whole."""


def sections_of(path: Path, choice: str) -> tuple[Network, ToolCount, Counter[int]]:
    """What is counted for each section of a cfg."""
    network = convcalc.load(path)
    (counted,) = count(network, [choose(choice)])
    assert network.imported is not None
    sections: Counter[int] = Counter()
    for layer, row in zip(network.imported.layers, counted.layers, strict=True):
        sections[int(layer.operators[-1])] += row.count or 0
    return network, counted, sections


def written(cfg: str) -> list[str]:
    """The sections of a cfg, each on a line."""
    parts = re.split(r"^ *\[", re.sub(r"#.*", "", cfg), flags=re.MULTILINE)[2:]
    return [" ".join(part.replace("]", " ", 1).split()) for part in parts]


def compared(name: str, text: str, path: Path, layers: list[int]) -> tuple[int, int]:
    """How many sections are as Darknet counts them, and how many are not, for a cause that is named."""
    _, _, sections = sections_of(path, "darknet")
    right = wrong = 0
    for number, (section, figure) in enumerate(zip(written(text), layers, strict=True)):
        if abs(sections[number] - figure) <= figure * 2**-23 + 0.5:  # a float of 32 bits there
            right += 1
            continue
        is_read_apart = any(re.search(pattern, section) for pattern in APART)
        assert is_read_apart or ODD_SHORTCUTS.match(section), (name, number, section, sections[number], figure)
        wrong += 1
    return right, wrong


def test_sections_of_drawn_cfgs(tmp_path: Path) -> None:
    right = wrong = 0
    for place, layers in REAL["drawn"].items():
        path, text = tmp_path / "net.cfg", DRAWN[int(place)]["cfg"]
        path.write_text(text)
        counts = compared(place, text, path, layers)
        right, wrong = right + counts[0], wrong + counts[1]
    assert right > 650
    assert wrong < 170


@pytest.mark.parametrize("name", [name for name, real in REAL["cfgs"].items() if real["AlexeyAB"]])
def test_real_cfgs_and_their_printed_total(name: str) -> None:
    """To the printed digit, but where sections are read apart."""
    real = REAL["cfgs"][name]["AlexeyAB"]
    path = CFGS / name
    _, wrong = compared(name, path.read_text(), path, real["layers"])
    total = np.float32(0)
    for figure in sections_of(path, "darknet")[2].values():
        total += np.float32(figure / 1e9)
    assert f"{total:.3f}" == real["printed"] or wrong


@pytest.mark.parametrize("name", REAL["cfgs"])
def test_lines_of_the_older_darknet(name: str) -> None:
    """A line for each convolution, in order, and nothing of other layers."""
    _, counted, _ = sections_of(CFGS / name, "darknet:fork=pjreddie")
    lines = [f"{row.count / 1e9:.3f}" for row in counted.layers if row.count]
    assert lines == REAL["cfgs"][name]["pjreddie"]


def test_a_connected_layer_counts_nothing_and_is_called_a_fault() -> None:
    _, counted, _ = sections_of(CFGS / "yolov1.cfg", "darknet")
    (row,) = [row for row in counted.layers if row.kind == "linear"]
    assert row.count == 0
    assert row.ours == 2 * 12544 * 1715
    assert row.faults == ("counts nothing for a connected layer",)
