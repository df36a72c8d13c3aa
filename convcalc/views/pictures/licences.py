"""The licences of the libraries that are written into a page."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from pathlib import Path

VENDORED = Path(__file__).parent / "vendored"


def licences(scripts: Container[str]) -> Iterator[tuple[str, list[str]]]:
    """Libraries in those of the vendored files that are named, and the lines of the texts that go with each.

    A library is named with its version and its licence; a file is named as ``vendored/dagre.js``.
    """
    for entry in json.loads((VENDORED / "versions.json").read_text("utf-8")):
        for package in entry["packages"] if f"{VENDORED.name}/{entry['file']}" in scripts else ():
            texts = [(VENDORED / name).read_text("utf-8").strip() for name in package["texts"]]
            yield f"{package['name']} {package['version']} ({package['license']})", "\n\n".join(texts).splitlines()
