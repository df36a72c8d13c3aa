"""What names stand for while a network is built."""

from __future__ import annotations

from typing import Any

from convcalc import steps
from convcalc.language.expressions import ExpressionError, Unknown
from convcalc.language.labels import Label, is_computed
from convcalc.language.site import Failed, Problems, Site, Tensor
from convcalc.language.suggestions import KEPT_SHARE, did_you_mean, listed
from convcalc.language.template import LEGAL_NAME, Block, Reference, is_legal_name
from convcalc.language.tree import Node

SEVERAL_INPUTS = -1
"""Stands for the input where there are several: which one is meant must be said."""
_STAR = ".*"
STEPS_OF_NAME = 2
NAMES_IN_STEP = 5
CHARACTERS_IN_STEP = 100
"""Of a name that is looked up."""


class Names:
    """Tensors, repeats and block calls by full name."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.tensors: dict[str, Tensor] = {}
        self.repeats: dict[str, int] = {}
        self.computed: dict[str, str] = {}  # full names that were worked out: what is written there
        self.unknown: set[str] = set()  # prefixes where a name could not be worked out, so that its absence is no error
        self.calls: dict[str, tuple[Block, dict[str, Any]]] = {}

    def full_name(self, name: str, prefixes: tuple[str, ...] = ("",)) -> str | None:
        """The full name of a layer that can be named here; that of one around it which has failed; else None."""
        steps.spend(len(prefixes) * name.count(".") * (1000 + len(name)) // 5000)  # parts, each looked up and copied
        for prefix in prefixes:
            if prefix + name in self.tensors:
                return prefix + name
            outer = name
            while "." in outer:
                outer = outer.rpartition(".")[0]
                if prefix + outer in self.tensors and self.tensors[prefix + outer] is None:
                    return prefix + outer
        return None

    def lookup(self, name: str, site: Site) -> str | None:
        """As `full_name`, for a layer.

        Raises:
            Failed: it may be one whose name could not be worked out.
        """
        full = self.full_name(name, site.call.prefixes)
        if full is None and not self.unknown.isdisjoint(site.call.prefixes):
            raise Failed
        return full

    def claimed(self, site: Site) -> None:
        """Refuse a name that stands for another layer.

        Raises:
            Failed: it does.
        """
        if site.name in (self.computed if site.layer.label is None else self.tensors):
            message = f"the name `{site.relative_name}` is given twice"
            raise self.problems.fail_at(site, site.layer.name_node, "CC002", message)

    def labelled(self, site: Site, label: Label, index: int | None) -> Site | None:
        """A layer, or a repetition of it, under the name that is worked out for it; None if there is none."""
        layer, call = site.layer, site.call
        try:
            text = self._worked_out(label, layer.name_node, Site(layer, call, site.name, index))
            if not is_legal_name(text) or is_computed(text):
                message = f"name: expected {LEGAL_NAME}, found {text!r}"
                raise self.problems.fail_at(site, layer.name_node, "CC011", message)
            inner = Site(layer, call, call.prefixes[0] + text, index)
            self.claimed(inner)
        except Failed:
            self.unknown.add(call.prefixes[0])
            return None
        self.computed[inner.name] = layer.name
        return inner

    def _worked_out(self, label: Label, node: Node, site: Site) -> str:
        values = site.call.values if site.index is None else {**site.call.values, "index": site.index}
        try:
            return label.text(values)
        except Unknown:
            raise Failed from None
        except ExpressionError as error:
            raise self.problems.fail_at(site, node, "CC011", f"{site.name}: {error}") from None

    def _text(self, reference: Reference, site: Site) -> str:
        """The name that is meant."""
        label = reference.label
        return reference.name if label is None else self._worked_out(label, reference.node, site)

    def resolve(self, reference: Reference, site: Site, current: Tensor) -> str | Tensor:
        """What a reference stands for: a tensor for `previous` and what enters the block, else a full name."""
        name = self._text(reference, site)
        if name == "previous":
            return self.one(current, site)
        if self.is_input(name, site):
            return self.input(name, site)
        full = self.lookup(name, site)
        if full is None:
            message = f"{site.name}: there is no layer `{name}` above"
            raise self.problems.fail_at(site, reference.node, "CC013", message, self.close(name, site))
        return full

    def close(self, name: str, site: Site) -> str:
        """Which layer may have been meant by a name that is not there, or nothing."""
        start = site.call.prefixes[0]
        with steps.spare(KEPT_SHARE):
            if not steps.afford(len(self.tensors) // NAMES_IN_STEP):
                return ""
        return did_you_mean(name, [known.removeprefix(start) for known in self.tensors if known.startswith(start)])

    def each(self, reference: Reference, site: Site, current: Tensor) -> list[Tensor]:
        """The tensors that a reference stands for: one, or with a * one of every repetition."""
        names = [self._text(reference, site)]
        while names and _STAR in names[0]:
            names = [name for starred in names for name in self._repetitions(starred, reference, site)]
        tensors = [self.resolve(Reference(name, reference.node), site, current) for name in names]
        return [self.tensors[tensor] if isinstance(tensor, str) else tensor for tensor in tensors]

    def _repetitions(self, text: str, reference: Reference, site: Site) -> list[str]:
        """The names that one with a * stands for, of which it may have several: here the first is gone."""
        repeated, _, rest = text.partition(_STAR)
        full = self.lookup(repeated, site)
        if full is not None and full not in self.repeats and self.tensors[full] is not None:
            message = f"{site.name}: `{repeated}` is not repeated, so `*` stands for nothing"
            raise self.problems.fail_at(site, reference.node, "CC013", message)
        times = self.repeats.get(full, 1) if full is not None else 1
        steps.spend(times * (STEPS_OF_NAME + len(text) // CHARACTERS_IN_STEP))
        return [f"{repeated}.{index}{rest}" for index in range(times)]

    def is_input(self, name: str, site: Site) -> bool:
        """Whether a name is that of what enters the block around, or the network."""
        return name == "input" or name in site.call.inputs

    def input(self, name: str, site: Site) -> Tensor:
        """What enters the block around, or the network, under a name; `input` is the only one or that of this name."""
        call = site.call
        return self.one(call.inputs.get(name, call.input if len(call.inputs) < 2 else SEVERAL_INPUTS), site)

    def one(self, source: Tensor, site: Site) -> Tensor:
        """The tensor itself, unless it is one of several inputs and nobody said which."""
        if source == SEVERAL_INPUTS:
            inputs = listed(site.call.inputs)
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
                name = reference.name
                message = f"share: {name} is repeated; name one of {name}.0 to {name}.{last}"
                raise self.problems.fail(site, "CC013", message)
            owner = f"{owner}.{site.index}"
        return owner
