"""Make the scripts of other people that convcalc ships, from the packages that package-lock.json names.

Run as ``python vendoring/vendor.py``, with npm and a network; what it writes is the same, byte for byte, wherever it
runs. To take a newer version, change package.json, run ``npm install`` in this folder, and then this.

Each script has a first line with names, versions and licences, and the texts of the licences at its end, so that a
page that has the script in it carries them as well.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VENDORED = HERE.parent / "convcalc" / "views" / "pictures" / "vendored"
BUILD = ("package.json", "package-lock.json", ".npmrc", "charts.js")
"""What npm and esbuild need of this folder."""


@dataclass(frozen=True)
class Package:
    """A package of the registry and its texts that must go with every copy, by the name that they have here."""

    name: str
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Script:
    """A script that ships, and the packages that are in it, the one that it is called by first."""

    file: str
    packages: tuple[Package, ...]


SCRIPTS = (
    Script(
        "dagre.js",
        (
            Package("@dagrejs/dagre", {"LICENSE": "dagre.LICENSE.txt"}),
            Package("@dagrejs/graphlib", {"LICENSE": "graphlib.LICENSE.txt"}),
        ),
    ),
    Script(
        "echarts.js",
        (
            Package(
                "echarts",
                {
                    "NOTICE": "echarts.NOTICE.txt",
                    "LICENSE": "echarts.LICENSE.txt",
                    "licenses/LICENSE-d3": "echarts.LICENSE-d3.txt",
                },
            ),
            Package("zrender", {"LICENSE": "zrender.LICENSE.txt"}),
            Package("tslib", {"LICENSE.txt": "tslib.LICENSE.txt"}),
        ),
    ),
)


def main() -> None:
    """Write the scripts, their licences and versions.json into a folder, in the place of those that were there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--into", type=Path, default=VENDORED, metavar="FOLDER", help="where to write (default: %(default)s)"
    )
    vendor(parser.parse_args().into)


def vendor(into: Path) -> None:
    """Fetch the packages and build all in a temporary folder; `into` changes only once that went well."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        for name in BUILD:
            shutil.copy(HERE / name, place / name)
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("vendor.py: npm is not installed, with which the packages are fetched")
        subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=place, check=True)
        files = built(place)
    into.mkdir(parents=True, exist_ok=True)
    for old in [*into.rglob("*.*")]:
        if old.is_file() and old.relative_to(into).as_posix() not in files:
            old.unlink()
    for name, content in files.items():
        (into / name).parent.mkdir(exist_ok=True)
        (into / name).write_bytes(content)


def built(place: Path) -> dict[str, bytes]:
    """The bytes of every file that ships, by its name, from a folder in which the packages are installed."""
    locked = json.loads((place / "package-lock.json").read_text("utf-8"))["packages"]
    bodies = {"dagre.js": _layout(place), "echarts.js": _charts(place)}
    files: dict[str, bytes] = {}
    versions: list[dict[str, Any]] = []
    for script in SCRIPTS:
        known = [_facts(package, locked[f"node_modules/{package.name}"]) for package in script.packages]
        texts = {
            f"licences/{here}": _plain((place / "node_modules" / package.name / there).read_text("utf-8"))
            for package in script.packages
            for there, here in package.texts.items()
        }
        content = _with_licences(bodies[script.file], known, texts).encode()
        files[script.file] = content
        files |= {name: text.encode() for name, text in texts.items()}
        versions.append({"file": script.file, "sha256": hashlib.sha256(content).hexdigest(), "packages": known})
    files["versions.json"] = (json.dumps(versions, indent=2) + "\n").encode()
    return files


def _facts(package: Package, locked: Mapping[str, Any]) -> dict[str, Any]:
    facts = {key: locked[key] for key in ("version", "license", "integrity")}
    return {"name": package.name, **facts, "texts": [f"licences/{name}" for name in package.texts.values()]}


def _layout(place: Path) -> str:
    """The layout as it is published for browsers, but for the last two lines, which name files that are not here."""
    text = (place / "node_modules/@dagrejs/dagre/dist/dagre.min.js").read_text("utf-8")
    return re.sub(r"\n/\*! For license information .*\*/\n//# sourceMappingURL=.*\n?\Z", "\n", text)


def _charts(place: Path) -> str:
    """The parts of ECharts that charts.js names, in one script."""
    command = [
        str(place / "node_modules" / ".bin" / "esbuild"),
        *("charts.js", "--bundle", "--minify", "--format=iife", "--global-name=echarts", "--target=es2020"),
        *('--define:process.env.NODE_ENV="production"', "--legal-comments=none", "--charset=ascii"),
    ]
    return subprocess.run(command, cwd=place, check=True, capture_output=True, text=True, encoding="utf-8").stdout


def _with_licences(body: str, known: list[dict[str, Any]], texts: Mapping[str, str]) -> str:
    """A script with what it is at its head, and what its licences ask to go with it at its end.

    Raises:
        SystemExit: it holds what would end its element in a page, or its comment, or would have a browser fetch a file.
    """
    names = ", ".join(f"{facts['name']} {facts['version']} ({facts['license']})" for facts in known)
    licences = "\n\n".join(f"{name.partition('/')[2]}\n\n{text.strip()}" for name, text in texts.items())
    for forbidden in ("</script", "<!--", "sourceMappingURL"):
        if forbidden in (body + licences).lower() or forbidden in body + licences:
            raise SystemExit(f"vendor.py: a script holds {forbidden}, which a page cannot carry")
    if "*/" in licences:
        raise SystemExit("vendor.py: a licence ends the comment that it stands in")
    return f"/*! {names}; the licences are at the end */\n{body.strip()}\n/*!\n{licences}\n*/\n"


def _plain(text: str) -> str:
    """The text with the line ends of this repository, and none at the ends of lines."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


if __name__ == "__main__":
    main()
