"""From templates to a network: blocks opened, repeats unrolled, names resolved, shapes worked out in document order.

A layer that fails has no shape; what depends on it is passed over in silence, so that one mistake is one message.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from convcalc import steps
from convcalc.arithmetic.number import is_truth, product, whole
from convcalc.arithmetic.precision import PartialPrecision
from convcalc.fields import shown
from convcalc.language.configure import Configurator
from convcalc.language.expressions import ExpressionError
from convcalc.language.labels import Label
from convcalc.language.misreadings import is_map, linear_on_map
from convcalc.language.names import SEVERAL_INPUTS, Names
from convcalc.language.overrides import REPEAT
from convcalc.language.site import Decision, Failed, Frame, Problems, Site, Tensor
from convcalc.language.suggestions import did_you_mean, listed
from convcalc.language.template import Block, CompiledLayer, Reference
from convcalc.language.tree import Scalar
from convcalc.language.values import CompiledValue
from convcalc.layers import Input, Kind, Shape
from convcalc.network import Borrowed, Group, Node, input_node

DEEPEST_BLOCKS = 64
"""Blocks within blocks, and branches within branches."""
STEPS_OF_LAYER = 30
"""To build it, and later to analyze it and to write its line; also where it is left out."""
_STEPS_OF_CALL = 25
"""Of a block."""
_STEPS_OF_BRANCH = 4
_STEPS_OF_TENSOR = 2
"""That enters a layer: in most of what is worked out of the layer, it is met again."""
_LONG_NAME = 100
CHARACTERS_IN_STEP = 10
"""Of a long name, which is kept more than once, and looked at character by character where it is shown."""
VALUES_IN_STEP = 2
"""Of a table of values that a call keeps."""


class StepsSpent(Exception):
    """The steps of the run are spent; that has been reported at the layer where they were."""


class NetworkBuilder:
    """Collects the nodes of a network; `variables` are the spec's own."""

    def __init__(self) -> None:
        self.variables: dict[str, Any] = {}
        self.nodes: list[Node] = []
        self.groups: list[Group] = []
        self.problems = Problems()
        self.names = Names(self.problems)
        self.configurator = Configurator(self.nodes, self.names, self.problems)
        self.sites: list[Site | None] | None = None  # of the nodes, if they are to be kept
        self.budgeted: list[tuple[Site, int, int]] = []  # with the nodes that are theirs, the last not included
        self.decisions: list[Decision] = []
        self.tried = 0  # layers, those left out included
        self.depth = 0  # sequences within sequences
        self.maps: list[bool] = []  # of the nodes, as far as somebody has asked, whether they are maps
        self.assumed: Mapping[str, Shape] = {}  # of layers that are tried: what comes behind sees these shapes
        self.measured: dict[str, Shape] = {}  # what those layers give themselves

    def network(self, inputs: dict[str, Shape], lines: dict[str, int], layers: Iterable[CompiledLayer]) -> Tensor:
        """Build everything from the inputs on; returns the output of the last layer.

        Raises:
            StepsSpent: and what was built so far is kept.
        """
        for index, (name, shape) in enumerate(inputs.items()):
            self.nodes.append(input_node(name, shape, lines[name]))
            self.names.tensors[name] = index
        if self.sites is not None:
            self.sites += [None] * len(inputs)
        named = {name: index for index, name in enumerate(inputs)}
        first = named.get("input", 0 if len(inputs) == 1 else SEVERAL_INPUTS)
        return self._sequence(layers, Frame(self.variables, first, inputs=named), first)

    def _sequence(self, layers: Iterable[CompiledLayer], call: Frame, current: Tensor) -> Tensor:
        """Build layers one behind the other; returns the output of the last."""
        self.depth += 1
        for layer in layers:
            site = Site(layer, call, call.prefixes[0] + layer.name)
            try:
                current = self._layer(site, current)
            except Failed:
                current = None
            except steps.OutOfSteps as error:
                self.problems.over_limit(site, str(error))
                raise StepsSpent from None
            if layer.label is None:
                self.names.tensors[site.name] = current
        self.depth -= 1
        return current

    def _layer(self, site: Site, current: Tensor) -> Tensor:
        first = len(self.nodes)
        if site.layer.label is None:
            self.names.claimed(site)
        try:
            return self._occurrences(site, current)
        finally:
            if site.layer.budget is not None:
                self.budgeted.append((site, first, len(self.nodes)))

    def _occurrences(self, site: Site, current: Tensor) -> Tensor:
        layer = site.layer
        if layer.repeat is None:
            self._spend(layer)
        if layer.label is not None:
            return self._labelled(site, layer.label, current)
        if layer.repeat is None:
            return self._tried(site, current)
        times = self.names.repeats[site.name] = self._times(site, layer.repeat, current)
        first, built = len(self.nodes), 0
        try:
            for index in range(times):
                inner, before = Site(layer, site.call, f"{site.name}.{index}", index), len(self.nodes)
                current = self._tried(inner, current)
                self.names.tensors[inner.name] = current
                built += len(self.nodes) > before
        finally:  # what could be built is one group, also where a repetition fails
            self.groups.append(Group(site.name, layer.kind_name, first, len(self.nodes), built, layer.line))
        return current

    def _labelled(self, site: Site, label: Label, current: Tensor) -> Tensor:
        """Build a layer, or the repetitions of one, as if each were written under the name worked out for it."""
        indices: Iterable[int | None] = [None]
        try:
            if site.layer.broken:
                raise Failed  # maybe in its name
            if site.layer.repeat is not None:
                indices = range(self._times(site, site.layer.repeat, current))
        except Failed:
            self.names.unknown.add(site.call.prefixes[0])
            raise
        for index in indices:
            inner = self.names.labelled(site, label, index)
            try:
                current = None if inner is None else self._tried(inner, current)
            except Failed:
                current = None
            if inner is not None:
                self.names.tensors[inner.name] = current
        return current

    def _times(self, site: Site, repeat: CompiledValue, current: Tensor) -> int:
        layer = site.layer
        first = Site(layer, site.call, site.name, 0)
        source = self._sources(first, current)[0] if layer.sources and not repeat.constant else current
        written = self.configurator.value(site, source, REPEAT, repeat)
        written = self.configurator.overrides.of(site, (REPEAT,)).get(REPEAT, written)
        number = whole(written)
        if number is None or number < 0:
            message = f"repeat: expected a whole number from 0, found {shown(written)}"
            raise self.problems.fail(site, "CC011", message, REPEAT)
        times = int(number)
        self._spend(layer, times)
        return times

    def _spend(self, layer: CompiledLayer, times: int = 1) -> None:
        """Spend the steps of a layer and its repetitions, but for what stands in it."""
        self.tried += times
        cost = _STEPS_OF_CALL if layer.block is not None else STEPS_OF_LAYER
        steps.spend(times * (cost + _STEPS_OF_BRANCH * len(layer.branches or ())))

    def _tried(self, site: Site, current: Tensor) -> Tensor:
        """As `_once`; of a layer that is tried, the output has the shape that is assumed, also where it fails."""
        shape = self.assumed.get(site.name)
        if shape is None:
            return self._once(site, current)
        try:
            output = self._once(site, current)
        except Failed:
            output = None
        if output is None:
            node = Node(site.name, f"{site.layer.kind_name} that fails", Input(sizes=shape), (), shape, site.layer.line)
        else:
            self.measured[site.name] = self.nodes[output].shape
            node = replace(self.nodes[output], shape=shape)
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _once(self, site: Site, current: Tensor) -> Tensor:
        layer = site.layer
        if len(site.name) > _LONG_NAME:
            steps.spend(len(site.name) // CHARACTERS_IN_STEP)
        if layer.broken or (layer.kind is None and layer.block is None):
            return None
        sources = self._sources(site, current)
        if layer.when is not None and not self._stands(site, layer.when, sources[0]):
            return current  # as if it were not written
        precision = self.configurator.precision(site, sources[0])
        if layer.branches is not None:
            sources = self._branches(site, layer.branches, sources, precision)
        inputs = tuple(source for source in sources if source is not None)
        if len(inputs) < len(sources):
            return None
        if layer.block is not None:
            return self._block(site, layer.block, inputs, precision)
        return self._node(site, inputs, precision)

    def _sources(self, site: Site, current: Tensor) -> list[Tensor]:
        """What enters a layer, one tensor or more."""
        if site.layer.sources is None:
            return [self.names.one(current, site)]
        steps.spend(_STEPS_OF_TENSOR * len(site.layer.sources))
        sources = [tensor for named in site.layer.sources for tensor in self.names.each(named, site, current)]
        if not sources:
            raise self.problems.fail(site, "CC013", "`from` stands for no layer, because none is repeated", "from")
        return sources

    def _stands(self, site: Site, when: CompiledValue, source: Tensor) -> bool:
        stands = self.configurator.value(site, source, "when", when)
        if not is_truth(stands):
            raise self.problems.fail(site, "CC011", f"when: expected true or false, found {shown(stands)}", "when")
        if self.sites is not None and source is not None and site.call.caller is not None and not when.constant:
            self._note_decision(site, when, source, stands=bool(stands))
        return bool(stands)

    def _note_decision(self, site: Site, when: CompiledValue, source: int, *, stands: bool) -> None:
        """Note a `when` that reads in_channels where input_channels would have it decided otherwise."""
        read = {name.id for name in when.written.names}
        if "in_channels" not in read or "input_channels" in read:
            return
        names = self.configurator.names_in(site, source, "when")
        with contextlib.suppress(ExpressionError):
            if when.evaluate({**names, "in_channels": names["input_channels"]}) is not stands:
                self.decisions.append(Decision(site, names["in_channels"], names["input_channels"], stands))

    def _branches(
        self,
        site: Site,
        branches: list[list[CompiledLayer]],
        sources: list[Tensor],
        precision: PartialPrecision | None,
    ) -> list[Tensor]:
        if len(sources) != 1:
            raise self.problems.fail(site, "CC013", "all branches start from one tensor; `from` names several")
        self._refuse_depth(site, "branches within branches")
        call = site.call
        if precision is not call.precision:
            call = replace(call, precision=precision)
        if site.index is not None:  # the layers inside are there once for every repetition
            steps.spend(len(call.values) // VALUES_IN_STEP)
            call = replace(
                call,
                values={**call.values, "index": site.index},
                prefixes=(f"{site.name}.", *call.prefixes),
                shared=call.shared and f"{call.shared}{site.relative_name}.",
            )
        return [self._sequence(branch, call, sources[0]) for branch in branches]

    def _block(
        self, site: Site, block: Block, inputs: tuple[int, ...], precision: PartialPrecision | None
    ) -> Tensor:
        self._check_inputs(site, block, len(inputs))
        self._refuse_depth(site, "blocks within blocks")
        owner = self.names.owner(site)
        named = dict(zip(block.inputs, inputs, strict=bool(block.inputs)))
        lent: dict[str, Any] = {}
        if site.layer.share is not None and owner is not None:
            lender, lent = self.names.calls.get(owner, (None, lent))
            if lender is not block:
                raise self._wrong_share(site, owner)
        values = self._arguments(site, block, inputs[0], named, lent)
        self.names.calls[site.name] = block, values
        inside = Frame(values, inputs[0], (f"{site.name}.",), named, site, owner and f"{owner}.", precision)
        first = len(self.nodes)
        output = self._sequence(block.layers, inside, inputs[0])
        line = site.in_users_text()[0].layer.line
        self.groups.append(Group(site.name, block.name, first, len(self.nodes), None, line, block.about))
        return output

    def _refuse_depth(self, site: Site, what: str) -> None:
        if self.depth > DEEPEST_BLOCKS:
            raise self.problems.fail(site, "CC008", f"{what} more than {DEEPEST_BLOCKS} deep")

    def _check_inputs(self, site: Site, block: Block, count: int) -> None:
        wanted = len(block.inputs) or 1
        if count == wanted:
            return
        named = f" ({listed(block.inputs)})" if block.inputs else ""
        message = f"{block.name} takes {wanted} input{'s' if wanted > 1 else ''}{named}, found {count}"
        if count < wanted:
            message += f"; name them: from: [{listed(block.inputs)}]"
        elif not block.inputs and not block.source.shipped:
            message += "; a block of several names them in its definition: inputs: [a, b]"
        raise self.problems.fail(site, "CC013", message, "from")

    def _arguments(
        self, site: Site, block: Block, source: int, inputs: dict[str, int], lent: dict[str, Any]
    ) -> dict[str, Any]:
        """The values of a block's parameters: written, those of the block that is shared, or the defaults."""
        steps.spend((len(block.variables) + len(block.parameters)) // VALUES_IN_STEP)
        values = {name: self.variables[name] for name in block.variables}
        given = self.configurator.overrides.of(site, block.parameters)
        for parameter, default in block.parameters.items():
            written = site.layer.fields.get(parameter)
            if parameter in given:
                values[parameter] = given[parameter]
            elif written is not None:
                values[parameter] = self.configurator.value(site, source, parameter, written)
            elif parameter in lent:
                values[parameter] = lent[parameter]
            elif default is not None:
                call = Frame(values, source, (f"{site.name}.",), inputs, site.call.caller)
                values[parameter] = self.configurator.value(
                    Site(site.layer, call, site.name), source, parameter, default
                )
            else:
                raise Failed  # it is missing, which has been reported
        return values

    def _node(self, site: Site, inputs: tuple[int, ...], precision: PartialPrecision | None) -> Tensor:
        shared = self._shared(site)
        config, output = self.configurator.layer(site, inputs, shared)
        borrowed: tuple[Borrowed, ...] = ()
        if shared is not None:
            self._check_shared(site, config, inputs, self.nodes[shared])
            precision = self.configurator.precision_of_shared(site, precision, self.nodes[shared])
        elif site.layer.arrays:
            borrowed = self._borrowed(site, config.arrays(*self._shapes(inputs)))
        if config.is_linear and self._is_map(inputs[0]):
            misread = linear_on_map(self.nodes[inputs[0]].shape, output[-1])
            if misread is not None:
                self.problems.warn(site, *misread)
        line = site.in_users_text()[0].layer.line
        kind = site.layer.kind_name
        self.nodes.append(Node(site.name, kind, config, inputs, output, line, shared, borrowed, precision))
        if self.sites is not None:
            self.sites.append(site)
        return len(self.nodes) - 1

    def _is_map(self, index: int) -> bool:
        for node in self.nodes[len(self.maps) :]:
            self.maps.append(is_map(node, any(self.maps[before] for before in node.inputs)))
        return self.maps[index]

    def _shared(self, site: Site) -> int | None:
        """The layer whose weights this one uses, None if it has its own."""
        owner = self.names.owner(site)
        index = self.names.tensors.get(owner) if owner is not None else None
        if owner is None or index is None:
            return None
        node = self.nodes[index]
        if node.name == owner and node.kind == site.layer.kind_name:
            return index if node.shared is None else node.shared
        if site.layer.share is None:
            return None  # left out in the block that is shared, and so with weights of its own
        raise self._wrong_share(site, owner)

    def _wrong_share(self, site: Site, owner: str) -> Failed:
        index = self.names.tensors.get(owner)
        kind = self.nodes[index].kind if index is not None and self.nodes[index].name == owner else None
        what = self.names.calls[owner][0].name if owner in self.names.calls else kind or "one that is left out"
        return self.problems.fail(site, "CC013", f"share: expected a {site.layer.kind_name} above, found {what}")

    def _check_shared(self, site: Site, config: Kind, inputs: tuple[int, ...], owner: Node) -> None:
        before, here = self._shapes(owner.inputs), self._shapes(inputs)
        owned, needed = owner.config.weights(*before), config.weights(*here)
        kept = owner.config.buffers(*before)
        if owned == needed and kept:  # those are shared as well, where both have them
            needed = {name: shape for name, shape in config.buffers(*here).items() if name in kept}
            owned = {name: kept[name] for name in needed}
        if owned != needed:
            message = f"share: the weights of {owner.name} are {_listed(owned)}, this layer needs {_listed(needed)}"
            raise self.problems.fail(site, "CC103", message)

    def _borrowed(self, site: Site, arrays: dict[str, Shape]) -> tuple[Borrowed, ...]:
        """The arrays of a layer that are those of other layers; `arrays` are all it has."""
        borrowed = []
        for key, reference in site.layer.arrays:
            name = str(key.value)
            if name not in arrays:
                raise self._no_array(site, key, site.name, name, arrays)
            owner, array = self.names.array(reference, site)
            index = self._holder(site, reference, owner)
            holder = self.nodes[index]
            held = holder.config.arrays(*self._shapes(holder.inputs))
            if array not in held:
                raise self._no_array(site, reference.node, owner, array, held)
            if product(arrays[name]) > product(held[array]) and holder.kind != "parameter":
                more = f"{name} {_sizes(arrays[name])} has more elements than {reference.name}, {_sizes(held[array])}"
                advice = "an array is a view of another with as many elements or more, or of a parameter"
                raise self.problems.fail_at(site, reference.node, "CC103", f"{site.name}: share: {more}", advice)
            borrowed.append(Borrowed(name, index, array))
        return tuple(borrowed)

    def _holder(self, site: Site, reference: Reference, owner: str) -> int:
        """The layer of that name, or the one whose weights it uses."""
        index = self.names.tensors[owner]
        if index is None:
            raise Failed
        node = self.nodes[index]
        if node.name == owner and not node.is_input:
            return index if node.shared is None else node.shared
        what = "a block" if owner in self.names.calls else "an input" if node.is_input else "left out"
        message = f"{site.name}: share: expected an array of a layer above, and {owner} is {what}"
        advice = f"name a layer within: {owner}.conv1.weight, say" if owner in self.names.calls else ""
        raise self.problems.fail_at(site, reference.node, "CC013", message, advice)

    def _no_array(self, site: Site, node: Scalar, layer: str, name: str, arrays: dict[str, Shape]) -> Failed:
        message = f"{site.name}: share: {layer} has no array `{name}`; it has {_listed(arrays)}"
        return self.problems.fail_at(site, node, "CC013", message, did_you_mean(name, arrays))

    def _shapes(self, nodes: tuple[int, ...]) -> list[Shape]:
        return [self.nodes[index].shape for index in nodes]


def _sizes(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _listed(weights: dict[str, Shape]) -> str:
    return ", ".join(f"{name} {_sizes(shape)}" for name, shape in weights.items()) or "none"
