"""Columns that fit the terminal: a number is never cut.

Where it is narrow, names are shortened, then whole columns are left out. A kind keeps all its figures.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

import msgspec

from convcalc import steps
from convcalc.views.output import Pen
from convcalc.visible import LONGEST, visible

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.style import Style

_NARROWEST_TEXT = 8
"""Characters that are left of a name or a kind at the least."""
_SHORTER = (
    (re.compile(r", dilation (\S+?)(?=,| |$)"), r" d\1"),
    (re.compile(r", (\d+) groups?\b"), r" g\1"),
    (re.compile(r"\bpart (\d+) of (\d+)"), r"\1/\2"),
    (re.compile(r"(?<=\d) (?:features|channels|groups|classes|heads)\b"), ""),
)
"""What says the same of a layer in fewer characters: all figures stay."""
_NAME = re.compile(r"(?<![^\W])[^\W\d]\w{2,}…?")
"""A word of a kind that may be shortened: a name, and no figure."""
_SHORTEST_NAME = 3
"""Characters of such a word, an ellipsis among them, of which nothing more is taken."""
GAP = 2
_SINGLE = re.compile("[ -~…·µ≥▏▎▍▌▋▊▉█]*")
"""Characters of one cell each, which tables have most."""
_CELL_STEPS = 3
"""Steps that a cell takes."""
_NARROWEST_KIND, _READABLE_NAME = 14, 5
"""Characters of a kind, and of each of its names, for which rather another column goes."""
MOST_ROWS = 1_000
"""Rows that are shown where the steps of the run do not last for all."""


class Column(msgspec.Struct):
    """A column as it would be on a terminal of any width; its cells are made visible.

    `rank`: the higher, the sooner it is left out. `shorten` brings a text to fewer characters, where it can be; to less
    than `narrowest` only where no other column can be left out.
    """

    header: str
    cells: list[str]
    justify: str = "right"
    style: str = ""
    rank: int = 0
    shorten: Callable[[str, int], str] | None = None
    narrowest: int = _NARROWEST_TEXT
    width: int = 0

    def __post_init__(self) -> None:
        self.header = visible(self.header)
        text = "\n".join(self.cells)
        if (
            text.count("\n") >= len(self.cells) or visible(spaced := text.replace("\n", " ")) != spaced
        ):  # of thousands of cells, most times none needs anything
            self.cells = list(map(visible, self.cells))
        self.width = max(map(cell_len, [self.header, *self.cells]))


class Grid:
    """The columns as a table without lines; a style for each row. Rich's own takes seconds for 10,000 rows."""

    def __init__(self, columns: Sequence[Column], styles: Sequence[str]) -> None:
        self.columns = columns
        self.styles = styles

    def __str__(self) -> str:
        """The table without colours."""
        count = self._affordable()
        columns = []
        for column in self.columns:
            cells, is_left = [column.header, *column.cells[:count]], column.justify == "left"
            widths = [column.width - cell_len(cell) + len(cell) for cell in cells]
            pairs = zip(cells, widths, strict=True)
            columns.append([cell.ljust(width) if is_left else cell.rjust(width) for cell, width in pairs])
        rows = [(" " * GAP).join(row).rstrip(" ") for row in zip(*columns, strict=True)]
        return "\n".join([*rows, self._rest(count)] if count < len(self.styles) else rows)

    def _affordable(self) -> int:
        """How many rows are shown."""
        count = len(self.styles)
        is_dear = count > MOST_ROWS and not steps.afford(_CELL_STEPS * count * len(self.columns))
        return MOST_ROWS if is_dear else count

    def _rest(self, count: int) -> str:
        return f"... and {len(self.styles) - count:,} more rows: {steps.limit()}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Segments for Rich, a few for a row."""
        from rich.segment import Segment

        count = self._affordable()
        dim = console.get_style("dim")
        yield from self._row([column.header for column in self.columns], [dim for _ in self.columns])
        styles = {
            row: [console.get_style(column.style) + console.get_style(row) for column in self.columns]
            for row in set(self.styles)
        }
        for place, row in enumerate(self.styles[:count]):
            yield from self._row([column.cells[place] for column in self.columns], styles[row])
        if count < len(self.styles):
            yield Segment(self._rest(count))
            yield Segment.line()

    def _row(self, cells: Sequence[str], styles: Sequence[Style]) -> Iterator[Segment]:
        from rich.segment import Segment

        text = ""
        for place, (column, cell, style) in enumerate(zip(self.columns, cells, styles, strict=True)):
            if place and style != styles[place - 1]:
                yield Segment(text, styles[place - 1])
                text = ""
            blanks = " " * (column.width - cell_len(cell))
            text += cell + blanks if column.justify == "left" else blanks + cell
            text += " " * GAP
        yield Segment(text[:-GAP], styles[-1])
        yield Segment.line()


def cell_len(text: str) -> int:
    """How many cells of a terminal a text takes."""
    if (text.isascii() and text.isprintable()) or _SINGLE.fullmatch(text):
        return len(text)
    from rich.cells import cell_len as measured

    return measured(text)


def show(console: Pen, columns: list[Column], styles: Sequence[str] = ()) -> None:
    """Print a table as wide as the terminal; `styles`: one for each row.

    What has no cells is left out, unless it has a header and is never left out for room.
    """
    columns = [column for column in columns if (column.rank == 0 and column.header) or any(column.cells)]
    styles = styles or [""] * len(columns[0].cells)
    console.print(Grid(fitted(columns, console.width), styles), soft_wrap=True)


def print_list(
    console: Console, rows: Iterable[Sequence[RenderableType]], styles: Sequence[str], header: Sequence[str] = ()
) -> None:
    """Print rows of which the last cell is broken where it is long; a style for each column."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=bool(header), header_style="dim", padding=(0, GAP, 0, 0))
    for title, style in zip_longest(header, styles, fillvalue=""):
        table.add_column(title, style=style, no_wrap=True)
    table.columns[-1].no_wrap, table.columns[-1].overflow = False, "fold"
    for row in rows:
        table.add_row(*row)
    console.print(table)


def needed(columns: list[Column]) -> int:
    """How wide a terminal must be for all of them."""
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def fitted(columns: list[Column], width: int) -> list[Column]:
    """The columns that fit, names and kinds shortened where they must be, names that nobody reads in any case."""
    for column in columns:
        if column.shorten is end:
            column.width = min(column.width, LONGEST)
    while len(columns) > 1:
        excess = needed(columns) - width
        slack = sum(max(0, column.width - column.narrowest) for column in columns if column.shorten)
        if excess <= slack:
            break
        last = max(columns, key=lambda column: column.rank)
        if last.rank == 0:
            break
        columns = [column for column in columns if column is not last]
    texts = sorted((column for column in columns if column.shorten), key=lambda column: -column.rank)
    widths = {id(column): column.width for column in texts}
    for extra in (2, 0, None):  # kinds first: a name often says its kind
        for column in texts:
            least = 1 if extra is None else column.narrowest + extra
            column.width = min(column.width, max(least, column.width - max(0, needed(columns) - width)))
    for column in texts:
        if column.shorten is not None and column.shorten is not end:
            column.cells = [column.shorten(cell, column.width) for cell in column.cells]
            column.width = max(map(cell_len, [column.header, *column.cells]))
    for column in texts:
        if column.shorten is end:
            column.width = min(widths[id(column)], max(column.width, column.width + width - needed(columns)))
            cells = [end(cell, column.width) for cell in column.cells]
            column.cells = _told_apart(column.cells, cells, column.width)
    return columns


def _told_apart(names: list[str], cells: list[str], width: int) -> list[str]:
    """Names of which the ends are `cells`: where two are alike, as much of their beginnings as tells them apart."""
    ends = Counter(cells)
    alike = {name for name, cell in zip(names, cells, strict=True) if ends[cell] > 1 and cell != name}
    left = {name: cell for name, cell in zip(names, cells, strict=True) if name not in alike}
    taken = set(left.values())
    for kept in range(1, width - 1):
        brief = {name: f"{name[:kept]}…{name[kept + 1 - width :]}" for name in alike}
        seen = Counter(brief.values())
        apart = {
            name: text
            for name, text in brief.items()
            if seen[text] == 1 and text not in taken and cell_len(text) <= width
        }
        left |= apart
        taken |= set(apart.values())
        alike -= set(apart)
        if not alike:
            break
    return [left.get(name, cell) for name, cell in zip(names, cells, strict=True)]


def end(text: str, width: int) -> str:
    """The end of a name, which tells it from its neighbours."""
    if cell_len(text) <= width:
        return text
    text = text[-width:]
    while cell_len(text) >= width:
        text = text[1:]
    return f"…{text}"


def first_words(text: str, width: int) -> str:
    """As many words as fit: half a number would be another number."""
    if cell_len(text) <= width:
        return text
    kept = text.split(" ")
    while len(kept) > 1:
        kept.pop()
        if cell_len(" ".join(kept)) + 2 <= width:
            return " ".join(kept) + " …"
    from rich.cells import set_cell_size

    return set_cell_size(kept[0], min(width - 1, cell_len(kept[0]))) + "…"


def window(text: str, width: int) -> str:
    """What a table says of a layer in fewer characters: units go first, then ends of names. All figures are kept.

    16 characters hold of "conv_transpose 2x2 /2" all but the end of the name: "conv_tr… 2x2 /2".
    """
    return _in_brief(text, width, _SHORTEST_NAME)


def _in_brief(text: str, width: int, shortest: int) -> str:
    """As `window`; no name is shortened to less than so many characters."""
    if cell_len(text) <= width:
        return text
    text = _without_units(text)
    longest = max((len(name) for name in _NAME.findall(text)), default=0)
    while cell_len(text) > width and longest > shortest:
        longest -= 1
        text = _with_names(text, longest)
    return text


def _without_units(text: str) -> str:
    for pattern, shorter in _SHORTER:
        text = pattern.sub(shorter, text)
    return text


def _with_names(text: str, longest: int) -> str:
    """The text with no name longer than so many characters, an ellipsis among them."""
    return _NAME.sub(lambda match: match[0] if len(match[0]) <= longest else f"{match[0][: longest - 1]}…", text)


def narrowest_window(texts: Sequence[str]) -> int:
    """The characters in which all figures of kinds can be read, and of each name what tells it from others."""
    brief = (_in_brief(text, _NARROWEST_KIND, _READABLE_NAME) for text in dict.fromkeys(texts))
    return max(map(cell_len, brief), default=_NARROWEST_TEXT)


def narrowest_names(names: Sequence[str], least: int) -> int:
    """The characters, so many at the least, in which names are told apart; the least where that takes too many."""
    if len(names) > MOST_ROWS:
        return least
    count = len(set(names))
    for width in range(least, 2 * least + 1):
        if len(set(_told_apart(list(names), [end(name, width) for name in names], width))) == count:
            return width
    return least
