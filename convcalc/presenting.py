"""What a record shows of itself where it is printed, in a notebook, and to programs that take no records.

How that looks is for views to say, which know of records and not the other way round: that of a `MemoryPlan` is
`convcalc/views/notebook/memory_plan.py`, found by being there. It is imported when a record is first shown, so a
record costs nothing more than before.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

from convcalc.visible import short, visible

LONGEST = 400
"""Characters of what a record prints, which stays readable in a traceback and in a list of records."""


class Printed:
    """A record that prints as one line: what it is of and what it comes to, however much is in it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {short(visible(view_of(type(self).__name__).line(self)), LONGEST)}>"

    def __rich_repr__(self) -> Any:
        """Nothing to add: Rich prints what `repr` gives."""


class Presented(Printed):
    """A record with a table for people and for programs."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """What Jupyter shows of it: a table, totals and what they count."""
        return str(view_of(type(self).__name__).html(self))

    def to_dict(self) -> dict[str, Any]:
        """The document that the command prints with ``--format json``, read: dicts, lists, texts and exact numbers."""
        from json import loads

        read: dict[str, Any] = loads(view_of(type(self).__name__).document(self))
        return read

    def to_dataframe(self) -> Any:
        """The lines of the table as a DataFrame of pandas, or of polars where that alone is installed.

        Columns are those of the command's CSV. Counts are int64, or Int64 where some are missing, those beyond are
        Python's in an object column; shapes are lists.

        Raises:
            ImportError: neither is installed.
        """
        return view_of(type(self).__name__).frame(self)


def view_of(name: str) -> Any:
    """The module that writes records of the class of that name: this in lower case, with ``_`` between its words."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return importlib.import_module(f"convcalc.views.notebook.{words}")
