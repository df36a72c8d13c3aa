"""Other ways to run the tools of `counter_tools`: by switches of their own, in training, for a larger batch.

By tool and option, as `--count-as` takes them. What the tools set themselves cannot be chosen: thop, ptflops and
calflops put a module into evaluation mode whatever it was in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counter_tools import (
    TOOLS,
    Counted,
    Counter,
    calflops,
    calflops_of,
    flop_counter,
    flop_counter_with_gradients,
    fvcore,
    of_flop_counter,
    ptflops,
    ptflops_aten,
    torchinfo,
)

Tensors = tuple[Any, ...]


def in_training(counter: Counter) -> Counter:
    """A tool on a module in training mode."""
    return lambda module, tensors: counter(module.train(), tensors)


def without_gradients(counter: Counter) -> Counter:
    """A tool within torch.no_grad, which lets attention take its fast path."""

    def count(module: Any, tensors: Tensors) -> Counted:
        import torch

        with torch.no_grad():
            return counter(module, tensors)

    return count


def of_two(counter: Counter) -> Counter:
    """A tool on a batch of two."""

    def count(module: Any, tensors: Tensors) -> Counted:
        import torch

        return counter(module, tuple(torch.cat([tensor, tensor]) for tensor in tensors))

    return count


def flop_counter_on_meta(module: Any, tensors: Tensors) -> Counted:
    """Where tensors have shapes alone, no operator is fused for a device."""
    return flop_counter(module.to("meta"), tuple(tensor.to("meta") for tensor in tensors))


def flop_counter_backward(module: Any, tensors: Tensors) -> Counted:
    """Forward and backward of the sum of all outputs; the input wants no gradient, as a picture wants none."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        outputs = module(*tensors)
        outputs = outputs.values() if isinstance(outputs, dict) else outputs
        outputs = [outputs] if isinstance(outputs, torch.Tensor) else outputs
        sum(output.sum() for output in outputs if isinstance(output, torch.Tensor)).backward()
    return of_flop_counter(counter)


def flop_counter_backward_to_input(module: Any, tensors: Tensors) -> Counted:
    """The same where the input wants a gradient too, as behind another layer."""
    return flop_counter_backward(module, tuple(tensor.requires_grad_(tensor.is_floating_point()) for tensor in tensors))


def calflops_backward(module: Any, tensors: Tensors) -> Counted:
    """Calflops with its own switch for the backward pass."""
    return calflops_of(module, tensors, include_backPropagation=True)


OPTIONS: dict[str, Counter] = {
    "flop-counter:grad=on": flop_counter_with_gradients,
    "flop-counter:pass=forward+backward": flop_counter_backward,
    "flop-counter:device=meta": flop_counter_on_meta,
    "fvcore:mode=train": in_training(fvcore),
    "torchinfo:mode=train": in_training(torchinfo),
    "ptflops:grad=off": without_gradients(ptflops),
    "ptflops-aten:grad=off": without_gradients(ptflops_aten),
    "calflops:grad=off": without_gradients(calflops),
}
"""What is run beside the usual, of which what differs is kept."""

OPTIONS_OF_NETWORKS = {name: OPTIONS[name] for name in ("flop-counter:grad=on", "flop-counter:pass=forward+backward")}
"""What of it is run on networks, and kept in any case."""

MORE: dict[str, Counter] = {
    "flop-counter:pass=forward+backward,input=on": flop_counter_backward_to_input,
    "calflops:pass=forward+backward": calflops_backward,
    **{f"{tool}:batch=2": of_two(counter) for tool, counter in TOOLS.items()},
}
"""What is also run on the drawn networks."""


def by_process(counters: Mapping[str, Counter]) -> list[dict[str, Counter]]:
    """Counters that can share a process, then each of calflops, whose patches stay and count again what comes after."""
    together = {name: counter for name, counter in counters.items() if not name.startswith("calflops")}
    return [together, *({name: counters[name]} for name in counters if name not in together)]
