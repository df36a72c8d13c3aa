"""What others run in their CI: the pre-commit hook and the GitHub action, run as their runners would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

ROOT = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
PAGE = (ROOT / "docs" / "lint.md").read_text("utf-8")
SPEC = "input: [3, 8, 8]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3}\n  - batch_norm\n"


class Done(msgspec.Struct):
    code: int
    out: str


@pytest.fixture
def convcalc(tmp_path: Path) -> str:
    """What the action calls: the command, from the code that is tested."""
    path = tmp_path / "bin" / "convcalc"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m convcalc "$@"\n', "utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("nets/a.yaml", "nets/deep/er/b.yaml", "nets/with blank.yaml"):
        path = tmp_path / "repository" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SPEC, "utf-8")
    return tmp_path / "repository"


def step_of(name: str) -> dict[str, Any]:
    (step,) = [step for step in ACTION["runs"]["steps"] if step["name"] == name]
    return dict(step)


def perform(folder: Path, convcalc: str, name: str, **inputs: str) -> Done:
    """One step of the action, as GitHub runs it, and with unset variables an error, as some set it."""
    step = step_of(name)
    assert set(step["env"]) == set(inputs)
    temporary = folder.parent / "runner"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, **inputs, "CONVCALC": convcalc, "GITHUB_ACTIONS": "true"}
    environment |= {"CONVCALC_PYTHON": sys.executable, "CONVCALC_FILES": str(temporary / "convcalc-files")}
    environment |= {"RUNNER_TEMP": str(temporary), "GITHUB_REPOSITORY": "owner/nets"}
    environment |= {"GITHUB_STEP_SUMMARY": str(folder.parent / "summary.md")}
    environment["PATH"] = f"{Path(convcalc).parent}{os.pathsep}{environment['PATH']}"
    script = folder.parent / "step.sh"
    script.write_text(step["run"], "utf-8")
    command = ["bash", "--noprofile", "--norc", "-ueo", "pipefail", str(script)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout)


def act(folder: Path, convcalc: str, files: str, args: str = "", sarif: str = "") -> Done:
    """Specs found and linted."""
    searched = perform(folder, convcalc, "Find the specs", FILES=files)
    return searched if searched.code else perform(folder, convcalc, "convcalc lint", ARGS=args, SARIF=sarif)


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="the action's shell")


@needs_bash
def test_the_action_lints(folder: Path, convcalc: str) -> None:
    done = act(folder, convcalc, "nets/**/*.yaml\nmore/*.yaml", "--select CC301 --fail-level warning", "out.sarif")
    assert done.code == 1
    matches = re.findall(
        r"^::warning title=convcalc CC301 bias-before-norm,file=([^,]*),line=3,", done.out, re.MULTILINE
    )
    assert matches == ["nets/a.yaml", "nets/deep/er/b.yaml", "nets/with blank.yaml"]
    assert len(json.loads((folder / "out.sarif").read_text("utf-8"))["runs"][0]["results"]) == 3
    assert (folder.parent / "summary.md").read_text("utf-8").startswith("<!-- convcalc:lint -->\n### convcalc lint: 3")
    assert act(folder, convcalc, "nets/*.yaml", "--fail-level error").code == 0


@needs_bash
@pytest.mark.parametrize(
    "files", ["$(touch stolen)", "`touch stolen`", "; touch stolen", "--version", "missing/*.yaml"]
)
def test_what_is_given_to_the_action_is_no_code(folder: Path, convcalc: str, files: str) -> None:
    done = act(folder, convcalc, files, "--select 'CC301;touch' $(touch stolen)")
    assert done.code == 2
    assert not (folder / "stolen").exists()


@needs_bash
def test_patterns_in_options_are_left_alone(folder: Path, convcalc: str) -> None:
    done = act(folder, convcalc, "nets/a.yaml", "--select *")
    assert done.code == 2  # there is no rule called *


def test_the_action_takes_its_inputs_from_the_environment() -> None:
    """An input within a script would be a part of it."""
    for step in ACTION["runs"]["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])
        else:
            assert "${{" not in step["run"]
            assert step["shell"] == "bash"


NEWER = re.compile(
    r"globstar|mapfile|readarray|declare -[A-Zn]|local -n|\bcoproc\b|\|&|&>>|\$\{\w+(\^|,|@[A-Z])|\[\[ -v|;;?&|wait -n"
    r"|printf '%\(|EPOCH|BASHPID|inherit_errexit|read -[a-zA-Z]*[iN]|\$\{\w+: -|\{\d+\.\.\d+\.\."
)
"""What bash has learned since 3.2, which is what macOS has."""


def test_the_scripts_are_for_the_bash_of_macos() -> None:
    scripts = [step["run"] for step in ACTION["runs"]["steps"] if "run" in step]
    assert len(scripts) == 4
    for script in scripts:
        assert not NEWER.search(script)
        for name in re.findall(r'"\$\{(\w+)\[@\]\}"', script):  # an empty one is an unset one there
            assert re.search(rf"^\s*{name}=\(\S|{name}\+=\(", script, re.MULTILINE), name
    for text in ("mapfile -t files", "shopt -s globstar", "${name^^}", "declare -A seen", "a |& b"):
        assert NEWER.search(text)


@needs_bash
def test_the_comparison_is_a_comment_that_is_kept(folder: Path, convcalc: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"], ["tag", "first"]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)
    (folder / "nets" / "a.yaml").write_text(SPEC.replace("out_channels: 4", "out_channels: 8"), "utf-8")
    (folder / "nets" / "new.yaml").write_text(SPEC, "utf-8")
    gh = Path(convcalc).parent / "gh"
    log = folder.parent / "gh.log"
    gh.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\ncase "$*" in *--jq*) cat "{folder.parent}/ids";; esac\n', "utf-8")
    gh.chmod(0o755)
    inputs = {"BASE": "first", "COMMENT": "true", "NUMBER": "7", "GH_TOKEN": "x"}
    assert perform(folder, convcalc, "Find the specs", FILES="nets/*.yaml").code == 0
    for ids, sent in (
        ("", "--method POST repos/owner/nets/issues/7/comments"),
        ("12\n34\n", "PATCH repos/owner/nets/issues/comments/12"),
    ):
        (folder.parent / "ids").write_text(ids, "utf-8")
        done = perform(folder, convcalc, "convcalc compare", **inputs)
        assert done.code == 0, done.out
        assert sent in log.read_text("utf-8").splitlines()[-1]
    body = (folder.parent / "runner" / "convcalc-compare.md").read_text("utf-8")
    assert body.startswith("<!-- convcalc:compare -->\n")
    assert body.count("<!-- convcalc:compare") == 1
    assert "| + | nets/new.yaml |" in body
    before = log.read_text("utf-8")
    for change in ({"COMMENT": "false"}, {"NUMBER": ""}):
        assert perform(folder, convcalc, "convcalc compare", **(inputs | change)).code == 0
    assert log.read_text("utf-8") == before
    shallow = perform(folder, convcalc, "convcalc compare", **(inputs | {"BASE": "origin/main"}))
    assert (shallow.code, "fetch-depth: 0" in shallow.out) == (2, True)
    hostile = perform(folder, convcalc, "convcalc compare", **(inputs | {"BASE": "50%\r\n::error::x"}))
    assert hostile.out.startswith("::error title=convcalc compare::there is no revision 50%25%0D%0A::error::x here;")
    assert hostile.out.count("\n") == 1


@needs_bash
@pytest.mark.parametrize("files", ["bad.yaml", "bad.yaml nets/a.yaml", "nets/a.yaml"])
def test_one_comment_whatever_the_files_are(folder: Path, convcalc: str, files: str) -> None:
    """A spec with mistakes is no end of it: lint, which runs behind, says them at their lines."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"], ["tag", "first"]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)
    (folder / "bad.yaml").write_text(SPEC.replace("out_channels", "out_chanels"), "utf-8")
    assert perform(folder, convcalc, "Find the specs", FILES=files).code == 0
    inputs = {"BASE": "first", "COMMENT": "false", "NUMBER": "", "GH_TOKEN": "x"}
    assert perform(folder, convcalc, "convcalc compare", **inputs).code == 0
    body = (folder.parent / "summary.md").read_text("utf-8")
    assert body.startswith("<!-- convcalc:compare -->\n### ")
    assert body.count("<!-- convcalc:compare") == 1
    assert ("out_chanels" in body) == ("bad.yaml" in files)


def test_the_action_says_that_a_base_needs_history() -> None:
    assert "fetch-depth 0" in ACTION["inputs"]["base"]["description"]
    assert "fetch-depth: 0" in PAGE


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_hooks_call_commands_that_are_there(hook: dict[str, Any], tmp_path: Path, convcalc: str) -> None:
    for name in ("nets/a.yaml", "deep/specs/b.yml", "c.convcalc.yaml"):
        assert re.search(hook["files"], name)
    for name in ("docker-compose.yaml", ".github/workflows/ci.yml", "netsy.yaml"):
        assert not re.search(hook["files"], name)
    (tmp_path / "a.yaml").write_text(SPEC, "utf-8")
    command = [convcalc, *hook["entry"].split()[1:], "a.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "CC301" in done.stdout) == (1, True)


def test_the_manual_sets_them_up_as_they_are() -> None:
    section = PAGE[PAGE.index("## In CI") :]
    documents = re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert len(documents) == 3
    (hook,) = re.findall(r"hooks: \[\{id: ([\w-]+)", section)
    assert hook in {known["id"] for known in HOOKS}
    (used,) = [step for text in documents for step in _steps(text) if "convcalc@" in step.get("uses", "")]
    assert set(used["with"]) <= set(ACTION["inputs"])
    assert {name for name, known in ACTION["inputs"].items() if known.get("required")} <= set(used["with"])


def _steps(text: str) -> list[dict[str, Any]]:
    result = yaml.safe_load(text)
    return result if isinstance(result, list) else []


def test_the_lowest_versions_that_are_tested_are_those_that_are_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    allowed = {
        name: version
        for requirement in [*project["dependencies"], *extras["onnx"], *extras["dev"]]
        for name, _, version in [requirement.partition(">=")]
    }
    checkers = {"ruff", "mypy", "types-PyYAML"}  # what does not run convcalc
    text = (ROOT / ".ci" / "lowest.txt").read_text("utf-8")
    tested = dict(line.split("==") for line in text.splitlines() if not line.startswith("#"))
    assert {name: padded(version) for name, version in allowed.items() if name not in checkers} == tested


@pytest.mark.skipif(os.name != "posix", reason="runs Bash")
@pytest.mark.parametrize(("user", "code"), [(0, 1), (0, 0), (1000, 0)])
def test_without_a_browser_the_run_goes_on_and_says_so(user: int, code: int, tmp_path: Path) -> None:
    for name, line in (("id", f"echo {user}"), ("apt-get", f"exit {code}")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n", "utf-8")
        (tmp_path / name).chmod(0o755)
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    part = text[text.index("if ! command -v chromium") : text.index("drawing=")]
    command = [shutil.which("bash") or "bash", "-euo", "pipefail", "-c", f"{part}\necho goes on"]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("goes on\n")
    assert ("are skipped" in done.stdout) == (user != 0 or code != 0)


def padded(version: str) -> str:
    parts = version.split(".")
    return ".".join([*parts, "0", "0"][: max(len(parts), 3)])
