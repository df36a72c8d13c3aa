"""An activation runs in the kernel of the layer before, in its memory, where nothing else reads what that gives.

It must look at nothing but the element, as relu and prelu do and softmax does not. The layer before must work on
numbers: behind what only moves them, such as concat, there is no kernel that has an element at hand, and an activation
writes over what it reads (see `overwriting`). Both give numbers of one format. An activation with arrays of its own,
which is prelu, joins only where neither layer shares arrays with another, and both are in the same formats.
"""

from __future__ import annotations

from convcalc.fusing.kernels import Kernel
from convcalc.fusing.wiring import Wiring, has_arrays, works_on_numbers


def joins(wiring: Wiring, first: int, index: int) -> bool:
    """Whether a layer runs in the kernel that `first` begins, whose output it alone reads."""
    head, config = wiring.network.nodes[first], wiring.network.nodes[index].config
    if not (config.is_activation and config.is_elementwise) or isinstance(config, Kernel):
        return False
    if (
        wiring.is_kept_by_others(first)
        or isinstance(head.config, Kernel)
        or not head.config.costed
        or not works_on_numbers(head.config)
    ):
        return False
    if not has_arrays(config):
        return wiring.is_stored_alike(first, index)
    apart = wiring.has_own_arrays(first) and wiring.has_own_arrays(index)
    return apart and wiring.formats(first) == wiring.formats(index)
