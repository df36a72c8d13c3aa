"""Darknet's .cfg: real files and drawn networks against what Darknet itself says of them, rules, errors, mutants.

`tests/data/formats/darknet` has cfgs of Debian's package with what pjreddie's program says of each layer, and 240 drawn
networks that it and AlexeyAB's sized. With CONVCALC_EXAMPLES=100000 so many broken files are tried.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
from math import prod
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import application
from conftest import MANY
from typer.testing import CliRunner

import convcalc
from convcalc import imports, steps
from convcalc.analysis.report import Report
from convcalc.imports import ReadOptions, read_bytes
from convcalc.imports.errors import LONGEST_MESSAGE, CannotImport
from convcalc.imports.record import Imported
from convcalc.language.source import SpecError
from convcalc.readable import text as readable

DATA = Path(__file__).parent / "data" / "formats" / "darknet"
WITNESSES: dict[str, Any] = json.loads((DATA / "witnesses.json").read_text())
DRAWN: list[dict[str, Any]] = json.loads(gzip.decompress((DATA / "drawn.json.gz").read_bytes()))
FAMILIES = sorted({network["family"] for network in DRAWN})

NET = "[net]\nwidth=16\nheight=16\nchannels=3\n"


def read(text: str, **options: Any) -> Imported:
    return read_bytes(text.encode(), "net.cfg", "net.cfg", ReadOptions(**options))


def kinds(text: str) -> list[str]:
    return [layer.kind for layer in read(text).layers]


def shapes(text: str) -> list[tuple[int, ...]]:
    return [layer.shape for layer in read(text).layers]


def report_of(tmp_path: Path, text: str) -> Report:
    (tmp_path / "net.cfg").write_text(text)
    return convcalc.analyze(convcalc.load(tmp_path / "net.cfg"))


def rows(path: Path) -> tuple[dict[str, list[int]], Report, Imported]:
    """Elements that leave, params and MACs of each section, and of buffers, by its number."""
    network = convcalc.load(path)
    report, record = convcalc.analyze(network), network.imported
    sections: dict[str, list[int]] = {}
    for layer, row in zip(record.layers, report.layers, strict=True):
        assert layer.kind == row.kind
        figures = sections.setdefault(layer.operators[-1], [0, 0, 0, 0])
        figures[0] = prod(layer.shape)
        figures[1] += row.params
        figures[2] += row.buffers
        figures[3] += row.macs
    return sections, report, record


# ---- against Darknet ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WITNESSES)
def test_real_files_are_what_darknet_says(name: str) -> None:
    """Every layer, all totals, and how many numbers Darknet's save_weights writes."""
    witness = WITNESSES[name]
    sections, report, record = rows(DATA / name)
    for number, (kind, output, *figures) in enumerate(witness["layers"]):
        if str(number) in sections:
            assert sections[str(number)] == [prod(output), *figures], (number, kind)
        else:
            assert not any(figures), (number, kind)
    totals = report.totals
    assert (totals.params, totals.buffers, totals.macs) == (witness["params"], witness["buffers"], witness["macs"])
    assert not record.missing
    assert not record.warnings
    assert f"holds {witness['floats']:,} numbers" in record.notes[0]
    last = next(layer.shape for layer in record.layers if layer.name == record.outputs[-1])
    assert prod(last) == prod(witness["output"])


@pytest.mark.parametrize("family", FAMILIES)
def test_drawn_networks_are_what_darknet_says(family: str, tmp_path: Path) -> None:
    """Convolutions, pools, routes, shortcuts, resizings and crops of any geometry, layer by layer."""
    networks = [network for network in DRAWN if network["family"] == family]
    assert len(networks) == 120
    for network in networks:
        (tmp_path / "net.cfg").write_text(network["cfg"])
        sections, _, record = rows(tmp_path / "net.cfg")
        assert not record.missing
        for number, figures in enumerate(network["layers"]):
            if str(number) in sections:
                assert sections[str(number)] == figures, (number, network["cfg"])
            else:
                assert not any(figures[1:]), (number, network["cfg"])


# ---- what the text says ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["[net]\n", "[network]\n", "\n\n# a comment\n; another\n [ net ]\n", "\ufeff[net]\r\n", "[net]"],
)
def test_a_file_is_known_by_its_first_section(text: str) -> None:
    for name in ("", "net", "net.yaml", "net.cfg"):
        reader = imports.reader_of(text.encode(), name)
        assert reader is not None
        assert reader.FORMAT == "a Darknet .cfg"


@pytest.mark.parametrize("text", ["[metadata]\nname=x\n", "# [net]\n", "input: [3, 8, 8]\n", "classes=20\n", "[1, 2]"])
def test_other_files_are_not_taken_for_one(text: str) -> None:
    for name in ("", "setup.cfg"):
        assert imports.reader_of(text.encode(), name) is None


def test_the_first_of_equal_keys_wins() -> None:
    assert shapes(f"{NET}[conv]\nfilters=4\nfilters=8\nactivation=linear\n") == [(4, 16, 16)]


@pytest.mark.parametrize(
    ("line", "filters"),
    [
        ("filters = 1 2", 12),
        ("filters=12 # of them", 12),
        ("filters=12.9", 12),
        ("filters=+12", 12),
        ("filters=", 1),
        ("filters", 1),
        ("filters\nfilters=12", 1),
        ("filters=\nfilters=12", 12),
        ("Filters=12", 1),
        ("# filters=12", 1),
        ("filters=12\r", 12),
    ],
)
def test_values_end_where_their_digits_do(line: str, filters: int) -> None:
    assert shapes(f"{NET}[conv]\n{line}\nactivation=linear\n") == [(filters, 16, 16)]


def test_pad_is_half_of_size_and_beats_padding() -> None:
    for size, n in ((1, 16), (2, 17), (3, 16), (5, 16)):
        assert shapes(f"{NET}[conv]\nsize={size}\npad=1\npadding=7\nactivation=linear\n") == [(1, n, n)]
    assert shapes(f"{NET}[conv]\nsize=3\npadding=2\nactivation=linear\n") == [(1, 18, 18)]


def test_what_is_left_out_is_as_darknet_has_it() -> None:
    assert kinds(f"{NET}[convolutional]\n") == ["conv", "sigmoid"]
    assert shapes(f"{NET}[maxpool]\n") == [(3, 16, 16)]
    assert shapes(f"{NET}[maxpool]\nsize=2\nstride=1\n") == [(3, 16, 16)]
    assert shapes(f"{NET}[maxpool]\nstride=3\n") == [(3, 6, 6)]
    assert shapes(f"{NET}[upsample]\n") == [(3, 32, 32)]


def test_aliases_are_the_same_sections() -> None:
    long, short = (
        f"{NET}[{names[0]}]\nfilters=8\n[{names[1]}]\nstride=2\n[{names[2]}]\n[{names[3]}]\noutput=5\n[{names[4]}]\n"
        for names in (
            ["convolutional", "maxpool", "avgpool", "connected", "softmax"],
            ["conv", "max", "avg", "conn", "soft"],
        )
    )
    assert kinds(long) == kinds(short.replace("[net]", "[network]"))
    assert kinds(long) == ["conv", "sigmoid", "max_pool", "global_avg_pool", "linear", "sigmoid", "softmax"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("linear", []),
        ("leaky", ["leaky_relu"]),
        ("swish", ["silu"]),
        ("mish", ["mish"]),
        ("loggy", ["sigmoid", "affine"]),
        ("ramp", ["affine", "relu", "add"]),
        ("hard_mish", ["affine", "hard_tanh", "affine", "mul"]),
        ("normalize_channels", ["relu", "reduce", "affine", "div"]),
        ("Leaky", ["relu"]),
        ("stair", ["opaque"]),
    ],
)
def test_activations(word: str, expected: list[str]) -> None:
    record = read(f"{NET}[conv]\nfilters=8\nactivation={word}\n")
    assert [layer.kind for layer in record.layers][1:] == expected
    assert any("no activation is called Leaky" in note for note in record.notes) == (word == "Leaky")


def test_a_pool_says_the_padding_that_its_windows_reach() -> None:
    record = read("[net]\nwidth=13\nheight=16\nchannels=3\n[maxpool]\nsize=2\nstride=2\n[maxpool]\nsize=3\nstride=2\n")
    assert [layer.fields.get("padding") for layer in record.layers] == [((0, 0), (0, 1)), ((1, 0), (1, 1))]


def test_a_shortcut_of_unlike_maps_adds_what_both_have() -> None:
    """Channels of the shorter, positions of every second row and column; the shape is that of the layer before it."""
    wide = f"{NET}[conv]\nfilters=8\n[conv]\nfilters=4\nsize=3\nstride=2\npad=1\n[shortcut]\nfrom=-2\n"
    assert kinds(wide)[4:] == ["slice", "slice", "slice", "add"]
    assert shapes(wide)[-1] == (4, 8, 8)
    thin = f"{NET}[conv]\nfilters=4\n[conv]\nfilters=8\nsize=3\nstride=2\npad=1\n[shortcut]\nfrom=-2\n"
    assert kinds(thin)[-3:] == ["add", "slice", "concat"]
    assert shapes(thin)[-1] == (8, 8, 8)
    larger = f"{NET}[conv]\nfilters=4\n[upsample]\n[shortcut]\nfrom=0\n"
    assert "fold" in kinds(larger)
    assert shapes(larger)[-1] == (4, 32, 32)


def test_routes_that_meet_in_no_map_are_rows() -> None:
    text = f"{NET}[maxpool]\nstride=2\n[maxpool]\nstride=2\n[route]\nlayers=0,1\n"
    assert shapes(text)[-1] == (3 * 64 + 3 * 16,)
    with pytest.raises(CannotImport, match="layer 3: a map is read, of channels, height and width, and"):
        read(f"{text}[conv]\n")


def test_detectors_leave_and_are_no_layers() -> None:
    text = (
        f"{NET}[conv]\nfilters=18\n[yolo]\nclasses=1\nmask=0,1,2\n[route]\nlayers=0\n[conv]\nfilters=12\n[conv]\n"
        "filters=12\n[yolo]\nclasses=1\nnum=2\n"
    )
    record = read(text)
    assert len(record.outputs) == 2
    assert not record.warnings
    wrong = read(f"{NET}[conv]\nfilters=18\n[yolo]\nclasses=80\nmask=0,1,2\n")
    assert "reads 255 channels, and 18 enter: Darknet refuses" in wrong.warnings[0]


def test_blocks_of_yolor_are_two_by_two(tmp_path: Path) -> None:
    """Its program reads no stride of [reorg], where Darknet's own default is to do nothing."""
    stem = f"{NET}[reorg]\n[conv]\nfilters=4\nsize=3\npad=1\n"
    assert report_of(tmp_path, stem).totals.params == 3 * 4 * 9 + 4
    implicit = "[implicit_add]\nfilters=4\n[route]\nlayers=-2\n[shift_channels]\nfrom=-2\n"
    yolors = report_of(tmp_path, stem + implicit)
    assert yolors.totals.params == 4 * 3 * 4 * 9 + 4 + 4


def test_filters_shared_by_like_layers_in_unlike_places_are_written(tmp_path: Path) -> None:
    """The owner's layers stand alone, and those that use them would be a block that calls it."""
    small = "[conv]\nbatch_normalize=1\nfilters=3\nactivation=leaky\n"
    large = f"{small}size=3\npad=1\n"
    residual = "[shortcut]\nfrom=-3\n"
    shared = f"{small}share_index=0\n{large}share_index=1\n"
    record = read(f"{NET}{small}{large}[dropout]\n{small}{large}{residual}{shared}{residual}")
    path = tmp_path / "net.yaml"
    path.write_text(readable.text(record), encoding="utf-8")
    assert convcalc.analyze(convcalc.load(path)).totals.params == 2 * (9 + 81 + 12)


def test_shared_filters_count_once(tmp_path: Path) -> None:
    conv = "[conv]\nbatch_normalize=1\nfilters=3\nsize=3\npad=1\n"
    report = report_of(tmp_path, f"{NET}{conv}{conv}share_index=0\ndilation=2\n{conv}share_index=-1\n")
    assert (report.totals.params, report.totals.macs) == (81 + 6, 3 * 81 * 256)
    with pytest.raises(CannotImport, match=r"line 9: \[conv\], layer 1: layer 0 has filters"):
        read(f"{NET}[conv]\nfilters=3\n[conv]\nfilters=4\nshare_index=0\n")
    with pytest.raises(CannotImport, match="layer 0 is no convolution"):
        read(f"{NET}[maxpool]\n[conv]\nshare_index=0\n")


def test_a_blur_has_the_stride(tmp_path: Path) -> None:
    """AlexeyAB's antialiasing: the convolution at stride 1, then fixed filters of 3 by 3, or of 2 by 2."""
    conv = "[conv]\nfilters=4\nsize=3\npad=1\nstride=2\nactivation=leaky\n"
    report = report_of(
        tmp_path, f"{NET}{conv}antialiasing=1\n{conv}antialiasing=2\n[maxpool]\nstride=2\nantialiasing=1\n"
    )
    assert [row.output_shape for row in report.layers if row.kind == "conv"] == [
        (4, 16, 16), (4, 8, 8), (4, 8, 8), (4, 4, 4), (4, 2, 2)
    ]  # fmt: skip
    assert report.totals.params == 4 * 27 + 4 + 4 * 36 + 4
    assert report.totals.buffers == 4 * (9 + 4 + 9)


def test_gates_and_learned_numbers(tmp_path: Path) -> None:
    """What YOLOR and AlexeyAB's networks have: weighed shortcuts, gates of channels and positions, implicit tensors."""
    text = (
        f"{NET}[conv]\nfilters=6\n[avgpool]\n[conv]\nfilters=6\nactivation=logistic\n[scale_channels]\nfrom=0\n"
        "[conv]\nfilters=1\n[scale_channels]\nfrom=3\nscale_wh=1\n[implicit_add]\nfilters=6\n[route]\nlayers=-2\n"
        "[shift_channels]\nfrom=6\n[implicit_mul]\nfilters=6\n[route]\nlayers=-2\n[control_channels]\nfrom=-2\n"
        "[shortcut]\nfrom=0,3\nweights_type=per_channel\nweights_normalization=softmax\n"
    )
    report = report_of(tmp_path, text)
    assert report.totals.params == (18 + 6) + (36 + 6) + (6 + 1) + 6 + 6 + 3 * 6
    assert report.layers[-1].output_shape == (6, 16, 16)


def test_recurrent_networks_are_sequences(tmp_path: Path) -> None:
    """Six products a step with two biases a gate in [gru], eight in [lstm]."""
    text = "[net]\ninputs=256\ntime_steps=5\n[gru]\noutput=32\n[lstm]\noutput=16\n[connected]\noutput=8\n[softmax]\n"
    report = report_of(tmp_path, text)
    gru, lstm = 3 * (256 * 32 + 32 * 32), 4 * (32 * 16 + 16 * 16)
    assert report.totals.macs == 5 * (gru + lstm + 16 * 8)
    assert report.totals.params == gru + 6 * 32 + lstm + 8 * 16 + 16 * 8 + 8
    assert report.layers[-1].output_shape == (5, 8)
    assert read(text, sizes={"": (9, 256)}).layers[-1].shape == (9, 8)


def test_sizes_that_are_asked_for() -> None:
    conv = "[conv]\nfilters=8\nactivation=linear\n"
    assert read(f"{NET}{conv}", sizes={"": (3, 20, 24)}).layers[0].shape == (8, 20, 24)
    assert read(f"{NET}{conv}", sizes={"input": (1, 3, 20, 24)}).layers[0].shape == (8, 20, 24)
    assert "batch of 4" in read(f"{NET}{conv}", sizes={"": (4, 3, 20, 24)}).warnings[0]
    for sizes, words in (
        ({"": (3, 20)}, "2 sizes"),
        ({"data": (3, 20, 20)}, "--input names data"),
        ({"": (3, 0, 20)}, "at least 1"),
    ):
        with pytest.raises(CannotImport, match=words):
            read(f"{NET}{conv}", sizes=sizes)
    with pytest.raises(CannotImport, match="as in --input 3x416x416"):
        read(f"[net]\nbatch=1\n{conv}")


def test_what_is_written_reads_well() -> None:
    """Blocks where sections repeat; a section that stands alone has Darknet's word and number."""
    text = CliRunner().invoke(application(), ["import", str(DATA / "cifar.cfg")]).stdout
    assert text.startswith(
        "# cifar.cfg: a Darknet .cfg\n# a .weights file of this network holds 7,687,050 numbers; 5,376 of"
    )
    spec = yaml.safe_load(text)
    assert [next(iter(layer.items())) for layer in spec["layers"][:3]] == [
        ("block", 128), ("block", 256), ("conv_bn_leaky_relu", {"repeat": 3, "out_channels": 512})
    ]  # fmt: skip
    assert {"conv": {"name": "convolutional14", "out_channels": 10, "kernel_size": 1}} in spec["layers"]


# ---- what cannot be said ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[net]\n", "line 1: [net] is the only section"),
        (
            "[net]\ninputs=5\n[conv]\n",
            "line 3: [conv], layer 0: a map is read, of channels, height and width, and [5] enters",
        ),
        ("", "the file is empty"),
        (
            f"{NET}[rnn]\noutput=8\n",
            "[rnn], layer 0: a recurrent layer that no layer kind expresses: its state is the sum",
        ),
        (f"{NET}[crnn]\n", "[crnn], layer 0: a recurrent layer that no layer kind expresses: its state is a map"),
        (f"{NET}[lstm]\noutput=8\n", "[lstm], layer 0: a recurrent layer that a map enters at each step"),
        (
            "[net]\ninputs=5\n[gru]\nbatch_normalize=1\n",
            "[gru], layer 0: a recurrent layer with norms within each step",
        ),
        (f"{NET}[route]\nlayers=0\n", "line 6: [route], layer 0, reads layer 0, and those before it are none"),
        (
            f"{NET}[max]\n[route]\nlayers=-3\n",
            "line 7: [route], layer 1, reads layer -2, and those before it are 0 to 0",
        ),
        (f"{NET}[route]\n", "[route], layer 0: layers is missing"),
        (f"{NET}[conv]\nfilters=$n\n", "line 6: [conv] has filters=$n, where a whole number from 1 is expected"),
        (f"{NET}[conv]\nfilters=99999999999999\n", "which is no number of 32 bits"),
        (f"{NET}[conv]\nsize=40\n", "line 5: [conv], layer 0: conv: "),
        (f"{NET}[conv]\nfilters=4\ngroups=3\n", "[conv], layer 0: conv"),
        (f"{NET}[maxpool]\nsize=40\npadding=0\n", "no window of 40 fits in [3, 16, 16], padded by 0"),
        (f"{NET}[crop]\ncrop_width=99\ncrop_height=2\n", "cuts 2 x 99 out of 16 x 16"),
        (f"{NET}[max]\nstride=2\n[max]\n[shortcut]\nfrom=5\n", "reads layer 5"),
        (f"{NET}[route]\nlayers=-1\ngroups=2\n", "reads layer -1"),
        (f"{NET}[max]\n[route]\nlayers=0\ngroups=2\n", "3 channels in 2 groups"),
        ("[net]\nwidth=5000000\nheight=5000000\nchannels=5000000\n[max]\n", "the input of shape"),
        ("filters=4\n", "a Darknet .cfg, "),
    ],
)
def test_errors_say_where(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "net.cfg").write_text(text)
    result = CliRunner().invoke(application(), ["import", str(tmp_path / "net.cfg")])
    assert result.exit_code == 2
    spaced, joined = " ".join(result.output.split()), result.output.replace("\n", "")
    assert words in spaced or words in joined, result.output


def test_sections_that_are_not_known_are_opaque() -> None:
    text = f"{NET}[conv]\nfilters=4\n[transformer]\nheads=8\n[conv]\n[route]\nlayers=0\n[conv]\nfilters=2\n"
    record = read(text)
    assert [layer.kind for layer in record.layers] == ["conv", "sigmoid", "opaque", "conv", "sigmoid"]
    assert "1 transformer (no section that is known); nor is 1 more behind" in record.missing
    with pytest.raises(CannotImport, match=r"transformer at 1 \(no section that is known\)"):
        read(text, strict=True)
    dilated = read(f"{NET}[conv]\nfilters=4\nsize=3\ndilation=2\n")
    assert (dilated.layers[0].kind, dilated.layers[0].shape) == ("opaque", (4, 14, 14))


def test_large_files_are_refused_soon() -> None:
    with pytest.raises(CannotImport, match=r"a \.cfg of 3,145,\d+ bytes, where at most 2,097,152 are read"):
        read_bytes(NET.encode() + bytes(3 << 20), "net.cfg", "net.cfg")
    with pytest.raises(CannotImport, match="more work than"), steps.run(100_000):
        read(NET + "[max]\n" * 30_000)
    with steps.run():
        assert len(read(NET + "[conv]\nactivation=linear\n" * 1_000).layers) == 1_000


def mutant(draw: random.Random, text: str) -> bytes:
    """A .cfg with some of its lines, numbers or bytes changed."""
    lines = text.splitlines()
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(lines))
        choice = draw.random()
        if choice < 0.2:
            del lines[place : place + draw.randint(1, 3)]
        elif choice < 0.4:
            lines.insert(place, draw.choice(lines) if lines else "")
        elif choice < 0.8:
            number = draw.choice(["0", "-1", "1", "7", "-9", "65536", "2147483647", "99999999999", "x", "", "1,2,-1"])
            lines[place] = re.sub(r"-?\d+", number, lines[place], count=1)
        else:
            lines[place] = draw.choice(["[route]", "[shortcut]", "[local]", "groups=2", "batch_normalize=1", "from=0"])
        lines = lines or [""]
    data = bytearray("\n".join(lines).encode())
    if draw.random() < 0.2 and data:
        data[draw.randrange(len(data))] = draw.randrange(256)
    return bytes(data)


def test_broken_files_end_in_a_sentence() -> None:
    draw = random.Random(os.environ.get("CONVCALC_SEED", "7"))
    texts = [network["cfg"] for network in DRAWN if len(network["cfg"]) < 500]
    texts += [(DATA / name).read_text() for name in ("go.cfg", "jnet-conv.cfg", "writing.cfg")]
    refusals: list[tuple[bytes, str]] = []
    count = MANY or 2_000
    for _ in range(count):
        data = mutant(draw, draw.choice(texts))
        try:
            with steps.run():
                read_bytes(data, "net.cfg", "net.cfg")
        except (CannotImport, SpecError) as error:
            refusals.append((data, str(error)))
    assert all(10 < len(message) <= LONGEST_MESSAGE for _, message in refusals)
    assert 200 < len(refusals) < count - 200
