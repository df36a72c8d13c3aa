"""Comments on pull requests. GitHub takes 65,536 characters: tables are cut to whole rows, with a note."""

from __future__ import annotations

import msgspec

LONGEST = 64_500
"""Bytes of a comment; what is counted in characters is then below 65,000 in any case."""


class Section(msgspec.Struct):
    """A table, folded where it has a title. Rows are left out from the end where there is no room."""

    header: list[str]
    rows: list[str]
    title: str = ""
    what: str = "row"
    left_out: int = 0

    def lines(self) -> list[str]:
        """As Markdown; nothing where there is no row."""
        if not self.rows and not self.left_out:
            return []
        what = f"{self.left_out:,} more {self.what}{'s are' if self.left_out > 1 else ' is'}"
        note = ["", f"{what} left out: a comment may not be longer."] if self.left_out else []
        table = [*self.header, *self.rows, *note, ""]
        if self.title:
            return ["<details>", f"<summary>{self.title}</summary>", "", *table, "</details>", ""]
        return table


def fitted(start: list[str], sections: list[Section], end: list[str]) -> str:
    """The comment, rows left out from the end where it would be too long."""

    def comment() -> str:
        return "\n".join([*start, *(line for section in sections for line in section.lines()), *end]) + "\n"

    for section in reversed(sections):  # the last is the least
        excess = len(comment().encode()) - LONGEST
        if excess <= 0:
            break
        excess += 100  # for the line that says so
        while section.rows and excess > 0:
            excess -= len(section.rows.pop().encode()) + 1
            section.left_out += 1
    return comment()
