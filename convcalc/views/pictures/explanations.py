"""What `convcalc explain` says of the layers of a network, all at once, with every text in it once.

The same formula holds for many layers: a network of a hundred layers has some dozen. So formulas, symbols and
sentences stand in lists, and a layer has places in these.
"""

from __future__ import annotations

from collections.abc import Hashable

from convcalc import steps
from convcalc.analysis.explain import Explainer, Formula, LayerExplanation
from convcalc.analysis.report import Report
from convcalc.views import words
from convcalc.views.explain import shared
from convcalc.views.formats.json import Record, filled
from convcalc.views.formulas import formula_text
from convcalc.visible import visible

MOST_LAYERS = 2_000
"""Layers of a network whose formulas a page has; of larger ones it names the command that has them."""


def explanations(report: Report) -> Record:
    """The formulas of every layer; empty for a network of more than `MOST_LAYERS` layers, or of too much work.

    ``layers`` has an item for each: places in ``abouts`` (what the kind is, and its source), in ``formulas`` (what it
    is of, the symbol, then its sides: in symbols, in numbers, the value, each once), in ``legend`` (symbol, meaning,
    value) and in ``notes``; ``choices`` are the fields that are no numbers, and ``field`` is the receptive field where
    it has no formula. All of them are for one sample, whatever the ``batch`` of the report.
    """
    network = report.network
    if not network.layers or len(network.layers) > MOST_LAYERS:
        return {}
    gathered = _Gathered()
    try:
        explainer = Explainer(network, [row.receptive_field for row in report.layers])
        layers = [gathered.layer(explainer.layer(place)) for place in range(network.input_count, len(network.nodes))]
    except steps.OutOfSteps:
        return {}
    return {"batch": report.terms.batch, "layers": layers, **gathered.lists}


class _Gathered:
    """Texts that layers have in common, each in one place."""

    def __init__(self) -> None:
        self.places: dict[str, dict[Hashable, int]] = {"abouts": {}, "formulas": {}, "legend": {}, "notes": {}}
        self._of_formulas: dict[int, tuple[Formula, int]] = {}

    @property
    def lists(self) -> Record:
        """What the places are places in."""
        return {name: list(places) for name, places in self.places.items()}

    def layer(self, layer: LayerExplanation) -> Record:
        """A layer as the scripts read it."""
        return {
            "about": self._place("abouts", (layer.description, layer.source)),
            "formulas": [self._formula(layer, formula) for formula in shared.listed(layer.formulas)],
            "legend": [self._place("legend", entry) for entry in shared.legend(layer, words.exact)],
            "notes": [self._place("notes", visible(note)) for note in layer.notes],
            **filled(choices=visible(shared.choices(layer)), field=shared.field_without_formula(layer)),
        }

    def _formula(self, layer: LayerExplanation, formula: Formula) -> int:
        """Its place; a record that several layers share is written once."""
        known = self._of_formulas.get(id(formula))
        if known is None:
            sides = shared.sides(layer, formula, formula_text, words.exact)
            place = self._place("formulas", (shared.label(formula.quantity), formula.symbol, *sides))
            known = self._of_formulas[id(formula)] = formula, place  # kept, so that the id stays its own
        return known[1]

    def _place(self, name: str, text: Hashable) -> int:
        places = self.places[name]
        return places.setdefault(text, len(places))
