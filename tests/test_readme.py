"""The README shows what the tool prints, and its examples run."""

from __future__ import annotations

import importlib.util
import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import convcalc
from convcalc.analysis.lines import lines
from convcalc.comparing.sides import Settings
from convcalc.comparing.variants import of_variants
from convcalc.language import Source, SpecError, loads
from convcalc.language.variants import VARIANTS
from convcalc.linting.configuration import KEYS, LEVELS, targets
from convcalc.linting.options import Options
from convcalc.linting.run import Linter
from convcalc.views import diagnostics, table
from convcalc.views.comparison import table as comparison
from convcalc.views.explain import text as explained
from convcalc.views.lint import text as lint_text
from convcalc.views.verification import network as verified

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
WIDTH = 100


def printed(*specs: str) -> str:
    console = Console(file=io.StringIO(), width=WIDTH, markup=False, highlight=False, _environ={})
    for number, spec in enumerate(specs):
        if number:
            console.print()
        report = convcalc.analyze(convcalc.load(ROOT / spec))
        table.show(console, report, lines(report), spec)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def test_tables_are_what_is_printed() -> None:
    assert printed("specs/zoo/resnet50.yaml") in [text for language, text in FENCED if not language]


def printed_variant(spec: str, variant: str) -> str:
    console = Console(file=io.StringIO(), width=WIDTH + 10, markup=False, highlight=False, _environ={})
    settings = Settings({}, {}, 1, "float32", allow_input_change=False)
    comparison.show(console, of_variants(spec, variant, [], None, settings).sides)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def test_a_comparison_is_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = printed_variant("specs/seeds/standard_12x12.yaml", "separable")
    assert found in [text for language, text in FENCED if not language]


def test_every_variant_is_in_the_table() -> None:
    table_ = README[README.index("| variant | what stands there then") :]
    assert all(f"`{name}`" in table_ for name in VARIANTS)


def test_an_explanation_is_what_is_printed() -> None:
    spec = "specs/zoo/resnet50.yaml"
    console = Console(file=io.StringIO(), width=WIDTH, markup=False, highlight=False, _environ={})
    explained.show(console, convcalc.explain(convcalc.load(ROOT / spec), "stem"), spec)
    assert isinstance(console.file, io.StringIO)
    found = "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())
    assert found in [text for language, text in FENCED if not language]


def test_a_verification_is_what_is_printed() -> None:
    spec = "specs/zoo/resnet50.yaml"
    (shown,) = [text for language, text in FENCED if not language and "layers run" in text]
    seconds = re.search(r"layers run, ([\d.]+) s", shown)
    assert seconds is not None
    console = Console(file=io.StringIO(), width=WIDTH, markup=False, highlight=False, _environ={})
    verified.show(console, convcalc.verify(convcalc.load(ROOT / spec)), spec, float(seconds[1]))
    assert isinstance(console.file, io.StringIO)
    assert shown == "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def test_the_example_is_a_spec() -> None:
    (example,) = [text for language, text in FENCED if language == "yaml" and "\nlayers:" in text]
    report = convcalc.analyze(loads(Source("README.md", example)))
    assert report.layers[-1].output_shape == (10,)


def test_mistakes_look_as_shown() -> None:
    (shown,) = [text for language, text in FENCED if not language and "error[" in text]
    spec = "input: [3, 8, 8]\n" + "\n" * 5 + "  - conv: {out_channels: 64, kernal_size: 3}\n"
    with pytest.raises(SpecError) as error:
        loads(Source("net.yaml", spec.replace("\n\n", "\nlayers:\n", 1)))
    console = Console(file=io.StringIO(), width=1000, markup=False, highlight=False, _environ={})
    diagnostics.show(console, error.value.diagnostics)
    assert isinstance(console.file, io.StringIO)
    assert "\n".join(shown.splitlines()[:3]) == console.file.getvalue().rstrip("\n")


def test_findings_look_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    console = Console(file=io.StringIO(), width=WIDTH, force_terminal=True, color_system=None, _environ={})
    lint_text.show(console, convcalc.lint(["specs/zoo/vgg16.yaml"], inputs={"input": (3, 32, 32)}))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() in [text for language, text in FENCED if not language]


def test_suppressions_are_written_as_shown() -> None:
    (shown,) = [line for line in README.splitlines() if line.startswith("  - conv:") and "ignore[CC206]" in line]
    assert "# convcalc: file-ignore[CC306]" in README
    spec = "input: [3, 14, 14]\nlayers:\n  - conv: {out_channels: 64, kernel_size: 3, dilation: 18, padding: 18}"
    linter = Linter(Options(select=("CC206", "CC9")))
    comment = shown[shown.index("  # ") :]
    for text, count in ((spec, 1), (spec + comment, 0), (spec.replace("}", ", lint: {ignore: [dead-taps]}}"), 0)):
        assert len(linter.file("net.yaml", Source("net.yaml", text)).findings) == count


def test_every_key_of_the_configuration_is_in_the_table() -> None:
    table_ = README[README.index("| key | what it says | example |") :].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z-]+)`(?=[, |])", table_)) - set(LEVELS) - {"off"} == set(KEYS)


def test_every_target_is_said() -> None:
    assert all(name in README for name in targets())


def test_sizes_that_fit_are_said_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = [text for language, text in FENCED if not language and "error[" in text]
    monkeypatch.chdir(ROOT)
    with pytest.raises(SpecError) as error:
        convcalc.load("specs/zoo/unet_keras.yaml", inputs={"input": (1, 100, 130)})
    console = Console(file=io.StringIO(), width=1000, markup=False, highlight=False, _environ={})
    diagnostics.show(console, error.value.diagnostics)
    assert isinstance(console.file, io.StringIO)
    first, *rest = console.file.getvalue().splitlines()
    expected_first, *expected_rest = shown.splitlines()[3:]
    assert first.startswith(expected_first.removesuffix(" ..."))
    assert rest == expected_rest


def test_the_example_in_python_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = [text for language, text in FENCED if language == "python"]
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    exec(example.replace("report.totals.macs,", "found = report.totals.macs,"), names)  # noqa: S102  # our own text
    assert names["found"] == (8 * 4089184256, 8 * 9633792 // 2, (7, 7))


# ---- what docs/shown.py makes ------------------------------------------------------------------------------------


def shown() -> Any:
    """The script, as a module."""
    specification = importlib.util.spec_from_file_location("shown", ROOT / "docs" / "shown.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_table_of_the_zoo_is_what_is_printed() -> None:
    again = "python docs/shown.py makes it again"
    assert shown().readme(README) == README, again
    of_zoo = README[README.index("<!-- zoo:") : README.index("<!-- /zoo")]
    listed = re.findall(r"^\| `(\w+)` \|", of_zoo, re.MULTILINE)
    assert listed == sorted(path.stem for path in (ROOT / "specs" / "zoo").glob("*.yaml"))


@pytest.mark.parametrize("name", ["analyze", "compare", "lint"])
def test_pictures_are_what_is_printed(name: str) -> None:
    """To the letter with the version of Rich that they were made with; with another one what they say."""
    kept, made = (ROOT / "docs" / f"{name}.svg").read_text("utf-8"), shown().picture(name)
    assert said(made) == said(kept), "python docs/shown.py makes it again"
    by = re.compile(r"with Rich (\S+) -->")
    assert by.findall(made)
    if by.findall(made) == by.findall(kept):
        assert made == kept
    assert f"![convcalc {' '.join(shown().RUNS[name])}](docs/{name}.svg)" in README
    assert set(re.findall(r"\w+://[^\"'\s)]+", kept)) == {"http://www.w3.org/2000/svg"}  # nothing is fetched


def said(picture: str) -> list[str]:
    """The texts of a picture, each with its colour."""
    colours = dict(re.findall(r"\.(\S+) \{ fill: (#\w+)", picture))
    texts = re.findall(r"<text class=\"(\S+)\"[^>]*>([^<]*)</text>", picture)
    assert len(texts) > 20
    return [f"{colours.get(style, '')} {text}" for style, text in texts]
