"""What names stand for while a network is built."""

from __future__ import annotations

from typing import Any

from convcalc.spec.site import Failed, Problems, Site, Tensor
from convcalc.spec.suggestions import did_you_mean
from convcalc.spec.template import Block, Reference

SEVERAL_INPUTS = -1
"""Stands for the input of a network that has several: which one is meant must be said."""


class Names:
    """Tensors, repeats and block calls by full name."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.inputs: list[str] = []
        self.tensors: dict[str, Tensor] = {}
        self.repeats: dict[str, int] = {}
        self.calls: dict[str, tuple[Block, dict[str, Any]]] = {}

    def full_name(self, name: str, prefixes: tuple[str, ...] = ("",)) -> str | None:
        """The full name of a layer that can be named here; that of one around it which has failed; else None."""
        for prefix in prefixes:
            if prefix + name in self.tensors:
                return prefix + name
            outer = name
            while "." in outer:
                outer = outer.rpartition(".")[0]
                if prefix + outer in self.tensors and self.tensors[prefix + outer] is None:
                    return prefix + outer
        return None

    def resolve(self, reference: Reference, site: Site, current: Tensor) -> str | Tensor:
        """What a reference stands for: a tensor for `previous` and `input`, else a full name."""
        if reference.name == "previous":
            return self.one(current, site)
        if reference.name == "input":
            return self.one(site.call.input, site)
        found = self.full_name(reference.name, site.call.prefixes)
        if found is None:
            message = f"{site.name}: there is no layer `{reference.name}` above"
            raise self.problems.fail_at(site, reference.node, "CC013", message, self.close(reference.name, site))
        return found

    def close(self, name: str, site: Site) -> str:
        """Which layer may have been meant by a name that is not there, or nothing."""
        start = site.call.prefixes[0]
        return did_you_mean(name, (known.removeprefix(start) for known in self.tensors if known.startswith(start)))

    def tensor(self, reference: Reference, site: Site, current: Tensor) -> Tensor:
        """The tensor that a reference stands for."""
        found = self.resolve(reference, site, current)
        return self.tensors[found] if isinstance(found, str) else found

    def each(self, reference: Reference, site: Site, current: Tensor) -> list[Tensor]:
        """The tensors that a reference stands for: one, or with a * one of every repetition."""
        repeated, star, rest = reference.name.partition(".*")
        if not star:
            return [self.tensor(reference, site, current)]
        full = self.full_name(repeated, site.call.prefixes)
        if full is not None and full not in self.repeats and self.tensors[full] is not None:
            message = f"{site.name}: `{repeated}` is not repeated, so `*` stands for nothing"
            raise self.problems.fail_at(site, reference.node, "CC013", message)
        times = range(self.repeats[full]) if full in self.repeats else range(1)
        found = [Reference(f"{repeated}.{index}{rest}", reference.node) for index in times]
        return [tensor for inner in found for tensor in self.each(inner, site, current)]

    def one(self, source: Tensor, site: Site) -> Tensor:
        """The tensor itself, unless it is one of several inputs and nobody said which."""
        if source == SEVERAL_INPUTS:
            inputs = ", ".join(self.inputs)
            raise self.problems.fail(site, "CC013", f"there are several inputs; name one in `from`: {inputs}")
        return source

    def owner(self, site: Site) -> str | None:
        """The layer whose weights are used: that of `share`, or its like in the block that is shared."""
        reference, call = site.layer.share, site.call
        if reference is None:
            return call.shared and call.shared + site.relative_name
        return self._of_weights(reference, site)

    def array(self, reference: Reference, site: Site) -> tuple[str, str]:
        """The layer whose array a reference names, and the array."""
        layer, _, array = reference.name.rpartition(".")
        around, _, part = layer.rpartition(".")
        if self.full_name(layer, site.call.prefixes) is None:  # an array's name may have a dot too: out_proj.weight
            full = self.full_name(around, site.call.prefixes)
            if full is not None and full not in self.calls:
                layer, array = around, f"{part}.{array}"
        return self._of_weights(Reference(layer, reference.node), site), array

    def _of_weights(self, reference: Reference, site: Site) -> str:
        """The layer or block that a reference in `share` names, of a repeated one the repetition of the same number."""
        owner = self.resolve(reference, site, None)
        if not isinstance(owner, str) or self.tensors[owner] is None:
            raise Failed  # nothing is known of it
        if owner in self.repeats:
            last = self.repeats[owner] - 1
            if site.index is None or site.index > last:
                message = (
                    f"share: {reference.name} is repeated; name one of {reference.name}.0 to {reference.name}.{last}"
                )
                raise self.problems.fail(site, "CC013", message)
            owner = f"{owner}.{site.index}"
        return owner
