"""The manual: Markdown files in ``docs``, each of which is a topic; ``index.md`` lists them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from convcalc import shipped

_TOPIC = re.compile(r"^- \[.*?\]\((\w+)\.md\): (.+)$", re.MULTILINE)
"""A line of the index: the title, the file, and what the page is about."""


@cache
def topics() -> dict[str, str]:
    """Every topic and what its page is about, in the order of the index."""
    return dict(_TOPIC.findall(file_of("index").read_text("utf-8")))


def file_of(topic: str) -> Path:
    """Where the page of a topic is: in the package, or in the repository beside it."""
    return shipped.folder("docs", "docs") / f"{topic}.md"
