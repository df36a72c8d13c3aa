"""What a file declares of the tensors within its graph, and where that is not what is worked out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from convcalc.imports.arrays import checked
from convcalc.imports.errors import plain
from convcalc.imports.onnx.input_sizes import dims_text
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.reading import Model, ValueInfo
from convcalc.imports.onnx.values import Value


class Declarations:
    """Those of a model, which are read when the first is asked for."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._differing: list[str] = []
        self._sizes: dict[str, int] = {}
        self._is_of_others = False

    def bind(self, infos: Sequence[ValueInfo], shapes: Mapping[str, Sequence[int]]) -> None:
        """Take in the sizes of the inputs: those of open axes by name, and whether the file speaks of other ones."""
        for info in infos:
            for stated, size in zip(info.dims or (), shapes.get(info.name, ()), strict=False):
                if isinstance(stated, str):
                    self._sizes.setdefault(stated, size)
                elif stated and stated != size:
                    self._is_of_others = True

    @cached_property
    def _infos(self) -> dict[str, ValueInfo]:
        return self.model.stated()

    def value(self, name: str, samples: int, *, is_batched: bool = True) -> Value | None:
        """A tensor of which only the declared shape is known, if the file declares all of that.

        `is_batched`: an axis in front that it leaves open is that of the batch.
        """
        info = self._infos.get(name)
        if info is None or info.dims is None or self._is_of_others:
            return None
        if not info.dims:
            return Value((), None)
        first, *others = [self._sizes.get(size, size) if isinstance(size, str) else size for size in info.dims]
        if not all(isinstance(size, int) and size > 0 for size in others):
            return None
        if not (is_batched or (isinstance(first, int) and first > 0)):
            return None
        leading = first if isinstance(first, int) and first > 0 else 1
        is_of_samples = leading == samples > 1
        sizes = [1 if is_of_samples else leading, *(size for size in others if isinstance(size, int))]
        return Value(checked(sizes, f"tensor {plain(name)}"), samples=0 if is_of_samples else None)

    def compare(self, node: GraphNode, name: str, shape: Sequence[int], first: int) -> None:
        """Keep where the file declares another shape than is worked out, on the axes from `first` on."""
        info = self._infos.get(name)
        if info is None or not info.dims:
            return
        pairs = list(zip(info.dims, shape, strict=False))[first:]
        open_or_same = all(not isinstance(size, int) or size in (0, own) for size, own in pairs)
        if len(info.dims) != len(shape) or not open_or_same:
            tensor = f"{plain(name)}, which {node.operator} at {node.title} makes"
            self._differing.append(f"{tensor}: declared {dims_text(info.dims)}, worked out {list(shape)}")

    def differences(self) -> list[str]:
        """The first of these as a sentence; those that may follow from it are counted."""
        if not self._differing:
            return []
        others = len(self._differing) - 1
        more = f" (and of {others} {'tensor' if others == 1 else 'tensors'} more)" if others else ""
        return [f"the file declares another shape than is worked out of {self._differing[0]}{more}"]
