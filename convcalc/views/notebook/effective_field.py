"""The effective field of a layer: the figures, and below them what they are a mean of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convcalc.frames import dataframe, typed
from convcalc.views.field import csv
from convcalc.views.field import shared as field_views
from convcalc.views.field.shared import Looked
from convcalc.views.notebook import shared
from convcalc.views.notebook.markup import page, table

if TYPE_CHECKING:
    from convcalc.reference.fields.effective_field import EffectiveField


def line(field: EffectiveField) -> str:
    """The layer, and how much of its theoretical field holds most of the gradient."""
    theory = dict(field_views.facts(field))["theory"]
    side = "x".join([str(field.side)] * len(field.sizes))
    where = f"{shared.brief(field.network.name)} {shared.brief(field.layer)}"
    return f"{where}: 95.45 % in {side}, theory {theory}, mean of {shared.counted(field.runs, 'run')}"


def html(field: EffectiveField) -> str:
    """The facts that the command prints, without the picture."""
    title = " · ".join([*filter(None, field_views.title(_looked(field))), field_views.subject(field)])
    content = table(title, ("", "field"), "ll", field_views.facts(field))
    return page(content, end=field_views.convention(field))


def document(field: EffectiveField) -> bytes:
    """As `convcalc field` prints it."""
    return shared.document("field", _looked(field))


def frame(field: EffectiveField) -> Any:
    """A row for each position of each axis."""
    return dataframe(typed(csv.COLUMNS, csv.rows(_looked(field))))


def _looked(field: EffectiveField) -> Looked:
    return Looked(shared.path_of(field.network), field)
