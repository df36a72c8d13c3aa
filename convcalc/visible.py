r"""Text from outside as it may stand where people read: what steers a terminal or a log, or hides, can be seen.

Names, comments, paths and what a model holds are not ours. A control character, a line break, a mark that turns the
direction of writing, a character without width and half a surrogate pair become what a programmer would write for
them: ``\x1b``, ``\u202e``. Letters of any script, accents and emoji stay as they are.

So does everything else, but for the beginnings of commands: GitHub Actions takes a line that starts with ``::`` for
one, and, as Azure Pipelines and TeamCity do, ``##[`` or ``##vso[`` anywhere in a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable

BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0d\uffa0\U000e0100-\U000e01ef]")
"""What Unicode counts among letters, marks and symbols, and nobody sees: fillers, joiners and selectors of variants.

The two selectors that emoji are written with are not among them.
"""
COMMAND = re.compile(r"(?<!\S):(?=:)|(?<=#)#(?=\w*\[)")
"""The character without which a text is no command to whoever reads a log: of ``::`` the first, of ``##[`` the second.

A text may begin a line, and so may every word in it where it is broken into lines.
"""
UNUSUAL = re.compile("[^\n -~]+")
LONGEST = 160
"""Characters of a name, in a table or a sentence."""


def visible(text: str) -> str:
    """The text on one line, with nothing in it that acts or hides. It changes no further where it is taken again."""
    if text.isascii() and text.isprintable() and "::" not in text and "##" not in text:
        return text
    return COMMAND.sub(lambda match: _escape(match[0]), _seen(text, _escape))


def short(text: str, longest: int = LONGEST) -> str:
    """The beginning of a text that is too long to be read."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def encodable(text: str) -> str:
    """A text that any file can hold: halves of surrogate pairs, which paths and YAML have, are written as escapes."""
    return text.encode(errors="backslashreplace").decode()


def in_json(text: str) -> str:
    """JSON that says the same, with escapes for what acts or hides; line breaks between its values stay."""
    if "##" in text:
        text = re.sub(r"(?<=#)#", r"\\u0023", text)
    if text.isascii() and "\x7f" not in text:
        return text
    from json import dumps

    return UNUSUAL.sub(lambda run: _seen(run[0], lambda character: dumps(character)[1:-1]), text)


def in_yaml(text: str) -> str:
    """A text in double quotes as YAML reads it, whatever it holds."""
    from json import dumps

    return visible(dumps(text, ensure_ascii=False))


def _seen(text: str, escape: Callable[[str], str]) -> str:
    """The text with an escape for every character that nobody sees."""
    if text.isprintable() and not BLANK.search(text):
        return text
    return "".join(
        character if character.isprintable() and not BLANK.match(character) else escape(character) for character in text
    )


def _escape(character: str) -> str:
    """As Python and YAML have it."""
    return f"\\x{ord(character):02x}" if character in ":#" else character.encode("unicode_escape").decode()
