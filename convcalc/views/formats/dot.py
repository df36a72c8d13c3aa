"""Text in the language of Graphviz, in which backslashes and references of HTML mean something even in quotes."""

from __future__ import annotations

from convcalc.visible import visible

_SPECIAL = str.maketrans({"\\": "\\\\", '"': '\\"', "&": "&amp;"})


def quoted(*lines: str) -> str:
    """Lines of text as a label that is no markup, centred."""
    return '"' + "\\n".join(visible(line).translate(_SPECIAL) for line in lines) + '"'
