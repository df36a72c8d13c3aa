"""What a call was meant to be that no PyTorch code makes: nn.Relu, F.ReLU, torch.nn.functional.relu, relu."""

from __future__ import annotations

import re
from pathlib import Path

_MODULES = Path(__file__).parent.parent / "words" / "modules.txt"
"""Classes of torch.nn; there may be others."""

_PROPER = {name.lower(): name for name in _MODULES.read_text("utf-8").split()}
_SPACES = {
    "torch.nn.functional.": "F.",
    "nn.functional.": "F.",
    "functional.": "F.",
    "torch.nn.": "nn.",
    "torch.Tensor.": "x.",
    "Tensor.": "x.",
}


def advice(call: str) -> str:
    """What to write in place of a call, empty where nothing is known to be wrong with it."""
    meant = _meant(call)
    return f"did you mean {meant}?" if meant and meant != call else ""


def _meant(call: str) -> str:
    subclass = re.fullmatch(r"([A-Za-z_]\w*)\(([\w.]+)\)", call)
    if subclass is not None and subclass[2].rpartition(".")[2].lower() in _PROPER:
        return f"{subclass[1]}(nn.{_PROPER[subclass[2].rpartition('.')[2].lower()]})"
    bare = re.sub(r"\(.*\)$", "", call) if re.match(r"[A-Za-z_]\w*\.", call) else call
    space = next((start for start in _SPACES if bare.startswith(start)), "")
    bare = f"{_SPACES[space]}{bare.removeprefix(space)}" if space else bare
    name = bare.rpartition(".")[2]
    module = _PROPER.get(name.lower().replace("_", ""), "")
    if bare.startswith("nn.") and name != module:
        if module and name[:1].islower() and bare.count(".") == 1:
            return f"nn.{module}, or the function F.{name}"
        return f"nn.{module}" if module and bare.count(".") == 1 else bare
    if bare.startswith("F.") and name[:1].isupper():
        return f"nn.{module or name}"
    if "." not in bare and module:
        return f"nn.{module}, or the function F.{name}" if name[:1].islower() else f"nn.{module}"
    return bare if space or bare != call else ""
