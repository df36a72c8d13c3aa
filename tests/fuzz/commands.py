"""Every command on an input, with options drawn, and what must hold of what comes out."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
import sys
import traceback
import warnings
import xml.etree.ElementTree as ElementTree  # it reads what convcalc wrote
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import typer.main

import convcalc
from convcalc import SpecError, analyze, cli, counters, opening, steps
from convcalc.language import loads
from fuzz.checks import check_diagnostic

PACKAGE = str(Path(convcalc.__file__).parent)
SPEC, MODEL, CONFIGURATION, BASELINE = "net.yaml", "net.onnx", "convcalc.toml", "known.json"
"""What an input is, by the file it is written to."""
OTHER = "other.yaml"
"""A spec that is right, for what needs a second one or is about another file."""
OTHER_SPEC = """\
input: [3, 8, 8]
variables: {width: 4}
layers:
  - conv: {name: stem, out_channels: width, kernel_size: 3, padding: 2}
  - batch_norm
  - max_pool: 2
  - conv: {out_channels: 4, kernel_size: 2, stride: 3}  # convcalc: ignore[CC2]
  - linear: 5
"""
SETTINGS = ["input=3x32x32", "input=1", "width=0.5", "k=3,depth=2", "v0=[1,2]", "input.x0=2x4", "v1=", "input=3x"]
SETTINGS += ["a=b,c"]
VARIANTS = ["standard", "depthwise", "pointwise", "separable", "spatial_separable", "dilated:rate=2"]
VARIANTS += ["grouped:groups=2", "transposed", "deformable_v2", "squeeze_excite", "bottleneck", "ghost", "all", "relu"]
VARIANTS += ["unit0", "dilated:x=1"]
LINT_FORMATS = ("text", "concise", "json", "sarif", "github", "junit", "markdown")
MOST_MACS, MOST_PARAMS = 1_000_000, 100_000
"""Of a network that is run on tensors or written with its weights: the runs are many."""

Arguments = list[str]


class Outcome(msgspec.Struct, frozen=True):
    """What a command did: its exit code, what it wrote, the exception that it ended by."""

    code: int
    out: str
    err: str
    error: BaseException | None = None


class Failure(msgspec.Struct, frozen=True):
    """`kind` is the same for all inputs that fail alike."""

    kind: str
    arguments: Arguments
    detail: str


class Broken(Exception):
    """What was answered is not as it must be; the first argument is the kind of failure."""


# ---- running a command ----------------------------------------------------------------------------------------------


@cache
def _command() -> Any:
    return typer.main.get_command(cli.application())


def run(arguments: Arguments, stdin: bytes = b"") -> Outcome:
    """A command in this process, as `convcalc.cli.main` runs it; its output is text without a terminal."""
    saved = sys.stdin, sys.stdout, sys.stderr
    streams = [io.TextIOWrapper(io.BytesIO(data), "utf-8", errors="replace") for data in (stdin, b"", b"")]
    sys.stdin, sys.stdout, sys.stderr = streams
    code, error = 0, None
    try:
        with steps.run():
            _command().main(args=arguments, prog_name="convcalc")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except (steps.OutOfSteps, OSError) as limit:  # main says these in a line
        streams[2].write(f"convcalc: {limit}")
        code = 2
    except Exception as failure:
        error = failure
    finally:
        sys.stdin, sys.stdout, sys.stderr = saved
    for stream in streams[1:]:
        stream.flush()
    out, err = (stream.buffer.getvalue().decode("utf-8", "replace") for stream in streams[1:])
    return Outcome(code, out, err, error)


# ---- the commands ---------------------------------------------------------------------------------------------------


def drawn(file: str, data: bytes, draw: random.Random) -> Arguments:
    """A command line for an input; `load` is no command but a call of the library."""
    if file in (CONFIGURATION, BASELINE):
        known = ["--baseline", BASELINE] if file == BASELINE else []
        form = draw.choice(LINT_FORMATS)
        return ["lint", OTHER, "--format", form, *known, *draw.choice(([], ["--select", "CC"], ["--diff"][:0]))]
    ways: tuple[Callable[[str, bytes, random.Random], Arguments], ...] = (_load, _analyze, _lint, _explain, _compare)
    ways += (_verify, _fix, _baseline, _export, _counts)
    chances = (8, 7, 6, 2, 5, 1, 3, 2, 2, 3)
    if file == MODEL and draw.random() < 0.5:
        return _import(file, data, draw)
    return draw.choices(ways, chances)[0](file, data, draw)


def _load(file: str, data: bytes, draw: random.Random) -> Arguments:
    return ["load", file]


def _analyze(file: str, data: bytes, draw: random.Random) -> Arguments:
    options = ["--format", draw.choice(("json", "csv", "csv", "markdown", "table"))]
    for more in (["--by", draw.choice(("block", "kind"))], ["--top", "3"], ["--expand"], ["--batch", "8"]):
        options += more if draw.random() < 0.15 else []
    options += ["--input", draw.choice(("3x9x9", "2x5", "x0=3x4x4", "4"))] if draw.random() < 0.05 else []
    options += ["--set", draw.choice(("width=2", "v0=[1]", "k=1/0", "depth=x"))] if draw.random() < 0.05 else []
    if draw.random() < 0.1:
        return ["analyze", file, OTHER, *options]
    options += _training(data, draw) if draw.random() < 0.2 else []
    return ["analyze", _named(file, draw), *options]


def _training(data: bytes, draw: random.Random) -> Arguments:
    """What a step of training costs, with layers frozen or run again now and then."""
    options = ["--training", "--optimizer", draw.choice(("sgd", "momentum", "adam"))]
    options += ["--freeze", draw.choice((_layer(data, draw), "*1"))] if draw.random() < 0.3 else []
    return options + (["--checkpoint", draw.choice((_layer(data, draw), "*"))] if draw.random() < 0.5 else [])


def _counts(file: str, data: bytes, draw: random.Random) -> Arguments:
    form = ["--format", draw.choice(("table", "json", "csv", "markdown"))]
    way = draw.random()
    if way < 0.6:
        return ["counts", _named(file, draw), *form, *draw.choice(([], [], ["--batch", "3"]))]
    if way < 0.8:
        return ["counts", file, "--explain", draw.choice(counters.names()), *form]
    return ["analyze", file, "--count-as", draw.choice(counters.names()), *form]


def _named(file: str, draw: random.Random) -> str:
    """The file, from standard input or with settings now and then."""
    if draw.random() < 0.05 and file == SPEC:
        return "-"
    return f"{file}@{draw.choice(SETTINGS)}" if draw.random() < 0.1 else file


def _explain(file: str, data: bytes, draw: random.Random) -> Arguments:
    layer = [_layer(data, draw)] if draw.random() < 0.5 else []
    return ["explain", "--format", draw.choice(("text", "json", "markdown", "latex")), "--", _named(file, draw), *layer]


def _layer(data: bytes, draw: random.Random) -> str:
    """A word of the input, which is a layer's name or its kind now and then."""
    words = re.findall(rb"[a-z_]\w*", data[:100_000])
    word = draw.choice(words).decode("ascii", "replace") if words else "conv1"
    return draw.choice((word, f"{word}1", "conv1", "relu1", "n1", "unit01"))


def _lint(file: str, data: bytes, draw: random.Random) -> Arguments:
    options = ["--format", draw.choice(LINT_FORMATS), "--config", "none.toml"]
    options += ["--select", "CC"] if draw.random() < 0.6 else []
    options += (
        ["--device", draw.choice(("a100", "ti-npu", "axis-dlpu")), "--dtype", "int8"] if draw.random() < 0.2 else []
    )
    options += ["--object-size", "9"] if draw.random() < 0.1 else []
    if draw.random() < 0.05:
        return ["lint", file, "--suggest-budget", "10%"]
    if draw.random() < 0.05:
        return ["lint", file, "--base", OTHER, "--max-regression", "macs=5%", *options]
    return ["lint", _named(file, draw), *options]


def _fix(file: str, data: bytes, draw: random.Random) -> Arguments:
    return ["lint", file, "--config", "none.toml", "--select", "CC", draw.choice(("--fix", "--fix", "--diff"))]


def _baseline(file: str, data: bytes, draw: random.Random) -> Arguments:
    return ["lint", file, "--config", "none.toml", "--write-baseline", "written.json", "--force"]


def _compare(file: str, data: bytes, draw: random.Random) -> Arguments:
    options = ["--format", draw.choice(("table", "json", "csv", "markdown"))]
    options += ["--by", draw.choice(("block", "kind"))] if draw.random() < 0.2 else []
    way = draw.random()
    if way < 0.25:
        pair = [file, OTHER] if draw.random() < 0.5 else [OTHER, file]
        return ["compare", *pair, *draw.choice(([], [f"{file}@k=2"])), "--allow-input-change", *options]
    if way < 0.35:
        return [
            "compare",
            file,
            draw.choice((file, f"{file}@{draw.choice(SETTINGS)}")),
            "--allow-input-change",
            *options,
        ]
    options += ["--layer", _layer(data, draw)] if draw.random() < 0.1 else []
    options += ["--except", _layer(data, draw)] if draw.random() < 0.1 else []
    options += ["-o", "written.yaml", "--force"] if way < 0.75 else []
    return ["compare", file, "--variant", draw.choice(VARIANTS), *options]


def _verify(file: str, data: bytes, draw: random.Random) -> Arguments:
    if not _is_small(file):
        return _lint(file, data, draw)
    layer = ["--layer", _layer(data, draw)] if draw.random() < 0.2 else []
    form = draw.choice(("table", "json", "markdown"))
    if draw.random() < 0.4:
        return _field(file, data, draw)
    layer += ["--gradients", "--max-steps", "100K"] if draw.random() < 0.2 else []
    return ["verify", file, "--threads", "1", "--max-memory", "1GiB", "--format", form, *layer]


def _field(file: str, data: bytes, draw: random.Random) -> Arguments:
    """What a layer really looks at, of few runs."""
    options = ["--seeds", "1", "--threads", "1", "--max-memory", "1GiB"]
    options += ["--format", draw.choice(("table", "json", "csv", "markdown"))]
    options += ["--at", draw.choice(("0", "1x1", "0x0", "2x0x1"))] if draw.random() < 0.2 else []
    options += ["-o", draw.choice(("map.svg", "map.png", "map.npy")), "--force"] if draw.random() < 0.5 else []
    layer = [_layer(data, draw)] if draw.random() < 0.2 else []
    return ["field", *options, "--", file, *layer]


def _export(file: str, data: bytes, draw: random.Random) -> Arguments:
    bare = ["--no-weights"] if draw.random() < 0.5 or not _is_small(file) else []
    batch = draw.choice(([], ["--batch", "n"], ["--batch", "3"]))
    return ["export", file, "-o", "written.onnx", "--force", *bare, *batch]


def _import(file: str, data: bytes, draw: random.Random) -> Arguments:
    options = ["--flat"] if draw.random() < 0.3 else []
    options += ["--strict"] if draw.random() < 0.4 else []
    options += ["--input", draw.choice(("1x3x8x8", "3x4", "x=1x2x9", "2x0"))] if draw.random() < 0.1 else []
    return ["import", file, "-o", draw.choice(("written.yaml", "written.yaml", "-")), "--force", *options]


def _is_small(file: str) -> bool:
    """Whether a network may be run; what breaks here breaks in the commands too."""
    try:
        with steps.run():
            totals = analyze(opening.load(file)).totals
    except Exception:
        return True
    known = totals.macs + (totals.elementwise_ops or 0)
    return known < MOST_MACS and totals.params < MOST_PARAMS and totals.peak_activation_bytes < 10 * MOST_MACS


# ---- what must hold -------------------------------------------------------------------------------------------------


@contextmanager
def folder(path: Path) -> Iterator[None]:
    """Work in a folder with the other spec."""
    before = Path.cwd()
    path.mkdir(parents=True, exist_ok=True)
    os.chdir(path)
    Path(OTHER).write_text(OTHER_SPEC, "utf-8")
    Path("none.toml").write_text("[lint]\n", "utf-8")
    environment = {name: os.environ.pop(name) for name in ("GITHUB_ACTIONS",) if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(environment)
        os.chdir(before)


def put(file: str, data: bytes) -> None:
    """Write an input into the folder, where none but the other spec is left of what was before."""
    for left in os.listdir():
        if left not in (OTHER, "none.toml"):
            Path(left).unlink()
    Path(file).write_bytes(data)
    if file != SPEC and Path(OTHER).stat().st_size != len(OTHER_SPEC):
        Path(OTHER).write_text(OTHER_SPEC, "utf-8")


def tried(file: str, data: bytes, arguments: Arguments) -> tuple[str, Failure | None]:
    """What a command makes of an input that has been put: the outcome in a word, and the failure if it is one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return _tried(file, data, arguments), None
    except Broken as broken:
        return "failed", Failure(f"{arguments[0]}: {broken.args[0]}", arguments, str(broken.args[-1])[:2000])
    except Exception as error:
        place = _place(error.__traceback__)
        detail = "".join(traceback.format_exception(error, limit=-8))[-3000:]
        return "failed", Failure(f"{type(error).__name__} in {place}", arguments, detail)


def _place(trace: TracebackType | None) -> str:
    """The innermost function of convcalc, but for a recursion its outermost: what it is deep in differs."""
    frames = [frame for frame in traceback.extract_tb(trace) if frame.filename.startswith(PACKAGE)]
    if not frames:
        return "the fuzzer"
    frame = frames[-1]
    return f"{Path(frame.filename).relative_to(PACKAGE)}:{frame.name}"


def _tried(file: str, data: bytes, arguments: Arguments) -> str:
    if arguments[0] == "load":
        return _loaded(file, data)
    was_right = "--fix" in arguments and not wrong_with(file)
    outcome = run(arguments, data)
    if outcome.error is not None:
        raise outcome.error
    if outcome.code not in (0, 1, 2):
        raise Broken(f"exit code {outcome.code}", outcome.err)
    _check_streams(arguments, outcome)
    if Path("written.onnx").exists():
        wrong_with("written.onnx")  # not every form that a layer is written in can be read again
    if Path("written.yaml").exists() and (problem := wrong_with("written.yaml")):
        raise Broken("what is written does not load", f"{problem}\n{Path('written.yaml').read_bytes()[:2000]!r}")
    if arguments[0] == "verify" and outcome.code == 1 and b"expect" not in data:
        raise Broken("it disagrees", outcome.out)
    if was_right and (problem := wrong_with(file)):
        raise Broken("a fixed spec does not load", f"{problem}\n{Path(file).read_bytes()[:2000]!r}")
    codes = sorted(set(re.findall(r"\bCC\d{3}\b", outcome.out + outcome.err)))
    return f"{arguments[0]} {outcome.code} {' '.join(codes)}".strip()


def _loaded(file: str, data: bytes) -> str:
    """Load and analyse; every mistake has a place that is there."""
    problems, network = [], None
    with steps.run():
        try:
            if file == SPEC:
                read = opening.read(file)
                network = loads(read)
            else:
                network = opening.load(file)
        except SpecError as error:
            problems, network = error.diagnostics, error.network
            if not problems:
                raise Broken("an error without a diagnostic", "") from None
        if network is not None:
            report = analyze(network)
            if report.totals.macs != sum(row.macs for row in report.layers):
                raise Broken("the MACs do not add up", "")
    if file == MODEL and any(problem.line and problem.code != "CC008" for problem in problems):
        raise Broken("what is imported does not load", problems[0])
    text = io.StringIO(data.decode("utf-8-sig", "replace"), newline=None).read()
    for problem in problems:
        try:
            check_diagnostic(problem, file, text.split("\n") if file == SPEC else [])
        except AssertionError:
            raise Broken(f"{problem.code} has no place", problem) from None
    return f"load {2 if problems else 0} {' '.join(sorted({problem.code for problem in problems}))}".strip()


def wrong_with(file: str) -> str:
    """The first mistake in a file, nothing where it is right."""
    try:
        with steps.run():
            opening.load(file)
    except SpecError as error:
        return str(error.diagnostics[0])
    except steps.OutOfSteps as error:
        return str(error)
    return ""


CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What moves the cursor, colours, or turns the order of a line over; a tab does neither."""
IN_JSON = re.compile(r"[\x00-\x09\x0b-\x1f]")
"""In a text that is JSON these are escaped, and all else is as it is."""


NOT_LOADED = re.compile(rf"{re.escape(MODEL)}:[1-9]\d*:\d+: error\[(?!CC008).*")
"""A mistake at a line of the spec that a model was imported as; what is wrong with the model itself has no line."""


def _check_streams(arguments: Arguments, outcome: Outcome) -> None:
    form = arguments[arguments.index("--format") + 1] if "--format" in arguments else ""
    verbatim = "--diff" in arguments or ("--fix" in arguments and "-" in arguments)
    for name, text in (("output", outcome.out), ("errors", outcome.err)):
        wrong = IN_JSON if name == "output" and (form in ("json", "sarif") or verbatim) else CONTROLS
        if control := wrong.search(text):
            around = text[max(0, control.start() - 60) : control.end() + 60]
            raise Broken(f"a control character in the {form} {name}", repr(around))
    if crash := re.search(r"Traceback|internal error(?: in rule \w+)?", outcome.err):
        raise Broken(f"{crash[0]} is printed", outcome.err)
    if arguments[0] != "lint" and (wrong_text := NOT_LOADED.search(outcome.err)):
        raise Broken("what is imported does not load", wrong_text[0])
    if outcome.code == 2 and not outcome.err.strip() and not outcome.out.strip():
        raise Broken("it fails without a word", "")
    if outcome.out.strip() and form in READERS:
        try:
            READERS[form](outcome.out)
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"the {form} cannot be read", f"{error}\n{outcome.out}") from None


def _read_json(text: str) -> None:
    document = json.loads(text)
    for model in document if isinstance(document, list) else [document]:
        totals, rows = model.get("totals"), model.get("layers")
        if not isinstance(totals, dict) or not isinstance(rows, list) or "macs" not in totals:
            continue
        if isinstance(totals["macs"], int) and totals["macs"] != sum(row.get("macs") or 0 for row in rows):
            raise Broken("the totals of the JSON are not those of its layers", text)


def _read_csv(text: str) -> None:
    rows = list(csv.reader(io.StringIO(text)))
    if len({len(row) for row in rows}) > 1:
        raise Broken("rows of the CSV differ in length", text)
    cells = [cell for row in rows for cell in row if re.match(r"[=@\t\r]|[+-](?!\d|$)", cell)]
    if cells:
        raise Broken("a cell of the CSV begins a formula", repr(cells[0]))


READERS: dict[str, Callable[[str], object]] = {
    "json": _read_json,
    "sarif": json.loads,
    "csv": _read_csv,
    "junit": ElementTree.fromstring,
}
"""What must be able to read a format."""
