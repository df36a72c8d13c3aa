"""What fixes change, as a unified diff that `patch` and `git apply -p0` read."""

from __future__ import annotations

import difflib
import os
import re
import secrets

from convcalc.language.source import Source
from convcalc.views.diagnostics import print_lines
from convcalc.views.output import Output
from convcalc.visible import visible

STYLES = {"---": "bold", "+++": "bold", "@": "cyan", "-": "red", "+": "green"}
_NO_NEWLINE = "\n\\ No newline at end of file\n"


def difference(before: Source, after: Source) -> str:
    """The differences, with three lines around each; line ends are those of the file."""
    old, new = (re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", source.text) for source in (before, after))
    name = visible(before.path)
    lines = difflib.unified_diff(old, new, name, name)
    return "".join(line if line.endswith(("\n", "\r")) else f"{line}{_NO_NEWLINE}" for line in lines)


def write(before: Source, after: Source, out: Output) -> None:
    """The differences, in colours on a terminal."""
    text = difference(before, after)
    if not out.stream.isatty():
        out.utf8(_logged(text))
        return
    for line in re.split("\r\n|\r|\n", text)[:-1]:
        style = next((style for start, style in STYLES.items() if line.startswith(start)), "")
        print_lines(out.console, [[(line.expandtabs(), style)]])


def _logged(difference: str) -> str:
    """A difference as it is printed: where GitHub Actions reads what is printed, it takes no line for a command.

    A line of a spec that starts with ``::`` stands behind a blank, which its runner leaves out; what `patch` reads may
    not be changed, but may stand between lines that it passes over.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return difference
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}\n{difference}::{token}::\n"
