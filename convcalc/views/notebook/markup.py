"""Tables and lines as HTML for a notebook, in the colours that the notebook has, light or dark.

Nothing but a table and paragraphs, with their sides in the elements themselves: notebooks that are not trusted, and
pages that they are shown in, leave out styles that stand apart, and all scripts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from convcalc.views.formats.html import escaped

MOST_ROWS = 60
"""Rows of a table that are shown: of more, the first and the last."""
_LONGEST_LINE = 1_000
"""Characters of a line below a table."""
_SIDES = {"l": "text-align:left;padding:.1em .6em", "r": "text-align:right;white-space:nowrap;padding:.1em .6em"}
_TABLE = "color:inherit;font-variant-numeric:tabular-nums"


def table(
    title: str, header: Sequence[str], sides: str, rows: Sequence[Sequence[str]], more: int = 0, nothing: str = ""
) -> str:
    """A table of texts; `sides`: l or r for each column. The first cell of a row says what the row is of.

    `more` rows are known and not among these; `nothing` is what is said where there is none.
    """
    styles = [f' style="{_SIDES[side]}"' for side in sides]
    heads = "".join(f'<th scope="col"{style}>{escaped(text)}</th>' for text, style in zip(header, styles, strict=True))
    caption = (
        f'<caption style="text-align:left;white-space:nowrap;color:inherit">{escaped(title, _LONGEST_LINE)}</caption>'
    )
    across = f'<tr><td colspan="{len(header)}" style="text-align:left">'
    lines = [_row(row, styles) for row in rows[:MOST_ROWS]]
    left_out = len(rows) - len(lines)
    if left_out:  # the ends of a network say more than as much of its middle
        half = MOST_ROWS // 2
        lines = [
            *lines[:half],
            f"{across}… {left_out:,} more …</td></tr>",
            *(_row(row, styles) for row in rows[-half:]),
        ]
    if more:
        lines.append(f"{across}… and {more:,} more</td></tr>")
    if not lines:
        lines = [f"{across}{escaped(nothing)}</td></tr>"]
    head = f"{caption if title else ''}\n<thead><tr>{heads}</tr></thead>"
    body = "\n".join(lines)
    return f'<table style="{_TABLE}">\n{head}\n<tbody>\n{body}\n</tbody>\n</table>'


def _row(row: Sequence[str], styles: Sequence[str]) -> str:
    first, *others = (f"{style}>{escaped(text)}" for text, style in zip(row, styles, strict=True))
    return f'<tr><th scope="row"{first}</th>{"".join(f"<td{cell}</td>" for cell in others)}</tr>'


def page(*parts: str, totals: Iterable[str] = (), notes: Iterable[str] = (), end: str = "") -> str:
    """Tables, and below them totals in bold, a line each of notes, and small print."""
    lines = [f"<b>{_line(' · '.join(totals))}</b>"] if totals else []
    lines += [*map(_line, notes), *([f"<small>{_line(end)}</small>"] if end else [])]
    return "\n".join(["<div>", *parts, f"<p>{'<br>'.join(lines)}</p>", "</div>"])


def _line(text: str) -> str:
    return escaped(text, _LONGEST_LINE)
