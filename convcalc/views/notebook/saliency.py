"""A saliency map: what it is of, the highest scores, and the map itself where Pillow is there to draw it."""

from __future__ import annotations

from base64 import b64encode
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from convcalc.frames import Form, dataframe, typed
from convcalc.views.notebook import shared
from convcalc.views.notebook.markup import page, table
from convcalc.views.saliency import shared as saliency
from convcalc.views.saliency.shared import ShownSaliency

if TYPE_CHECKING:
    from convcalc.reference.saliency import Saliency

_COLUMNS = {
    "model": Form.TEXT,
    "spec": Form.TEXT,
    "class": Form.WHOLE,
    "score": Form.MEASURED,
    "probability": Form.MEASURED,
}


def line(result: Saliency) -> str:
    """The class, its score, and the map's size."""
    sizes = "x".join(map(str, result.map.shape))
    return f"{shared.brief(result.network.name)}: {saliency.headline(result)}, map {sizes} ({result.channels})"


def html(result: Saliency) -> str:
    """The picture, the highest scores and the facts."""
    shown = _shown(result)
    title = " · ".join(filter(None, (*saliency.title(shown), saliency.headline(result))))
    content = table(title, ("class", "score", "probability"), "lrr", saliency.scores(result))
    parts = [_picture(result), content] if find_spec("PIL") is not None else [content]
    return page(*parts, notes=saliency.facts(shown))


def _picture(result: Saliency) -> str:
    from convcalc.imaging.drawing import alone

    data = b64encode(alone(result.amounts)).decode()
    return f'<img alt="the map in colours" src="data:image/png;base64,{data}" />'


def document(result: Saliency) -> bytes:
    """As `convcalc saliency` prints it."""
    return shared.document("saliency", _shown(result))


def frame(result: Saliency) -> Any:
    """A row for each of the highest scores."""
    head = [result.network.name, shared.path_of(result.network)]
    return dataframe(typed(_COLUMNS, ([*head, entry.index, entry.score, entry.probability] for entry in result.top)))


def _shown(result: Saliency) -> ShownSaliency:
    return ShownSaliency(result, shared.path_of(result.network))
