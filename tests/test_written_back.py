"""What is written reads back: specs in every style of YAML, with a variant put in or with their fixes, say what was
shown, and keep their comments, line ends and byte order mark.

CONVCALC_WRITTEN=1000 tries so many texts of each; CONVCALC_SEED repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from convcalc import analyze
from convcalc.comparing.sides import Settings
from convcalc.comparing.variants import Made, NothingToReplace, of_variants, written
from convcalc.reference.cases import generated
from convcalc.reference.networks import NETWORKS
from convcalc.spec import Source, SpecError, loads
from convcalc.spec.variants import VARIANTS

TEXTS = int(os.environ.get("CONVCALC_WRITTEN", "60"))
SEED = int(os.environ.get("CONVCALC_SEED", random.randrange(2**32)))
SUBJECTS = [*NETWORKS, "bottleneck", "basic_block", "inverted_residual", "conv_bn_relu", "conv", "conv"]
WORD = re.compile(r"[A-Za-z_]\w*")
"""What in quotes would be a text, and else the name of a variable."""
SETTINGS = Settings({}, {}, 1, "float32", allow_input_change=False)


class Style:
    """Writes plain values as YAML, each in a style that is drawn."""

    def __init__(self, draw: random.Random, newline: str) -> None:
        self.draw = draw
        self.newline = newline
        self.comments = 0
        self.anchors: dict[str, str] = {}

    def text(self, document: dict[str, Any]) -> str:
        """A whole spec."""
        if self.draw.random() < 0.1:
            return self.flow(document) + self.newline
        lines = self.entries(document, 0, top=True)
        lines = ["---", *lines, "..."] if self.draw.random() < 0.1 else lines
        return self.newline.join(lines) + self.newline * self.draw.randint(0, 2)

    def entries(self, mapping: dict[str, Any], indent: int, *, top: bool = False) -> list[str]:
        """A mapping in lines."""
        lines: list[str] = []
        for key, value in mapping.items():
            lines += self.between(indent)
            lines += self.entry(key, value, indent, " " * indent, top=top)
        return lines

    def entry(self, key: str, value: Any, indent: int, lead: str, *, top: bool = False) -> list[str]:
        """A key with its value; `lead` is what stands before it in its line."""
        name = json.dumps(key) if self.draw.random() < 0.1 else key
        blocks = isinstance(value, dict | list) and value and (top or self.draw.random() < 0.6)
        anchored = not top and self.draw.random() < 0.1 and f"&a{len(self.anchors)} "
        alias = self.anchors.get(json.dumps(value))
        if alias and not top and self.draw.random() < 0.5:
            return [f"{lead}{name}: *{alias}{self.trailing()}"]
        if anchored:
            self.anchors.setdefault(json.dumps(value), anchored[1:-1])
        head = f"{lead}{name}:{f' {anchored.rstrip()}' if anchored else ''}"
        if not blocks:
            return self.scalar(head, value, indent)
        deeper = indent + self.draw.choice([1, 2, 2, 4])
        if isinstance(value, dict):
            return [head + self.trailing(), *self.entries(value, deeper)]
        return [head + self.trailing(), *self.items(value, self.draw.choice([indent, deeper]))]

    def items(self, sequence: list[Any], indent: int) -> list[str]:
        """A list in lines."""
        lines: list[str] = []
        for item in sequence:
            lines += self.between(indent)
            gap = self.draw.choice([1, 1, 1, 3])
            lead = " " * indent + "-" + " " * gap
            if isinstance(item, dict) and item and self.draw.random() < 0.7:
                inner = indent + 1 + gap
                (first, value), *rest = item.items()
                lines += [*self.entry(first, value, inner, lead), *self.entries(dict(rest), inner)]
            elif isinstance(item, list) and item and self.draw.random() < 0.6:
                first_line, *others = self.items(item, indent + 2)
                while first_line.lstrip().startswith("#") or not first_line.strip():
                    first_line, *others = others
                lines += [" " * indent + "- " + first_line.lstrip(), *others]
            else:
                lines.append(f"{lead}{self.flow(item)}{self.trailing()}")
        return lines

    def scalar(self, head: str, value: Any, indent: int) -> list[str]:
        """A value behind its key."""
        if isinstance(value, str) and not WORD.fullmatch(value) and self.draw.random() < 0.1:
            return [f"{head} {self.draw.choice(['>-', '|-'])}", f"{' ' * (indent + 2)}{value}"]
        text = self.flow(value)
        if self.draw.random() < 0.1:
            return [head + self.trailing(), f"{' ' * (indent + 3)}{text}{self.trailing()}"]
        return [f"{head} {text}{self.trailing()}"]

    def flow(self, value: Any) -> str:
        """A value in brackets, braces or a word, on one line or several."""
        if isinstance(value, dict | list):
            gap = self.newline + " " * 40 if self.draw.random() < 0.1 else self.draw.choice(["", "", " "])
            last = self.draw.choice(["", "", "", ","]) if value else ""
            if isinstance(value, list):
                inner = f",{gap or ' '}".join(self.flow(item) for item in value)
                return f"[{gap}{inner}{last}]"
            pairs = (f"{json.dumps(key) if self.draw.random() < 0.1 else key}: {self.flow(item)}" for key, item in value.items())
            return f"{{{gap}{f',{gap or chr(32)}'.join(pairs)}{last}}}"
        if isinstance(value, str):
            return value if WORD.fullmatch(value) else json.dumps(value, ensure_ascii=False)
        return json.dumps(value)

    def comment(self) -> str:
        self.comments += 1
        return f"# comment {self.comments}: {{[*& ü"

    def trailing(self) -> str:
        """What may stand behind a value in its line."""
        return self.draw.choice(["  ", " \t "]) + self.comment() if self.draw.random() < 0.05 else ""

    def between(self, indent: int) -> list[str]:
        """Lines that may stand before an entry."""
        if self.draw.random() < 0.9:
            return []
        return [self.draw.choice(["", " " * indent + self.comment(), self.comment()])]


def document(draw: random.Random) -> dict[str, Any]:
    """A network with convolutions, which expects what it has."""
    case = generated(draw.choice(SUBJECTS), draw)
    report = analyze(case.network())
    figures = {name: list(value) if isinstance(value, tuple) else value for name, value in report.figures.items()}
    field = figures["receptive_field"]
    if not field or None in field:
        del figures["receptive_field"]
    names = draw.sample(sorted(figures), draw.randint(0, 4))
    fields = [("name", "größe: 'x' # 1"), *case.document.items(), ("expect", {name: figures[name] for name in names})]
    draw.shuffle(fields)
    return {name: value for name, value in fields if value != {}}


def styled(draw: random.Random, newline: str) -> tuple[str, int]:
    """A spec in a style that is drawn, and how many comments it has."""
    while True:
        fields, style = document(draw), Style(draw, newline)
        text = style.text(fields)
        if loads(Source("net.yaml", text)):
            return text, style.comments
