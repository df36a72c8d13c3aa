"""compare --base with several files: what became of each since a revision of git."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from typer.testing import CliRunner

NET = "input: [4, 8, 8]\nlayers:\n  - conv: {{name: a, out_channels: {width}, kernel_size: 3}}\n  - relu\n"
LONG = NET + "".join(f"  - conv: {{{{name: c{place}, out_channels: 4, kernel_size: 1}}}}\n" for place in range(5))


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six files, of which one is changed since, one moved, one deleted, one broken and one new."""
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name in ("changed", "same", "gone", "broken"):
        Path(f"{name}.yaml").write_text(NET.format(width=4), "utf-8")
    Path("old.yaml").write_text(LONG.format(width=6), "utf-8")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"], ["tag", "first"]):
        git(tmp_path, *command)
    Path("changed.yaml").write_text(NET.format(width=8), "utf-8")
    Path("gone.yaml").unlink()
    Path("broken.yaml").write_text(NET.format(width="none"), "utf-8")
    Path("new.yaml").write_text(NET.format(width=16), "utf-8")
    Path("moved").mkdir()
    git(tmp_path, "mv", "old.yaml", "moved/net.yaml")
    return tmp_path


FILES = ("changed.yaml", "same.yaml", "gone.yaml", "broken.yaml", "new.yaml", "moved/net.yaml", "old.yaml")
SUMMARY = "2 changed, 1 added, 1 deleted, 1 with errors, 1 unchanged since first"


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(application(), ["compare", "--base", "first", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_every_file_is_a_row(repository: Path) -> None:
    code, out, err = run(*FILES)
    assert code == 2
    assert "broken.yaml:3:" in err
    lines = out.splitlines()
    place = lines.index(SUMMARY)
    rows = {line.split()[1]: line.split() for line in lines[place + 2 :] if line[:1] in "~+-!" and line[1:2] == " "}
    assert {name: row[0] for name, row in rows.items()} == {
        "changed.yaml": "~", "gone.yaml": "-", "broken.yaml": "!", "new.yaml": "+", "old.yaml": "~"
    }  # fmt: skip
    assert rows["changed.yaml"][2:5] == ["296", "+148", "+100.0"]
    assert rows["old.yaml"][2:4] == ["->", "moved/net.yaml"]
    assert sum(line.startswith("1 MAC =") for line in lines) == 1


def test_json_is_an_array(repository: Path) -> None:
    result: list[dict[str, Any]] = json.loads(run(*FILES, "--format", "json")[1])
    assert [(document["spec"], document["status"]) for document in result] == [
        ("changed.yaml", "changed"), ("same.yaml", "unchanged"), ("gone.yaml", "deleted"), ("broken.yaml", "failed"),
        ("new.yaml", "added"), ("moved/net.yaml", "changed"),
    ]  # fmt: skip
    changed, _, gone, broken, new, moved = result
    assert changed["diff"]["totals"]["params"]["delta"] == 148
    assert (gone["head"], new["base"]) == (None, None)
    assert (gone["base"]["totals"]["params"], new["head"]["totals"]["params"]) == (148, 592)
    assert broken["errors"][0]["line"] == 3
    assert moved["moved_from"] == "old.yaml"


def test_csv_has_a_line_for_each(repository: Path) -> None:
    rows = {row["spec"]: row for row in csv.DictReader(io.StringIO(run(*FILES, "--format", "csv")[1]))}
    assert (rows["changed.yaml"]["params_base"], rows["changed.yaml"]["params_head"]) == ("148", "296")
    assert rows["moved/net.yaml"]["moved_from"] == "old.yaml"
    assert "broken.yaml:3:" in rows["broken.yaml"]["reason"]


def test_one_comment_for_all(repository: Path) -> None:
    text = run(*FILES, "--format", "markdown")[1]
    assert text.count("<!-- convcalc:compare") == 1
    assert text.startswith(f"<!-- convcalc:compare -->\n### convcalc: {SUMMARY}\n")
    assert "| ~ | changed.yaml | 296 | +148 | +100.0 % |" in text
    assert "| - | gone.yaml | 148 |" in text
    assert "| + | new.yaml | 592 |" in text
    assert "moved, otherwise unchanged" in text
    assert text.count("<details>") == text.count("</details>") == 2  # what changed in one, and what is as it was


def test_a_comment_on_many_files_is_not_too_long(repository: Path) -> None:
    names = [f"{'long' * 20}{place}.yaml" for place in range(150)]
    many = "input: [4, 8, 8]\nlayers:\n" + "".join(f"  - conv: {{out_channels: 4, kernel_size: {{k}}, padding: same, "
                                                   f"name: {'n' * 60}{place}}}\n" for place in range(12))  # fmt: skip
    for name in names:
        Path(name).write_text(many.replace("{k}", "1"), "utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "second")
    git(repository, "tag", "-f", "first")
    for name in names:
        Path(name).write_text(many.replace("{k}", "3"), "utf-8")
    code, text, _ = run(*names, "--format", "markdown")
    assert code == 0
    assert len(text) < 65_000
    assert "### convcalc: 150 changed since first" in text
    assert all(f"{place}.yaml | " in text for place in range(150))
    assert text.count("<details>") == text.count("</details>")
    assert "is not shown" in text


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("new.yaml", 0, "1 added since first"),
        ("gone.yaml", 0, "1 deleted since first"),
        ("moved/net.yaml", 0, "no layer changed"),
        ("changed.yaml", 0, "~  a "),
        ("broken.yaml", 2, "broken.yaml:3:"),
        ("nowhere.yaml", 2, "there is no file nowhere.yaml at revision first"),
    ],
)
def test_one_file(repository: Path, name: str, code: int, message: str) -> None:
    result = run(name)
    assert result[0] == code
    assert message in "".join(result[1:])


def test_a_file_that_is_named_twice_is_compared_once(repository: Path) -> None:
    assert run("changed.yaml", "./changed.yaml", "changed.yaml") == run("changed.yaml")


def test_other_settings_hold_on_both_sides(repository: Path) -> None:
    result = json.loads(run("changed.yaml@input=4x6x6", "same.yaml", "--format", "json")[1])
    assert [result[0][side]["inputs"]["input"] for side in ("base", "head")] == [[4, 6, 6]] * 2
    assert result[0]["spec"] == "changed.yaml@input=4x6x6"


def test_no_such_revision_is_said_once(repository: Path) -> None:
    result = CliRunner().invoke(application(), ["compare", "--base", "nothing", "changed.yaml", "same.yaml"])
    assert result.exit_code == 2
    assert result.stderr.count("there is no revision `nothing`") == 1
