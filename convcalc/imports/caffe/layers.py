"""The layers of a network that are run, in their order: of one phase, by the versions of the blobs they read."""

from __future__ import annotations

from typing import NamedTuple

from convcalc import steps
from convcalc.imports.caffe.older import brought_up
from convcalc.imports.caffe.text import TextMessage
from convcalc.imports.errors import CannotImport, plain

_LAYER = 60
"""Steps that a layer takes, beside what is paid for where it is worked out."""

Top = tuple[int, int]
"""What a layer makes: its place, and which of its tops; an input of the network has -1 and its own place."""

_SOLVER = {"net", "train_net", "test_net", "base_lr", "lr_policy", "max_iter", "solver_mode", "snapshot_prefix"}

_AN_INPUT = 'input: "data" input_shape { dim: 1 dim: 3 dim: 224 dim: 224 }'


class NetLayer(NamedTuple):
    """A layer of the file."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    message: TextMessage

    @property
    def place(self) -> str:
        """Where it is, for an error."""
        return f"layer {plain(self.name)} ({plain(self.type)}, line {self.message.line})"


def layers_of(net: TextMessage) -> list[NetLayer]:
    """The layers that run where the network is tested, or deployed in one file with its training."""
    messages = brought_up(net)
    if not messages:
        raise _no_network(net)
    stages = {"deploy"} if any(_mentions_deploying(message) for message in messages) else set[str]()
    stages |= set(net.message("state").texts("stage"))
    included = [message for message in messages if _is_included(message, stages)]
    if not net.has("input") and all(message.has("bottom") for message in included):  # the data of training do then
        those = {id(message) for message in included}
        included = [message for message in messages if id(message) in those or not message.has("bottom")]
    layers = []
    for place, message in enumerate(included):
        steps.spend(_LAYER)
        type_ = message.text("type")
        if not type_:
            raise CannotImport(f"line {message.line}: a layer without a type")
        tops, bottoms = tuple(message.texts("top")), tuple(message.texts("bottom"))
        name = message.text("name") or (tops[0] if tops else f"layer{place}")
        layers.append(NetLayer(name, type_, bottoms, tops, message))
    if not layers:
        raise CannotImport("no layer of the network is there in the phase TEST, which is the one that is counted")
    return layers


def _no_network(net: TextMessage) -> CannotImport:
    if _SOLVER & set(net.fields):
        path = next((net.text(name) for name in ("net", "train_net", "test_net") if net.has(name)), "")
        where = f" of {plain(path)}" if path else ""
        return CannotImport(f"a Caffe solver, which says how a network{where} is trained: open the network's own file")
    if net.has("item"):
        return CannotImport("a label map, which has the names of classes: open the network's own file")
    if not net.fields:
        return CannotImport("the file holds no field; a Caffe prototxt was expected")
    return CannotImport("the file describes no layers; a Caffe prototxt was expected")


def _rules(message: TextMessage) -> list[TextMessage]:
    return [*message.messages("include"), *message.messages("exclude")]


def _mentions_deploying(message: TextMessage) -> bool:
    return any("deploy" in [*rule.texts("stage"), *rule.texts("not_stage")] for rule in _rules(message))


def _is_included(message: TextMessage, stages: set[str]) -> bool:
    """Whether a layer is there, as Caffe decides it: by one rule that includes it, or none that leaves it out."""
    included, excluded = message.messages("include"), message.messages("exclude")
    if included:
        return any(_meets(rule, stages) for rule in included)
    return not any(_meets(rule, stages) for rule in excluded)


def _meets(rule: TextMessage, stages: set[str]) -> bool:
    """Whether a rule holds of the phase TEST at level 0."""
    if rule.has("phase") and rule.choice("phase", ("TRAIN", "TEST")) != "TEST":
        return False
    if rule.whole("min_level", 0, least=-(2**31)) > 0 or rule.whole("max_level", 0, least=-(2**31)) < 0:
        return False
    return set(rule.texts("stage")) <= stages and not set(rule.texts("not_stage")) & stages


class BlobWiring:
    """Which top each bottom is: where a name is used again, that of the layer that wrote it last."""

    def __init__(self, inputs: list[str], layers: list[NetLayer]) -> None:
        newest: dict[str, Top] = {name: (-1, place) for place, name in enumerate(inputs)}
        self.sources: list[list[Top]] = []
        self.readers: dict[Top, list[int]] = {}
        self.open: dict[Top, str] = {}
        """The tops that no layer reads, in their order, with their names."""
        for place, layer in enumerate(layers):
            sources = []
            for name in layer.bottoms:
                if name not in newest:
                    advice = "" if newest else f"; nothing enters the network: write {_AN_INPUT} at the top"
                    raise CannotImport(f"{layer.place} reads {plain(name)}, which no layer before it makes{advice}")
                sources.append(newest[name])
                self.readers.setdefault(newest[name], []).append(place)
            self.sources.append(sources)
            for which, name in enumerate(layer.tops):
                newest[name] = place, which
        for place, layer in enumerate(layers):
            for which, name in enumerate(layer.tops):
                if (place, which) not in self.readers:
                    self.open[place, which] = name
