"""A reader of model files is found by being there: a format that nobody has heard of, in one file."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from command_line import application
from typer.testing import CliRunner, Result

from convcalc import imports
from convcalc.imports import tidy

ROOT = Path(__file__).parent.parent

TOY = '''
"""Toy networks: a line with the version, one with the sizes of the input, then a layer a line."""

from typing import NamedTuple

from convcalc.imports.arrays import checked
from convcalc.imports.assembly import assembled
from convcalc.imports.drafts import Builder
from convcalc.imports.errors import CannotImport
from convcalc.imports.record import Imported

FORMAT = "a toy network"
KINDS = {
    "conv": lambda channels, size: ("conv", {"out_channels": channels, "kernel_size": size}),
    "relu": lambda: ("relu", {}),
    "pool": lambda size: ("max_pool", {"kernel_size": size}),
}


class Line(NamedTuple):
    title: str
    operator: str

    def modules(self) -> list[str]:
        return []


def matches(buffer, name):
    return buffer[:4] == b"toy " or name.endswith(".toy")


def read(buffer, source, options):
    first, entering, *lines = buffer[:].decode().splitlines()
    builder = Builder()
    x = builder.input("", checked(options.sizes.get("", [int(size) for size in entering.split()[1:]])))
    for number, line in enumerate(lines, start=3):
        word, *numbers = line.split()
        origin = Line(f"line {number}", word)
        if word not in KINDS:
            x = builder.unknown(x.shape, [x], origin)
            continue
        try:
            kind, fields = KINDS[word](*map(int, numbers))
            x = builder.layer(kind, fields, [x], (origin,))
        except (TypeError, ValueError) as error:
            raise CannotImport(f"line {number}: {error}") from None
    parts = assembled(builder, [x], strict=options.strict)
    return Imported(
        name="", inputs=parts.inputs, layers=parts.layers, outputs=parts.outputs, source=source,
        format=f"{FORMAT} of version {first.split()[1]}",
    )
'''

NETWORK = "toy 3\ninput 3 32 32\nconv 16 3\nrelu\npool 2\nconv 8 1\nrelu\n"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in, while another one with a reader in it is part of the house."""
    (tmp_path / "readers").mkdir()
    (tmp_path / "readers" / "toy.py").write_text(TOY)
    monkeypatch.setattr(imports, "__path__", [*imports.__path__, str(tmp_path / "readers")])
    monkeypatch.chdir(tmp_path)
    imports.readers.cache_clear()
    yield tmp_path
    imports.readers.cache_clear()
    sys.modules.pop("convcalc.imports.toy", None)
    if hasattr(imports, "toy"):
        del imports.toy


def run(*arguments: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(application(), arguments)
    assert result.exit_code == exit_code, result.output
    assert "onnx" not in result.output.lower()
    return result


@pytest.mark.parametrize("name", ["net.toy", "net", "net.onnx"])
def test_the_next_format_is_one_file(toy: Path, name: str) -> None:
    """Known by what it begins with, whatever it is called; figures worked out by hand."""
    (toy / name).write_text(NETWORK)
    spec = CliRunner().invoke(application(), ["import", name, "--flat"]).stdout
    assert spec.startswith(f"# {name}: a toy network of version 3\nname: net\ninput: [3, 32, 32]\n")
    (toy / "net.yaml").write_text(spec)
    params, macs = 16 * 3 * 9 + 16 + 8 * 16 + 8, 16 * 27 * 30 * 30 + 8 * 16 * 15 * 15
    assert yaml.safe_load(spec)["expect"] == {
        "params": params, "macs": macs, "output": [8, 15, 15], "receptive_field": 4
    }  # fmt: skip
    for path in (name, "net.yaml"):
        report = json.loads(CliRunner().invoke(application(), ["analyze", "--format", "json", path]).stdout)
        kinds = [layer["kind"] for layer in report["layers"]]
        assert kinds == ["conv", "relu", "max_pool", "conv", "relu"]
        assert (report["totals"]["params"], report["totals"]["macs"]) == (params, macs)


def test_other_sizes_blocks_and_findings(toy: Path) -> None:
    """What is wrong has its place in the file, from the reader as from what is worked out behind it."""
    block = "conv 16 3\nrelu\npool 2\n"
    (toy / "net.toy").write_text(f"toy 3\ninput 16 40 40\n{block * 3}")
    assert "repeat: 3" in run("import", "net.toy").stdout
    assert "receptive_field" in run("import", "net.toy", "--input", "16x50x50").stdout
    (toy / "wrong.toy").write_text("toy 3\ninput 3 32 32\nrelu\nconv 16\n")
    assert "line 4: " in run("import", "wrong.toy", exit_code=2).output
    (toy / "small.toy").write_text("toy 3\ninput 3 4 4\nconv 4 3\nconv 4 3\n")
    assert "line 4: conv: " in run("analyze", "small.toy", exit_code=2).output
    (toy / "dead.toy").write_text("toy 3\ninput 3 9 9\nconv 4 3\nrelu\nrelu\n")
    assert "line 5: " in run("lint", "dead.toy", "--select", "CC3").output


def test_operators_without_a_kind_are_all_named_in_the_same_words(toy: Path) -> None:
    (toy / "net.toy").write_text("toy 3\ninput 3 8 8\nsort\nrelu\ntwist 4\n")
    refused = run("import", "net.toy", "--strict", exit_code=2).output
    words = "2 operators that no layer kind expresses: sort at line 3 (no kind expresses it); twist at line 5 (no kind"
    assert words in " ".join(refused.split())
    assert "opaque" in run("import", "net.toy").stdout


def test_errors_name_every_format(toy: Path) -> None:
    (toy / "archive").write_bytes(b"PK\x03\x04" + bytes(99))
    (toy / "noise").write_bytes(b"\xfe\xff" * 99)
    (toy / "empty").touch()
    (toy / "empty.toy").touch()
    for name in ("archive", "noise", "empty"):
        result = CliRunner().invoke(application(), ["import", name]).output
        assert "or a toy network" in " ".join(result.split()), result
    assert "the file is empty; a toy network was expected" in " ".join(
        run("import", "empty.toy", exit_code=2).output.split()
    )


def test_a_file_at_a_revision_is_read_as_it_is_now(toy: Path) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", *who, *arguments], cwd=toy, check=True, capture_output=True)

    git("init", "-q")
    (toy / "net.toy").write_text(NETWORK)
    git("add", "net.toy")
    git("commit", "-q", "-m", "one")
    (toy / "net.toy").write_text(f"{NETWORK}conv 4 1\n")
    compared = json.loads(run("compare", "--base", "HEAD", "net.toy", "--format", "json").stdout)
    assert "conv3" in json.dumps(compared)


# ---- the rules that put layers together again, which every reader uses -----------------------------------------------


def test_rules_are_tried_in_the_order_that_their_files_say() -> None:
    """Whatever the files are called; a rule that fits keeps those behind it from being tried."""
    before, first, second, *_ = tidy.walks()
    assert {rule.__name__ for rules in before.values() for rule in rules} == {"_met_unspread"}
    assert {kind: [rule.__name__.strip("_") for rule in rules] for kind, rules in first.items()} == {
        "elementwise": ["softplus", "softplus_below_a_threshold", "log_sigmoid", "bent", "larger_or_smaller"],
        "mul": ["softsign", "gelu", "gated", "hard_sigmoid", "normalised", "scaled", "responding"],
        "div": ["softsign", "normalised", "to_length_one", "responding"],
        "add": ["shifted"],
        "affine": ["log_sigmoid_of_softplus", "gelu", "hard_sigmoid"],
        "hard_tanh": ["hard_sigmoid_of_parts"],
        "reshape": ["grouped", "shuffled", "pooled", "again", "last"],
        "flatten": ["grouped", "shuffled", "pooled", "again", "last"],
        "concat": ["in_turn", "joined_again"],
        "permute": ["turned_twice"],
        "reduce": ["of_cells"],
    }
    assert [rule.__name__ for rule in second["linear"]] == ["_attended"]


RULE = """
from convcalc.imports.tidy.walk import Patterns


def _relu6(patterns, draft):
    relu = draft.inputs[0]
    if relu.kind == "relu" and patterns.alone(relu):
        return patterns.layer("relu6", {}, relu.inputs[0], [relu, draft])
    return None


ORDER = 1, 9
RULES = {"relu": (_relu6,)}
"""


def test_a_rule_is_found_by_being_there(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (toy / "rules").mkdir()
    (toy / "rules" / "twice.py").write_text(RULE)
    monkeypatch.setattr(tidy, "__path__", [*tidy.__path__, str(toy / "rules")])
    (toy / "net.toy").write_text("toy 3\ninput 3 8 8\nrelu\nrelu\n")
    tidy.walks.cache_clear()
    try:
        assert "- relu6\n" in run("import", "net.toy").stdout
    finally:
        tidy.walks.cache_clear()
        sys.modules.pop("convcalc.imports.tidy.twice", None)


# ---- the readers that there are --------------------------------------------------------------------------------------


def test_what_is_no_shared_file_is_a_reader() -> None:
    there = {module.name for module in pkgutil.iter_modules(imports.__path__)}
    assert there >= imports.SHARED
    for name in there - imports.SHARED:
        reader = importlib.import_module(f"convcalc.imports.{name}")
        assert reader.FORMAT.startswith(("a ", "an "))
        assert callable(reader.matches)
        assert callable(reader.read)


@pytest.mark.parametrize("name", ["", "net", "net.yaml", "net.json", "net.txt"])
def test_a_spec_is_never_taken_for_a_model(name: str) -> None:
    """Nor is it in JSON, or where it begins with a mark of the order of bytes."""
    for path in sorted((ROOT / "specs").rglob("*.yaml")):
        text = path.read_bytes()
        in_json = json.dumps(yaml.safe_load(text)).encode()
        for data in (text, in_json, b"\xef\xbb\xbf" + text, b"\n\n" + text):
            assert imports.reader_of(data[: imports.HEAD], name) is None, path


def test_content_tells_a_spec_from_a_model(toy: Path) -> None:
    """What has layers and is called a spec is one, whatever a reader says of it; other text may be a model."""
    (toy / "spec.yaml").write_text(f"{NETWORK}layers:\n")
    assert "spec.yaml:8:7: error[CC001]" in run("analyze", "spec.yaml", exit_code=2).output.replace("\n", "")
    (toy / "net.yaml").write_text(NETWORK)
    assert "417,600" in run("analyze", "net.yaml").stdout
    (toy / "other.yaml").write_text("input: [3, 8, 8]\n")
    assert "other.yaml:1:1" in run("analyze", "other.yaml", exit_code=2).output.replace("\n", "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_what_can_be_read_once_alone_is_not_looked_into_first(toy: Path) -> None:
    """As with `convcalc analyze <(generate)`: the first bytes would be gone."""
    os.mkfifo(toy / "pipe")
    writer = threading.Thread(
        target=(toy / "pipe").write_text, args=("input: [3, 8, 8]\nlayers: [relu]\n",), daemon=True
    )
    writer.start()
    assert "relu1" in run("analyze", "pipe").stdout


def test_specs_wait_for_no_reader() -> None:
    code = (
        "import sys, convcalc; convcalc.load(sys.argv[1]); "
        "print(*[name for name in sys.modules if name.startswith(('convcalc.imports', 'convcalc.readable'))])"
    )
    command = [sys.executable, "-c", code, "specs/zoo/resnet50.yaml"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split() == []
