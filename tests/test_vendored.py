"""The scripts of others that ship are what their list says, with their licences, and can be made again."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
VENDORING = ROOT / "vendoring"
PICTURES = ROOT / "convcalc" / "views" / "pictures"
VENDORED = PICTURES / "vendored"
VERSIONS: list[dict[str, Any]] = json.loads((VENDORED / "versions.json").read_text("utf-8"))
LOCK: dict[str, dict[str, Any]] = json.loads((VENDORING / "package-lock.json").read_text("utf-8"))["packages"]
LONG = bool(os.environ.get("CONVCALC_LONG"))

of_every_script = pytest.mark.parametrize("script", VERSIONS, ids=lambda script: script["file"])


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_there_is_what_is_listed() -> None:
    texts = {name for script in VERSIONS for package in script["packages"] for name in package["texts"]}
    assert set(files(VENDORED)) == {"versions.json", *texts, *(script["file"] for script in VERSIONS)}


@of_every_script
def test_a_script_is_as_it_was_made(script: dict[str, Any]) -> None:
    assert hashlib.sha256((VENDORED / script["file"]).read_bytes()).hexdigest() == script["sha256"]


@of_every_script
def test_a_script_carries_its_licences(script: dict[str, Any]) -> None:
    text = (VENDORED / script["file"]).read_text("utf-8")
    head, end = text.splitlines()[0], text[text.rindex("/*!") :]
    for package in script["packages"]:
        assert f"{package['name']} {package['version']} ({package['license']})" in head
        licences = [(VENDORED / name).read_text("utf-8") for name in package["texts"]]
        assert re.search("copyright", licences[0], re.IGNORECASE)
        assert all(licence.strip() in end for licence in licences)


@of_every_script
def test_a_page_can_carry_a_script(script: dict[str, Any]) -> None:
    text = (VENDORED / script["file"]).read_text("utf-8")
    assert not re.search("</script|<!--|sourceMappingURL", text, re.IGNORECASE)
    assert text.isascii()


def test_versions_are_those_that_are_locked_and_all_that_is_bundled_is_listed() -> None:
    """What is not for building alone may be in a script, and so has its licence there."""
    listed = {package["name"]: package for script in VERSIONS for package in script["packages"]}
    locked = {path.removeprefix("node_modules/"): facts for path, facts in LOCK.items() if path}
    assert set(listed) == {name for name, facts in locked.items() if not facts.get("dev")}
    for name, package in listed.items():
        assert {key: package[key] for key in ("version", "license", "integrity")} == {
            key: locked[name][key] for key in ("version", "license", "integrity")
        }


def test_versions_are_pinned_and_no_registry_is_named() -> None:
    wanted = json.loads((VENDORING / "package.json").read_text("utf-8"))
    pins = wanted["dependencies"] | wanted["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in pins.values())
    assert {name: LOCK[f"node_modules/{name}"]["version"] for name in pins} == pins
    assert "://" not in (VENDORING / "package-lock.json").read_text("utf-8")


def test_the_package_says_what_licences_are_in_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    licences = {package["license"] for script in VERSIONS for package in script["packages"]}
    assert set(project["license"].split(" AND ")) == {"MIT", *licences}
    patterns = project["license-files"]
    for name in ["LICENSE", *(str(path.relative_to(ROOT)) for path in VENDORED.glob("licences/*"))]:
        assert any(Path(name).match(pattern) for pattern in patterns), name


def test_what_ships_of_the_pictures_is_named_to_the_build() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"]
    named = {path for pattern in data["convcalc.views.pictures"] for path in PICTURES.glob(pattern)}
    kept = {path for path in PICTURES.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
    assert kept <= named


@pytest.mark.skipif(not LONG, reason="fetches packages: CONVCALC_LONG=1")
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_they_come_out_the_same_when_they_are_made_again(tmp_path: Path) -> None:
    (tmp_path / "vendored").mkdir()
    (tmp_path / "vendored" / "old.js").write_text("0", "utf-8")
    command = [sys.executable, str(VENDORING / "vendor.py"), "--into", str(tmp_path / "vendored")]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert files(tmp_path / "vendored") == files(VENDORED)
