"""How the code of a program calls what a layer does, where a file says in which modules an operator was called.

A layer of PyTorch's is a module of torch.nn's own class, a module of another class, or a function: other tools count
each of these otherwise (see `convcalc.counters`), and a spec says it under ``code``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from convcalc.imports.drafts import INPUT, UNKNOWN, Draft, Origin
from convcalc.imports.errors import plain
from convcalc.layers import kind_of


class CodePlace(msgspec.Struct, frozen=True):
    """Where a program calls an operator.

    `path` is the innermost module by its name, `call` that module and which call of it this is. `module` is its class,
    empty where the file does not say it. `is_leaf`: it calls no other module. `function` is how the operator is called
    there, as a spec has it, and empty where the file does not say; `is_taken`: it may be another that does the same.
    """

    path: str
    call: str = ""
    module: str = ""
    is_leaf: bool = False
    function: str = ""
    is_taken: bool = False


class CodeCall(msgspec.Struct, frozen=True):
    """What a layer is called as; empty where it is what is taken anyway.

    `is_taken`: the file does not say it. `part_of` is the module of torch.nn that was taken apart into it and others.
    """

    text: str = ""
    is_taken: bool = False
    part_of: str = ""


PlaceOf = Callable[[Origin], CodePlace | None]

_NAMELESS = "OwnClass"
"""What a class is called whose name the file does not say, where it is none of torch.nn's."""

_OWN = "torch.nn.modules."
"""What the full names of torch.nn's own classes begin with."""

_BASES = {
    "conv": "Conv{}d",
    "conv_transpose": "ConvTranspose{}d",
    "linear": "Linear",
    "batch_norm": "BatchNorm{}d",
    "instance_norm": "InstanceNorm{}d",
    "layer_norm": "LayerNorm",
    "group_norm": "GroupNorm",
    "rms_norm": "RMSNorm",
    "prelu": "PReLU",
    "embedding": "Embedding",
    "lstm": "LSTM",
    "gru": "GRU",
    "rnn": "RNN",
}
"""Classes of torch.nn whose arrays are those of a kind, which subclasses have too; braces for the number of axes."""

_MODULES = {
    "globalavgpool": {"adaptiveavgpool"},
    "globalmaxpool": {"adaptivemaxpool"},
    "attention": {"multiheadattention"},
}
"""Classes of torch.nn that are a kind and not called as it is, both squashed."""

_MOVING = {"permute", "split", "gather", "parameter", UNKNOWN, INPUT}


def is_moving(kind: str) -> bool:
    """Whether layers of a kind only arrange elements, or are no layers of code: nobody counts anything of them."""
    if kind in _MOVING:
        return True
    of = kind_of(kind)
    return of.is_view or of.keeps_axes or of.is_inert


def calls(drafts: Sequence[Draft], place_of: PlaceOf) -> dict[Draft, CodeCall]:
    """How each layer is called, as far as it is known and counts."""
    places = {}
    for draft in drafts:
        place = None if is_moving(draft.kind) else _place(draft, place_of)
        if place is not None:
            places[draft] = place
    within = Counter(place.call for place in places.values())
    turned = [_place(draft, place_of) for draft in drafts if draft.kind in ("permute", "reshape")]
    turning = {place.call for place in turned if place is not None}
    for draft, place in places.items():
        if not place.module and place.call in turning and draft.kind == "layer_norm":
            places[draft] = replace(place, module=_NAMELESS)  # as torch.nn's own class turns no axes
    return {draft: _call(draft, place, is_alone=within[place.call] == 1) for draft, place in places.items()}


def _place(draft: Draft, place_of: PlaceOf) -> CodePlace | None:
    """Where that was called which the layer is in the first place: what its arrays belong to, or what came last."""
    places = [place for origin in draft.origins if (place := place_of(origin)) is not None]
    owners = [place for place in places if _owned(draft, place)]
    last: list[CodePlace] = owners or places
    return last[-1] if last else None


def _owned(draft: Draft, place: CodePlace) -> bool:
    """Whether the weight of a layer is that of the module itself, and not of one within it."""
    return any(name == f"{place.path}.{weight}" for name in draft.weights for weight in ("weight", "weight_ih_l0"))


def _call(draft: Draft, place: CodePlace, *, is_alone: bool) -> CodeCall:
    last, is_torchs = place.module.rpartition(".")[2], place.module.startswith(_OWN)
    if is_torchs and place.is_leaf and (is_alone or _is_own(draft.kind, last)):
        return CodeCall("" if _is_own(draft.kind, last) else f"nn.{last}")
    is_whole = _owned(draft, place) or (is_alone and bool(draft.weights))
    if draft.kind in _BASES and place.is_leaf and is_whole and (is_alone or not is_torchs) and last.isidentifier():
        return CodeCall(f"{last}(nn.{_BASES[draft.kind].format(len(draft.shape) - 1)})")
    if not place.module and place.is_leaf and is_alone:  # of a class that the file does not say
        return CodeCall()
    is_taken = place.is_taken or not place.function
    return CodeCall(place.function or _taken(draft), is_taken, f"nn.{last}" if is_torchs and place.is_leaf else "")


def _is_own(kind: str, module: str) -> bool:
    """Whether a class of torch.nn is what a kind is called after."""
    squashed, own = re.sub(r"[123]d$", "", module).lower(), kind.replace("_", "")
    return squashed == own or squashed in _MODULES.get(own, ())


def _taken(draft: Draft) -> str:
    """What a function is taken as where the file does not say how it is called: empty, if that is so anyway."""
    from convcalc.counters.calls import USUAL

    if (
        draft.kind in USUAL
        or draft.kind == "elementwise"
        or (kind_of(draft.kind).is_convolution and len(draft.inputs) > 1)
    ):
        return ""
    if draft.kind == "upsample":
        return "F.interpolate"
    of = kind_of(draft.kind)
    axes = f"{len(draft.inputs[0].shape) - 1}d" if of.is_map or of.is_pool else ""
    return f"F.{draft.kind.replace('global', 'adaptive').replace('hard_', 'hard')}{axes}"


def taken(called: Mapping[Draft, CodeCall]) -> list[str]:
    """What is said of layers whose call is not in the file."""
    sentences = []
    unknown = Counter((draft.kind, call.text) for draft, call in called.items() if call.is_taken and call.text)
    if unknown:
        listed = ", ".join(f"{count} {kind} as {text}" for (kind, text), count in unknown.most_common(5))
        more = f" and {len(unknown) - 5} more kinds" if len(unknown) > 5 else ""
        sentences.append(f"the file does not say in full which functions the code calls; taken are {listed}{more}")
    for module, count in Counter(call.part_of for call in called.values() if call.part_of).items():
        sentences.append(f"{count} layers are parts of {plain(module)}, which tools may count as one")
    return sentences
