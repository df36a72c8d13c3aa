"""What a spec says not to report: ``# convcalc: ignore[CC206] reason``, ``# convcalc: file-ignore[CC2]``, `lint`.

A comment behind something counts for the layer it stands in, all its lines and what is within; one that has a line to
itself, for the layer that begins below it. Words are codes, names or prefixes of codes.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence
from functools import cached_property

import msgspec
import yaml

from convcalc import rules, steps
from convcalc.language.parsing import DEEPEST
from convcalc.language.source import Source
from convcalc.language.suggestions import close
from convcalc.language.tree import Span
from convcalc.linting.regions import Region

WORTH_A_LOOK = re.compile(r"#[ \t]*convcalc:[^\r\n\x85\u2028\u2029]*")
_FORM = re.compile(r"#[ \t]*convcalc:[ \t]*(ignore|file-ignore)[ \t]*\[([^\]]*)\]")
_WORD = re.compile(r"#[ \t]*convcalc:[ \t]*([\w-]*)")
_MEANT = ("ignore", "file-ignore", "disable", "noqa")
"""Words that are close to one of these were meant to suppress something."""


_OPEN = (
    *(yaml.BlockMappingStartToken, yaml.BlockSequenceStartToken),
    *(yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken),
)
_CLOSED = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


class Word(msgspec.Struct, frozen=True):
    """A code, a name or a prefix, and where it is written."""

    text: str
    start: int
    end: int


_WORD_STEPS = 40
"""What it takes to know what a word stands for."""


class Suppression(msgspec.Struct, dict=True):
    """Words that count for the characters from `start` to `end`; `used` are those that something was found for."""

    words: list[Word]
    start: int
    end: int
    used: set[Word] = set()

    def takes(self, code: str, places: Sequence[int]) -> bool:
        """Whether a finding with that code at one of these places is not reported; remembers it."""
        if not any(self.start <= place < self.end for place in places):
            return False
        matching = self.by_code.get(code, ())
        self.used.update(matching)
        return bool(matching)

    @cached_property
    def by_code(self) -> dict[str, list[Word]]:
        """The words that stand for each code, looked up once for all findings."""
        words: dict[str, list[Word]] = {}
        steps.spend(_WORD_STEPS * len(self.words))
        for word in self.words:
            for code in rules.chosen(word.text):
                words.setdefault(code, []).append(word)
        return words


def by_code(suppressing: Sequence[Suppression]) -> dict[str, list[Suppression]]:
    """Those that speak of each code, in their order."""
    speaking: dict[str, list[Suppression]] = {}
    for suppression in suppressing:
        for code in suppression.by_code:
            speaking.setdefault(code, []).append(suppression)
    return speaking


def comments(source: Source) -> list[tuple[int, int]]:
    """Where comments that speak to convcalc stand: found between the scalars of the YAML, never in one.

    What comes behind a syntax error is not looked at.
    """
    candidates = [match.span() for match in WORTH_A_LOOK.finditer(source.text)]
    starts, ends, read = _scalars(source.text) if candidates else ([], [], 0)
    ends_before = [0, *ends]  # of as many scalars as begin before a place
    return [span for span in candidates if span[0] < read and ends_before[bisect.bisect(starts, span[0])] <= span[0]]


def _scalars(text: str) -> tuple[list[int], list[int], int]:
    """Where scalars begin and end, and how far the text can be read, which is no deeper than a spec may be."""
    starts, ends, read, depth = [], [], len(text), 0
    try:
        for token in yaml.scan(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            start, end = token.start_mark.index, token.end_mark.index
            if isinstance(token, yaml.ScalarToken):
                if token.style in ("|", ">"):  # behind its first character a comment may stand
                    start = min((at for at in (text.find("\n", start), text.find("\r", start)) if at >= 0), default=end)
                starts.append(start)
                ends.append(end)
            elif isinstance(token, _OPEN):
                depth += 1
                if depth > DEEPEST:
                    return starts, ends, start
            elif isinstance(token, _CLOSED):
                depth -= 1
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        read = min(mark.index if mark is not None else 0, max(ends, default=0))
    return starts, ends, read


def suppressions(source: Source, regions: Sequence[Region]) -> tuple[list[Suppression], list[Span]]:
    """All that a text says not to report, and where comments stand that may have been meant to."""
    suppressing = [
        Suppression([Word(str(word.value), word.start, word.end) for word in region.ignored], region.start, region.end)
        for region in regions
        if region.ignored
    ]
    malformed = []
    places = comments(source)
    lines = _Lines(regions if places else ())
    for start, end in places:
        form = _FORM.match(source.text, start, end)
        words = list(_words(source.text, *form.span(2))) if form is not None else []
        if form is None or not words:
            if form is not None or _is_meant(source.text, start, end):
                malformed.append((start, start + len(source.text[start:end].rstrip())))
        elif form[1] == "file-ignore":
            suppressing.append(Suppression(words, 0, len(source.text) + 1))
        else:
            suppressing.append(Suppression(words, *_meant(source, lines, start)))
    return suppressing, malformed


def _is_meant(text: str, start: int, end: int) -> bool:
    word = _WORD.match(text, start, end)
    return word is not None and bool(close(word[1], _MEANT))


def _words(text: str, start: int, end: int) -> Iterator[Word]:
    for match in re.finditer(r"[^,\s]+", text[start:end]):
        yield Word(match[0], start + match.start(), start + match.end())


class _Lines:
    """Regions by lines: the last line of those that begin in one, and the shortest that one is in."""

    def __init__(self, regions: Sequence[Region]) -> None:
        self.last: dict[int, int] = {}
        self.innermost: dict[int, Region] = {}
        for region in sorted(regions, key=lambda region: region.last - region.first):
            self.last[region.first] = max(region.last, self.last.get(region.first, 0))
            for line in range(region.first, region.last + 1):
                self.innermost.setdefault(line, region)


def _meant(source: Source, lines: _Lines, comment: int) -> tuple[int, int]:
    """The characters that a comment counts for."""
    line = source.line(comment)
    text, _ = source.line_at(line)
    alone = text.lstrip().startswith("#")
    below = line
    while alone and text.lstrip().startswith("#"):
        below += 1
        text, _ = source.line_at(below)
    if alone and below in lines.last:
        return _whole_lines(source, below, lines.last[below])
    innermost = lines.innermost.get(line)
    if innermost is not None:
        return _whole_lines(source, innermost.first, innermost.last)
    return _whole_lines(source, line, below)


def _whole_lines(source: Source, first: int, last: int) -> tuple[int, int]:
    end = source.line_at(last + 1)[1]
    return source.line_at(first)[1], end + (end == len(source.text))  # a finding may stand behind the last character
