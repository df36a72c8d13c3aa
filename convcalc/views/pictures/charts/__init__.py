"""The charts of a network: a file each, found by being there, with one entry, ``chart(report)``.

It gives a record, or None where there is nothing to show. What draws it is the same in the page and for a file, see
``scripts/plot.js``:

``id``, ``title``, ``text``
    A word, a heading, and what the chart shows in sentences that have its numbers: the caption, and for who cannot see.
``option``, ``height``
    What ECharts draws, as JSON: no functions, and no colours, which are the page's. A point is
    ``{"value": [...], "id": "n12"}``, with the layer that it stands for; further layers at the same point are ``also``.
    What there is to say of it beside its numbers are its ``notes``. A mark is labelled with its ``name``, which may
    hold anything.
``measures``
    What the numbers of a ``value`` are: a ``name`` and a ``format`` that ``plot.js`` has; those without a name are
    told by the layer itself. The first two are the axes'.
``ticks``
    Names for numbers of the first axis, where it has names.
``drawing``
    In place of an option: what ``scripts/field.js`` draws, to scale.

`PLACE` in each file says where on the page it comes.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from convcalc.analysis.report import Report
from convcalc.views.formats.json import Record

_OTHERS = {"shared", "scatter"}
"""What is no chart of a network's report."""


def charts(report: Report) -> list[Record]:
    """The charts that there are of a network, in the order in which the page has them."""
    names = {module.name for module in pkgutil.iter_modules(__path__)} - _OTHERS
    modules: list[Any] = [importlib.import_module(f"{__name__}.{name}") for name in sorted(names)]
    records = (module.chart(report) for module in sorted(modules, key=lambda module: module.PLACE))
    return [record for record in records if record is not None]
