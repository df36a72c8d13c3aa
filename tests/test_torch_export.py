"""PyTorch's exports: totals as PyTorch itself counts them, before and after decompositions, and what is refused."""

from __future__ import annotations

import io
import json
import os
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

import convcalc
from convcalc import SpecError, steps
from convcalc.imports import ReadOptions, read_bytes, torch_export
from convcalc.imports.errors import CannotImport

DATA = Path(__file__).parent / "data" / "formats" / "torch"

TOTALS = {
    "resnet18": (11_689_512, 9_600, 1_814_073_344, (1000,)),
    "mobilenet_v2": (3_504_872, 34_112, 300_774_272, (1000,)),
    "googlenet": (6_624_904, 14_560, 1_498_376_192, (1000,)),
    "fcn_resnet50": (32_957_013, 54_144, 26_484_498_432, (21, 224, 224)),
    "convnext_tiny.b": (28_589_128, 0, 4_455_531_264, (1000,)),
    "shufflenet_v2_x1_0.b": (2_278_604, 16_180, 144_907_992, (1000,)),
    "unet.a": (7_298, 0, 2_211_840, (2, 64, 64)),
    "audio.a": (1_808, 33, 241_664, (1024,)),
    "tfm.a": (67_269, 0, 681_280, (5,)),
    "tfm.b": (67_269, 0, 681_280, (5,)),
    "lstm.a": (91_722, 0, 1_721_280, (10,)),
    "gru.a": (3_124, 0, 34_656, (4,)),
    "norms_open_batch": (811, 0, 552_160, (3,)),
    "swin_v2_small": (19_621, 18_184, 3_547_216, (5,)),
    "mvit_small": (9_917, 0, 933_632, (5,)),
}
"""Parameters, buffers without num_batches_tracked, MACs and what leaves, as the eager modules have them.

MACs are FlopCounterMode's, halved. It leaves out fused operators, so attention ran without the fast path of
nn.MultiheadAttention and with SDPBackend.MATH, and the LSTM as its decomposed program; hooks that count modules by
their shapes agree. In figures: each of the transformer's 2 layers projects 10 tokens of 64 four times and takes them
through 128 and back, 10·64·(4·64 + 2·128) = 327,680, and meets pairs of them twice, 2·10·10·64 = 12,800; the last
layer has 64·5. The LSTM takes 20 steps from both ends, 4·48 gates of 32 + 48 and then of 96 + 48 numbers,
20·2·192·(80 + 144) = 1,720,320, and there are 96·10.
"""

MADE = {
    "gru.b": (3_124, 0, 34_656, 24),
    "lstm.b": (91_722, 0, 1_721_280, 192),
    "swin_t.a": (28_288_354, 28_812, 4_490_566_656, 153_664),
}
"""Parameters, buffers and MACs of modules, and how many numbers they make as they run.

The recurrent ones, which were decomposed, begin with states of zeros: 24 numbers, and 48 for each of 2 layers from 2
ends, and of each a cell state. Swin masks pairs of 49 places where windows were shifted: in 64, 16 and 4 of them, which
is 49²·64 once where blocks share a mask of so many windows.
"""


@pytest.mark.parametrize("name", MADE)
def test_what_a_module_makes_as_it_runs_is_noted(name: str) -> None:
    params, buffers, macs, made = MADE[name]
    net = convcalc.load(str(DATA / f"{name}.pt2"))
    totals = convcalc.analyze(net).totals
    assert (totals.params, totals.macs, totals.buffers) == (params, macs, buffers + made)
    imported = read(f"{name}.pt2")
    assert not imported.warnings
    assert any(note.startswith(f"{made:,} of the {buffers + made:,} numbers") for note in imported.notes)


def test_windows_that_are_cut_and_shifted_take_little_to_follow() -> None:
    with steps.run():
        net = convcalc.load(str(DATA / "swin_t.a.pt2"))
        assert convcalc.analyze(net).totals.macs == MADE["swin_t.a"][2]


@pytest.mark.parametrize("name", TOTALS)
def test_totals_are_those_of_the_module(name: str) -> None:
    params, buffers, macs, output = TOTALS[name]
    net = convcalc.load(str(DATA / f"{name}.pt2"))
    totals = convcalc.analyze(net).totals
    assert (totals.params, totals.buffers, totals.macs) == (params, buffers, macs)
    imported = read(f"{name}.pt2")
    assert {layer.name: layer.shape for layer in imported.layers}[imported.outputs[0]] == output
    assert not imported.missing
    assert not imported.warnings
    assert not imported.unused


def read(name: str, **options: Any) -> Any:
    return read_bytes((DATA / name).read_bytes(), name, name, ReadOptions(**options))


def test_layers_have_the_names_of_the_modules() -> None:
    names = [layer.name for layer in read("resnet18.pt2").layers]
    assert names[:4] == ["conv1", "bn1", "relu", "maxpool"]
    assert "layer1.0.conv1" in names
    assert "fc" in names


@pytest.mark.parametrize("word", ["same", "valid"])
def test_padding_that_is_written_as_a_word_stays_one(word: str) -> None:
    def changed(document: Any) -> None:
        graph = document["graph_module"]["graph"]
        graph["nodes"] = graph["nodes"][:1]
        (leaving,) = graph["nodes"][0]["outputs"]
        graph["nodes"][0]["inputs"][4]["arg"] = {"as_string": word}
        if word == "valid":
            sizes = graph["tensor_values"][leaving["as_tensor"]["name"]]["sizes"]
            sizes[2:] = [{"as_int": size["as_int"] - 2} for size in sizes[2:]]
        document["graph_module"]["signature"]["output_specs"] = [{"user_output": {"arg": leaving}}]

    (layer,) = read_bytes(with_graph(changed, "unet.a"), "net", "net").layers
    assert (layer.kind, layer.fields["padding"]) == ("conv", word)


def test_another_norm_than_that_of_maps_is_what_it_was_before_decompositions() -> None:
    before, after = (convcalc.analyze(convcalc.load(str(DATA / f"unet.{which}.pt2"))).totals for which in "ab")
    assert (before.params, before.macs) == (after.params, after.macs)


def with_graph(change: Any, name: str = "gru.a") -> bytes:
    """The archive of a network, its graph changed."""
    with zipfile.ZipFile(DATA / f"{name}.pt2") as archive:
        document = json.loads(archive.read("net/models/model.json"))
    change(document)
    return archived({"net/models/model.json": json.dumps(document)})


def archived(files: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def refusal(data: bytes) -> str:
    with pytest.raises(CannotImport) as error:
        read_bytes(data, "net.pt2", "net.pt2")
    return str(error.value)


def test_the_older_layout_is_read() -> None:
    with zipfile.ZipFile(DATA / "gru.a.pt2") as archive:
        document = archive.read("net/models/model.json")
    data = archived({"serialized_exported_program.json": document, "serialized_state_dict.pt": b"never opened"})
    assert read_bytes(data, "net", "net").layers == read("gru.a.pt2").layers


def test_open_sizes_are_asked_for() -> None:
    def opened(document: Any) -> None:
        sizes = document["graph_module"]["graph"]["tensor_values"]["x"]["sizes"]
        sizes[1] = {"as_expr": {"expr_str": "s0", "hint": {"as_int": 12}}}

    data = with_graph(opened)
    assert "--input" in refusal(data)
    imported = read_bytes(data, "net", "net", ReadOptions(sizes={"x": (1, 12, 16)}))
    assert imported.inputs == {"x": (12, 16)}


def test_a_size_that_is_not_what_is_worked_out_is_an_error() -> None:
    def changed(document: Any) -> None:
        tensors = document["graph_module"]["graph"]["tensor_values"]
        tensors["linear"]["sizes"][1] = {"as_int": 5}

    assert "another shape" in refusal(with_graph(changed))


def parts(target: str, sizes: tuple[int, ...], **arguments: Any) -> list[tuple[int, ...]]:
    """The shapes of what the GRU's input leaves behind an operator."""

    def changed(document: Any) -> None:
        graph = document["graph_module"]["graph"]
        inputs = [{"name": name, "arg": {kind: value}} for name, (kind, value) in arguments.items()]
        node: dict[str, Any] = {"target": f"torch.ops.aten.{target}", "inputs": [{"name": "self", "arg": X}, *inputs]}
        names = [f"part{place}" for place in range(len(sizes))]
        node |= {"outputs": [{"as_tensors": [{"name": name} for name in names]}], "metadata": {}}
        if len(names) == 1:
            node["outputs"] = [{"as_tensor": {"name": names[0]}}]
        graph["nodes"] = [node]
        for name, size in zip(names, sizes, strict=True):
            dims = [{"as_int": 1}, {"as_int": size}, {"as_int": 16}]
            graph["tensor_values"][name] = graph["tensor_values"]["x"] | {"sizes": dims}
        outputs = [{"user_output": {"arg": {"as_tensor": {"name": name}}}} for name in names]
        document["graph_module"]["signature"]["output_specs"] = outputs

    imported = read_bytes(with_graph(changed), "net", "net")
    assert not imported.missing
    shapes = {layer.name: layer.shape for layer in imported.layers}
    return [shapes[name] for name in imported.outputs]


X = {"as_tensor": {"name": "x"}}


def test_parts_are_as_even_as_they_come_or_between_places() -> None:
    split, axis = "tensor_split", ("as_int", 1)
    assert parts(f"{split}.sections", (3, 3, 2, 2, 2), sections=("as_int", 5), dim=axis) == [
        (3, 16), (3, 16), (2, 16), (2, 16), (2, 16),
    ]  # fmt: skip
    assert parts(f"{split}.indices", (1, 9, 2), indices=("as_ints", [1, -2]), dim=axis) == [(1, 16), (9, 16), (2, 16)]
    assert parts("repeat_interleave.self_int", (36,), repeats=("as_int", 3), dim=axis) == [(36, 16)]


def test_operators_that_nobody_knows_are_named_and_do_not_stop_a_network() -> None:
    def changed(document: Any) -> None:
        document["graph_module"]["graph"]["nodes"][-1]["target"] = "torch.ops.mine.twist.default"

    data = with_graph(changed)
    assert "mine.twist.default" in read_bytes(data, "net", "net").missing
    with pytest.raises(CannotImport, match="twist"):
        read_bytes(data, "net", "net", ReadOptions(strict=True))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"net/models/model.json": "{"}, "no JSON"),
        ({"net/models/model.json": b'{"\xff": 1}'}, "no JSON"),
        ({"net/models/model.json": "{}"}, "not a graph"),
        ({"net/models/a.json": "{}", "net/models/b.json": "{}"}, "several graphs"),
        ({"net/models/model.json": b" " * (65 * 2**20)}, "at most"),
    ],
)
def test_archives_that_hold_no_network(files: dict[str, str | bytes], words: str) -> None:
    assert words in refusal(archived(files))


def test_other_archives_are_none_of_these() -> None:
    others: list[dict[str, str | bytes]] = [{"config.json": "{}"}, {"net/data.pkl": "", "net/code/net.py": ""}]
    for files in others:
        assert not torch_export.matches(archived(files), "")


def test_whatever_is_in_a_file_it_is_read_or_refused() -> None:
    draw = random.Random(15)
    whole_file = (DATA / "gru.a.pt2").read_bytes()
    with zipfile.ZipFile(DATA / "gru.a.pt2") as archive:
        text = archive.read("net/models/model.json")
    for _ in range(int(os.environ.get("CONVCALC_EXAMPLES", "0")) or 2000):
        if draw.random() < 0.3:
            data = bytearray(whole_file)
            for _ in range(draw.randint(1, 4)):
                data[draw.randrange(len(data))] = draw.randrange(256)
        else:
            mutant = bytearray(text)
            for _ in range(draw.randint(1, 6)):
                place = draw.randrange(len(mutant))
                mutant[place : place + draw.randint(0, 2)] = draw.choice([b"", b"9", b"-1", b"null", b"0", b"[", b"x"])
            data = bytearray(archived({"net/models/model.json": bytes(mutant)}))
        try:
            with steps.run():
                read_bytes(bytes(data), "net.pt2", "net.pt2")
        except (CannotImport, SpecError):
            pass
