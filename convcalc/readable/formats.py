"""The formats that a model file has its numbers in, as a spec says them: for all layers, and for single ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from convcalc.arithmetic.precision import FLOAT32, ROLES, Format, PartialPrecision, Precision
from convcalc.imports.record import Layer
from convcalc.language.writing import value_text

_DEFAULT = Precision()


class HeldFormats(msgspec.Struct, frozen=True):
    """`everywhere` are the formats of the network, None where they are those of any spec.

    `own` are those that a layer has of its own, by its number, and `written` what its `bits` say: not what it has from
    the layer whose weights it uses.
    """

    everywhere: Precision | None
    own: dict[int, PartialPrecision] = {}
    written: dict[int, PartialPrecision] = {}

    def text(self, index: int) -> str:
        """What the `bits` of a layer are written as, empty where it has none."""
        bits = self.written.get(index)
        return "" if bits is None else value_text(_said(bits))

    @property
    def dtype(self) -> str:
        """What `dtype` is written as under `deploy`, empty where nothing is said there."""
        formats = self.everywhere
        if formats is None:
            return ""
        if formats.weights == formats.activations == formats.bias:
            return formats.weights.name
        return value_text({role: name for role, name in _said(formats).items() if name != FLOAT32.name})


def held(layers: Sequence[Layer], numbers: dict[str, int]) -> HeldFormats:
    """The formats of some layers, with the number of each by its name."""
    stated = [layer.precision or PartialPrecision() for layer in layers]
    if all(bits in (None, PartialPrecision()) or _is_default(bits) for bits in stated):
        return HeldFormats(None)
    everywhere = _everywhere(stated)
    own: dict[int, PartialPrecision] = {}
    written: dict[int, PartialPrecision] = {}
    for index, (layer, bits) in enumerate(zip(layers, stated, strict=True)):
        differing = PartialPrecision(**{role: _differing(bits, everywhere, role) for role in ROLES})
        if layer.share is not None:
            owner = own.get(numbers[layer.share], PartialPrecision())
            written[index] = PartialPrecision(activations=differing.activations)
            own[index] = PartialPrecision(owner.weights, differing.activations, owner.bias)
        else:
            own[index] = written[index] = differing
    return HeldFormats(None if everywhere == _DEFAULT else everywhere, _without_empty(own), _without_empty(written))


def _everywhere(stated: Sequence[PartialPrecision]) -> Precision:
    """What most layers have; biases of which nothing is said are like sums, of 32 bits, or as all other floats."""
    weights, activations, bias = (_commonest(stated, role) for role in ROLES)
    both = {weights or activations or FLOAT32, activations or weights or FLOAT32}
    alike = both.pop() if len(both) == 1 else None
    if bias is None and alike is not None and not alike.is_integer:
        bias = alike
    if weights is None and activations is not None and not activations.is_integer:
        weights = activations
    return Precision(weights or FLOAT32, activations or FLOAT32, bias or FLOAT32)


def _commonest(stated: Sequence[PartialPrecision], role: str) -> Format | None:
    counts = Counter(getattr(bits, role) for bits in stated if getattr(bits, role) is not None)
    return counts.most_common(1)[0][0] if counts else None


def _differing(bits: PartialPrecision, everywhere: Precision, role: str) -> Format | None:
    own: Format | None = getattr(bits, role)
    return None if own == getattr(everywhere, role) else own


def _is_default(bits: PartialPrecision) -> bool:
    return bits.over(_DEFAULT) == _DEFAULT


def _said(bits: PartialPrecision | Precision) -> dict[str, str]:
    return {role: getattr(bits, role).name for role in ROLES if getattr(bits, role) is not None}


def _without_empty(formats: dict[int, PartialPrecision]) -> dict[int, PartialPrecision]:
    nothing = PartialPrecision()
    return {index: bits for index, bits in formats.items() if bits != nothing}
