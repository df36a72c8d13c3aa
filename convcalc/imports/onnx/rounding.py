"""Graphs that round to few bits: what rounds or scales back is taken out, and what has how many bits is said.

A product of whole numbers is brought back to scale behind it: by the scale of the tensor that entered, which one
operator works out, times that of the weight. Those factors are none of the network's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from convcalc.arithmetic.precision import MOST_BITS, Format, integer
from convcalc.imports.drafts import Draft
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.reading import Graph, Tensor

_OF_TRAINING = {"Quant", "IntQuant", "FloatQuant", "BipolarQuant", "Trunc"}
"""Operators by which training for few bits says that a tensor is rounded and brought back; all in foreign domains."""

_PLACES = {"QuantizeLinear", "DequantizeLinear"}
"""Operators of ONNX's that ONNX Runtime has under its own name as well."""

_OF_WHOLE_NUMBERS = {"ConvInteger", "MatMulInteger"}
_PACKED = {"MatMulNBits", "MatMulBnb4"}

_BITS = {2: 8, 3: 8, 4: 16, 5: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 25: 2, 26: 2}
"""Bits of the element types that are rounded to."""

_DEEPEST = 8
"""Factors of a scale, and operators between a product and the scale behind it, that are followed."""


_OTHERS = {*_OF_WHOLE_NUMBERS, *_PACKED, "Trunc"}
"""Those whose names say nothing of quantising or of the linear scale that is quantised to."""


def _is_rounding(node: GraphNode) -> bool:
    return "Quant" in node.op or node.op.startswith(("QLinear", "QGemm", "QAttention")) or node.op in _OTHERS


class Rounding:
    """The nodes that bring tensors to few bits, and `nodes`, all of the graph without what only scales back."""

    def __init__(self, nodes: Sequence[GraphNode], graph: Graph) -> None:
        self.rounding = [node for node in nodes if _is_rounding(node) and (node.domain or node.op not in _OF_TRAINING)]
        self._graph = graph
        self._makers = {name: node for node in nodes for name in node.outputs if name} if self.rounding else {}
        self.nodes = [self._taken_out(node) for node in nodes] if self.rounding else list(nodes)

    def _taken_out(self, node: GraphNode) -> GraphNode:
        """The node, or one that leaves its first input as it is."""
        if node.domain and node.op in _OF_TRAINING:
            return replace(node, op="Identity", domain="", outputs=node.outputs[:1])
        if node.domain == "com.microsoft" and node.op in _PLACES:
            return replace(node, domain="")
        if node.op == "Mul" and not node.domain and len(node.inputs) == 2:
            for product, scale in (node.inputs, reversed(node.inputs)):
                if self._is_product(product) and self._is_scale(scale):
                    return replace(node, op="Identity", inputs=[product, scale])
        return node

    def _is_product(self, name: str) -> bool:
        """Whether whole numbers were multiplied and added up to make a tensor."""
        for _ in range(_DEEPEST):
            node = self._makers.get(name)
            if node is None or node.domain:
                return False
            if node.op in _OF_WHOLE_NUMBERS:
                return True
            if node.op not in ("Cast", "Identity") or not node.inputs:
                return False
            name = node.inputs[0]
        return False

    def _is_scale(self, name: str, depth: int = 0) -> bool:
        """Whether a tensor is a number of the file, a scale worked out in rounding, or a product of these."""
        node = self._makers.get(name)
        if node is None:
            return name in self._graph.initialisers
        if node.domain or depth > _DEEPEST:
            return False
        if node.op in ("Mul", "Cast", "Identity", "Reshape", "Unsqueeze"):
            return all(self._is_scale(part, depth + 1) for part in node.inputs)
        return node.op == "Constant" or (node.op == "DynamicQuantizeLinear" and name in node.outputs[1:2])

    def notes(self, drafts: Sequence[Draft]) -> list[str]:
        """What a reader of the figures must know, with the layers that were made of the graph."""
        if not self.rounding:
            return []
        weights = self._bits_of_weights()
        layers = Counter(
            bits for draft in drafts for bits in {weights[name] for name in draft.weights if name in weights}
        )
        words = [
            f"the weights of {count:,} layer{'s' if count > 1 else ''} have {bits} bit{'s' if bits > 1 else ''}"
            for bits, count in sorted(layers.items())
        ]
        activations = sorted({bits for node in self.rounding for bits in self._bits_of_activation(node)})
        if activations:
            words.append(f"activations {' or '.join(map(str, activations))}{'' if words else ' bits'}")
        stated = f"quantised: {', '.join(words)}" if words else "quantised"
        stated += "; the layers are those of real numbers that are rounded, scales and zero points are no params"
        if any(node.op == "QuantizeLinear" or node.op.startswith("QLinear") for node in self.rounding):
            stated += "; a rounding that cuts off all below 0 behind a layer is read as relu"
        return [stated]

    def _bits_of_weights(self) -> Mapping[str, int]:
        """By array of the file."""
        tensors = self._graph.initialisers
        bits = {name: _BITS[tensor.element_type] for name, tensor in tensors.items() if tensor.element_type in _BITS}
        for node in self.rounding:
            if node.op in _PACKED and len(node.inputs) > 1:
                bits[node.inputs[1]] = node.attributes.integer("bits", 4)
            if node.op in _OF_TRAINING and node.inputs and node.inputs[0] in tensors:
                bits |= dict.fromkeys(node.inputs[:1], self._stated_bits(node) or 0)
        return {name: count for name, count in bits.items() if count}

    def trained(self) -> Mapping[str, Format]:
        """The whole numbers that training says it rounds tensors to, by the names of these."""
        stated = {
            node.inputs[0]: self._stated_bits(node) or 0
            for node in self.rounding
            if node.op in _OF_TRAINING and node.op != "FloatQuant" and node.inputs
        }
        return {name: integer(bits) for name, bits in stated.items() if 1 <= bits <= MOST_BITS}

    def _stated_bits(self, node: GraphNode) -> int | None:
        """The bits that training says it rounds to, where it is a number of the file."""
        if node.op == "BipolarQuant":
            return 1
        place = 4 if node.op == "Trunc" else 3
        tensor = self._tensor(node.inputs[place]) if place < len(node.inputs) else None
        numbers = tensor.numbers() if tensor is not None else None
        return int(numbers[0]) if numbers and 0 < numbers[0] <= 64 else None

    def _bits_of_activation(self, node: GraphNode) -> list[int]:
        if node.op in _OF_TRAINING:
            bits = None if node.inputs and node.inputs[0] in self._graph.initialisers else self._stated_bits(node)
            return [bits] if bits else []
        if node.op == "QuantizeLinear":
            point = self._tensor(node.inputs[2]) if len(node.inputs) > 2 else None
            element_type = point.element_type if point else node.attributes.integer("output_dtype") or 2
            return [_BITS[element_type]] if element_type in _BITS else []
        return [8] if node.op.startswith(("QLinear", "DynamicQuantize", "QGemm", "QAttention")) else []

    def _tensor(self, name: str) -> Tensor | None:
        """A tensor of the file, whichever way it is stored."""
        maker = self._makers.get(name)
        value = maker.attributes.get("value") if maker is not None and maker.op == "Constant" else None
        return value if isinstance(value, Tensor) else self._graph.initialisers.get(name)
