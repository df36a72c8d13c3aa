"""Repeated units that something outside reads into: what is torn out of a block is written all the same."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_import_spec import check, record

from convcalc.language import Source, loads
from convcalc.readable import text as spec
from convcalc.readable.blocks import Folding, foldings
from convcalc.readable.regions import LayerGraph
from convcalc.readable.slots import Unfit

SAME = "out_channels: 4, kernel_size: {}, padding: same"


class Torn:
    """Copies of a unit of some layers, with other layers, edges and shared weights between and into them."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.lines: list[str] = []
        self.names: list[str] = []
        self.convs: list[str] = []
        self.known = ["input"]

    def layer(self, path: str, kind: str, sources: list[str], fields: str = "", share: str = "") -> str:
        name = f"t{len(self.names)}"
        text = ", ".join(filter(None, [f"name: {name}", f"from: [{', '.join(sources)}]", fields]))
        if kind == "conv" and share:
            text = f"name: {name}, from: [{sources[0]}], share: {share}"
        elif kind == "conv":
            self.convs.append(name)
        self.lines.append(f"  - {kind}: {{{text}}}")
        self.names.append(path)
        self.known.append(name)
        return name

    def text(self) -> str:
        draw = self.draw
        kinds = ["conv", "conv", "relu", "batch_norm", "add", "mul"]
        unit = [(draw.choice(kinds), draw.randint(0, 2), draw.randint(0, 3)) for _ in range(draw.randint(2, 6))]
        torn = draw.choice([0, 0.1, 0.3])
        last = self.layer("stem", "conv", ["input"], SAME.format(1))
        for copy in range(draw.randint(2, 6)):
            made = [last]
            for place, (usual, first, second) in enumerate(unit):
                kind = draw.choice(["relu", "conv"]) if draw.random() < torn / 3 else usual
                sources = [made[-1 - min(first, len(made) - 1)], made[-1 - min(second, len(made) - 1)]]
                if draw.random() < torn:
                    sources[0] = draw.choice(self.known[1:])
                sources = sources if kind in {"add", "mul"} else sources[:1]
                share = draw.choice(self.convs) if draw.random() < torn / 2 else ""
                size = draw.choice([1, 3]) if draw.random() < torn / 2 else 3
                path = f"stages.{copy}.{kind}{place}" if draw.random() > torn / 2 else f"other.{kind}{place}{copy}"
                made.append(self.layer(path, kind, sources, SAME.format(size) if kind == "conv" else "", share))
            last = made[-1] if draw.random() > torn / 2 else made[len(made) // 2]
            if draw.random() < torn:
                last = self.layer(f"between.{copy}", "sigmoid", [last])
        outputs = dict.fromkeys([*draw.sample(self.known[1:], draw.randint(0, 2)), last])
        return "input: [4, 8, 8]\nlayers:\n" + "\n".join(self.lines) + f"\noutputs: [{', '.join(outputs)}]\n"


@given(seed=st.integers(0, 2**32))
def test_units_that_are_torn_apart_come_back(seed: int) -> None:
    torn = Torn(seed)
    network = loads(Source("torn.yaml", torn.text()))
    check(network, record(network, torn.names))


def test_what_cannot_be_folded_is_written_without_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a way of folding stumbles over at the top, where there is no block that could be given up."""
    text = Torn(3).text()
    network = loads(Source("torn.yaml", text))
    imported = record(network)
    monkeypatch.setattr(Folding, "_fitting", _unfit)
    folding = next(foldings(LayerGraph(imported), network))
    with pytest.raises(Unfit):
        folding.written()
    monkeypatch.undo()
    monkeypatch.setattr(spec, "foldings", lambda *arguments: [folding])
    monkeypatch.setattr(folding, "written", _unfit)
    flat, folded = check(network, imported)
    assert folded == flat


def _unfit(*arguments: object) -> None:
    raise Unfit(0)
