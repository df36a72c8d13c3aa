"""What is not reported: comments and `lint` fields in generated specs, comments told from text, the baseline."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import msgspec
import pytest
import yaml
from conftest import draws
from hypothesis import given
from hypothesis import strategies as st
from lint_runs import UNCONFIGURED, command, lint_text, marked
from work import counted

import convcalc
from convcalc import steps
from convcalc.language import Source
from convcalc.linting.run import lint
from convcalc.linting.suppressions import WORTH_A_LOOK, comments

WORDS = ["CC301", "bias-before-norm", "CC30", "CC3", "CC206, CC301", "CC301,CC20", " cc301 "]
OTHERS = ["CC206", "dead-taps", "CC20", "CC302", "CC5"]
FORMS = ["behind the kind", "behind a field", "above", "above, and more above", "a field", "in flow", "behind, in flow"]
DECOYS = [
    "name: 'a{n} # convcalc: ignore[CC301] b'",
    'name: "a{n} # convcalc: ignore[CC301]"',
    "name: a{n}#convcalc:ignore[CC301]",
]


class Written(msgspec.Struct):
    """The lines of one layer, and whether its finding is reported."""

    lines: list[str]
    reported: bool
    unused: int = 0


def a_layer(draw: random.Random, number: int) -> Written:
    """A convolution with a bias before a normalisation, suppressed or not."""
    fields = ["out_channels: 3", "kernel_size: 1", "bias: true"]
    word, other = draw.choice(WORDS), draw.choice(OTHERS)
    form = draw.choice([*FORMS, "not", "not", "another rule", "the layer below", "decoy"])
    comment = f"# convcalc: ignore[{word}]{draw.choice(['', ' reason', '  [a reason]'])}"
    if form == "not":
        lines = ["- conv:", *(f"    {field}" for field in fields)]
        return Written(lines, reported=True)
    if form == "decoy":
        name = draw.choice(DECOYS).format(n=number)
        return Written(["- conv:", f"    {name}", *(f"    {field}" for field in fields)], reported=True)
    if form == "another rule":
        lines = [f"- conv: # convcalc: ignore[{other}]", *(f"    {field}" for field in fields)]
        return Written(lines, reported=True, unused=1)
    if form == "the layer below":
        lines = [f"- conv: {{{', '.join(fields)}}}", f"# convcalc: ignore[{word}]"]
        return Written(lines, reported=True, unused=word.count(",") + 1)
    if form in {"in flow", "behind, in flow"}:
        if form == "in flow":
            fields.append(f"lint: {{ignore: [{word.strip()}]}}")
            return Written([f"- conv: {{{', '.join(fields)}}}"], reported=False, unused=word.count(","))
        return Written([f"- conv: {{{', '.join(fields)}}} {comment}"], reported=False, unused=word.count(","))
    lines = ["- conv:", *(f"    {field}" for field in fields)]
    if form == "behind the kind":
        lines[0] += f" {comment}"
    elif form == "behind a field":
        lines[draw.randint(1, 3)] += f" {comment}"
    elif form == "above":
        lines.insert(0, comment)
    elif form == "above, and more above":
        lines[:0] = draw.choice([[comment, "# and more"], ["# more", comment], ["#", comment, "#"]])
    else:
        lines.append(f"    lint: {{ignore: {draw.choice([f'[{word.strip()}]', 'CC301'])}}}")
        return Written(lines, reported=False, unused=word.count(",") if "[" in lines[-1] else 0)
    return Written(lines, reported=False, unused=word.count(","))


@given(draws)
def test_layers_are_reported_unless_they_are_suppressed(draw: random.Random) -> None:
    layers = [a_layer(draw, number) for number in range(draw.randint(1, 6))]
    text = "input: [3, 4, 4]\nsource: |\n  # convcalc: file-ignore[CC301]\nlayers:\n"
    lines, places = text.count("\n"), []
    for layer in layers:
        inside = [*layer.lines, "- batch_norm", "- relu"]
        places += [lines + 1 + inside.index(line) for line in inside if line.startswith("- conv") and layer.reported]
        text += "".join(f"  {line}\n" for line in inside)
        lines += len(inside)
    result = lint_text(text)
    codes = [finding for finding in result.findings if finding.code == "CC301"]
    starts = [
        max(n for n, line in enumerate(text.split("\n")[: f.line], 1) if line.startswith("  - conv")) for f in codes
    ]
    assert starts == places, text
    unused = [finding for finding in result.findings if finding.code == "CC901"]
    assert len(unused) == sum(layer.unused for layer in layers), (text, unused)
    assert result.suppressed >= sum(not layer.reported for layer in layers)
    assert not [finding for finding in result.findings if finding.code == "CC902"]
    assert all(text.split("\n")[f.line - 1][f.column - 1 : f.end_column - 1] in f.message for f in unused)


def test_a_comment_counts_for_what_is_within_a_layer_and_not_around_it() -> None:
    text = (
        "input: [3, 4, 4]\nlayers:\n  - add:{}\n      branches:\n"
        "        - - conv: {{out_channels: 3, kernel_size: 1}}{}\n"
        "          - batch_norm\n        - - conv: {{out_channels: 3, kernel_size: 1}}\n          - batch_norm\n"
    )
    comment = " # convcalc: ignore[CC301]"
    lines = [[f.line for f in lint_text(text.format(*item), select=("CC301",)).findings]
             for item in (("", ""), ("", comment), (comment, ""))]  # fmt: skip
    assert lines == [[5, 7], [7], []]


BLOCK = """\
input: [3, 4, 4]
blocks:
  unit:{definition}
    layers:
      - conv: {{out_channels: 3, kernel_size: 1}}{inside}
      - batch_norm
layers:
  - unit{first}
  - unit:{second}
      repeat: 3
"""


@pytest.mark.parametrize(
    ("where", "left"),
    [("definition", 0), ("inside", 0), ("first", 3), ("second", 1), ("", 4)],
)
def test_a_comment_at_a_call_counts_for_the_call(where: str, left: int) -> None:
    places = dict.fromkeys(["definition", "inside", "first", "second"], "")
    text = BLOCK.format(**places | ({where: " # convcalc: ignore[CC301]"} if where else {}))
    result = lint_text(text, select=("CC301", "CC9"))
    assert sum(1 + finding.more for finding in result.findings) == left
    assert result.suppressed == 4 - left


def test_a_field_on_a_call_counts_for_the_layers_of_its_block() -> None:
    text = BLOCK.format(definition="", inside="", first=": {lint: {ignore: CC301}}", second="")
    (result,) = lint_text(text, select=("CC301", "CC9")).findings
    assert (result.layer, result.more) == ("unit2.0.conv1", 2)


@pytest.mark.parametrize("comment", ["# convcalc: file-ignore[CC206] all", "#convcalc:file-ignore[ dead-taps ]"])
def test_a_whole_file(comment: str) -> None:
    layer = "  - conv: {out_channels: 4, kernel_size: 3, padding: 1}\n"
    for text in (
        f"{comment}\ninput: [3, 1, 1]\nlayers:\n{layer}{layer}",
        f"input: [3, 1, 1]\nlayers:\n{layer}{layer}{comment}",
    ):
        result = lint_text(text, select=("CC206", "CC9"))
        assert result.findings == ()
        assert result.suppressed == 2


def test_other_fields_of_a_spec() -> None:
    text = "input: [3, 4, 4]\nbudget: # convcalc: ignore[CC502]\n  macs: 1\n  params: 1\nlayers: [linear: 3]\n"
    assert [finding.code for finding in lint_text(text, select=("CC5", "CC9")).findings] == ["CC501"]
    text = "input: [3, 4, 4]\n# convcalc: ignore[CC003]\nvariables: {a: on}\nlayers: [relu]\n"
    assert lint_text(text, select=("CC003", "CC9")).findings == ()


def test_what_the_loader_finds_can_be_suppressed_too() -> None:
    text = "input: [3, 4, 4]\nlayers:\n  - relu: {inplace: true} # convcalc: ignore[CC010]\n  - tanh: {inplace: true}\n"
    assert [finding.line for finding in lint_text(text, select=("CC010",)).findings] == [4]


@pytest.mark.parametrize(
    ("comment", "marks", "words"),
    [
        ("# convcalc: ignore[CC2066]", "CC2066", "there is no rule `CC2066` | did you mean `CC206`"),
        ("# convcalc: ignore[dead-tabs, CC206]", "dead-tabs", "did you mean `dead-taps`"),
        ("# convcalc: file-ignore[XYZ]", "XYZ", "there is no rule `XYZ` | `convcalc rules`"),
        ("# convcalc: ignore", "# convcalc: ignore", "names the rules in brackets"),
        ("# convcalc: ignore CC206", "# convcalc: ignore CC206", "names the rules in brackets"),
        ("# convcalc: ignore[]", "# convcalc: ignore[]", "names the rules in brackets"),
        ("# convcalc: ingore[CC206]", "# convcalc: ingore[CC206]", "names the rules in brackets"),
        ("# convcalc: noqa", "# convcalc: noqa", "names the rules in brackets"),
        ("# convcalc: file_ignore[CC206]", "# convcalc: file_ignore[CC206]", "names the rules in brackets"),
    ],
)
def test_what_names_no_rule_is_said(comment: str, marks: str, words: str) -> None:
    text = f"input: [3, 4, 4]\nlayers:\n  - relu {comment}\n"
    (result,) = lint_text(text, select=("CC902",)).findings
    assert marked(text, result) == marks
    assert words in f"{result.message} | {result.help}"
    assert result.severity == "warning"


def test_what_is_not_meant_for_us_is_left_alone() -> None:
    text = (
        "input: [3, 4, 4]\n# convcalc: see the manual\nlayers: [relu] # convcalc is nice; ignore[CC206]\n# noqa: E501\n"
    )
    assert lint_text(text, select=("CC9",)).findings == ()


def test_unused_is_said_only_of_what_ran_on_a_whole_spec() -> None:
    text = "input: [3, 4, 4]\nlayers:\n  - relu # convcalc: ignore[CC206, CC3]\n  - tanh # convcalc: ignore[CC203]\n"

    def unused(text: str, **options: object) -> list[str]:
        result = lint_text(text, **options)
        return [marked(text, finding) for finding in result.findings if finding.code == "CC901"]

    assert unused(text) == ["CC206", "CC3"]  # CC203 is off
    assert unused(text, select=("CC206", "CC901")) == ["CC206"]
    assert unused(text, select=("CC203", "CC301", "CC901")) == ["CC203"]
    assert unused(text, ignore=("CC901",)) == []
    assert unused(text + "  - rellu\n") == []
    assert unused("# convcalc: file-ignore[CC901]\n" + text) == []


# ---- comments and texts ---------------------------------------------------------------------------------------------

MARK = "# convcalc: ignore[CC206]"
PIECES = [
    MARK,
    f" {MARK}",
    f"'{MARK}'",
    f'"a {MARK}',
    f"a{MARK}",
    "# x",
    "'",
    '"',
    "|\n  ",
    ">-\n    ",
    ": ",
    "\n",
    "\n  ",
]
PIECES += [
    "- ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "a",
    "b: ",
    "\\",
    "&x ",
    "*x",
    "!t ",
    "? ",
    "\r\n",
    "ü🎉",
    "\t",
    "%YAML 1.2\n---\n",
]


def scalars(text: str) -> list[object] | None:
    """What a text says, None where it is no YAML."""
    try:
        return [
            (event.value, event.anchor, event.tag) if isinstance(event, yaml.ScalarEvent) else type(event)
            for event in yaml.parse(text, Loader=yaml.SafeLoader)
        ]
    except yaml.YAMLError:
        return None


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_comments_are_what_can_be_taken_out_and_changes_nothing(text: str) -> None:
    """Told by taking each out: of a text that is left with the same scalars it was a comment, else a part of one."""
    full = scalars(text)
    if full is None:
        return
    values = {start for start, _ in comments(Source("net.yaml", text))}
    for match in WORTH_A_LOOK.finditer(text):
        without = text[: match.start()] + text[match.end() :]
        changed = text[: match.start()] + "# another" + text[match.end() :]
        assert (match.start() in values) is (scalars(without) == full == scalars(changed)), text


# ---- the baseline ---------------------------------------------------------------------------------------------------

LAYER = "  - conv: {{name: {}, out_channels: 3, kernel_size: 1}}\n  - batch_norm: {{name: {}_norm}}\n"


def spec(names: str) -> str:
    return "input: [3, 4, 4]\nlayers:\n" + "".join(LAYER.format(name, name) for name in names)


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.lists(st.sampled_from("abcdef"), unique=True), draws)
def test_a_baseline_takes_what_it_knows_and_no_more(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], after: list[str], draw: random.Random
) -> None:
    """Wherever it stands by then: lines are added everywhere, layers come and go."""
    folder = tmp_path_factory.mktemp("baseline")
    path, baseline = folder / "net.yaml", folder / "baseline.json"
    options = ["--config", UNCONFIGURED, "--select", "CC301,CC903"]
    path.write_text(spec("".join(before)), "utf-8")
    kept = command(str(path), *options, "--write-baseline", str(baseline))
    assert (kept.code, kept.out) == (0, "")
    assert f"{len(before)} finding" in kept.err
    lines = spec("".join(after)).splitlines()
    for _ in range(draw.randint(0, 5)):
        lines.insert(draw.randint(0, len(lines)), draw.choice(["# a comment", "", "    # convcalc is nice"]))
    path.write_text("\n".join(lines), "utf-8")
    run = convcalc.lint(path, select=["CC301", "CC903"], baseline=str(baseline), config=UNCONFIGURED)
    assert [f.layer for f in run.findings if f.code == "CC301"] == [name for name in after if name not in before]
    stale = [f for f in run.findings if f.code == "CC903"]
    assert sorted(re.findall(r"layer (\w)", " ".join(f.message for f in stale))) == sorted(set(before) - set(after))
    assert {(f.path, f.line, f.severity) for f in stale} <= {(str(baseline), 0, "info")}
    assert run.files[0].suppressed == len(set(before) & set(after))
    assert run.failed is bool(set(after) - set(before))


def test_a_baseline_counts_repetitions_and_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "input: [3, 4, 4]\nblocks:\n  u:\n    layers: [conv: {{out_channels: 3, kernel_size: 1}}, batch_norm]\n"
    text += "layers:\n  - u: {{repeat: {}}}\n"
    (tmp_path / "nets").mkdir()
    path = tmp_path / "nets" / "net.yaml"
    path.write_text(text.format(2), "utf-8")
    monkeypatch.chdir(tmp_path)
    options = ["--config", UNCONFIGURED, "--select", "CC301"]
    command("nets/net.yaml", *options, "--write-baseline", "baseline.json")
    entries = json.loads(Path("baseline.json").read_text("utf-8"))["findings"]
    assert [(e["code"], e["path"], e["layer"], e["count"]) for e in entries] == [
        ("CC301", "nets/net.yaml", "u1.0.conv1", 1),
        ("CC301", "nets/net.yaml", "u1.1.conv1", 1),
    ]
    monkeypatch.chdir("nets")
    assert command("net.yaml", *options, "--baseline", "../baseline.json").code == 0
    path.write_text(text.format(3), "utf-8")
    result = command("net.yaml", *options, "--baseline", "../baseline.json")
    assert result.code == 1
    assert "u1.2.conv1" in result.out


def test_what_did_not_run_and_was_not_linted_is_not_stale(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(spec("x"), "utf-8")
    paths, baseline = [str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")], str(tmp_path / "baseline.json")
    command(*paths, "--config", UNCONFIGURED, "--write-baseline", baseline)
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("input: [3, 4, 4]\nlayers: []\n", "utf-8")

    def stale(*files: str, select: list[str]) -> int:
        run = convcalc.lint(files, select=[*select, "CC903"], baseline=baseline, config=UNCONFIGURED)
        return len(run.findings)

    assert stale(*paths, select=["CC301"]) == 2
    assert stale(paths[0], select=["CC301"]) == 1
    assert stale(*paths, select=["CC302"]) == 0


BROKEN = {
    "CC001": "input: [3, 4\n",
    "CC002": "input: [3, 4, 4]\ninput: [3, 4, 4]\nlayers: [relu]\n",
    "CC003": "input: [3, 4, 4]\nlayers: [conv: {out_channels: 3, kernel_size: 1, bias: no}]\n",
    "CC006": "input: [3, 4, 4]\nlayers: [!x relu]\n",
    "CC010": "input: [3, 4, 4]\nlayers: [relu: {inplace_: true}]\n",
    "CC012": "input: [3, 4, 4]\nlayers: [conv: {out_channels: 3}]\n",
    "CC013": "input: [3, 4, 4]\nlayers:\n  - rellu: {name: a}\n",
    "CC101": "input: [3, 4, 4]\nlayers: [max_pool: 9]\n",
    "CC103": "input: [3, 4, 4]\nlayers: [{max_pool: {name: a, kernel_size: 2}}, {add: {from: [a, input]}}]\n",
}


@pytest.mark.parametrize(("code", "text"), BROKEN.items(), ids=list(BROKEN))
def test_no_baseline_hides_a_mistake(code: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is one written that would, which is said; what is beside the mistake is kept."""
    monkeypatch.chdir(tmp_path)
    Path("broken.yaml").write_text(text, "utf-8")
    Path("good.yaml").write_text(spec("a"), "utf-8")
    options = ["broken.yaml", "good.yaml", "--config", UNCONFIGURED]
    before = command(*options)
    kept = command(*options, "--write-baseline", "known.json")
    assert (kept.code, "mistake" in kept.err) == (1, True)
    assert kept.out == "".join(line for line in before.out.splitlines(keepends=True) if f"error[{code}]" in line)
    assert code not in Path("known.json").read_text("utf-8")
    assert command(*options, "--baseline", "known.json").out == kept.out
    entries = [{"code": code, "path": "broken.yaml", "layer": layer, "count": 9} for layer in ("", "a", "conv1")]
    Path("older.json").write_text(json.dumps({"version": 1, "findings": entries}), "utf-8")
    result = command(*options, "--baseline", "older.json")
    assert (result.code, f"error[{code}]" in result.out) == (1, True)


def test_a_file_that_is_not_there_is_no_matter_of_a_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = command("none.yaml", "--write-baseline", "known.json")
    assert (kept.code, "none.yaml: error[CC001]: cannot be read" in kept.out) == (1, True)
    assert command("none.yaml", "--baseline", "known.json").code == 1


def test_a_broken_spec_of_standard_input_is_read_once(tmp_path: Path) -> None:
    kept = command("-", "--write-baseline", str(tmp_path / "known.json"), given=BROKEN["CC013"])
    assert (kept.code, kept.out.count("error[CC013]")) == (1, 1)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "nonsense", '{"version": 2, "findings": []}', '{"version": 1}', '{"version": 1, "findings": [3]}',
     '{"version": 1, "findings": [{"code": "CC301"}]}', "[" * 100_000,
     '{"version": 1, "findings": [{"code": "CC301", "path": "a", "layer": "b", "count": "c"}]}'],
)  # fmt: skip
def test_what_is_no_baseline_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "baseline.json").write_text(text, "utf-8")
    (tmp_path / "net.yaml").write_text(spec("a"), "utf-8")
    result = command(str(tmp_path / "net.yaml"), "--baseline", str(tmp_path / "baseline.json"))
    assert (result.code, result.out) == (2, "")
    assert "baseline" in result.err


def test_a_baseline_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(spec("a"), "utf-8")
    result = command(str(tmp_path / "net.yaml"), "--write-baseline", str(tmp_path / "no" / "baseline.json"))
    assert (result.code, result.out) == (2, "")


def test_what_many_suppressions_take_grows_as_they_do(tmp_path: Path) -> None:
    """Each is asked of the findings of its own code alone; and words that mean nothing cost steps of the run."""
    calls = []
    for count in (1000, 4000):
        path = tmp_path / f"net{count}.yaml"
        path.write_text("# convcalc: file-ignore[CC301]\n" * count + "input: [1, 4]\nlayers:\n- relu\n")
        with counted() as work:
            lint([path])
        calls.append(work.calls)
    assert calls[1] < 5 * calls[0]
    path.write_text(f"input: [1, 4]\nlayers:\n- relu # convcalc: ignore[{', '.join(map(str, range(80_000)))}]\n")
    with steps.run():
        (file,) = lint([path]).files
    assert [finding.code for finding in file.findings] == ["CC008"]
